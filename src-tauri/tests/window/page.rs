//! The page in the window, through WebDriver.

use std::{
    path::Path,
    time::{Duration, Instant, UNIX_EPOCH},
};

use fantoccini::{Client, ClientBuilder, Locator, error::NewSessionError};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::stage::SOON;

/// How often a page is looked at while something is waited for. Each look costs the window some milliseconds.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A driver that takes longer has lost its window.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Writes down when a text is first on the page. The page measures itself: a look from outside comes late by as much as
/// the driver is slow.
const NOTE_TIME: &str = "
    const text = arguments[0];
    window.__seenAt = null;
    const look = () => {
        if (window.__seenAt === null && document.body.textContent.includes(text)) window.__seenAt = Date.now();
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
    look();
    return window.__seenAt;
";

/// A moment by the clock that page and test share.
pub(crate) struct SinceEpoch(Duration);

impl SinceEpoch {
    pub(crate) fn now() -> Self {
        Self(UNIX_EPOCH.elapsed().expect("after 1970"))
    }
}

/// One open page.
pub(crate) struct Page(Client);

impl Page {
    /// Has the driver on `port` launch `program` for `data_dir`.
    pub(crate) async fn open(port: u16, program: &Path, data_dir: &Path) -> Result<Self, NewSessionError> {
        let wanted = json!({
            "browserName": "wry",
            "tauri:options": { "application": program, "args": ["--data-dir", data_dir] },
        });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(wanted.as_object().expect("an object").clone());
        builder.connect(&format!("http://127.0.0.1:{port}")).await.map(Self)
    }

    /// Waits until `text` can be read on the page.
    pub(crate) async fn reads(&self, text: &str) {
        let began = Instant::now();
        loop {
            let page = self.text().await;
            if page.contains(text) {
                return;
            }
            assert!(began.elapsed() < SOON, "`{text}` is not on the page after {SOON:?}; it reads:\n{page}");
            sleep(LOOK_EVERY).await;
        }
    }

    /// Presses the button or follows the link called `name`, once it is there.
    pub(crate) async fn press(&self, name: &str) {
        let path = format!("//*[self::button or self::a][normalize-space()='{name}' or @aria-label='{name}']");
        let found = self.0.wait().at_most(SOON).every(LOOK_EVERY).for_element(Locator::XPath(&path)).await;
        found.unwrap_or_else(|error| panic!("there is no `{name}` to press: {error}")).click().await.expect("it can be pressed");
    }

    /// What is written in the field that `selector` names.
    pub(crate) async fn value_of(&self, selector: &str) -> String {
        let found = self.0.wait().at_most(SOON).every(LOOK_EVERY).for_element(Locator::Css(selector)).await;
        let written = found.expect("there is such a field").prop("value").await.expect("it can be read");
        written.unwrap_or_default()
    }

    /// The name of the page in the sidebar that is marked as the one shown.
    pub(crate) async fn current(&self) -> String {
        let marked = Locator::Css("nav a[aria-current=page]");
        let found = self.0.wait().at_most(SOON).every(LOOK_EVERY).for_element(marked).await;
        found.expect("a page is marked as the current one").text().await.expect("it has a name")
    }

    /// From now on the page watches out for `text`, which is not there yet.
    pub(crate) async fn watch_out_for(&self, text: &str) {
        let seen = self.run(NOTE_TIME, vec![json!(text)]).await;
        assert!(seen.is_null(), "`{text}` is there already");
    }

    /// How long after `moment` the page first read what it watches out for.
    pub(crate) async fn seen_after(&self, moment: SinceEpoch) -> Duration {
        let began = Instant::now();
        loop {
            if let Some(seen_ms) = self.run("return window.__seenAt", Vec::new()).await.as_u64() {
                // The page rounds to milliseconds, down.
                return Duration::from_millis(seen_ms).saturating_sub(moment.0);
            }
            assert!(began.elapsed() < SOON, "not seen after {SOON:?}; the page reads:\n{}", self.text().await);
            sleep(LOOK_EVERY).await;
        }
    }

    /// Closes the window as its owner would.
    pub(crate) async fn close(&self) {
        self.0.close_window().await.expect("it closes");
    }

    /// Runs a script in the page and waits for what its promise comes to. `script` is the body of an async function.
    pub(crate) async fn tries(&self, script: &str, arguments: Vec<Value>) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; const given = Array.prototype.slice.call(arguments, 0, -1);
             (async (given) => {{ {script} }})(given).then(done, (error) => done('it broke off: ' + error));"
        );
        timeout(ANSWER_MAX, self.0.execute_async(&script, arguments)).await.expect("the driver answers").expect("a page")
    }

    /// Where the page is.
    pub(crate) async fn address(&self) -> String {
        self.0.current_url().await.expect("a page").to_string()
    }

    async fn text(&self) -> String {
        self.run("return document.body.innerText", Vec::new()).await.as_str().unwrap_or_default().to_owned()
    }

    async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        timeout(ANSWER_MAX, self.0.execute(script, arguments)).await.expect("the driver answers").expect("a page")
    }
}
