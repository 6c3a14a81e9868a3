//! What no honest viewer sends is refused with a reason, and nobody else notices.

use std::net::SocketAddr;

use anyhow::Result;
use bytes::Bytes;
use peerstream_fragment::Position;
use peerstream_loopback::{
    http, soon,
    stage::Stage,
    viewer::{Viewer, control_bytes},
};
use peerstream_wire::{
    Envelope, LinkMessage, MAX_TO_BOX, NodeId, PROTOCOL, Refusal, Signal, ToBox,
};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

const JOIN: ToBox = ToBox::Join {
    protocol: PROTOCOL,
    copies: 2,
    held: None,
};

fn binary(bytes: &[u8]) -> Message {
    Message::Binary(Bytes::copy_from_slice(bytes))
}

/// What a viewer is refused for that sends this as its first message.
async fn first(http: SocketAddr, message: Message) -> Result<Refusal> {
    let mut viewer = Viewer::connect(http).await?;
    viewer.raw(message).await?;
    viewer.refusal().await
}

/// What a viewer is refused for that sends this once it has joined and is fed.
async fn later(http: SocketAddr, message: Message) -> Result<Refusal> {
    let mut viewer = Viewer::fed(http).await?;
    viewer.raw(message).await?;
    viewer.refusal().await
}

#[tokio::test]
async fn garbage_is_refused() -> Result<()> {
    let stage = Stage::open().await?;
    let at = stage.addresses.http;
    let mut other = Viewer::fed(at).await?;
    let mut trailing = control_bytes(&JOIN).to_vec();
    trailing.push(0);
    let garbage = [
        binary(b""),
        binary(&[0xFF; 100]),
        binary(&[0]),
        binary(&[0, 200, 1, 2]),
        binary(&trailing),
        binary(&[1, 0x77]),
        Message::text("hello"),
    ];
    let refusals = async {
        let mut refusals = Vec::new();
        for message in garbage {
            refusals.push(first(at, message.clone()).await?);
            refusals.push(later(at, message).await?);
        }
        anyhow::Ok(refusals)
    };
    let refusals = other.keeps_watching(refusals).await??;
    assert_eq!(refusals, [Refusal::Malformed; 14]);
    let status = http::status(at).await?;
    assert_eq!(status["refused"]["malformed"], 14);
    assert_eq!(status["viewers"], 1);
    Ok(())
}

#[tokio::test]
async fn what_is_too_long_is_refused() -> Result<()> {
    let stage = Stage::open().await?;
    let at = stage.addresses.http;
    let mut other = Viewer::fed(at).await?;
    let refusals = async {
        let longer = vec![0; MAX_TO_BOX + 1];
        let much_longer = vec![0; 16 << 20];
        anyhow::Ok([
            first(at, binary(&longer)).await?,
            later(at, binary(&longer)).await?,
            // More than the box reads: it closes while the viewer still sends.
            match later(at, binary(&much_longer)).await {
                Ok(refusal) => refusal,
                Err(_) => Refusal::Flooding,
            },
        ])
    };
    let refusals = other.keeps_watching(refusals).await??;
    assert_eq!(refusals, [Refusal::Flooding; 3]);
    assert_eq!(http::status(at).await?["refused"]["flooding"], 3);
    Ok(())
}

#[tokio::test]
async fn what_is_out_of_order_is_refused() -> Result<()> {
    let stage = Stage::open().await?;
    let at = stage.addresses.http;
    let mut other = Viewer::fed(at).await?;
    let position = Position {
        segment: 1,
        index: 1,
    };
    let link = |message: LinkMessage| Message::Binary(Envelope::Link(message).encode());
    let control = |message: &ToBox| Message::Binary(control_bytes(message));
    let signal = ToBox::Signal {
        peer: NodeId(u32::MAX),
        signal: Signal::Candidates(Vec::new()),
    };
    let too_early = [
        control(&ToBox::Clock { sent: 0 }),
        control(&ToBox::Leave),
        control(&signal),
        link(LinkMessage::Subscribe { after: None }),
        link(LinkMessage::Ping(1)),
    ];
    let too_late = [
        control(&JOIN),
        control(&signal),
        control(&ToBox::LinkFailed {
            peer: NodeId(u32::MAX),
        }),
        link(LinkMessage::Certificate(Bytes::from_static(b"mine"))),
        link(LinkMessage::Header(Bytes::from_static(b"mine"))),
        link(LinkMessage::Part {
            at: position,
            part: 0,
            bytes: Bytes::from_static(b"mine"),
        }),
    ];
    let refusals = async {
        let mut refusals = Vec::new();
        for message in too_early {
            refusals.push(first(at, message).await?);
        }
        for message in too_late {
            refusals.push(later(at, message).await?);
        }
        anyhow::Ok(refusals)
    };
    let refusals = other.keeps_watching(refusals).await??;
    assert_eq!(refusals, [Refusal::OutOfOrder; 11]);
    Ok(())
}

#[tokio::test]
async fn a_feed_is_for_those_who_were_given_one() -> Result<()> {
    let stage = Stage::open().await?;
    let at = stage.addresses.http;
    let mut first = Viewer::fed(at).await?;
    let _second = Viewer::fed(at).await?;
    for message in [
        LinkMessage::Subscribe { after: None },
        LinkMessage::Request {
            at: first.fragment().await?.at(),
            parts: 0,
        },
    ] {
        let mut third = Viewer::join(at).await?;
        third.link(message).await?;
        assert_eq!(third.refusal().await?, Refusal::OutOfOrder);
    }
    Ok(())
}

#[tokio::test]
async fn another_protocol_is_refused_by_name() -> Result<()> {
    let stage = Stage::open().await?;
    let join = ToBox::Join {
        protocol: 9,
        copies: 2,
        held: None,
    };
    let refusal = first(stage.addresses.http, Message::Binary(control_bytes(&join))).await?;
    assert_eq!(refusal, Refusal::Protocol);
    Ok(())
}

#[tokio::test]
async fn too_many_messages_are_refused() -> Result<()> {
    let stage = Stage::open().await?;
    let at = stage.addresses.http;
    let mut other = Viewer::fed(at).await?;
    let floods = [
        Message::Binary(control_bytes(&ToBox::Clock { sent: 0 })),
        Message::Binary(
            Envelope::Link(LinkMessage::Heartbeat {
                patience_ms: 0,
                newest: None,
            })
            .encode(),
        ),
        Message::Ping(Bytes::from_static(b"?")),
    ];
    for flood in floods {
        let mut flooder = Viewer::join(at).await?;
        let refusal = async {
            for _ in 0..2000 {
                // The box may have closed by then.
                if flooder.raw(flood.clone()).await.is_err() {
                    break;
                }
            }
            flooder.refusal().await
        };
        // Whether the reason arrives is up to the network: the flooder does not read.
        let refusal = other.keeps_watching(refusal).await?;
        assert!(refusal.is_err() || refusal.is_ok_and(|refusal| refusal == Refusal::Flooding));
    }
    let status = http::status(at).await?;
    assert_eq!(status["refused"]["flooding"], 3);
    assert_eq!(status["viewers"], 1);
    Ok(())
}

#[tokio::test]
async fn who_does_not_join_is_let_go() -> Result<()> {
    let stage = Stage::open().await?;
    let silent = Viewer::connect(stage.addresses.http).await?;
    assert_eq!(silent.refusal().await?, Refusal::OutOfOrder);
    assert_eq!(
        http::status(stage.addresses.http).await?["refused"]["late"],
        1
    );
    Ok(())
}

#[tokio::test]
async fn who_goes_without_a_word_leaves_the_audience() -> Result<()> {
    let stage = Stage::open().await?;
    let at = stage.addresses.http;
    let mut stays = Viewer::fed(at).await?;
    let goes = Viewer::fed(at).await?;
    let joined = http::status(at).await?;
    assert_eq!(joined["viewers"], 2);
    drop(goes);
    stays
        .keeps_watching(soon("the box notices", async {
            while http::status(at).await?["viewers"] != 1 {}
            anyhow::Ok(())
        }))
        .await???;
    Ok(())
}

#[tokio::test]
async fn what_is_no_http_is_refused() -> Result<()> {
    let stage = Stage::open().await?;
    let at = stage.addresses.http;
    let mut other = Viewer::fed(at).await?;
    let long = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    let cases: [(&[u8], u16); 7] = [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (
            b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
            405,
        ),
        (
            b"GET /nothing HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
            404,
        ),
        (
            b"GET /../etc/passwd HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
            404,
        ),
        (
            b"GET /ws HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
            426,
        ),
        (
            b"GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade, close\r\n\
              upgrade: websocket\r\nsec-websocket-version: 13\r\n\r\n",
            400,
        ),
        (long.as_bytes(), 431),
    ];
    let statuses = async {
        let mut statuses = Vec::new();
        for (request, _) in cases {
            let stream = TcpStream::connect(at).await?;
            statuses.push(http::ask(stream, request).await?.status);
        }
        anyhow::Ok(statuses)
    };
    let statuses = other.keeps_watching(statuses).await??;
    assert_eq!(statuses, cases.map(|(_, status)| status));
    Ok(())
}
