use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use peerstream_fragment::Position;
use peerstream_wire::{Envelope, LinkMessage, NodeId, ToNode};

use crate::{
    hub::Hub,
    viewer::{Full, Offence, Outbox},
};

/// The viewers by their names: where to send things, and who is fed.
#[derive(Debug, Default)]
pub(crate) struct Audience {
    members: HashMap<NodeId, Member>,
    /// The few of them that are fed, so that a fragment need not look at all.
    fed: Vec<NodeId>,
}

#[derive(Debug)]
struct Member {
    /// Which of a node's sockets this is.
    seat: u64,
    outbox: Outbox,
    feed: Feed,
    /// Bytes that may still be sent again on request; grows with what is fed.
    again: usize,
}

/// What a viewer may have of the direct feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feed {
    /// Nothing, and never has.
    Never,
    /// All of it, when it asks.
    Allowed,
    /// It is being fed.
    Flowing,
    /// It is being fed until it has another parent, or until then.
    Ending { at: Duration },
    /// Nothing any more. If it asks, that has crossed the news on the way.
    Over,
}

impl Audience {
    /// A node has come. If it has been here by another socket, that one is closed, and it
    /// may ask this one for the feed that it had.
    pub(crate) fn add(&mut self, node: NodeId, seat: u64, outbox: Outbox) {
        let before = self.members.remove(&node);
        let feed = match before.as_ref().map_or(Feed::Never, |before| before.feed) {
            Feed::Never => Feed::Never,
            Feed::Allowed | Feed::Flowing => Feed::Allowed,
            Feed::Ending { .. } | Feed::Over => Feed::Over,
        };
        if let Some(before) = before {
            before.outbox.close(Offence::Replaced);
            self.fed.retain(|fed| *fed != node);
        }
        let member = Member {
            seat,
            outbox,
            feed,
            again: 0,
        };
        self.members.insert(node, member);
    }

    /// A socket has gone. Says whether its node has gone with it.
    pub(crate) fn remove(&mut self, node: NodeId, seat: u64) -> bool {
        let gone = self.members.get(&node).is_some_and(|m| m.seat == seat);
        if gone {
            self.members.remove(&node);
            self.fed.retain(|fed| *fed != node);
        }
        gone
    }

    /// Sends a control message; how many bytes it has. To a viewer that has gone, nothing.
    pub(crate) fn send(&mut self, to: NodeId, message: &ToNode) -> u64 {
        let Some(member) = self.members.get(&to) else {
            return 0;
        };
        let sent = member.outbox.control(message);
        member.check(sent.map(drop));
        sent.unwrap_or(0)
    }

    /// Ends a viewer's connection.
    pub(crate) fn refuse(&mut self, node: NodeId, offence: Offence) {
        if let Some(member) = self.members.get(&node) {
            member.outbox.close(offence);
        }
    }

    /// Ends all connections.
    pub(crate) fn shut_down(&mut self) {
        for member in self.members.values() {
            member.outbox.close(Offence::ShuttingDown);
        }
    }

    /// Whether a viewer may have a direct feed from now on. What flows goes on until somebody
    /// else has been given a feed, or for a while: the viewer makes before it breaks.
    pub(crate) fn allow(&mut self, now: Duration, node: NodeId, allowed: bool) {
        let Some(member) = self.members.get_mut(&node) else {
            return;
        };
        member.feed = match (member.feed, allowed) {
            (Feed::Flowing | Feed::Ending { .. }, true) => Feed::Flowing,
            (_, true) => Feed::Allowed,
            (Feed::Flowing, false) => Feed::Ending {
                at: now + BREAK_AFTER,
            },
            (Feed::Ending { at }, false) => Feed::Ending { at },
            (Feed::Never, false) => Feed::Never,
            (_, false) => Feed::Over,
        };
    }

    /// A viewer asks to be fed. Where one feed begins, one that is not to be ends: an uplink
    /// that carries four has no room for what a new one has to catch up with beside them.
    pub(crate) fn subscribe(&mut self, node: NodeId, after: Option<Position>, hub: &Hub) {
        let Some(member) = self.members.get_mut(&node) else {
            return;
        };
        match member.feed {
            Feed::Allowed => {
                member.feed = Feed::Flowing;
                self.fed.push(node);
            }
            // Twice is once, or a viewer could have the backlog sent again and again.
            Feed::Flowing | Feed::Ending { .. } | Feed::Over => return,
            Feed::Never => return member.outbox.close(Offence::NoFeed),
        }
        member.again = AGAIN_AT_ONCE;
        member.check(member.outbox.feed(hub.catch_up(after)));
        let replaced = self.ending().min();
        if let Some((_, replaced)) = replaced {
            self.end(replaced);
        }
    }

    /// A viewer wants no more.
    pub(crate) fn unsubscribe(&mut self, node: NodeId) {
        if let Some(member) = self.members.get_mut(&node) {
            member.feed = match member.feed {
                Feed::Flowing => Feed::Allowed,
                Feed::Ending { .. } => Feed::Over,
                feed => feed,
            };
        }
        self.fed.retain(|fed| *fed != node);
    }

    /// A viewer asks for something again.
    pub(crate) fn again(&mut self, node: NodeId, at: Position, parts: u64, hub: &Hub) {
        let Some(member) = self.members.get_mut(&node) else {
            return;
        };
        match member.feed {
            Feed::Flowing | Feed::Ending { .. } => {}
            Feed::Allowed | Feed::Over => return,
            Feed::Never => return member.outbox.close(Offence::NoFeed),
        }
        let messages = hub.again(at, parts).take_while(|message| {
            let left = member.again.checked_sub(message.len());
            member.again = left.unwrap_or(member.again);
            left.is_some()
        });
        let sent = member.outbox.feed(messages);
        member.check(sent);
    }

    /// Sends something new of the stream to all who are fed. Says whether there are any.
    pub(crate) fn feed(&mut self, messages: &[Bytes]) -> bool {
        let length: usize = messages.iter().map(Bytes::len).sum();
        for node in &self.fed {
            if let Some(member) = self.members.get_mut(node) {
                member.again = (member.again + length / AGAIN_SHARE).min(AGAIN_AT_ONCE);
                member.check(member.outbox.feed(messages));
            }
        }
        !self.fed.is_empty()
    }

    /// Tells all who are fed that the box is alive.
    pub(crate) fn heartbeat(&mut self, newest: Option<Position>) {
        let message = Envelope::Link(LinkMessage::Heartbeat {
            patience_ms: 0,
            newest,
        })
        .encode();
        self.feed(&[message]);
    }

    /// Ends the feeds whose time is over.
    pub(crate) fn timeout(&mut self, now: Duration) {
        while let Some((_, node)) = self.next_ending().filter(|(at, _)| *at <= now) {
            self.end(node);
        }
    }

    /// Ends a feed, and says so: who expects more would ask for nothing when it is to have a
    /// feed again.
    fn end(&mut self, node: NodeId) {
        self.unsubscribe(node);
        if let Some(member) = self.members.get(&node) {
            member.check(member.outbox.link(LinkMessage::Decline));
        }
    }

    /// When [`Audience::timeout`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.next_ending().map(|(at, _)| at)
    }

    /// The feed that ends next. The last one never does: nobody would have the stream.
    fn next_ending(&self) -> Option<(Duration, NodeId)> {
        self.ending().min().filter(|_| self.fed.len() > 1)
    }

    /// How many are fed.
    pub(crate) fn fed(&self) -> usize {
        self.fed.len()
    }

    fn ending(&self) -> impl Iterator<Item = (Duration, NodeId)> + '_ {
        self.fed
            .iter()
            .filter_map(|node| match self.members.get(node)?.feed {
                Feed::Ending { at } => Some((at, *node)),
                _ => None,
            })
    }
}

impl Member {
    fn check(&self, sent: Result<(), Full>) {
        if let Err(Full) = sent {
            self.outbox.close(Offence::TooSlow);
        }
    }
}

/// How long a feed goes on that is not to be, if the viewer does not end it by itself and
/// nobody is fed in its stead: as long as a link may take to open.
const BREAK_AFTER: Duration = Duration::from_secs(3);
/// What may be sent again at once, in bytes: a large key frame.
const AGAIN_AT_ONCE: usize = 512 * 1024;
/// Of what is fed, this share (one in so many) may be sent again. TCP loses nothing, so an
/// honest viewer asks only around the start.
const AGAIN_SHARE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viewer::Outgoing;
    use std::task::{Context, Poll, Waker};

    const NODE: NodeId = NodeId(1);

    fn audience() -> (Audience, Outbox) {
        let outbox = Outbox::default();
        let mut audience = Audience::default();
        audience.add(NODE, 1, outbox.clone());
        (audience, outbox)
    }

    /// What waits at the moment.
    fn waiting(outbox: &Outbox) -> Vec<Outgoing> {
        let mut take = std::pin::pin!(outbox.take());
        match take.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(waiting) => waiting,
            Poll::Pending => Vec::new(),
        }
    }

    fn offence(outbox: &Outbox) -> Option<Offence> {
        let mut closed = std::pin::pin!(outbox.closed());
        match closed
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(offence) => Some(offence),
            Poll::Pending => None,
        }
    }

    #[test]
    fn nobody_is_fed_who_was_not_given_a_feed() {
        let (mut audience, outbox) = audience();
        audience.subscribe(NODE, None, &Hub::default());
        assert_eq!(offence(&outbox), Some(Offence::NoFeed));
        assert!(!audience.feed(&[Bytes::from_static(b"news")]));
    }

    #[test]
    fn a_feed_flows_on_until_the_viewer_has_another_parent() {
        let (mut audience, outbox) = audience();
        let hub = Hub::default();
        audience.allow(Duration::ZERO, NODE, true);
        audience.subscribe(NODE, None, &hub);
        audience.allow(Duration::ZERO, NODE, false);
        assert!(audience.feed(&[Bytes::from_static(b"news")]));
        assert_eq!(waiting(&outbox).len(), 1);
        audience.unsubscribe(NODE);
        assert!(!audience.feed(&[Bytes::from_static(b"news")]));
        // A subscription that has crossed the news is no offence, and has no effect.
        audience.subscribe(NODE, None, &hub);
        assert_eq!((audience.fed(), offence(&outbox)), (0, None));
    }

    /// Somebody else, with or without a feed.
    fn another(audience: &mut Audience, node: u32, fed: bool) -> Outbox {
        let outbox = Outbox::default();
        audience.add(NodeId(node), u64::from(node), outbox.clone());
        audience.allow(Duration::ZERO, NodeId(node), true);
        if fed {
            audience.subscribe(NodeId(node), None, &Hub::default());
        }
        outbox
    }

    #[test]
    fn a_feed_that_is_not_to_be_ends_in_time() {
        let (mut audience, outbox) = audience();
        audience.allow(Duration::ZERO, NODE, true);
        audience.subscribe(NODE, None, &Hub::default());
        let _other = another(&mut audience, 2, true);
        audience.allow(Duration::from_secs(1), NODE, false);
        let deadline = audience.deadline().unwrap();
        assert_eq!(deadline, Duration::from_secs(1) + BREAK_AFTER);
        audience.timeout(deadline - Duration::from_millis(1));
        assert_eq!(audience.fed(), 2);
        audience.timeout(deadline);
        assert_eq!((audience.fed(), audience.deadline()), (1, None));
        let decline = Envelope::Link(LinkMessage::Decline).encode();
        let told = waiting(&outbox).pop().map(|last| last.bytes);
        assert_eq!(told, Some(decline));
    }

    #[test]
    fn a_feed_that_is_not_to_be_ends_as_soon_as_another_begins() {
        let (mut audience, outbox) = audience();
        audience.allow(Duration::ZERO, NODE, true);
        audience.subscribe(NODE, None, &Hub::default());
        let second = another(&mut audience, 2, true);
        let third = another(&mut audience, 3, false);
        audience.allow(Duration::ZERO, NODE, false);
        audience.allow(Duration::from_secs(1), NodeId(2), false);
        audience.subscribe(NodeId(3), None, &Hub::default());
        // One for one, and the one that has been told first.
        assert!(audience.feed(&[Bytes::from_static(b"news")]));
        let fed = |outbox| {
            waiting(outbox)
                .iter()
                .filter(|one| *one.bytes == *b"news")
                .count()
        };
        assert_eq!([&outbox, &second, &third].map(fed), [0, 1, 1]);
    }

    #[test]
    fn the_last_feed_does_not_end() {
        let (mut audience, _outbox) = audience();
        audience.allow(Duration::ZERO, NODE, true);
        audience.subscribe(NODE, None, &Hub::default());
        let _other = another(&mut audience, 2, true);
        audience.allow(Duration::ZERO, NODE, false);
        audience.allow(Duration::from_millis(1), NodeId(2), false);
        audience.timeout(Duration::from_secs(100));
        assert_eq!((audience.fed(), audience.deadline()), (1, None));
        // Not before somebody else has one.
        let _third = another(&mut audience, 3, true);
        assert_eq!(audience.fed(), 1);
        assert!(audience.remove(NodeId(3), 3));
    }

    #[test]
    fn who_comes_back_has_the_feed_that_it_had_and_the_old_socket_none() {
        let (mut audience, old) = audience();
        let hub = Hub::default();
        audience.allow(Duration::ZERO, NODE, true);
        audience.subscribe(NODE, None, &hub);
        let new = Outbox::default();
        audience.add(NODE, 2, new.clone());
        assert_eq!(offence(&old), Some(Offence::Replaced));
        assert!(!audience.feed(&[Bytes::from_static(b"news")]));
        audience.subscribe(NODE, None, &hub);
        assert!(audience.feed(&[Bytes::from_static(b"news")]));
        assert_eq!((waiting(&old).len(), waiting(&new).len()), (0, 1));
        // That the old socket has gone says nothing of the node.
        assert!(!audience.remove(NODE, 1));
        assert_eq!(audience.fed(), 1);
        assert!(audience.remove(NODE, 2));
    }

    #[test]
    fn a_feed_given_back_goes_on() {
        let (mut audience, _outbox) = audience();
        audience.allow(Duration::ZERO, NODE, true);
        audience.subscribe(NODE, None, &Hub::default());
        audience.allow(Duration::ZERO, NODE, false);
        audience.allow(Duration::from_secs(1), NODE, true);
        audience.timeout(Duration::from_secs(100));
        assert_eq!(audience.fed(), 1);
    }
}
