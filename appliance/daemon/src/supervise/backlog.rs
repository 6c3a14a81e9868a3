use bytes::Bytes;
use peerstream_ingest::flv::{self, Role};
use peerstream_media::publisher::TagKind;

/// What a process must be told that takes over in the middle of a publisher's stream, and
/// where it can begin.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    metadata: Option<Tag>,
    video: Option<Tag>,
    audio: Option<Tag>,
    /// Nothing has been passed on since the last key frame that could not be.
    flowing: bool,
}

/// A tag, kept.
#[derive(Debug, Clone)]
struct Tag {
    kind: TagKind,
    body: Bytes,
}

impl Backlog {
    /// Takes a tag from the publisher. What to pass on, in FLV.
    pub(crate) fn tag(&mut self, kind: TagKind, timestamp_ms: u32, body: &Bytes) -> Fed {
        let role = Role::of(kind, body);
        let keep = || {
            (body.len() <= MAX_HEADER).then(|| Tag {
                kind,
                body: body.clone(),
            })
        };
        let header = match role {
            Role::Metadata => Some(&mut self.metadata),
            Role::AvcHeader => Some(&mut self.video),
            Role::AacHeader => Some(&mut self.audio),
            Role::KeyPicture | Role::Picture | Role::Sound => None,
        };
        if let Some(header) = header {
            *header = keep();
        } else if !self.flowing {
            // Sound goes on at once only where there is no picture to wait for.
            let begins = role == Role::KeyPicture || (role == Role::Sound && self.video.is_none());
            if !begins {
                return Fed::default();
            }
            self.flowing = true;
        }
        let picture = role == Role::KeyPicture;
        Fed {
            bytes: flv::tag(kind, timestamp_ms, body).into_iter().collect(),
            picture,
        }
    }

    /// What has been passed on is lost, or part of it.
    pub(crate) fn interrupt(&mut self) {
        self.flowing = false;
    }

    /// What a new process is told first.
    pub(crate) fn resume(&mut self) -> Fed {
        self.flowing = false;
        let headers = [&self.metadata, &self.video, &self.audio];
        let headers = headers.into_iter().flatten();
        // Their times do not count; those of the frames do.
        let headers = headers.filter_map(|tag| flv::tag(tag.kind, 0, &tag.body));
        let bytes = std::iter::once(Bytes::from_static(&flv::HEADER))
            .chain(headers)
            .collect();
        Fed {
            bytes,
            picture: false,
        }
    }
}

/// What is fed to a process.
#[derive(Debug, Default)]
pub(crate) struct Fed {
    /// FLV, piece by piece.
    pub(crate) bytes: Vec<Bytes>,
    /// There is a key frame in it: something must come out.
    pub(crate) picture: bool,
}

/// Headers larger than this are no headers, and not kept.
const MAX_HEADER: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &[u8] = &[2];
    const AVC: &[u8] = &[0x17, 0, 0, 0, 0];
    const AAC: &[u8] = &[0xaf, 0];
    const KEY: &[u8] = &[0x17, 1, 0, 0, 0];
    const PICTURE: &[u8] = &[0x27, 1, 0, 0, 0];
    const SOUND: &[u8] = &[0xaf, 1];

    fn passes(backlog: &mut Backlog, kind: TagKind, body: &'static [u8]) -> bool {
        !backlog
            .tag(kind, 0, &Bytes::from_static(body))
            .bytes
            .is_empty()
    }

    #[test]
    fn a_stream_begins_with_a_key_frame() {
        let mut backlog = Backlog::default();
        assert!(passes(&mut backlog, TagKind::Data, METADATA));
        assert!(passes(&mut backlog, TagKind::Video, AVC));
        assert!(passes(&mut backlog, TagKind::Audio, AAC));
        assert!(!passes(&mut backlog, TagKind::Audio, SOUND));
        assert!(!passes(&mut backlog, TagKind::Video, PICTURE));
        assert!(passes(&mut backlog, TagKind::Video, KEY));
        assert!(passes(&mut backlog, TagKind::Video, PICTURE));
        assert!(passes(&mut backlog, TagKind::Audio, SOUND));
        backlog.interrupt();
        assert!(!passes(&mut backlog, TagKind::Video, PICTURE));
    }

    #[test]
    fn sound_alone_waits_for_nothing() {
        let mut backlog = Backlog::default();
        assert!(passes(&mut backlog, TagKind::Audio, AAC));
        assert!(passes(&mut backlog, TagKind::Audio, SOUND));
    }

    #[test]
    fn a_new_process_is_told_what_the_old_one_knew() {
        let mut backlog = Backlog::default();
        for (kind, body) in [
            (TagKind::Data, METADATA),
            (TagKind::Video, AVC),
            (TagKind::Audio, AAC),
        ] {
            backlog.tag(kind, 7, &Bytes::from_static(body));
        }
        backlog.tag(TagKind::Video, 40, &Bytes::from_static(KEY));
        let told = backlog.resume().bytes.concat();
        assert!(told.starts_with(&flv::HEADER));
        for body in [METADATA, AVC, AAC] {
            assert!(
                told.windows(body.len()).any(|window| window == body),
                "{body:?}"
            );
        }
        assert!(!passes(&mut backlog, TagKind::Video, PICTURE));
    }
}
