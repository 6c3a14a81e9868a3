//! Over https, the same.

use anyhow::{Context as _, Result};
use peerstream_loopback::{
    http,
    stage::Stage,
    viewer::{Viewer, connect_tls},
};

#[tokio::test]
async fn https_serves_the_same() -> Result<()> {
    let stage = Stage::open_with_https().await?;
    let https = stage.addresses.https.context("https")?;
    let certificate = stage.certificate.as_ref().context("a certificate")?;
    for path in ["/", "/assets/page-1234abcd.js", "/healthz", "/nothing"] {
        let plain = http::get(stage.addresses.http, path).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: box\r\nconnection: close\r\n\r\n");
        let stream = connect_tls(https, certificate).await?;
        let encrypted = http::ask(stream, request.as_bytes()).await?;
        assert_eq!(plain.status, encrypted.status);
        assert_eq!(plain.body, encrypted.body);
    }
    let mut over_tls = Viewer::connect_tls(https, certificate).await?;
    over_tls.say_join().await?;
    over_tls.subscribe(None).await?;
    let mut plain = Viewer::fed(stage.addresses.http).await?;
    over_tls.keeps_watching(plain.fragment()).await??;
    Ok(())
}

#[tokio::test]
async fn the_page_says_what_it_may_do() -> Result<()> {
    let stage = Stage::open().await?;
    let page = http::get(stage.addresses.http, "/").await?;
    for line in [
        "content-type: text/html; charset=utf-8",
        "cache-control: no-cache",
        "x-content-type-options: nosniff",
        "script-src 'self' 'wasm-unsafe-eval'",
        "media-src 'self' blob:",
    ] {
        assert!(page.head.contains(line), "{line} in {}", page.head);
    }
    Ok(())
}
