//! What pages pin, and what may change under them.

use std::time::Duration;

use anyhow::ensure;
use peerstream_browser::audience::Calm;
use peerstream_browser::condition::throughout;
use peerstream_browser::page::Options;
use peerstream_browser::stage::{PLAYS_WITHIN, Setting, play};

/// How long pages are watched after the signing key changed: several times the media that
/// they hold.
const WATCHED: Duration = Duration::from_secs(5);

#[test]
fn a_new_signing_key_changes_nothing_in_open_pages() {
    play("rotation", &Setting::default(), |stage| {
        stage.admit(3, &options())?;
        let calm = Calm::now(&stage.audience)?;
        let before = stage.audience.stats()?;

        stage.daemon.rotate_signing_key()?;
        throughout(WATCHED, Duration::from_millis(500), |_| {
            calm.check(&stage.audience)
        })?;

        for (before, after) in before.iter().zip(stage.audience.stats()?) {
            ensure!(after.node == before.node, "became another node: {after}");
            ensure!(after.fragments_refused == 0, "refused something: {after}");
            ensure!(
                after.fragments_verified > before.fragments_verified,
                "got nothing: {after}"
            );
        }
        ensure!(stage.daemon.status()?.joins == 3);
        // Somebody who comes now has never seen the key before.
        stage.admit(4, &options())
    });
}

#[test]
fn a_page_that_pins_another_streams_key_refuses_this_one() {
    play("pinned", &Setting::default(), |stage| {
        let own = stage.daemon.status()?.stream;
        let mut other = own.clone().into_bytes();
        other[0] = if other[0] == b'0' { b'1' } else { b'0' };
        let other = String::from_utf8(other)?;

        let right = format!("{}#key={own}", stage.daemon.url());
        stage.audience.join(&stage.browser, &right, &options())?;
        stage.audience.until_playing(PLAYS_WITHIN)?;

        stage.audience.remove(0)?.page.close()?;
        let wrong = format!("{}#key={other}", stage.daemon.url());
        stage.audience.join(&stage.browser, &wrong, &options())?;
        let refused = |stats: &peerstream_browser::stats::Stats| stats.phase == "other-stream";
        let stats = stage.audience.until("it refuses", PLAYS_WITHIN, refused)?;
        ensure!(
            !stats[0].playing && stats[0].fragments_verified == 0,
            "plays: {}",
            stats[0]
        );
        Ok(())
    });
}

fn options() -> Options {
    Options {
        console: true,
        ..Options::default()
    }
}
