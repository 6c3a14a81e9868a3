//! Ten thousand sockets that say nothing, or half of something.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use peerstream_loopback::{http, soon, stage::Stage, viewer::Viewer};
use peerstream_wire::ToBox;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
};

const SOCKETS: usize = 10_000;

/// A connection from an address of its own, as from another machine.
async fn connect(to: SocketAddr, number: usize) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let host = u8::try_from(2 + number / 1000)?;
    socket.bind((Ipv4Addr::new(127, 0, 0, host), 0).into())?;
    soon("the connection opens", socket.connect(to))
        .await?
        .context("connect")
}

async fn open_all(to: SocketAddr, says: &[u8]) -> Result<Vec<TcpStream>> {
    let mut sockets = Vec::with_capacity(SOCKETS);
    for number in 0..SOCKETS {
        let mut socket = connect(to, number).await?;
        // The box may have cut it already.
        let _ = socket.write_all(says).await;
        sockets.push(socket);
    }
    Ok(sockets)
}

fn make_room() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    // Both ends are in this process; the box keeps few of its own.
    anyhow::ensure!(
        hard > SOCKETS as u64 + 5000,
        "the limit on open files is {hard}: raise it to 16384 (ulimit -Hn)"
    );
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_half_open_sockets_disturb_nobody() -> Result<()> {
    make_room()?;
    let stage = Stage::open_with_https().await?;
    let at = stage.addresses.http;
    let https = stage.addresses.https.context("https")?;
    let mut fed = Viewer::fed(at).await?;
    let mut waiting = Viewer::join(at).await?;
    let newcomer = async {
        let silent = open_all(at, b"").await?;
        // With all of them open, the page is served, and whoever comes is let in.
        let page = http::get(at, "/").await?;
        let late = Viewer::join(at).await?;
        drop(silent);
        let halves = open_all(at, b"GET / HTTP/1.1\r\nhost: box\r\n").await?;
        let later = Viewer::join(at).await?;
        drop(halves);
        let hellos = open_all(https, &[0x16, 3, 1, 2, 0, 1]).await?;
        let status = http::status(at).await?;
        drop(hellos);
        anyhow::Ok((page.status, late.node, later.node, status))
    };
    let (page, late, later, status) = fed.keeps_watching(newcomer).await??;
    assert_eq!(page, 200);
    assert!(late.is_some() && later.is_some());
    let cut = status["refused"]["half_open"].as_u64().unwrap_or(0);
    assert!(cut > 20_000, "{cut}");
    // Who waits without a feed has not been cut either.
    waiting.control(&ToBox::Clock { sent: 3 }).await?;
    waiting.told().await?;
    Ok(())
}

#[tokio::test]
async fn what_says_nothing_is_cut_in_time() -> Result<()> {
    let stage = Stage::open().await?;
    let mut silent = TcpStream::connect(stage.addresses.http).await?;
    let mut byte = [0];
    let read = tokio::io::AsyncReadExt::read(&mut silent, &mut byte);
    assert_eq!(soon("the box closes", read).await??, 0);
    let status = http::status(stage.addresses.http).await?;
    assert_eq!(status["refused"]["half_open"], 1);
    Ok(())
}
