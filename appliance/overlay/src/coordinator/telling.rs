//! Who is told what, and in which order.

use peerstream_wire::{Act, Command, NodeId, Notice, Parent, ToNode, Trigger};

use super::{Again, Coordinator, Output};
use crate::{
    commands::{difference, is_worth_telling},
    defaults::QUEUE_LOOK,
    forest::Forest,
    hubs::hub,
    place::Place,
    seat::{Carrier, Seat, Whole, millis},
    timer::Timer,
    told::{NOBODY, Told},
    urgency::{self, Need, Rush, Urgency, rank},
};

impl Coordinator {
    /// The next thing to be done. Who needs it most goes first: nodes that nobody feeds
    /// any more, those with the most below them before the others; then their signals, without
    /// which nothing comes of what was told before, and which so keep the number of links
    /// under way to what the uplink has room for; then those whose parent has gone; all other
    /// signals; newcomers who have been let in; and the rest. When there is nothing left, who
    /// waits to come in. What changes before it is polled folds into one message per node.
    pub fn poll_output(&mut self) -> Option<Output> {
        loop {
            if let Some(output) = self.next_output() {
                return Some(output);
            }
            if !self.open_lobby() {
                if self.lobby.len() == 0 {
                    self.thrift.is_clear();
                }
                return None;
            }
        }
    }

    fn next_output(&mut self) -> Option<Output> {
        self.next_instant()
            .or_else(|| self.next_change(|urgency| urgency.pop_before(Need::Crowded)))
            .or_else(|| self.next_retry(true))
            .or_else(|| self.next_signal(Rush::Unfed))
            .or_else(|| self.next_signal(Rush::Orphaned))
            .or_else(|| self.next_change(|urgency| urgency.pop_before(Need::New)))
            .or_else(|| self.next_signal(Rush::Idle))
            .or_else(|| self.next_change(Urgency::pop))
            .or_else(|| self.next_retry(false))
    }

    /// The next of what is small and soon, if whom it is for is still there.
    fn next_instant(&mut self) -> Option<Output> {
        while let Some(output) = self.instant.pop_front() {
            let there = match &output {
                Output::Send {
                    to,
                    message: ToNode::Probe,
                } => self.probe_sent(*to),
                Output::Send { to, .. } => {
                    self.forest.place(*to).is_some() || self.lobby.holds(*to)
                }
                // Whoever has left since has no feed any more.
                Output::Feed { node, .. } => {
                    self.forest.place(*node).is_some() || self.absent.contains_key(node)
                }
                Output::Welcome { node } => self.forest.place(*node).is_some(),
                Output::Refuse { .. } => true,
            };
            if there {
                return Some(output);
            }
        }
        None
    }

    /// What the next of those whom `pop` takes is to be told.
    fn next_change(&mut self, pop: fn(&mut Urgency) -> Option<(u8, Place)>) -> Option<Output> {
        while let Some((rank, place)) = pop(&mut self.urgency) {
            let carried = self.by_carrier(rank, place);
            if let Some(output) = carried.or_else(|| self.announce(rank, place)) {
                return Some(output);
            }
        }
        None
    }

    /// The next link to be tried once more, of those in need or of the others.
    fn next_retry(&mut self, in_need: bool) -> Option<Output> {
        while let Some(again) = self.again[usize::from(!in_need)].pop_front() {
            if let Some(output) = self.urge(again) {
                return Some(output);
            }
        }
        None
    }

    pub(super) fn look_after_queue(&mut self) {
        let waits = self.forest.waiting() > 0 || self.forest.is_stretched();
        if waits && !self.queueing {
            self.queueing = true;
            self.timers.set(self.now + QUEUE_LOOK, Timer::Queue);
        }
    }

    /// Notes everyone whose place may have changed. While an audience comes back nothing
    /// is as it will be, so nobody is told.
    pub(super) fn note_changes(&mut self) {
        self.look_after_queue();
        if self.recovery.is_running() {
            return;
        }
        while let Some(place) = self.forest.take_changed() {
            let Some(seat) = self.forest.seat(place) else {
                continue;
            };
            if self.forest.is_waiting(place) {
                self.has_to_wait(place);
                continue;
            }
            let need = self.need(place, seat);
            self.note(place, need);
        }
    }

    /// Whoever had a place, and has to wait for another, is told, and that whole when there
    /// is one.
    fn has_to_wait(&mut self, place: Place) {
        let ahead = self.forest.waiting().saturating_sub(1);
        let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
        let seat = self.forest.seat_mut(place);
        if let Some(seat) = seat.filter(|seat| seat.epoch != 0 && seat.whole == Whole::No) {
            seat.whole = Whole::Always;
            let node = seat.node;
            self.notify(node, Notice::Queued { ahead });
        }
    }

    /// Somebody has gone that was to be told that others are its neighbours now: those who
    /// have not been told either still take it for theirs.
    pub(super) fn note_bereft(&mut self, told: &Told) {
        if self.recovery.is_running() {
            return;
        }
        for peer in told.named() {
            if let Some(place) = self.forest.place(peer) {
                self.note_again(place);
            }
        }
    }

    pub(super) fn note(&mut self, place: Place, need: Need) {
        let rank = rank(need, self.forest.depth(place));
        let Some(seat) = self.forest.seat_mut(place) else {
            return;
        };
        let here = seat.noted != 0 && seat.noted_at == place.index();
        self.counts.folded += u64::from(seat.noted != 0 && seat.epoch != 0);
        if here && seat.noted - 1 <= rank {
            return;
        }
        (seat.noted, seat.noted_at) = (rank + 1, place.index());
        self.urgency.push(rank, place);
    }

    /// What is to be told to a place's occupant; before it, a change of its direct feed.
    pub(super) fn announce(&mut self, rank: u8, place: Place) -> Option<Output> {
        let fed = self.is_direct(place);
        let seat = self.forest.seat_mut(place)?;
        if seat.noted != rank + 1 || seat.noted_at != place.index() {
            return None;
        }
        let node = seat.node;
        if seat.fed != fed {
            seat.fed = fed;
            self.urgency.push_front(rank, place);
            let allowed = fed;
            return Some(Output::Feed { node, allowed });
        }
        seat.noted = 0;
        let (told, epoch, whole) = (seat.told, seat.epoch, seat.whole);
        let mut now = Told::of(&self.forest, place)?;
        if fed {
            now.parent = NOBODY;
        }
        let is_there = |node: NodeId| is_there(&self.forest, node);
        let clings = |peer: NodeId| clings(&self.forest, peer, node);
        let message = if epoch == 0 || whole == Whole::Always || self.is_lettered(place) {
            None
        } else if !is_worth_telling(&told, &now, &clings) {
            return None;
        } else if whole == Whole::IfDifferent {
            None
        } else {
            // Whom nobody feeds does not wait for others' links, nor, if the uplink has time for
            // that, who shares a feeder with too many others.
            let crowded = rank < urgency::rank(Need::Orphaned, 0);
            let direct = rank < urgency::rank(Need::Crowded, 0) || crowded && self.has_time();
            if !direct {
                let failed = |one, other| self.failed(one, other);
                now.hub = hub(&self.forest, place, &told, &now, &failed);
            }
            Some(difference(&told, &now, &is_there))
        };
        let changed = millis(self.now);
        let rush = match self.need(place, self.forest.seat(place)?) {
            Need::Unfed => Rush::Unfed,
            _ if rank < urgency::rank(Need::New, 0) => Rush::Orphaned,
            _ => Rush::Idle,
        };
        let seat = self.forest.seat_mut(place)?;
        seat.rush = rush;
        seat.down.keep(&told, &now);
        seat.epoch = epoch.saturating_add(1);
        if epoch == 0 || told.parent != now.parent {
            seat.fed_since = changed;
        }
        seat.told = now;
        seat.whole = Whole::No;
        (seat.changed, seat.retries, seat.carrier) = (changed, 0, Carrier::None);
        let epoch = seat.epoch;
        self.hurry(rank, &told, &now);
        self.note_bereft(&told);
        let message = match message {
            Some(commands) => {
                self.counts.commands += commands.len() as u64;
                let letters = Vec::new();
                ToNode::Change {
                    epoch,
                    commands,
                    letters,
                }
            }
            None => ToNode::Assign(now.assignment(epoch)),
        };
        Some(Output::Send { to: node, message })
    }

    /// Whether the uplink does not keep anybody waiting, and has far more than it needs.
    pub(super) fn has_time(&self) -> bool {
        let idle = self.lobby.others_share() < PLENTY;
        idle && self.lobby.len() == 0 && self.behind.iter().all(|until| self.now >= *until)
    }

    /// A link needs both its ends: who is new to a node is told as soon as that node is.
    fn hurry(&mut self, rank: u8, told: &Told, now: &Told) {
        for peer in now.named().filter(|peer| !told.names(*peer)) {
            let Some(place) = self.forest.place(peer) else {
                continue;
            };
            let seat = self.forest.seat_mut(place);
            let waits = |seat: &&mut Seat| seat.noted > rank + 1;
            if let Some(seat) = seat.filter(waits) {
                (seat.noted, seat.noted_at) = (rank + 1, place.index());
                self.urgency.push(rank, place);
            }
        }
    }

    /// Has one end of the link between child and parent try it once more.
    fn urge(&mut self, Again { to, child, parent }: Again) -> Option<Output> {
        let (lower, upper) = (self.forest.place(child)?, self.forest.place(parent)?);
        if self.forest.parent(lower) != Some(upper) {
            return None;
        }
        let told = |place: Place| self.forest.seat(place).map(|seat| seat.told);
        let (below, above) = (told(lower)?, told(upper)?);
        if below.parent != parent || !above.children.contains(&child) {
            return None;
        }
        let (place, act) = if to == child {
            (lower, Act::Parent(Parent::Node(parent)))
        } else {
            (upper, Act::Adopt(child))
        };
        let seat = self.forest.seat_mut(place)?;
        seat.epoch = seat.epoch.saturating_add(1);
        let epoch = seat.epoch;
        self.counts.commands += 1;
        let when = Trigger::Now;
        let commands = vec![Command { when, act }];
        let letters = Vec::new();
        let message = ToNode::Change {
            epoch,
            commands,
            letters,
        };
        Some(Output::Send { to, message })
    }
}

/// Where control takes less than this part of the uplink, bytes matter less than a second in
/// which somebody has half a picture: up to some thousands of viewers on 10 Mbit/s.
const PLENTY: f64 = 0.02;

/// Whether a node is in the trees.
pub(super) fn is_there(forest: &Forest, node: NodeId) -> bool {
    let there = |place: Place| {
        let slot = forest.slots().get(place.slot());
        slot.is_some_and(|slot| slot.is_attached())
    };
    node != NOBODY && forest.place(node).is_some_and(there)
}

/// Whether somebody who is a neighbour no longer still takes itself for one, and will not be
/// told otherwise for a reason of its own. Whoever is ends the link, with a good-bye.
fn clings(forest: &Forest, peer: NodeId, node: NodeId) -> bool {
    if !is_there(forest, peer) {
        return false;
    }
    let told = |place: Place| Some((forest.seat(place)?.told, Told::of(forest, place)?));
    let told = forest.place(peer).and_then(told);
    told.is_some_and(|(told, now)| told.names(node) && !is_worth_telling(&told, &now, &|_| false))
}
