//! Viewers who come back: after the box was away, or after they were.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use peerstream_loopback::{
    daemon::{Daemon, Home},
    http, soon,
    stage::Stage,
    viewer::Viewer,
};
use peerstream_wire::{Assignment, Held, LinkMessage, NodeId, Parent, Refusal, Tree};

const AUDIENCE: usize = 9;
/// After this long without a word, the box has said what there is to say.
const QUIET: Duration = Duration::from_millis(300);

/// Viewers who have joined one after another, and know their places.
async fn audience(http: std::net::SocketAddr, count: usize) -> Result<Vec<Viewer>> {
    let mut viewers = Vec::new();
    for _ in 0..count {
        viewers.push(Viewer::join(http).await?);
    }
    for viewer in &mut viewers {
        viewer.settle(QUIET).await?;
    }
    Ok(viewers)
}

fn held(viewers: &[Viewer]) -> Result<Vec<Held>> {
    viewers.iter().map(Viewer::held).collect()
}

/// Kills the daemon as a power cut does, and starts it again where it was.
async fn cut(home: &Home, daemon: Daemon) -> Result<Daemon> {
    let http = format!("--http={}", daemon.http);
    daemon.kill().await?;
    home.start(&[&http]).await
}

#[tokio::test]
async fn names_places_and_links_outlive_the_box() -> Result<()> {
    let home = Home::new()?;
    let daemon = home.start(&[]).await?;
    let viewers = audience(daemon.http, AUDIENCE).await?;
    let before = held(&viewers)?;
    let newest = before.iter().map(|held| held.node).max();

    let daemon = cut(&home, daemon).await?;
    drop(viewers);
    let mut viewers = Vec::new();
    // The young first: those that have nobody above them yet.
    for held in before.iter().rev() {
        viewers.push(Viewer::rejoin(daemon.http, held.clone()).await?);
    }
    viewers.reverse();
    // Those at the top are fed at once, before it is known who else comes back.
    for viewer in &mut viewers {
        if viewer.assignment.as_ref().map(|place| place.parent) == Some(Parent::Box) {
            viewer.subscribe(None).await?;
            viewer.fragment().await?;
            viewer.link(LinkMessage::Unsubscribe).await?;
        }
    }
    // Who has never been here waits until all others have their places, and its name is
    // above theirs.
    let newcomer = Viewer::join(daemon.http).await?;
    ensure!(newcomer.node > newest);
    drop(newcomer);
    for (viewer, held) in viewers.iter_mut().zip(&before) {
        viewer.settle(QUIET).await?;
        ensure!(viewer.node == Some(held.node), "another name");
        let place = viewer.assignment.as_ref().context("a place")?;
        let before = &held.place;
        // The newcomer is the partner of whoever had to do with its parent's.
        let alone = before.partner == before.reserve;
        let same = (place.tree, place.parent) == (before.tree, before.parent)
            && (place.partner == before.partner || alone);
        let links: Vec<NodeId> = place.peers().collect();
        let kept = before.peers().all(|peer| links.contains(&peer));
        ensure!(same && kept, "{place:?} after {before:?}");
    }
    soon("the newcomer has gone", async {
        while http::status(daemon.http).await?["viewers"] != AUDIENCE {}
        anyhow::Ok(())
    })
    .await??;
    Ok(())
}

#[tokio::test]
async fn without_a_good_ticket_one_is_a_newcomer() -> Result<()> {
    let stage = Stage::open().await?;
    let at = stage.addresses.http;
    let mut owner = Viewer::fed(at).await?;
    let mut other = Viewer::join(at).await?;
    let good = owner.held()?;
    let mut altered = good.clone();
    altered.ticket[15] ^= 1;
    let mut another = good.clone();
    another.ticket = other.held()?.ticket;
    let mut nobodys = good.clone();
    nobodys.node = NodeId(good.node.0 + 1000);
    let thieves = async {
        let mut names = Vec::new();
        for held in [altered, another, nobodys] {
            let claimed = held.node;
            let mut thief = Viewer::rejoin(at, held).await?;
            thief.settle(QUIET).await?;
            ensure!(thief.node.is_some() && thief.node != Some(claimed));
            names.push(thief.node);
        }
        Ok(names)
    };
    // Whose name it is does not notice.
    let names = owner.keeps_watching(thieves).await??;
    ensure!(!names.contains(&owner.node) && !names.contains(&other.node));
    other.settle(QUIET).await
}

#[tokio::test]
async fn nonsense_with_a_good_ticket_harms_nobody() -> Result<()> {
    let home = Home::new()?;
    let daemon = home.start(&[]).await?;
    let viewers = audience(daemon.http, 8).await?;
    let mut all = held(&viewers)?;
    let daemon = cut(&home, daemon).await?;
    drop(viewers);

    let mut liar = all.pop().context("a viewer")?;
    let own = liar.node;
    let everybody: Vec<NodeId> = all.iter().map(|held| held.node).collect();
    liar.place = Assignment {
        epoch: u32::MAX,
        tree: Tree::A,
        depth: u8::MAX,
        parent: Parent::Box,
        partner: Some(own),
        reserve: Some(NodeId(u32::MAX)),
        children: everybody[..4].to_vec(),
        wards: vec![own, NodeId(0)],
        hub: Some(own),
        rendition: 255,
    };
    liar.open = everybody.clone();
    let mut liar = Viewer::rejoin(daemon.http, liar).await?;
    let mut back = Vec::new();
    for held in &all {
        back.push(Viewer::rejoin(daemon.http, held.clone()).await?);
    }
    drop(Viewer::join(daemon.http).await?);
    liar.settle(QUIET).await?;
    for (viewer, held) in back.iter_mut().zip(&all) {
        viewer.settle(QUIET).await?;
        ensure!(viewer.node == Some(held.node));
    }
    soon("the newcomer has gone", async {
        while http::status(daemon.http).await?["viewers"] != 8 {}
        anyhow::Ok(())
    })
    .await??;
    // The claims of one do not make anybody its own parent, or the parent of all.
    for viewer in back.iter().chain([&liar]) {
        let place = viewer.assignment.as_ref().context("a place")?;
        let own = viewer.node.context("a name")?;
        ensure!(place.peers().all(|peer| peer != own), "{place:?}");
        ensure!(place.children.len() <= 4, "{place:?}");
    }
    let roots = back
        .iter()
        .chain([&liar])
        .filter(|viewer| viewer.assignment.as_ref().map(|place| place.parent) == Some(Parent::Box));
    ensure!(roots.count() <= 2);
    Ok(())
}

#[tokio::test]
async fn who_comes_back_before_it_was_missed_keeps_its_place() -> Result<()> {
    let stage = Stage::open().await?;
    let at = stage.addresses.http;
    let root = Viewer::fed(at).await?;
    let mut other = Viewer::join(at).await?;
    let held = root.held()?;
    let mut again = Viewer::rejoin(at, held.clone()).await?;
    ensure!(again.node == Some(held.node));
    // It had a direct feed, and has it again; the old socket has nothing more.
    again.subscribe(None).await?;
    again.fragment().await?;
    ensure!(root.refusal().await? == Refusal::ShuttingDown);
    other.settle(QUIET).await?;
    let status = http::status(at).await?;
    ensure!(status["viewers"] == 2 && status["feeds"] == 1, "{status}");
    // And is missed when it is gone.
    drop(again);
    soon("it is missed", async {
        while http::status(at).await?["viewers"] != 1 {}
        anyhow::Ok(())
    })
    .await?
}
