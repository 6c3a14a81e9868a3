//! What is kept of a node.

use peerstream_wire::{Assignment, NodeId, Parent, Pending, Tree};

/// The number of a node: that of its [`NodeId`].
pub(super) type Name = u32;

/// Nobody, as a feeder.
pub(super) const NOBODY: Name = 0;
/// The box, as a feeder.
pub(super) const BOX: Name = u32::MAX;

/// No way from the box has as many links; who follows more of them is in a ring.
pub(super) const LONGEST: usize = 200;

/// A node. Times are in microseconds since the run began, or in seconds where they are
/// lengths of the picture.
#[derive(Debug)]
pub(super) struct Node {
    /// Of the viewer, in the world.
    pub(super) number: u32,
    pub(super) alive: bool,
    /// The box has told it its name.
    pub(super) welcome: bool,
    pub(super) leaf_only: bool,
    /// Copies that the box was told of last.
    pub(super) copies: u8,
    /// Copies that it will have learned to pass on.
    pub(super) able: u8,
    /// It has found out.
    pub(super) tried: bool,
    /// The box lets it have a direct feed.
    pub(super) may_feed: bool,
    /// bit/s.
    pub(super) uplink: f32,
    /// Share of packets lost on its line.
    pub(super) loss: f32,
    /// One way to the box.
    pub(super) control: u32,
    /// The place as it was told, and what is still to come of it.
    pub(super) place: Assignment,
    pub(super) pending: Pending,
    pub(super) links: Vec<Link>,

    /// Who feeds it.
    pub(super) feeder: Name,
    /// Who was asked to, and when.
    pub(super) asking: Name,
    /// Whom it asked last of those it turned to.
    pub(super) sought: Name,
    /// The parent of whom it has told the box that nobody feeds it.
    pub(super) cried: Name,
    pub(super) asked: u64,
    /// Counts changes of the feeder and of what is asked, so that late answers are known.
    pub(super) turn: u32,
    /// How many were asked since it was cut.
    pub(super) tries: u16,
    /// Since when nothing comes from its feeder, or it has none; 0 while it is fed, and for
    /// newcomers before they are.
    pub(super) cut: u64,
    /// It was cut by a loss, and not by its own doubts.
    pub(super) orphan: bool,
    /// The feeder's going was noticed by its silence.
    pub(super) silent: bool,
    /// The outage above, by its [`super::outage`] stamp, that it waits for the end of.
    pub(super) late: u32,
    /// Nodes fed.
    pub(super) served: u8,
    /// When its parent may be asked again.
    pub(super) resume: u64,
    /// The parent that it lets come up to its own place before it turns to it, and since when.
    pub(super) awaits: (Name, u64),

    pub(super) flow: Flow,
    pub(super) picture: Picture,
}

/// What the last pass has found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flow {
    /// The pass.
    pub(super) pass: u32,
    /// Links from the box.
    pub(super) depth: u8,
    /// Whole fragments arrive this long after their capture, on average.
    pub(super) arrival: f32,
    /// Lost packets to be waited for, on the way of one fragment: how many, and for how long.
    pub(super) losses: f32,
    pub(super) lost_for: f32,
    /// What the largest burst above makes of an ordinary fragment's jitter.
    pub(super) burst: f32,
    /// How far apart the first and the last part of a fragment arrive.
    pub(super) spread: f32,
    /// Somebody above is cut.
    pub(super) frozen: bool,
    /// Share of the media that no uplink above carries.
    pub(super) lack: f32,
    pub(super) latency: f32,
    pub(super) patience: f32,
    /// What the playhead aims at.
    pub(super) buffer: f32,
}

/// What the viewer sees.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Picture {
    /// When the page was opened.
    pub(super) opened: u64,
    /// When it began, 0 before.
    pub(super) began: u64,
    /// When `behind` was right.
    pub(super) seen: u64,
    /// From capture to showing.
    pub(super) behind: f32,
    /// Skipped and stalled.
    pub(super) lost: f32,
    /// Missing of what is to come.
    pub(super) short: f32,
}

/// One end of a link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) peer: Name,
    pub(super) state: State,
    /// This end feeds the other.
    pub(super) serving: bool,
    /// The other end has asked to be fed, and is as soon as there is something.
    pub(super) promised: bool,
    /// The other end has made an offer.
    pub(super) invited: bool,
    /// Which attempt it is, by this end's count.
    pub(super) attempt: u16,
    /// When it began, and when this end got the answer to its offer, in milliseconds.
    pub(super) begun: u32,
    pub(super) met: u32,
    /// Assigned no more, since then; 0 if it is.
    pub(super) retired: u64,
    /// One way, in microseconds.
    pub(super) delay: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Opening,
    Open,
    Broken,
}

impl Node {
    /// Who is not there.
    pub(super) fn absent() -> Node {
        Node {
            number: 0,
            alive: false,
            welcome: false,
            leaf_only: true,
            copies: 0,
            able: 0,
            tried: false,
            may_feed: false,
            uplink: 1.0,
            loss: 0.0,
            control: 0,
            place: Assignment {
                epoch: 0,
                tree: Tree::A,
                depth: 0,
                parent: Parent::Box,
                partner: None,
                reserve: None,
                children: Vec::new(),
                wards: Vec::new(),
                hub: None,
                rendition: 0,
            },
            pending: Pending::default(),
            links: Vec::new(),
            feeder: NOBODY,
            asking: NOBODY,
            sought: NOBODY,
            cried: NOBODY,
            asked: 0,
            turn: 0,
            tries: 0,
            cut: 0,
            orphan: false,
            silent: false,
            late: 0,
            served: 0,
            resume: 0,
            awaits: (NOBODY, 0),
            flow: Flow::default(),
            picture: Picture::default(),
        }
    }

    /// Whether it has been told a place.
    pub(super) fn is_placed(&self) -> bool {
        self.place.depth > 0 || self.place.epoch > 0
    }

    pub(super) fn link(&self, peer: Name) -> Option<&Link> {
        self.links.iter().find(|link| link.peer == peer)
    }

    pub(super) fn link_mut(&mut self, peer: Name) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| link.peer == peer)
    }

    pub(super) fn is_linked(&self, peer: Name) -> bool {
        self.link(peer)
            .is_some_and(|link| link.state == State::Open)
    }

    /// The parent as it was told, or [`NOBODY`] before the first place.
    pub(super) fn parent(&self) -> Name {
        match self.place.parent {
            _ if !self.is_placed() => NOBODY,
            Parent::Box => BOX,
            Parent::Node(NodeId(name)) => name,
        }
    }

    /// Whether another is to turn to it.
    pub(super) fn is_ward(&self, name: Name) -> bool {
        let name = NodeId(name);
        self.place.wards.contains(&name) || self.place.partner == Some(name)
    }

    /// Whether another is its child, or is to turn to it: these come before all others.
    pub(super) fn answers_for(&self, name: Name) -> bool {
        self.is_child(name) || self.is_ward(name)
    }

    /// Such among those it feeds.
    pub(super) fn answered_for(&self) -> f32 {
        let own = |link: &&Link| link.serving && self.answers_for(link.peer);
        self.links.iter().filter(own).count() as f32
    }

    pub(super) fn is_child(&self, name: Name) -> bool {
        self.place.children.contains(&NodeId(name))
    }
}
