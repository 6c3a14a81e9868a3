//! Commands that wait for one another's links: folding leaves out what would have been
//! undone, and changes nothing else.

mod top;

use peerstream_wire::{Act, Assignment, Command, Concern, NodeId, Parent, Pending, Tree, Trigger};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use top::top;

/// What happens at a node.
#[derive(Debug, Clone, Copy)]
enum Event {
    Comes(Command),
    /// The link opens, and stays so.
    Opens(NodeId),
    Ends(NodeId),
}

proptest! {
    #[test]
    fn folding_never_changes_where_a_node_ends_up(events in vec(event(), 0..60)) {
        let mut fired = Fired::default();
        let mut folded = (top(), Pending::default());
        let mut queued = (top(), Queue::default());
        for event in events {
            match event {
                Event::Comes(command) => {
                    folded.1.take(command, &mut folded.0);
                    queued.1.0.push(command);
                }
                Event::Opens(node) => fired.0.push(Trigger::Opens(node)),
                Event::Ends(node) => fired.0.push(Trigger::Ends(node)),
            }
            folded.1.fire(&mut folded.0, |when| fired.has(when));
            queued.1.fire(&mut queued.0, |when| fired.has(when));
        }
        // In the end every trigger fires.
        folded.1.fire(&mut folded.0, |_| true);
        queued.1.fire(&mut queued.0, |_| true);
        prop_assert_eq!(folded.1.iter().count(), 0);
        prop_assert_eq!(sorted(folded.0), sorted(queued.0));
    }

    #[test]
    fn at_most_one_command_waits_about_each_thing(commands in vec(command(), 0..60)) {
        let (mut place, mut pending) = (top(), Pending::default());
        for command in commands {
            pending.take(command, &mut place);
            let concerns: Vec<Concern> = pending.iter().map(|c| c.act.concerns()).collect();
            for (at, concern) in concerns.iter().enumerate() {
                prop_assert!(!concerns[..at].contains(concern));
            }
        }
    }

    #[test]
    fn doing_a_thing_twice_is_doing_it_once(acts in vec(act(), 1..20)) {
        let mut once = top();
        for act in &acts {
            once.carry_out(act);
        }
        let mut twice = once.clone();
        twice.carry_out(&acts[acts.len() - 1]);
        prop_assert_eq!(once, twice);
    }
}

#[test]
fn what_folds_never_fires() {
    let (mut place, mut pending) = (top(), Pending::default());
    let [first, second] = [NodeId(1), NodeId(2)];
    for parent in [first, second] {
        let command = Command {
            when: Trigger::Opens(parent),
            act: Act::Parent(Parent::Node(parent)),
        };
        pending.take(command, &mut place);
    }
    pending.fire(&mut place, |when| when == Trigger::Opens(first));
    assert_eq!(place.parent, Parent::Box);
    pending.fire(&mut place, |when| when == Trigger::Opens(second));
    assert_eq!(place.parent, Parent::Node(second));
}

#[derive(Default)]
struct Fired(Vec<Trigger>);

impl Fired {
    fn has(&self, when: Trigger) -> bool {
        when == Trigger::Now || self.0.contains(&when)
    }
}

/// The reference: every command is carried out, in order, as soon as its trigger and all
/// before it about the same thing have fired.
#[derive(Default)]
struct Queue(Vec<Command>);

impl Queue {
    fn fire(&mut self, place: &mut Assignment, has_fired: impl Fn(Trigger) -> bool) {
        let mut blocked: Vec<Concern> = Vec::new();
        self.0.retain(|command| {
            let concern = command.act.concerns();
            let fires = has_fired(command.when) && !blocked.contains(&concern);
            if fires {
                place.carry_out(&command.act);
            } else {
                blocked.push(concern);
            }
            !fires
        });
    }
}

fn sorted(mut place: Assignment) -> Assignment {
    place.children.sort();
    place.wards.sort();
    place
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => command().prop_map(Event::Comes),
        1 => node().prop_map(Event::Opens),
        1 => node().prop_map(Event::Ends),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let when = prop_oneof![
        1 => Just(Trigger::Now),
        2 => node().prop_map(Trigger::Opens),
        2 => node().prop_map(Trigger::Ends),
    ];
    (when, act()).prop_map(|(when, act)| Command { when, act })
}

fn act() -> impl Strategy<Value = Act> {
    let anybody = || prop::option::of(node());
    prop_oneof![
        (select(&Tree::BOTH[..]), 1..4u8).prop_map(|(tree, depth)| Act::Place { tree, depth }),
        (0..3u8).prop_map(Act::Rendition),
        anybody().prop_map(|node| Act::Parent(node.map_or(Parent::Box, Parent::Node))),
        anybody().prop_map(Act::Partner),
        anybody().prop_map(Act::Reserve),
        node().prop_map(Act::Adopt),
        node().prop_map(Act::Release),
        node().prop_map(Act::Guard),
        node().prop_map(Act::Unguard),
        anybody().prop_map(Act::Hub),
    ]
}

/// Few enough that they meet.
fn node() -> impl Strategy<Value = NodeId> {
    (1..6u32).prop_map(NodeId)
}
