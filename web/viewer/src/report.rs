use core::time::Duration;

use js_sys::{Array, Object, Reflect};
use peerstream_node::{LinkState, Neighbour, Stats, Traffic};
use peerstream_wire::{Parent, Tree};
use wasm_bindgen::JsValue;

use crate::{page::Page, player::Player, screen};

/// The figures of `window.peerstream.stats()`. Field names are fixed: embedders and tests
/// rely on them.
pub(crate) fn report(page: &Page, now: Duration) -> JsValue {
    let player = page.player();
    let stats = page.node_stats();
    let mut record = Record::new();
    record.set("phase", page.status().name());
    media(&mut record, player, now);
    overlay(&mut record, page, &stats);
    sharing(&mut record, page, &stats);
    record.0.into()
}

fn media(record: &mut Record, player: &Player, now: Duration) {
    let figures = player.figures(now);
    record
        .set("playing", player.playing())
        .set(
            "startup_ms",
            player.startup.map(|startup| startup.as_secs_f64() * 1000.0),
        )
        .set("latency_s", player.latency)
        .set("stalls", figures.stalls)
        .set("stall_seconds", figures.stall_seconds)
        .set("starved", figures.starved)
        .set("starved_seconds", figures.starved_seconds)
        .set("skipped_seconds", figures.skipped_seconds)
        .set("faster_seconds", figures.faster_seconds)
        .set("slower_seconds", figures.slower_seconds)
        .set("buffer_s", player.level())
        .set("buffer_target_s", player.target())
        .set("rendition", player.rendition.map(u32::from))
        .set("standby", player.standby);
}

fn overlay(record: &mut Record, page: &Page, stats: &Stats) {
    let neighbour = |to: Neighbour| edge(to.peer.0, to.state, page.strands(to.peer));
    let children: Array = stats
        .children
        .iter()
        .map(|child| neighbour(*child))
        .collect();
    let tree = stats.tree.map(|tree| match tree {
        Tree::A => "A",
        Tree::B => "B",
    });
    record
        .set("node", stats.node.map(|node| node.0))
        .set("tree", tree)
        .set("depth", u32::from(stats.depth))
        .set(
            "parent",
            stats.parent.map(|(parent, state)| match parent {
                Parent::Box => edge("box", state, 1),
                Parent::Node(peer) => neighbour(Neighbour { peer, state }),
            }),
        )
        .set("partner", stats.partner.map(neighbour))
        .set("reserve", stats.reserve.map(neighbour))
        .set("children", JsValue::from(children))
        .set("bytes_in", received(stats.bytes_in))
        .set("bytes_out", sent(stats.bytes_out))
        .set("fragments_verified", number(stats.fragments_verified))
        .set("fragments_refused", number(stats.fragments_refused))
        .set("takeovers", number(stats.takeovers));
}

fn sharing(record: &mut Record, page: &Page, stats: &Stats) {
    let uplink = Some(number(stats.uplink) / 1000.0).filter(|uplink| *uplink > 0.0);
    record
        .set("copies", u32::from(stats.copies))
        .set("copies_learned", u32::from(stats.copies_learned))
        .set("uplink_kbit_s", uplink)
        .set("sharing", page.sharing().name())
        .set("notice", page.notice().map(screen::notice));
}

/// Who, how the link is, and over how many connections it goes.
fn edge(peer: impl Into<JsValue>, state: LinkState, strands: u32) -> JsValue {
    let state = match state {
        LinkState::Opening => "opening",
        LinkState::Idle => "idle",
        LinkState::Feeding => "feeding",
        LinkState::Broken => "broken",
    };
    let mut record = Record::new();
    record
        .set("peer", peer)
        .set("state", state)
        .set("strands", strands);
    record.0.into()
}

/// Nobody is fed by a child: what one sends is an answer, and rare.
fn received(traffic: Traffic) -> JsValue {
    let mut record = Record::new();
    record
        .set("box", number(traffic.from_box))
        .set("parent", number(traffic.parent))
        .set("partner", number(traffic.partner))
        .set("other", number(traffic.other + traffic.children))
        .set("total", number(traffic.total()));
    record.0.into()
}

fn sent(traffic: Traffic) -> JsValue {
    let other = traffic.other + traffic.parent + traffic.from_box;
    let mut record = Record::new();
    record
        .set("children", number(traffic.children))
        .set("partner", number(traffic.partner))
        .set("other", number(other))
        .set("total", number(traffic.total()));
    record.0.into()
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 9 petabytes")]
fn number(value: u64) -> f64 {
    value as f64
}

struct Record(Object);

impl Record {
    fn new() -> Self {
        Record(Object::new())
    }

    /// Nothing is `null` here, not `undefined`: it must survive JSON.
    fn set(&mut self, name: &str, value: impl IntoJson) -> &mut Self {
        // A new plain object takes every field.
        let _ = Reflect::set(&self.0, &name.into(), &value.into_json());
        self
    }
}

trait IntoJson {
    fn into_json(self) -> JsValue;
}

impl<T: Into<JsValue>> IntoJson for T {
    fn into_json(self) -> JsValue {
        let value = self.into();
        if value.is_undefined() {
            JsValue::NULL
        } else {
            value
        }
    }
}
