//! One viewer alters what it forwards.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use peerstream_browser::audience::Calm;
use peerstream_browser::condition::{throughout, until};
use peerstream_browser::forger;
use peerstream_browser::stage::Stage;
use peerstream_browser::stats::Stats;

/// How long it may take until somebody notices.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);
/// How long everyone is watched after that.
const WATCHED: Duration = Duration::from_secs(8);

/// Those that the forger sends to refuse what it alters; nobody else is given anything to
/// refuse, and everyone plays on.
pub(crate) fn altered_parts_go_nowhere(stage: &mut Stage) -> Result<()> {
    let before = stage.audience.stats()?;
    let calm = Calm::now(&stage.audience)?;
    let forger = before.iter().position(|stats| !stats.children.is_empty());
    let forger = forger.context("nobody has children")?;
    let forging = before[forger].node.context("a node without a name")?;
    let page = &stage.audience.get(forger).context("no such viewer")?.page;
    ensure!(forger::is_dormant(page)?, "has forged before");
    forger::start(page)?;

    // Whoever has had a link with the forger may be sent altered parts.
    let mut exposed = BTreeSet::new();
    let mut look = |all: &[Stats]| {
        let linked = |stats: &&Stats| stats.linked().any(|node| node == forging);
        exposed.extend(all.iter().filter(linked).filter_map(|stats| stats.node));
    };
    look(&before);
    until("somebody refuses", NOTICED_WITHIN, || {
        let all = stage.audience.stats()?;
        look(&all);
        let refused = all.iter().map(|stats| stats.fragments_refused).sum::<u64>();
        ensure!(
            refused > 0,
            "{} parts altered, none refused",
            forger::altered(page)?
        );
        Ok(())
    })?;
    throughout(WATCHED, Duration::from_millis(500), |_| {
        look(&stage.audience.stats()?);
        calm.check(&stage.audience)
    })?;

    let altered = forger::altered(page)?;
    let after = stage.audience.stats()?;
    eprintln!("{altered} parts altered by node {forging}; exposed: {exposed:?}");
    for (before, after) in before.iter().zip(&after) {
        let node = after.node.context("a node without a name")?;
        let honest_company = !exposed.contains(&node);
        ensure!(
            !honest_company || after.fragments_refused == 0,
            "was sent forgery: {after}"
        );
        ensure!(after.playing, "does not play: {after}");
        ensure!(
            after.fragments_verified > before.fragments_verified,
            "gets nothing: {after}"
        );
    }
    forger::stop(page)
}
