//! An audience that does as it is told, and what must be true of it at any time.

use core::time::Duration;
use std::collections::BTreeMap;

use peerstream_overlay::{Config, Coordinator, Measure, Network, Newcomer, Status};
use peerstream_wire::{Assignment, NodeId, Parent, ToBox};
use proptest::prelude::*;

/// What happens. Departures and lessons name a node by its rank among the living.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Join(u8),
    Leave(usize),
    Learn(usize, u8),
    /// So many direct feeds from now on.
    Feeds(u16),
}

pub(crate) fn mixed() -> impl Strategy<Value = u8> + Clone {
    prop_oneof![4 => Just(0u8), 2 => Just(1), 2 => Just(2), 2 => Just(3), 2 => Just(4)]
}

/// Any sequence, with phases of growth, decline and both.
pub(crate) fn events(
    copies: impl Strategy<Value = u8> + Clone + 'static,
) -> impl Strategy<Value = Vec<Event>> {
    events_fed(copies, 2)
}

/// The same with no fewer direct feeds than so many.
pub(crate) fn events_fed(
    copies: impl Strategy<Value = u8> + Clone + 'static,
    feeds: u16,
) -> impl Strategy<Value = Vec<Event>> {
    let phase = (0..=10u32, 0..60usize).prop_flat_map(move |(growth, length)| {
        let event = prop_oneof![
            growth => copies.clone().prop_map(Event::Join),
            10 - growth => any::<usize>().prop_map(Event::Leave),
            2 => (any::<usize>(), copies.clone()).prop_map(|(rank, copies)| Event::Learn(rank, copies)),
            1 => (feeds..=4u16).prop_map(Event::Feeds),
        ];
        prop::collection::vec(event, length)
    });
    prop::collection::vec(phase, 1..6).prop_map(|phases| phases.concat())
}

pub(crate) struct Crowd {
    pub(crate) coordinator: Coordinator,
    now: Duration,
    feeds_most: usize,
    /// What everyone offers.
    pub(crate) offers: BTreeMap<NodeId, u8>,
}

impl Crowd {
    pub(crate) fn new(feeds: u16, feeds_max: u16) -> Crowd {
        Crowd {
            coordinator: Coordinator::new(Config {
                feeds,
                feeds_max,
                ..Config::default()
            }),
            now: Duration::ZERO,
            feeds_most: feeds.max(feeds_max).into(),
            offers: BTreeMap::new(),
        }
    }

    pub(crate) fn happen(&mut self, event: &Event) {
        let node = |rank: &usize| {
            let rank = rank.checked_rem(self.offers.len())?;
            self.offers.keys().nth(rank).copied()
        };
        match event {
            Event::Join(copies) => {
                self.join(*copies);
            }
            Event::Leave(rank) => {
                if let Some(node) = node(rank) {
                    self.leave(node);
                }
            }
            Event::Learn(rank, copies) => {
                if let Some(node) = node(rank) {
                    self.learn(node, *copies);
                }
            }
            Event::Feeds(feeds) => self.set_feeds(*feeds),
        }
    }

    pub(crate) fn set_feeds(&mut self, feeds: u16) {
        self.pass_time();
        // Those that are too many go on until there is room elsewhere for who is below them.
        self.feeds_most = self.coordinator.status().feeds.max(feeds.into());
        self.coordinator.set_feeds(self.now, feeds, feeds);
        self.pass_time();
    }

    pub(crate) fn join(&mut self, copies: u8) -> NodeId {
        self.enter(copies, Network::default())
    }

    pub(crate) fn enter(&mut self, copies: u8, network: Network) -> NodeId {
        self.pass_time();
        let node = self
            .coordinator
            .join(self.now, Newcomer { network, copies });
        self.offers.insert(node, copies);
        self.pass_time();
        node
    }

    pub(crate) fn leave(&mut self, node: NodeId) {
        self.pass_time();
        self.offers.remove(&node);
        self.coordinator.leave(self.now, node);
        self.pass_time();
    }

    pub(crate) fn learn(&mut self, node: NodeId, copies: u8) {
        self.pass_time();
        let said = self
            .coordinator
            .message(self.now, node, ToBox::Capacity { copies });
        assert_eq!(said, Ok(()));
        self.offers.insert(node, copies);
        self.pass_time();
    }

    /// The same of many at the same moment.
    pub(crate) fn learn_at_once(&mut self, lessons: &[(NodeId, u8)]) {
        self.pass_time();
        for &(node, copies) in lessons {
            let message = ToBox::Capacity { copies };
            assert_eq!(self.coordinator.message(self.now, node, message), Ok(()));
            self.offers.insert(node, copies);
        }
        self.pass_time();
    }

    /// Long enough that nobody has said too much of late, and that what is done bit by bit
    /// is done.
    fn pass_time(&mut self) {
        while self.coordinator.poll_output().is_some() {}
        let mut unchanged = 0;
        let mut queued = 0;
        while unchanged < 4 {
            self.now += Duration::from_secs(2);
            self.coordinator.timeout(self.now);
            while self.coordinator.poll_output().is_some() {}
            let now = self.coordinator.status().queued;
            unchanged = if now == queued { unchanged + 1 } else { 0 };
            queued = now;
        }
    }

    /// Where everyone is who is in the trees.
    pub(crate) fn places(&self) -> BTreeMap<NodeId, Assignment> {
        let nodes = self.offers.keys();
        nodes
            .filter_map(|node| Some((*node, self.coordinator.assignment(*node)?)))
            .collect()
    }

    /// All that must be true at any time.
    pub(crate) fn check(&self) {
        let status = self.coordinator.status();
        let places = self.places();
        assert_eq!(status.viewers, self.offers.len());
        assert_eq!(status.nodes.iter().sum::<usize>(), places.len());
        assert_eq!(status.queued, self.offers.len() - places.len());
        self.check_queue(&status, &places);
        let fed = places
            .values()
            .filter(|place| place.parent == Parent::Box)
            .count();
        assert!(fed <= status.feeds && status.feeds <= self.feeds_most);
        let mut alone = 0;
        for (&node, place) in &places {
            let more = usize::from(status.measure != Measure::Enough);
            let most = match self.offers[&node] {
                0 => 0,
                copies => usize::from(copies) + more,
            };
            assert!(place.children.len() <= most, "{node:?} feeds too many");
            self.check_one(&places, node, place);
            alone += usize::from(!mutual(&places, node, place));
        }
        let few = 2 + self.offers.len() / 16;
        assert!(alone <= few, "{alone} of {} are alone", places.len());
    }

    /// Who waits, waits because there is no room.
    fn check_queue(&self, status: &Status, places: &BTreeMap<NodeId, Assignment>) {
        if status.queued == 0 {
            return;
        }
        assert_ne!(status.measure, Measure::Enough);
        for (node, place) in places {
            if self.is_single() && (place.parent == Parent::Box || self.is_below_partner(place)) {
                // What these two can feed depends on who of them feeds the other.
                continue;
            }
            let partner = place.partner.filter(|_| mutual(places, *node, place));
            let arity = partner.map_or(0, |partner| self.offers[node].min(self.offers[&partner]));
            let fed = place.children.len().max(place.wards.len());
            assert!(fed >= usize::from(arity), "{node:?} has room");
        }
    }

    fn check_one(&self, places: &BTreeMap<NodeId, Assignment>, node: NodeId, place: &Assignment) {
        assert!(place.wards.len() <= 4);
        for child in &place.children {
            assert_eq!(places[child].parent, Parent::Node(node));
        }
        for ward in &place.wards {
            assert_eq!(places[ward].reserve, Some(node));
        }
        assert!(
            place
                .peers()
                .all(|peer| peer != node && places.contains_key(&peer))
        );
        assert!(depth(places, node) <= places.len(), "a cycle");
        self.check_parent(places, node, place);
        if mutual(places, node, place) {
            let partner = &places[&place.partner.expect("mutual")];
            assert_eq!(partner.tree, place.tree.other());
            let theirs = partner.reserve.map_or(Parent::Box, Parent::Node);
            assert!(theirs == place.parent || self.is_below_partner(place));
        } else {
            // Whoever is alone is a leaf.
            assert_eq!(place.partner, place.reserve);
            assert!(place.children.is_empty() && place.wards.is_empty());
        }
    }

    fn is_single(&self) -> bool {
        self.coordinator.status().feeds < 2
    }

    /// With one feed, the root of tree B.
    fn is_below_partner(&self, place: &Assignment) -> bool {
        self.is_single() && place.partner.map(Parent::Node) == Some(place.parent)
    }

    fn check_parent(
        &self,
        places: &BTreeMap<NodeId, Assignment>,
        node: NodeId,
        place: &Assignment,
    ) {
        let Parent::Node(parent) = place.parent else {
            assert_eq!((place.depth, place.reserve), (1, None));
            return;
        };
        let above = &places[&parent];
        assert!(above.children.contains(&node));
        if self.is_below_partner(place) {
            assert_eq!((place.depth, place.reserve), (2, None));
            return;
        }
        assert_eq!(above.tree, place.tree);
        let reserve = place.reserve.expect("a parent with children has a partner");
        assert_eq!(above.partner, Some(reserve));
        assert_eq!(places[&reserve].tree, place.tree.other());
        assert!(places[&reserve].wards.contains(&node));
    }
}

pub(crate) fn mutual(
    places: &BTreeMap<NodeId, Assignment>,
    node: NodeId,
    place: &Assignment,
) -> bool {
    place
        .partner
        .is_some_and(|partner| places[&partner].partner == Some(node))
}

/// Links from the box, counted along the parents.
pub(crate) fn depth(places: &BTreeMap<NodeId, Assignment>, node: NodeId) -> usize {
    let parent = |node: &NodeId| match places[node].parent {
        Parent::Box => None,
        Parent::Node(parent) => Some(parent),
    };
    core::iter::successors(Some(node), parent)
        .take(places.len() + 1)
        .count()
}
