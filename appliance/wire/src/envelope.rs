use bytes::{BufMut, Bytes, BytesMut};

use crate::{DecodeError, LinkMessage};

/// What one binary WebSocket message holds: control, or a message of the direct feed.
///
/// ```text
/// offset  size  field
/// 0       1     kind: 0 control, 1 link
/// 1       ..    control: ToBox or ToNode; link: LinkMessage
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Envelope {
    /// A [`crate::ToBox`] or [`crate::ToNode`], encoded.
    Control(Bytes),
    /// A message of the link between the node and the box.
    Link(LinkMessage),
}

impl Envelope {
    /// The envelope as bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let (kind, body) = match self {
            Envelope::Control(body) => (CONTROL, body.clone()),
            Envelope::Link(message) => (LINK, message.encode()),
        };
        let mut out = BytesMut::with_capacity(1 + body.len());
        out.put_u8(kind);
        out.put(body);
        out.freeze()
    }

    /// Reads one envelope that fills `bytes`. The contents of a control envelope are left
    /// to [`crate::ToBox::decode`] and [`crate::ToNode::decode`].
    ///
    /// # Errors
    /// An empty message, an unknown kind, or a link message that is none.
    pub fn decode(mut bytes: Bytes) -> Result<Self, DecodeError> {
        if bytes.is_empty() {
            return Err(DecodeError::Truncated);
        }
        let body = bytes.split_off(1);
        match bytes[0] {
            CONTROL => Ok(Envelope::Control(body)),
            LINK => LinkMessage::decode(body).map(Envelope::Link),
            kind => Err(DecodeError::UnknownKind(kind)),
        }
    }
}

const CONTROL: u8 = 0;
const LINK: u8 = 1;
