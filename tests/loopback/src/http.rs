//! HTTP, by hand: so that what is asked can be wrong in any way.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

use crate::soon;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The head, in lower case.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

/// `GET` of this path.
///
/// # Errors
/// If there is no answer.
pub async fn get(http: SocketAddr, path: &str) -> Result<Answer> {
    let stream = TcpStream::connect(http).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: box\r\nconnection: close\r\n\r\n");
    ask(stream, request.as_bytes()).await
}

/// The answer to anything, up to where the box closes.
///
/// # Errors
/// If there is no answer.
pub async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &[u8],
) -> Result<Answer> {
    stream.write_all(request).await?;
    let mut bytes = Vec::new();
    soon("the box answers and closes", stream.read_to_end(&mut bytes)).await??;
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .context("an answer has a head")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let status = head
        .split_whitespace()
        .nth(1)
        .context("an answer has a status")?
        .parse()?;
    Ok(Answer {
        status,
        body: bytes.split_off(end + 4),
        head,
    })
}

/// What the box says of itself.
///
/// # Errors
/// If it says nothing.
pub async fn status(http: SocketAddr) -> Result<serde_json::Value> {
    let answer = get(http, "/api/v1/status").await?;
    Ok(serde_json::from_slice(&answer.body)?)
}
