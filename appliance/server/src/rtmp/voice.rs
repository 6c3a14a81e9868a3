//! What the box says to a publisher, as bytes.

use rml_rtmp::{
    chunk_io::ChunkSerializer,
    messages::{MessagePayload, PeerBandwidthLimitType, RtmpMessage, UserControlEventType},
    rml_amf0::Amf0Value,
    time::RtmpTimestamp,
};

/// The library refuses to write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no answer could be written")]
pub(super) struct Mute;

/// Writes messages. Every piece is to be sent, in this order: what follows refers to it.
pub(super) struct Voice(ChunkSerializer);

impl Voice {
    pub(super) fn new() -> Self {
        Self(ChunkSerializer::new())
    }

    /// The terms of the connection: how much is told when, and how large chunks are.
    pub(super) fn terms(&mut self) -> Result<Vec<u8>, Mute> {
        let mut out = self.say(0, RtmpMessage::WindowAcknowledgement { size: WINDOW })?;
        out.extend(self.say(
            0,
            RtmpMessage::SetPeerBandwidth {
                size: WINDOW,
                limit_type: PeerBandwidthLimitType::Dynamic,
            },
        )?);
        let now = RtmpTimestamp::new(0);
        let larger = self
            .0
            .set_max_chunk_size(CHUNK_SIZE, now)
            .map_err(|_| Mute)?;
        out.extend(larger.bytes);
        Ok(out)
    }

    /// How much has arrived, modulo 2^32.
    pub(super) fn acknowledgement(&mut self, sequence_number: u32) -> Result<Vec<u8>, Mute> {
        self.say(0, RtmpMessage::Acknowledgement { sequence_number })
    }

    pub(super) fn pong(&mut self, time: u32) -> Result<Vec<u8>, Mute> {
        let time = RtmpTimestamp::new(time);
        self.control(UserControlEventType::PingResponse, None, Some(time))
    }

    pub(super) fn stream_begin(&mut self, stream: u32) -> Result<Vec<u8>, Mute> {
        self.control(UserControlEventType::StreamBegin, Some(stream), None)
    }

    /// What has become of a stream.
    pub(super) fn on_status(&mut self, stream: u32, about: Amf0Value) -> Result<Vec<u8>, Mute> {
        self.command(stream, "onStatus", 0.0, Amf0Value::Null, about)
    }

    /// A command, or the answer to one.
    pub(super) fn command(
        &mut self,
        stream: u32,
        name: &str,
        transaction_id: f64,
        command_object: Amf0Value,
        argument: Amf0Value,
    ) -> Result<Vec<u8>, Mute> {
        self.say(
            stream,
            RtmpMessage::Amf0Command {
                command_name: name.to_owned(),
                transaction_id,
                command_object,
                additional_arguments: vec![argument],
            },
        )
    }

    fn control(
        &mut self,
        event_type: UserControlEventType,
        stream_id: Option<u32>,
        timestamp: Option<RtmpTimestamp>,
    ) -> Result<Vec<u8>, Mute> {
        self.say(
            0,
            RtmpMessage::UserControl {
                event_type,
                stream_id,
                buffer_length: None,
                timestamp,
            },
        )
    }

    fn say(&mut self, stream: u32, message: RtmpMessage) -> Result<Vec<u8>, Mute> {
        let now = RtmpTimestamp::new(0);
        let payload = MessagePayload::from_rtmp_message(message, now, stream).map_err(|_| Mute)?;
        // Full headers: some publishers want them, and these messages are few.
        let packet = self.0.serialize(&payload, true, false).map_err(|_| Mute)?;
        Ok(packet.bytes)
    }
}

/// A status as commands have it.
pub(super) fn status(level: &str, code: &str, description: &str) -> Amf0Value {
    let text = |text: &str| Amf0Value::Utf8String(text.to_owned());
    object_of([
        ("level", text(level)),
        ("code", text(code)),
        ("description", text(description)),
    ])
}

pub(super) fn object_of<const N: usize>(properties: [(&str, Amf0Value); N]) -> Amf0Value {
    Amf0Value::Object(
        properties
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

/// After how many bytes each end tells the other what has arrived, unless told otherwise.
pub(super) const WINDOW: u32 = 2_500_000;
const CHUNK_SIZE: u32 = 4096;
