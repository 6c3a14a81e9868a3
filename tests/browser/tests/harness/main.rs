//! The harness itself, on a mock page: what it claims to do to pages, it does.

mod mock;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use peerstream_browser::audience::{Audience, Calm};
use peerstream_browser::browser::{Browser, Certificates};
use peerstream_browser::condition::until;
use peerstream_browser::page::{Options, Page};
use peerstream_browser::{forger, namespace};

use crate::mock::Mock;

const SOON: Duration = Duration::from_secs(10);

#[test]
fn pages_on_a_lan_address_are_visible_and_no_secure_context() -> Result<()> {
    let (mock, browser) = open()?;
    let pages = [
        visit(&mock, &browser, "a", None)?,
        visit(&mock, &browser, "b", None)?,
    ];
    for page in pages {
        ensure!(page.evaluate("isSecureContext")? == false);
        ensure!(page.evaluate("document.visibilityState")? == "visible");
        ensure!(page.screenshot()?.starts_with(b"\x89PNG"));
        ensure!(page.evaluate("nothing.there").is_err());
    }
    Ok(())
}

#[test]
fn pages_of_two_contexts_connect_and_only_an_active_forger_alters_parts() -> Result<()> {
    let (mock, browser) = open()?;
    let forging = visit(&mock, &browser, "forger", Some(forger::DORMANT))?;
    let honest = visit(&mock, &browser, "honest", None)?;
    connect(&forging, &honest)?;

    let send = |kind: u8| {
        forging.evaluate(&format!(
            "channel.send(new Uint8Array([9, {kind}, 5, 6]).subarray(1))"
        ))
    };
    send(3)?;
    ensure!(forger::is_dormant(&forging)?);
    forger::start(&forging)?;
    send(3)?;
    send(2)?;
    forger::stop(&forging)?;
    send(3)?;

    until("four messages", SOON, || {
        let received = honest.evaluate("received")?;
        ensure!(
            received.as_array().is_some_and(|all| all.len() == 4),
            "{received}"
        );
        Ok(())
    })?;
    let received = honest.evaluate("received.map(String).sort().join(' ')")?;
    ensure!(received == "2,5,6 3,5,6 3,5,6 3,5,7", "{received}");
    ensure!(forger::altered(&forging)? == 1);
    Ok(())
}

#[test]
fn a_closed_page_says_goodbye_and_a_crashed_one_does_not() -> Result<()> {
    let (mock, browser) = open()?;
    let crashed = visit(&mock, &browser, "crashed", None)?;
    let closed = visit(&mock, &browser, "closed", None)?;
    connect(&crashed, &closed)?;

    crashed.crash()?;
    until("the other end notices", SOON, || {
        // ICE consent is checked every few seconds (RFC 7675); nothing faster tells.
        let state = closed.evaluate("connection.iceConnectionState")?;
        ensure!(state == "disconnected", "{state}");
        Ok(())
    })?;
    closed.close()?;
    until("goodbye", SOON, || {
        ensure!(mock.was_asked("/goodbye-closed"), "nothing yet");
        Ok(())
    })?;
    ensure!(!mock.was_asked("/goodbye-crashed"));
    Ok(())
}

#[test]
fn a_stall_is_noticed_and_names_its_viewer() -> Result<()> {
    let (mock, browser) = open()?;
    let mut audience = Audience::default();
    for name in ["a", "b"] {
        let url = format!("{}?name={name}", mock.url());
        audience.join(&browser, &url, &Options::default())?;
    }
    audience.until_playing(SOON)?;
    let calm = Calm::now(&audience)?;
    calm.check(&audience)?;

    let second = audience.get(1).context("no second viewer")?;
    second.page.evaluate("figures.stalls += 1")?;
    let noticed = calm.check(&audience).err().context("not noticed")?;
    ensure!(
        noticed.to_string().starts_with("viewer 2 stalled"),
        "{noticed}"
    );

    second.page.evaluate("figures.playing = false")?;
    let waited = audience
        .until_playing(Duration::from_millis(200))
        .err()
        .context("plays")?;
    ensure!(format!("{waited:#}").contains("viewer 2"), "{waited:#}");
    ensure!(!format!("{waited:#}").contains("viewer 1"), "{waited:#}");
    Ok(())
}

fn open() -> Result<(Mock, Browser)> {
    namespace::enter()?;
    Ok((
        Mock::serve(namespace::ADDRESS)?,
        Browser::launch(Certificates::Checked)?,
    ))
}

fn visit(mock: &Mock, browser: &Browser, name: &str, before: Option<&str>) -> Result<Page> {
    let options = Options {
        before: before.map(str::to_owned),
        console: false,
    };
    let page = browser.visit(&format!("{}?name={name}", mock.url()), &options)?;
    until("the page has loaded", SOON, || page.evaluate("offer.name"))?;
    Ok(page)
}

fn connect(a: &Page, b: &Page) -> Result<()> {
    let offer = a.evaluate("offer()")?;
    let answer = b.evaluate(&format!("answer({offer})"))?;
    a.evaluate(&format!(
        "connection.setRemoteDescription({answer}).then(() => opened)"
    ))?;
    b.evaluate("opened.then(() => true)").map(drop)
}
