//! What a viewer's page says of itself: `window.peerstream.stats()`.

use std::fmt;

use serde::Deserialize;

/// The figures of one page at one moment. Counters only rise while the page lives.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Stats {
    /// New frames are being shown.
    pub playing: bool,
    /// What the page says is happening.
    pub phase: String,
    /// From navigation to the first frame.
    pub startup_ms: Option<f64>,
    /// From capture to screen.
    pub latency_s: Option<f64>,
    /// Gaps of more than 250 ms without a new frame.
    pub stalls: u64,
    /// How long they were in all.
    pub stall_seconds: f64,
    /// Gaps in which the page's own timer stood still as long.
    pub starved: u64,
    /// How long they were in all.
    pub starved_seconds: f64,
    /// Media that was given up.
    pub skipped_seconds: f64,
    /// Time played faster than it was recorded.
    pub faster_seconds: f64,
    /// Time played slower than it was recorded.
    pub slower_seconds: f64,
    /// Media received and not yet played.
    pub buffer_s: Option<f64>,
    /// The node's name; none before the box has given one.
    pub node: Option<u32>,
    /// "A" or "B"; none before the box has given a place.
    pub tree: Option<String>,
    /// Links from the box: 1 for a node with a direct feed.
    pub depth: Option<u32>,
    /// Who feeds the node.
    pub parent: Option<Peer>,
    /// The node in the same position of the other tree.
    pub partner: Option<Peer>,
    /// The parent's partner.
    pub reserve: Option<Peer>,
    /// Whom the node feeds.
    pub children: Vec<Peer>,
    /// Media bytes received.
    pub bytes_in: BytesIn,
    /// Media bytes sent on.
    pub bytes_out: BytesOut,
    /// Fragments shown to be the stream's own.
    pub fragments_verified: u64,
    /// Messages turned down because they are not.
    pub fragments_refused: u64,
    /// Times that this node stepped in for its partner's parent.
    pub takeovers: u64,
    /// What plays is the standby card.
    pub standby: bool,
    /// Copies that the node offers to pass on.
    pub copies: u8,
    /// Copies that it could pass on, as far as it has learned.
    pub copies_learned: u8,
    /// What its uplink carries, as far as it has learned.
    pub uplink_kbit_s: Option<f64>,
    /// "on", or why nothing is passed on.
    pub sharing: String,
    /// "queued" or "too-slow": what the box wants the viewer to know.
    pub notice: Option<String>,
}

/// The other end of a link.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Peer {
    /// Who it is.
    pub peer: Name,
    /// What the link is doing.
    pub state: String,
    /// Over how many connections it goes; 0 before it is open.
    pub strands: u32,
}

/// Who is at the other end of a link.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Name {
    /// A node.
    Node(u32),
    /// "box".
    Box(String),
}

/// Media bytes by where they came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct BytesIn {
    /// The box.
    #[serde(rename = "box")]
    pub direct: u64,
    /// The parent, where it is a node.
    pub parent: u64,
    /// The partner.
    pub partner: u64,
    /// Anyone else.
    pub other: u64,
    /// All of them.
    pub total: u64,
}

/// Media bytes by where they went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct BytesOut {
    /// The children.
    pub children: u64,
    /// The partner.
    pub partner: u64,
    /// Anyone else.
    pub other: u64,
    /// All of them.
    pub total: u64,
}

impl Stats {
    /// Whether the box feeds the node.
    #[must_use]
    pub fn is_fed_by_box(&self) -> bool {
        matches!(
            &self.parent,
            Some(Peer {
                peer: Name::Box(_),
                ..
            })
        )
    }

    /// Every node that this one has a link with, whatever for.
    pub fn linked(&self) -> impl Iterator<Item = u32> + '_ {
        let children = self.children.iter().filter_map(Peer::node);
        self.leans_on().chain(children)
    }

    /// Every node that feeds this one, or would in an emergency.
    pub fn leans_on(&self) -> impl Iterator<Item = u32> + '_ {
        let roles = [&self.parent, &self.partner, &self.reserve];
        let roles = roles.into_iter().flatten();
        roles
            .filter(|peer| peer.state != "broken")
            .filter_map(Peer::node)
    }
}

impl Peer {
    /// Which node it is, if it is one.
    #[must_use]
    pub fn node(&self) -> Option<u32> {
        match self.peer {
            Name::Node(node) => Some(node),
            Name::Box(_) => None,
        }
    }
}

impl fmt::Display for Stats {
    /// One line with what explains most failures.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |peer: &Option<Peer>| match peer {
            Some(peer) => peer.to_string(),
            None => "-".to_owned(),
        };
        let children: Vec<String> = self.children.iter().map(Peer::to_string).collect();
        write!(
            f,
            "node {:?} {} {:?} depth {:?} parent {} partner {} reserve {} children [{}] \
             latency {:.2?} buffer {:.2?} stalls {} ({:.2} s) starved {} skipped {:.2} \
             verified {} refused {} takeovers {}",
            self.node,
            self.phase,
            self.tree,
            self.depth,
            name(&self.parent),
            name(&self.partner),
            name(&self.reserve),
            children.join(" "),
            self.latency_s,
            self.buffer_s,
            self.stalls,
            self.stall_seconds,
            self.starved,
            self.skipped_seconds,
            self.fragments_verified,
            self.fragments_refused,
            self.takeovers,
        )
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.peer {
            Name::Node(node) => write!(f, "{node}:{}x{}", self.state, self.strands),
            Name::Box(name) => write!(f, "{name}:{}", self.state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_fed_by_the_box_is_told_from_one_fed_by_a_node() {
        let stats = |parent: &str| -> Stats {
            let json = include_str!("stats.json").replace("PARENT", parent);
            serde_json::from_str(&json).unwrap()
        };
        assert!(stats(r#"{"peer":"box","state":"feeding","strands":1}"#).is_fed_by_box());
        let fed = stats(r#"{"peer":7,"state":"feeding","strands":1}"#);
        assert!(!fed.is_fed_by_box());
        assert_eq!(fed.linked().collect::<Vec<_>>(), [7, 8, 11, 12]);
        let above = fed.leans_on().count();
        assert_eq!(above + fed.children.len(), 4);
        assert!(stats("null").parent.is_none());
    }
}
