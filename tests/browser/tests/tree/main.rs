//! Eight browsers feed one another.
//!
//! One test, because each act begins with what the one before leaves on the stage, and
//! because eight joins take a while.

mod copies;
mod departures;
mod forgery;

use anyhow::{Context as _, Result};
use peerstream_browser::forger;
use peerstream_browser::page::Options;
use peerstream_browser::stage::{Setting, play};

#[test]
fn eight_viewers_feed_one_another_through_departures_and_forgery() {
    play("tree", &Setting::default(), |stage| -> Result<()> {
        // Everyone might become the forger; until then nobody behaves as one.
        let options = Options {
            before: Some(forger::DORMANT.to_owned()),
            console: true,
        };
        for viewers in [2, 4, 8] {
            stage.admit(viewers, &options)?;
            copies::the_box_sends_two(stage).with_context(|| format!("{viewers} viewers"))?;
        }
        departures::a_top_node_dies(stage).context("a top node dies")?;
        departures::two_random_nodes_die(stage).context("two random nodes die")?;
        forgery::altered_parts_go_nowhere(stage).context("one viewer forges")
    });
}
