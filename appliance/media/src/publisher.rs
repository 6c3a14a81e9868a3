//! What a publisher sends to the box: the bodies of FLV tags, as RTMP carries them. The
//! server takes them off the wire, the daemon feeds them to the ingest process.

use bytes::Bytes;

/// One step of a publisher's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublisherEvent {
    /// A publisher with the right key has begun.
    Started,
    /// One message of its stream.
    Tag {
        /// What it carries.
        kind: TagKind,
        /// Its timestamp in milliseconds; wraps after 49 days.
        timestamp_ms: u32,
        /// The tag's body, without the FLV tag header.
        body: Bytes,
    },
    /// The publisher has gone, with or without goodbye.
    Stopped,
}

/// What an FLV tag carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TagKind {
    /// Audio data (FLV tag type 8).
    Audio,
    /// Video data (FLV tag type 9).
    Video,
    /// Script data such as `onMetaData` (FLV tag type 18).
    Data,
}
