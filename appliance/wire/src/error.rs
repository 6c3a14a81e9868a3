/// Why bytes from the other side are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The message ends before its last field does.
    #[error("message is truncated")]
    Truncated,
    /// The message goes on after its last field.
    #[error("message has trailing bytes")]
    Trailing,
    /// The message is longer than its kind may be.
    #[error("message of {0} bytes is too long")]
    TooLong(usize),
    /// The first byte names no kind of message.
    #[error("unknown message kind {0:#04x}")]
    UnknownKind(u8),
    /// A field holds a value that it may not hold.
    #[error("malformed message")]
    Malformed,
}
