//! What becomes of a node that its neighbours miss.

use anyhow::{Context as _, Result, ensure};
use peerstream_loopback::{http, soon, stage::Stage, viewer::Viewer};
use peerstream_wire::{Complaint, NodeId, Refusal, ToBox};

/// A root and somebody that it is linked with, both of whom have joined.
async fn neighbours(stage: &Stage) -> Result<(Viewer, Viewer, NodeId)> {
    let at = stage.addresses.http;
    let root = Viewer::join(at).await?;
    let mut other = Viewer::join(at).await?;
    let name = root.node.context("a name")?;
    let mut place = other.assignment.clone().context("a place")?;
    while !place.peers().any(|peer| peer == name) {
        other.told().await?;
        place = other.assignment.clone().context("a place")?;
    }
    Ok((root, other, name))
}

/// A complaint of a neighbour from which nothing comes.
fn falls_silent(peer: NodeId) -> ToBox {
    ToBox::Report {
        peer,
        complaint: Complaint::Silent,
        behind_ms: 5000,
    }
}

#[tokio::test]
async fn who_does_not_answer_is_gone_until_it_does() -> Result<()> {
    let stage = Stage::open().await?;
    let at = stage.addresses.http;
    // Its socket is open, and it says nothing any more: a machine that is suspended.
    let (mut silent, mut other, name) = neighbours(&stage).await?;
    other.control(&falls_silent(name)).await?;
    soon("it is missed", async {
        while http::status(at).await?["viewers"] != 1 {}
        anyhow::Ok(())
    })
    .await??;
    let status = http::status(at).await?;
    ensure!(status["overlay"]["probes"] == 1, "{status}");
    // Whoever is left is fed by the box.
    soon("the other is fed", async {
        while other.subscribe(None).await.is_err() {
            other.told().await?;
        }
        other.fragment().await
    })
    .await??;
    // It wakes up, and is a viewer as every other.
    silent.control(&ToBox::Alive).await?;
    soon("it is there again", async {
        while http::status(at).await?["viewers"] != 2 {}
        anyhow::Ok(())
    })
    .await??;
    Ok(())
}

#[tokio::test]
async fn who_does_not_come_back_is_out() -> Result<()> {
    let stage = Stage::open().await?;
    let at = stage.addresses.http;
    let (silent, mut other, name) = neighbours(&stage).await?;
    other.control(&falls_silent(name)).await?;
    // Its place is gone at once, and after a while its socket.
    soon("it is turned away", async {
        while http::status(at).await?["refused"]["too_slow"] != 1 {}
        anyhow::Ok(())
    })
    .await??;
    ensure!(silent.refusal().await? == Refusal::TooSlow);
    let status = http::status(at).await?;
    ensure!(status["viewers"] == 1, "{status}");
    Ok(())
}

#[tokio::test]
async fn who_answers_stays_whatever_others_say() -> Result<()> {
    let stage = Stage::open().await?;
    let at = stage.addresses.http;
    let (mut accused, mut other, name) = neighbours(&stage).await?;
    accused.subscribe(None).await?;
    let complain = async {
        for _ in 0..3 {
            other.control(&ToBox::LinkFailed { peer: name }).await?;
            other.control(&falls_silent(name)).await?;
        }
        // Longer than an answer may take.
        tokio::time::sleep(std::time::Duration::from_secs(4)).await;
        anyhow::Ok(())
    };
    // It answers meanwhile.
    accused.keeps_watching(complain).await??;
    let status = http::status(at).await?;
    ensure!(status["viewers"] == 2, "{status}");
    ensure!(status["overlay"]["probes"].as_u64() <= Some(2), "{status}");
    Ok(())
}
