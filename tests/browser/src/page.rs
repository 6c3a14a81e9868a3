//! One viewer's page.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use base64::Engine as _;
use serde_json::{Value, json};

use crate::cdp::{Client, Event, Pending};
use crate::condition;

/// Width of a viewer's window. Small: what is drawn here is nobody's concern and costs
/// processor time on a machine that runs eight viewers.
pub const WIDTH: u32 = 400;
/// Height of a viewer's window.
pub const HEIGHT: u32 = 300;

/// How a page is opened.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// JavaScript that runs in the page before anything of the page's own.
    pub before: Option<String>,
    /// Whether to keep what the page writes to its console. Costs the page a little.
    pub console: bool,
}

/// A page in a browser context of its own. Stays open until it is closed, crashed or its
/// browser ends.
pub struct Page {
    client: Client,
    context: String,
    target: String,
    session: String,
}

/// A value that a page was asked for.
pub struct Answer(Pending);

impl Page {
    pub(crate) fn open(
        client: Client,
        context: String,
        target: String,
        session: String,
        url: &str,
        options: &Options,
    ) -> Result<Self> {
        let page = Page {
            client,
            context,
            target,
            session,
        };
        if options.console {
            page.call("Runtime.enable", json!({}))?;
            page.call("Log.enable", json!({}))?;
        }
        if let Some(script) = &options.before {
            page.call("Page.enable", json!({}))?;
            page.call(
                "Page.addScriptToEvaluateOnNewDocument",
                json!({ "source": script }),
            )?;
        }
        let answer = page.call("Page.navigate", json!({ "url": url }))?;
        match answer["errorText"].as_str() {
            Some(error) => bail!("cannot open {url}: {error}"),
            None => Ok(page),
        }
    }

    /// The value of a JavaScript expression, awaited if it is a promise.
    ///
    /// # Errors
    /// What the expression throws, and a page that is gone.
    pub fn evaluate(&self, expression: &str) -> Result<Value> {
        self.ask(expression)?.wait()
    }

    /// Asks for the value of an expression without waiting for it.
    ///
    /// # Errors
    /// A browser that is gone.
    pub fn ask(&self, expression: &str) -> Result<Answer> {
        let params =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        self.client
            .begin(Some(&self.session), "Runtime.evaluate", params)
            .map(Answer)
    }

    /// Kills the page's process as a crash or a power cut does: no `pagehide`, no farewell.
    ///
    /// # Errors
    /// A page that is gone already.
    pub fn crash(self) -> Result<()> {
        // A crashed page answers nothing; the browser says that it is gone.
        self.client
            .begin(Some(&self.session), "Page.crash", json!({}))?;
        let crashed = |event: &Event| {
            event.method == "Target.targetCrashed"
                && event.params["targetId"] == self.target.as_str()
        };
        condition::until("the page has crashed", Duration::from_secs(10), || {
            if self.client.events(crashed).is_empty() {
                bail!("it runs")
            } else {
                Ok(())
            }
        })?;
        self.dispose()
    }

    /// Makes the page fall silent: its scripts stand still from the next event on, while its
    /// connections stay open, as on a machine that is suspended.
    ///
    /// # Errors
    /// A page that is gone.
    pub fn freeze(&self) -> Result<()> {
        self.call("Debugger.enable", json!({}))?;
        self.call("Debugger.pause", json!({})).map(drop)
    }

    /// Lets a frozen page go on.
    ///
    /// # Errors
    /// A page that is gone.
    pub fn thaw(&self) -> Result<()> {
        self.call("Debugger.disable", json!({})).map(drop)
    }

    /// Closes the page as a visitor does who closes the tab.
    ///
    /// # Errors
    /// A page that is gone already.
    pub fn close(self) -> Result<()> {
        self.client.call(
            None,
            "Target.closeTarget",
            json!({ "targetId": self.target }),
        )?;
        let closed = |event: &Event| {
            event.method == "Target.targetDestroyed"
                && event.params["targetId"] == self.target.as_str()
        };
        condition::until("the page has closed", Duration::from_secs(10), || {
            if self.client.events(closed).is_empty() {
                bail!("it is open")
            } else {
                Ok(())
            }
        })?;
        self.dispose()
    }

    /// What the page looks like, as PNG.
    ///
    /// # Errors
    /// A page that is gone.
    pub fn screenshot(&self) -> Result<Vec<u8>> {
        let answer = self.call("Page.captureScreenshot", json!({ "format": "png" }))?;
        let data = answer["data"].as_str().context("no picture")?;
        Ok(base64::engine::general_purpose::STANDARD.decode(data)?)
    }

    /// What the page has written to its console, if it was opened so, a line each.
    #[must_use]
    pub fn console(&self) -> Vec<String> {
        let mine = |event: &Event| {
            event.session.as_deref() == Some(&self.session)
                && matches!(
                    event.method.as_str(),
                    "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded"
                )
        };
        self.client.events(mine).iter().map(line).collect()
    }

    /// Any command of the DevTools protocol, to this page.
    ///
    /// # Errors
    /// What the browser refuses, and a page that is gone.
    pub fn call(&self, method: &str, params: Value) -> Result<Value> {
        self.client.call(Some(&self.session), method, params)
    }

    fn dispose(self) -> Result<()> {
        let params = json!({ "browserContextId": self.context });
        self.client
            .call(None, "Target.disposeBrowserContext", params)
            .map(drop)
    }
}

impl Answer {
    /// Waits for the value.
    ///
    /// # Errors
    /// What the expression throws, and a page that is gone.
    pub fn wait(self) -> Result<Value> {
        let mut answer = self.0.wait()?;
        let exception = &answer["exceptionDetails"];
        if exception.is_object() {
            let text = exception["exception"]["description"].as_str();
            return Err(anyhow!(
                "{}",
                text.or(exception["text"].as_str()).unwrap_or("thrown")
            ));
        }
        Ok(answer["result"]["value"].take())
    }
}

fn line(event: &Event) -> String {
    let params = &event.params;
    let texts = |value: &Value| -> String {
        let part = |argument: &Value| match argument["value"].as_str() {
            Some(text) => text.to_owned(),
            None => match argument["description"].as_str() {
                Some(text) => text.to_owned(),
                None => argument["value"].to_string(),
            },
        };
        let parts: Vec<String> = value.as_array().into_iter().flatten().map(part).collect();
        parts.join(" ")
    };
    match event.method.as_str() {
        "Runtime.consoleAPICalled" => {
            format!(
                "{}: {}",
                params["type"].as_str().unwrap_or("log"),
                texts(&params["args"])
            )
        }
        "Log.entryAdded" => format!("log: {}", params["entry"]["text"]),
        _ => format!(
            "exception: {}",
            params["exceptionDetails"]["exception"]["description"]
        ),
    }
}
