use peerstream_wire::NodeId;

/// What a node did that no honest node does. The caller decides what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misbehaved {
    /// The message came in the name of a node that has not joined, or has left.
    #[error("node {} is not in the audience", .0.0)]
    NotJoined(NodeId),
    /// The message belongs to the beginning of a connection, or is not the coordinator's.
    #[error("message out of order")]
    OutOfOrder,
    /// The message names a node that never was.
    #[error("node {} was never handed out", .0.0)]
    NoSuchPeer(NodeId),
    /// The message names a node that the sender has had no link assigned with, neither
    /// now nor a moment ago.
    #[error("no link with node {} was assigned", .0.0)]
    NotLinked(NodeId),
    /// The node sent more than any honest node has cause to.
    #[error("node {} sends too much", .0.0)]
    Flooding(NodeId),
}
