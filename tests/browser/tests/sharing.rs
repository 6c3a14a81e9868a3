//! What pages pass on, and who decides it.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use peerstream_browser::condition::{throughout, until};
use peerstream_browser::page::{Options, Page};
use peerstream_browser::stage::{PLAYS_WITHIN, Setting, Stage, play};
use peerstream_browser::stats::{Peer, Stats};
use serde_json::json;

/// How soon a change of mind is to have an effect: the page looks once a second, and those
/// below need a link to somebody else.
const HEEDED_WITHIN: Duration = Duration::from_secs(10);
/// Long enough to see who feeds whom.
const WATCHED: Duration = Duration::from_secs(4);

/// A page whose owner said no on an earlier visit.
const SAID_NO: &str = "localStorage.setItem('peerstream-share', '0')";
/// A telephone, as far as a page without the client hints of secure contexts sees it.
const TELEPHONE: &str = "{ const { matchMedia } = window;
window.matchMedia = (query) => query.includes('coarse') ? { matches: true } : matchMedia(query); }";
/// Another application has come before the browser.
const POCKET: &str =
    "Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });
document.dispatchEvent(new Event('visibilitychange'));";
/// The browser is there again.
const IN_HAND: &str = "delete document.hidden;
document.dispatchEvent(new Event('visibilitychange'));";

/// What may speak against passing the stream on: how the page comes to know of it, what it
/// calls it, and what it tells the viewer.
const REASONS: [(&str, &str, &str); 4] = [
    (
        "Object.defineProperty(navigator, 'connection', { get: () => ({ type: 'cellular' }) })",
        "metered",
        "not sharing on a metered connection",
    ),
    (
        "Object.defineProperty(navigator, 'connection', { get: () => ({ saveData: true }) })",
        "metered",
        "not sharing on a metered connection",
    ),
    (
        "navigator.getBattery = async () => ({ charging: false, level: 0.1 })",
        "battery",
        "not sharing on a low battery",
    ),
    (
        "Object.defineProperty(RTCPeerConnection.prototype, 'sctp', { get: () => ({ transport:
{ iceTransport: { getSelectedCandidatePair: () => ({ local: { type: 'relay' } }) } } }) })",
        "relayed",
        "not sharing through a relay",
    ),
];

#[test]
fn what_speaks_against_sharing_is_heeded_and_said() {
    play("reasons", &Setting::default(), |stage| -> Result<()> {
        stage.admit(2, &options(None))?;
        for (count, (before, ..)) in REASONS.iter().enumerate() {
            stage.admit(count + 3, &options(Some(before)))?;
        }
        // Whether a link goes by a relay shows once it is open.
        until("all know it", HEEDED_WITHIN, || {
            let all = stage.audience.stats()?;
            for (stats, (_, why, _)) in all.iter().skip(2).zip(REASONS) {
                ensure!(stats.sharing == why, "{} instead of {why}", stats.sharing);
                passes_nothing_on(stats)?;
            }
            Ok(())
        })?;
        for (viewer, (_, _, told)) in stage.audience.iter().skip(2).zip(REASONS) {
            ensure!(words(&viewer.page, "shares")? == told);
            ensure!(words(&viewer.page, "share")? == "Share: off");
        }
        // The owner may know better.
        let metered = &stage.audience.get(2).context("no viewer")?.page;
        press(metered, "share")?;
        stage
            .audience
            .until("everyone plays", HEEDED_WITHIN, |stats| stats.playing)?;
        until("it shares", HEEDED_WITHIN, || {
            let stats = &stage.audience.stats()?[2];
            ensure!(stats.sharing == "on" && stats.copies > 0, "{stats}");
            Ok(())
        })
    });
}

#[test]
fn the_page_says_what_it_passes_on() {
    play("shares", &Setting::default(), |stage| -> Result<()> {
        stage.admit(6, &options(None))?;
        // Long enough for the rate, which is smoothed.
        throughout(WATCHED, WATCHED, |_| Ok(()))?;
        until("a page says it", HEEDED_WITHIN, || {
            for (viewer, stats) in stage.audience.iter().zip(stage.audience.stats()?) {
                let feeding = |peer: &&Peer| peer.state == "feeding";
                let others = stats.children.iter().filter(feeding).count();
                if others < 2 {
                    continue;
                }
                let told = words(&viewer.page, "shares")?;
                let rest = told
                    .strip_prefix(&format!("passing on to {others} others, "))
                    .and_then(|rest| rest.strip_suffix(" Mbit/s"))
                    .with_context(|| told.clone())?;
                // The demo's 300 kbit/s for each, and what a key frame adds for a second.
                let each = rest.parse::<f64>()? / others as f64;
                ensure!((0.15..0.6).contains(&each), "{told}");
                return Ok(());
            }
            bail!("nobody feeds two")
        })
    });
}

#[test]
fn who_does_not_share_is_a_leaf_until_it_does() {
    play("leaf", &Setting::default(), |stage| -> Result<()> {
        stage.admit(1, &options(None))?;
        // It comes early, so that it would be at the top if it passed anything on.
        stage.admit(2, &options(Some(SAID_NO)))?;
        stage.admit(5, &options(None))?;
        throughout(WATCHED, Duration::from_millis(500), |_| {
            let all = stage.audience.stats()?;
            passes_nothing_on(&all[1])
        })?;
        let all = stage.audience.stats()?;
        ensure!(all[1].sharing == "off" && all[0].sharing == "on");
        ensure!(all[0].copies > 0, "{}", all[0]);

        let page = &stage.audience.get(1).context("no leaf")?.page;
        ensure!(words(page, "share")? == "Share: off");
        ensure!(words(page, "shares")? == "only watching");
        press(page, "share")?;
        let all = stage.audience.until("it shares", HEEDED_WITHIN, |stats| {
            stats.sharing == "on" && stats.copies > 0
        })?;
        ensure!(all[1].playing, "{}", all[1]);
        ensure!(words(page, "share")? == "Share: on");
        let kept = page.evaluate("localStorage.getItem('peerstream-share')")?;
        ensure!(kept == "1", "{kept}");
        Ok(())
    });
}

#[test]
fn where_viewers_are_asked_nothing_is_passed_on_before_a_yes() {
    play("consent", &Setting::default(), |stage| -> Result<()> {
        ask_first(stage)?;
        // The box feeds two, and that is all that there is until somebody says yes.
        stage.admit(2, &options(None))?;
        for stats in stage.audience.stats()? {
            ensure!(stats.sharing == "asked", "{}", stats.sharing);
            passes_nothing_on(&stats)?;
        }
        let url = stage.daemon.url();
        stage.audience.join(&stage.browser, &url, &options(None))?;
        stage
            .audience
            .until("the third waits", PLAYS_WITHIN, |stats| {
                stats.playing || stats.notice.as_deref() == Some("queued")
            })?;
        let third = &stage.audience.get(2).context("no viewer")?.page;
        let told = words(third, "status")?;
        ensure!(told.contains("no room") && told.contains('0'), "{told}");

        for viewer in stage.audience.iter().take(2) {
            ensure!(viewer.page.evaluate("consent.hidden")? == false);
            press(&viewer.page, "agree")?;
        }
        stage.audience.until_playing(PLAYS_WITHIN)?;
        press(third, "decline")?;
        for viewer in stage.audience.iter() {
            ensure!(viewer.page.evaluate("consent.hidden")? == true);
        }
        let all = stage.audience.stats()?;
        let said: Vec<&str> = all.iter().map(|stats| stats.sharing.as_str()).collect();
        ensure!(said == ["on", "on", "off"], "{said:?}");
        passes_nothing_on(&all[2])
    });
}

#[test]
fn a_telephone_in_a_pocket_is_a_leaf() {
    play("pocket", &Setting::default(), |stage| -> Result<()> {
        stage.admit(1, &options(Some(TELEPHONE)))?;
        stage.admit(5, &options(None))?;
        let page = &stage.audience.get(0).context("no telephone")?.page;
        page.evaluate(POCKET)?;
        let first = |all: Vec<Stats>| all.into_iter().next().context("nobody");
        let all = stage
            .audience
            .until("it is a leaf", HEEDED_WITHIN, |stats| {
                stats.sharing == "on" || stats.copies == 0 && stats.children.is_empty()
            })?;
        let hidden = first(all)?;
        ensure!(hidden.sharing == "hidden", "{}", hidden.sharing);
        throughout(WATCHED, Duration::from_millis(500), |_| {
            passes_nothing_on(&first(stage.audience.stats()?)?)
        })?;
        page.evaluate(IN_HAND)?;
        stage
            .audience
            .until("it shares again", HEEDED_WITHIN, |stats| {
                stats.sharing == "on" && stats.copies > 0
            })?;
        Ok(())
    });
}

/// Starts the box anew with the setting that has viewers asked.
fn ask_first(stage: &mut Stage) -> Result<()> {
    let config = stage.directory.path().join("peerstream.toml");
    std::fs::write(&config, "[viewers]\nask_before_sharing = true\n")?;
    let config = format!("--config={}", config.display());
    stage.daemon.start_again(&[&config])
}

/// A node that offers no copies has no children.
fn passes_nothing_on(stats: &Stats) -> Result<()> {
    let leaf = stats.copies == 0 && stats.children.is_empty();
    ensure!(leaf, "passes on: {stats}");
    Ok(())
}

fn press(page: &Page, id: &str) -> Result<()> {
    // By the keyboard, as a viewer without a mouse does.
    page.evaluate(&format!("document.getElementById('{id}').focus()"))?;
    for kind in ["keyDown", "keyUp"] {
        let key = json!({
            "type": kind, "key": "Enter", "code": "Enter", "text": "\r",
            "windowsVirtualKeyCode": 13,
        });
        page.call("Input.dispatchKeyEvent", key)?;
    }
    Ok(())
}

fn words(page: &Page, id: &str) -> Result<String> {
    let words = page.evaluate(&format!("document.getElementById('{id}').textContent"))?;
    Ok(words.as_str().context("no words")?.to_owned())
}

fn options(before: Option<&str>) -> Options {
    Options {
        before: before.map(str::to_owned),
        console: true,
    }
}
