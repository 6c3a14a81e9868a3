//! One publisher's side of the conversation, sans-IO.

use std::{collections::VecDeque, io::Cursor};

use bytes::{Buf, Bytes};
use peerstream_media::publisher::TagKind;
use rml_rtmp::{
    chunk_io::ChunkSerializer,
    handshake::{Handshake, HandshakeProcessResult, PeerType},
    messages::{MessagePayload, PeerBandwidthLimitType, RtmpMessage, UserControlEventType},
    rml_amf0::{self, Amf0Value},
    time::RtmpTimestamp,
};

use crate::rtmp::chunks::{ChunkError, Chunks, Message};

/// A session, from the handshake to the end. Bytes go in by [`Session::receive`]; then
/// [`Session::poll`] is asked until it has nothing more.
pub(super) struct Session {
    stage: Stage,
    chunks: Chunks,
    writer: ChunkSerializer,
    outputs: VecDeque<Output>,
    acknowledgement: Acknowledgement,
}

enum Stage {
    Handshake(Box<Handshake>),
    /// Until `publish`.
    Waiting {
        connected: bool,
    },
    /// Someone decides about the key.
    Asked {
        stream: u32,
    },
    Publishing {
        stream: u32,
    },
    Over,
}

/// What comes of what a publisher sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// To be sent to it.
    Send(Vec<u8>),
    /// It wants to publish, and shows this. To be answered by [`Session::accept`] or
    /// [`Session::refuse`].
    Publish { key: String },
    /// A piece of its stream.
    Tag {
        kind: TagKind,
        timestamp_ms: u32,
        body: Bytes,
    },
    /// It says goodbye.
    Finished,
}

/// What a publisher does wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error("no RTMP handshake")]
    Handshake,
    #[error(transparent)]
    Chunk(#[from] ChunkError),
    #[error("a command that is none")]
    Command,
    #[error("`{0}` out of order")]
    OutOfOrder(&'static str),
    #[error("an application that is not `{APPLICATION}`")]
    Application,
    #[error("wants to play, and this is for publishing")]
    Play,
    /// The library refused to write what the box says.
    #[error("no answer could be written")]
    Write,
}

/// When to tell the publisher how much has arrived (RTMP 1.0, section 5.4.3).
struct Acknowledgement {
    window: u64,
    received: u64,
    told: u64,
}

impl Session {
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::Handshake(Box::new(Handshake::new(PeerType::Server))),
            chunks: Chunks::new(MAX_COMMAND),
            writer: ChunkSerializer::new(),
            outputs: VecDeque::new(),
            acknowledgement: Acknowledgement {
                window: u64::from(WINDOW),
                received: 0,
                told: 0,
            },
        }
    }

    /// What there is to do.
    pub(super) fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Takes bytes as they come.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<(), SessionError> {
        self.acknowledgement.received += bytes.len() as u64;
        if let Stage::Handshake(handshake) = &mut self.stage {
            let result = handshake
                .process_bytes(bytes)
                .map_err(|_| SessionError::Handshake)?;
            match result {
                HandshakeProcessResult::InProgress { response_bytes } => {
                    self.outputs.push_back(Output::Send(response_bytes));
                }
                HandshakeProcessResult::Completed {
                    response_bytes,
                    remaining_bytes,
                } => {
                    self.outputs.push_back(Output::Send(response_bytes));
                    self.stage = Stage::Waiting { connected: false };
                    self.chunks.push(&remaining_bytes);
                }
            }
        } else {
            self.chunks.push(bytes);
        }
        self.go_on()?;
        self.acknowledge()
    }

    /// Lets the publisher in.
    pub(super) fn accept(&mut self) -> Result<(), SessionError> {
        let Stage::Asked { stream } = self.stage else {
            return Ok(());
        };
        self.stage = Stage::Publishing { stream };
        self.chunks.allow(MAX_MEDIA);
        self.say_stream_begin(stream)?;
        self.say_status(stream, "status", "NetStream.Publish.Start", "publishing")?;
        self.go_on()
    }

    /// Sends the publisher away, in words that it shows to whoever uses it.
    pub(super) fn refuse(&mut self, code: &str, why: &str) -> Result<(), SessionError> {
        let Stage::Asked { stream } = self.stage else {
            return Ok(());
        };
        self.stage = Stage::Over;
        self.say_status(stream, "error", code, why)
    }

    /// Reads messages, until one needs an answer from outside.
    fn go_on(&mut self) -> Result<(), SessionError> {
        while matches!(self.stage, Stage::Waiting { .. } | Stage::Publishing { .. })
            && let Some(message) = self.chunks.next()?
        {
            self.hear(message)?;
        }
        Ok(())
    }

    fn hear(&mut self, message: Message) -> Result<(), SessionError> {
        match message.kind {
            AUDIO => self.tag(TagKind::Audio, message),
            VIDEO => self.tag(TagKind::Video, message),
            DATA => self.tag(TagKind::Data, message),
            USER_CONTROL => return self.user_control(&message.body),
            WINDOW_SIZE => {
                let window = (&message.body[..]).try_get_u32().unwrap_or(WINDOW);
                // Nobody needs to be told after every few bytes.
                self.acknowledgement.window = window.max(MIN_WINDOW).into();
            }
            COMMAND => return self.command(message.stream, &message.body),
            // Flash's other encoding, of which nobody uses more than a byte in front.
            COMMAND_AMF3 => {
                let body = message.body.strip_prefix(&[0]).unwrap_or(&message.body);
                return self.command(message.stream, body);
            }
            _ => {}
        }
        Ok(())
    }

    fn tag(&mut self, kind: TagKind, message: Message) {
        if matches!(self.stage, Stage::Publishing { stream } if stream == message.stream) {
            self.outputs.push_back(Output::Tag {
                kind,
                timestamp_ms: message.timestamp,
                body: message.body,
            });
        }
    }

    fn command(&mut self, stream: u32, body: &[u8]) -> Result<(), SessionError> {
        // The library reads nested values by recursion: the length bounds how deep they go.
        if body.len() > MAX_COMMAND {
            return Err(SessionError::Command);
        }
        let mut values = rml_amf0::deserialize(&mut Cursor::new(body))
            .map_err(|_| SessionError::Command)?
            .into_iter();
        let (Some(Amf0Value::Utf8String(name)), Some(Amf0Value::Number(transaction))) =
            (values.next(), values.next())
        else {
            return Err(SessionError::Command);
        };
        let object = values.next().unwrap_or(Amf0Value::Null);
        let argument = values.next().unwrap_or(Amf0Value::Null);
        match name.as_str() {
            "connect" => self.connect(transaction, object),
            "createStream" => {
                let created = Amf0Value::Number(STREAM.into());
                self.say_command(0, "_result", transaction, vec![Amf0Value::Null, created])
            }
            "publish" => self.publish(stream, argument),
            "play" => Err(SessionError::Play),
            "deleteStream" | "closeStream" | "FCUnpublish" => {
                if matches!(self.stage, Stage::Publishing { .. }) {
                    self.stage = Stage::Over;
                    self.outputs.push_back(Output::Finished);
                }
                Ok(())
            }
            // releaseStream, FCPublish, _checkbw and what else publishers say in passing.
            _ => Ok(()),
        }
    }

    fn connect(&mut self, transaction: f64, object: Amf0Value) -> Result<(), SessionError> {
        if !matches!(self.stage, Stage::Waiting { connected: false }) {
            return Err(SessionError::OutOfOrder("connect"));
        }
        let application = object
            .get_object_properties()
            .and_then(|mut properties| properties.remove("app"))
            .and_then(Amf0Value::get_string)
            .unwrap_or_default();
        if application.trim_end_matches('/') != APPLICATION {
            let why = "the address ends in /live and then the stream key";
            let about = status("error", "NetConnection.Connect.InvalidApp", why);
            self.say_command(0, "_error", transaction, vec![Amf0Value::Null, about])?;
            return Err(SessionError::Application);
        }
        self.stage = Stage::Waiting { connected: true };
        self.say(0, RtmpMessage::WindowAcknowledgement { size: WINDOW })?;
        self.say(
            0,
            RtmpMessage::SetPeerBandwidth {
                size: WINDOW,
                limit_type: PeerBandwidthLimitType::Dynamic,
            },
        )?;
        let larger = self
            .writer
            .set_max_chunk_size(CHUNK_SIZE, RtmpTimestamp::new(0))
            .map_err(|_| SessionError::Write)?;
        self.outputs.push_back(Output::Send(larger.bytes));
        let welcome = status("status", "NetConnection.Connect.Success", "connected");
        let about = object_of([
            ("fmsVer", Amf0Value::Utf8String("FMS/3,0,1,123".into())),
            ("capabilities", Amf0Value::Number(31.0)),
        ]);
        self.say_command(0, "_result", transaction, vec![about, welcome])
    }

    fn publish(&mut self, stream: u32, key: Amf0Value) -> Result<(), SessionError> {
        if !matches!(self.stage, Stage::Waiting { connected: true }) {
            return Err(SessionError::OutOfOrder("publish"));
        }
        let key = key.get_string().ok_or(SessionError::Command)?;
        self.stage = Stage::Asked { stream };
        self.outputs.push_back(Output::Publish { key });
        Ok(())
    }

    /// Answers a ping.
    fn user_control(&mut self, mut body: &[u8]) -> Result<(), SessionError> {
        if let (Ok(PING_REQUEST), Ok(time)) = (body.try_get_u16(), body.try_get_u32()) {
            self.say(
                0,
                RtmpMessage::UserControl {
                    event_type: UserControlEventType::PingResponse,
                    stream_id: None,
                    buffer_length: None,
                    timestamp: Some(RtmpTimestamp::new(time)),
                },
            )?;
        }
        Ok(())
    }

    fn acknowledge(&mut self) -> Result<(), SessionError> {
        let Acknowledgement {
            window,
            received,
            told,
        } = self.acknowledgement;
        if received - told < window || matches!(self.stage, Stage::Handshake(_)) {
            return Ok(());
        }
        self.acknowledgement.told = received;
        // Counts modulo 2^32.
        let sequence_number = (received & u64::from(u32::MAX)) as u32;
        self.say(0, RtmpMessage::Acknowledgement { sequence_number })
    }

    fn say_stream_begin(&mut self, stream: u32) -> Result<(), SessionError> {
        self.say(
            0,
            RtmpMessage::UserControl {
                event_type: UserControlEventType::StreamBegin,
                stream_id: Some(stream),
                buffer_length: None,
                timestamp: None,
            },
        )
    }

    fn say_status(
        &mut self,
        stream: u32,
        level: &str,
        code: &str,
        why: &str,
    ) -> Result<(), SessionError> {
        let about = status(level, code, why);
        self.say_command(stream, "onStatus", 0.0, vec![Amf0Value::Null, about])
    }

    /// Says a command: its object, then its arguments.
    fn say_command(
        &mut self,
        stream: u32,
        name: &str,
        transaction_id: f64,
        mut values: Vec<Amf0Value>,
    ) -> Result<(), SessionError> {
        let additional_arguments = values.split_off(1);
        self.say(
            stream,
            RtmpMessage::Amf0Command {
                command_name: name.to_owned(),
                transaction_id,
                command_object: values.pop().unwrap_or(Amf0Value::Null),
                additional_arguments,
            },
        )
    }

    fn say(&mut self, stream: u32, message: RtmpMessage) -> Result<(), SessionError> {
        let payload = MessagePayload::from_rtmp_message(message, RtmpTimestamp::new(0), stream)
            .map_err(|_| SessionError::Write)?;
        // Full headers: some publishers want them, and these messages are few.
        let packet = self
            .writer
            .serialize(&payload, true, false)
            .map_err(|_| SessionError::Write)?;
        self.outputs.push_back(Output::Send(packet.bytes));
        Ok(())
    }
}

fn status(level: &str, code: &str, description: &str) -> Amf0Value {
    let text = |text: &str| Amf0Value::Utf8String(text.to_owned());
    object_of([
        ("level", text(level)),
        ("code", text(code)),
        ("description", text(description)),
    ])
}

fn object_of<const N: usize>(properties: [(&str, Amf0Value); N]) -> Amf0Value {
    Amf0Value::Object(
        properties
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

/// What stands between the address and the key: rtmp://box/live/key.
pub(super) const APPLICATION: &str = "live";

// Message types (RTMP 1.0, sections 5.4, 6.2 and 7.1).
const USER_CONTROL: u8 = 4;
const WINDOW_SIZE: u8 = 5;
const AUDIO: u8 = 8;
const VIDEO: u8 = 9;
const COMMAND_AMF3: u8 = 17;
const DATA: u8 = 18;
const COMMAND: u8 = 20;
/// A user control event (section 7.1.7).
const PING_REQUEST: u16 = 6;

/// The one stream in a connection.
const STREAM: u8 = 1;
/// What the box tells of how much has arrived.
const WINDOW: u32 = 2_500_000;
const MIN_WINDOW: u32 = 64 * 1024;
const CHUNK_SIZE: u32 = 4096;
/// The longest command, and so the longest message before the key has been shown. The
/// longest that OBS and ffmpeg send have 700 bytes. 500 nested values fit, which is well
/// within a thread's stack.
const MAX_COMMAND: usize = 2048;
/// The longest message of a publisher that has been let in: a key frame of 4 MB is one
/// second at 32 Mbit/s.
const MAX_MEDIA: usize = 4 << 20;
