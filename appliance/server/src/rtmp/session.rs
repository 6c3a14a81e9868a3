//! One publisher's side of the conversation, sans-IO.

use std::{collections::VecDeque, io::Cursor};

use bytes::{Buf, Bytes};
use peerstream_media::publisher::TagKind;
use rml_rtmp::{
    handshake::{Handshake, HandshakeProcessResult, PeerType},
    rml_amf0::{self, Amf0Value},
};

use crate::rtmp::{
    chunks::{ChunkError, Chunks, Message},
    voice::{Mute, Voice, WINDOW, object_of, status},
};

/// A session, from the handshake to the end. Bytes go in by [`Session::receive`]; then
/// [`Session::poll`] is asked until it has nothing more.
pub(super) struct Session {
    stage: Stage,
    chunks: Chunks,
    voice: Voice,
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
    #[error(transparent)]
    Mute(#[from] Mute),
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
            voice: Voice::new(),
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
        let begin = self.voice.stream_begin(stream);
        self.send(begin)?;
        let started = status("status", "NetStream.Publish.Start", "publishing");
        let started = self.voice.on_status(stream, started);
        self.send(started)?;
        self.go_on()
    }

    /// Sends the publisher away, in words that it shows to whoever uses it.
    pub(super) fn refuse(&mut self, code: &str, why: &str) -> Result<(), SessionError> {
        let Stage::Asked { stream } = self.stage else {
            return Ok(());
        };
        self.stage = Stage::Over;
        let refused = self.voice.on_status(stream, status("error", code, why));
        self.send(refused)
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
                self.answer("_result", transaction, Amf0Value::Null, created)
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
            self.answer("_error", transaction, Amf0Value::Null, about)?;
            return Err(SessionError::Application);
        }
        self.stage = Stage::Waiting { connected: true };
        let terms = self.voice.terms();
        self.send(terms)?;
        let welcome = status("status", "NetConnection.Connect.Success", "connected");
        let about = object_of([
            ("fmsVer", Amf0Value::Utf8String("FMS/3,0,1,123".into())),
            ("capabilities", Amf0Value::Number(31.0)),
        ]);
        self.answer("_result", transaction, about, welcome)
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
        match (body.try_get_u16(), body.try_get_u32()) {
            (Ok(PING_REQUEST), Ok(time)) => {
                let pong = self.voice.pong(time);
                self.send(pong)
            }
            _ => Ok(()),
        }
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
        let told = (received & u64::from(u32::MAX)) as u32;
        let acknowledgement = self.voice.acknowledgement(told);
        self.send(acknowledgement)
    }

    /// Answers a command.
    fn answer(
        &mut self,
        name: &str,
        transaction: f64,
        object: Amf0Value,
        argument: Amf0Value,
    ) -> Result<(), SessionError> {
        let answer = self.voice.command(0, name, transaction, object, argument);
        self.send(answer)
    }

    fn send(&mut self, said: Result<Vec<u8>, Mute>) -> Result<(), SessionError> {
        self.outputs.push_back(Output::Send(said?));
        Ok(())
    }
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
const MIN_WINDOW: u32 = 64 * 1024;
/// The longest command, and so the longest message before the key has been shown. The
/// longest that OBS and ffmpeg send have 700 bytes. 500 nested values fit, which is well
/// within a thread's stack.
const MAX_COMMAND: usize = 2048;
/// The longest message of a publisher that has been let in: a key frame of 4 MB is one
/// second at 32 Mbit/s.
const MAX_MEDIA: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A message in one chunk, as a publisher sends it that has said that it does so.
    fn message(kind: u8, stream: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).expect("a small message");
        let mut out = vec![2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 1, 0, 0];
        out.extend([3, 0, 0, 0]);
        out.extend(&length.to_be_bytes()[1..]);
        out.extend([kind, stream, 0, 0, 0]);
        out.extend(body);
        out
    }

    fn command(stream: u8, values: &[Amf0Value]) -> Vec<u8> {
        let body = rml_amf0::serialize(&values.to_vec()).expect("values can be written");
        message(COMMAND, stream, &body)
    }

    fn text(text: &str) -> Amf0Value {
        Amf0Value::Utf8String(text.to_owned())
    }

    fn connect(application: &str) -> Vec<u8> {
        let object = object_of([("app", text(application))]);
        command(0, &[text("connect"), Amf0Value::Number(1.0), object])
    }

    fn publish(key: &str) -> Vec<u8> {
        let values = [
            text("publish"),
            Amf0Value::Number(5.0),
            Amf0Value::Null,
            text(key),
            text("live"),
        ];
        command(STREAM, &values)
    }

    fn handshaken() -> Session {
        let mut session = Session::new();
        let mut hello = vec![3];
        hello.extend([0; 2 * 1536]);
        session.receive(&hello).expect("a handshake");
        outputs(&mut session);
        session
    }

    /// What comes out, but for what is to be sent.
    fn outputs(session: &mut Session) -> Vec<Output> {
        let mut outputs = Vec::new();
        while let Some(output) = session.poll() {
            if !matches!(output, Output::Send(_)) {
                outputs.push(output);
            }
        }
        outputs
    }

    #[test]
    fn media_counts_from_when_the_publisher_is_let_in() {
        let mut session = handshaken();
        let picture = message(VIDEO, STREAM, b"picture");
        let early = [connect("live/"), picture.clone(), publish("key"), picture];
        session.receive(&early.concat()).unwrap();
        let key = "key".to_owned();
        assert_eq!(outputs(&mut session), [Output::Publish { key }]);
        // What has come behind the question waits for the answer.
        session.accept().unwrap();
        let tag = Output::Tag {
            kind: TagKind::Video,
            timestamp_ms: 0,
            body: Bytes::from_static(b"picture"),
        };
        assert_eq!(outputs(&mut session), [tag]);
        let values = [text("deleteStream"), Amf0Value::Number(6.0)];
        session.receive(&command(0, &values)).unwrap();
        assert_eq!(outputs(&mut session), [Output::Finished]);
    }

    #[test]
    fn who_is_refused_is_heard_no_more() {
        let mut session = handshaken();
        session.receive(&connect("live")).unwrap();
        session.receive(&publish("guess")).unwrap();
        session.refuse("NetStream.Publish.BadName", "no").unwrap();
        outputs(&mut session);
        session.receive(&publish("another guess")).unwrap();
        session
            .receive(&message(VIDEO, STREAM, b"picture"))
            .unwrap();
        session.accept().unwrap();
        assert_eq!(outputs(&mut session), []);
    }

    #[test]
    fn what_is_out_of_order_is_refused() {
        let refusal = |messages: &[Vec<u8>]| {
            let mut session = handshaken();
            session
                .receive(&messages.concat())
                .expect_err("it is not taken")
        };
        assert!(matches!(
            refusal(&[publish("key")]),
            SessionError::OutOfOrder("publish")
        ));
        assert!(matches!(
            refusal(&[connect("live"), connect("live")]),
            SessionError::OutOfOrder("connect")
        ));
        assert!(matches!(
            refusal(&[connect("other")]),
            SessionError::Application
        ));
        let long = message(VIDEO, STREAM, &[0; MAX_COMMAND + 1]);
        assert!(matches!(refusal(&[long]), SessionError::Chunk(_)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..5000),
            shaken in any::<bool>(),
        ) {
            let mut session = if shaken { handshaken() } else { Session::new() };
            let _ = session.receive(&bytes);
        }

        #[test]
        fn no_command_makes_it_panic(
            body in prop::collection::vec(any::<u8>(), 0..200),
            name in "connect|createStream|publish|deleteStream|_error",
            kind in prop::sample::select(vec![COMMAND, COMMAND_AMF3, DATA, USER_CONTROL, WINDOW_SIZE]),
        ) {
            let mut session = handshaken();
            let head = rml_amf0::serialize(&vec![text(&name)]).unwrap();
            let all = [&head[..], &body].concat();
            let _ = session.receive(&message(kind, STREAM, &all));
            let _ = session.receive(&message(kind, STREAM, &body));
        }
    }
}
