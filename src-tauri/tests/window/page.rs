//! The page in the window, through WebDriver.

use std::{
    path::Path,
    time::{Duration, Instant, UNIX_EPOCH},
};

use fantoccini::{Client, ClientBuilder, Locator, elements::Element, error::NewSessionError, key::Key};
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
            if began.elapsed() >= SOON {
                let address = self.address().await;
                let kept = self.run("return JSON.stringify({ ...localStorage })", Vec::new()).await;
                panic!("`{text}` is not on {address} after {SOON:?}, where {kept} is kept; it reads:\n{page}");
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Presses the button or follows the link called `name`, once it is there and has something to do.
    pub(crate) async fn press(&self, name: &str) {
        let free = "not(@aria-disabled='true')";
        let path = format!("//*[self::button or self::a][normalize-space()='{name}' or @aria-label='{name}'][{free}]");
        self.find(&path, name).await.click().await.expect("it can be pressed");
    }

    /// Presses what is called `title` and says below it what that means.
    pub(crate) async fn pick(&self, title: &str) {
        let path = format!("//button[.//*[normalize-space()='{title}']]");
        self.find(&path, title).await.click().await.expect("it can be pressed");
    }

    /// Types `text` into the field called `label`, in place of what stands there.
    pub(crate) async fn fill(&self, label: &str, text: &str) {
        let path = format!("//*[self::input or self::textarea][@id=//label[normalize-space()='{label}']/@for]");
        let field = self.find(&path, label).await;
        // Not cleared: that leaves the field, and one that is left shows what holds again.
        let all = format!("{}a{}", char::from(Key::Control), char::from(Key::Null));
        field.send_keys(&all).await.expect("it can be typed into");
        field.send_keys(text).await.expect("it can be typed into");
    }

    /// Chooses or ticks what is called `label`, or turns it over.
    pub(crate) async fn choose(&self, label: &str) {
        let path = format!("//label[normalize-space()='{label}']");
        self.find(&path, label).await.click().await.expect("it can be chosen");
    }

    /// What stands beside `fact` in the list called `list`, once it is there.
    pub(crate) async fn fact(&self, list: &str, fact: &str) -> String {
        let path = format!("//*[@aria-label='{list}']//dt[normalize-space()='{fact}']/following-sibling::dd[1]");
        self.find(&path, fact).await.text().await.expect("a text").trim().to_owned()
    }

    /// Waits until what stands beside `fact` in the list called `list` is what is `wanted`.
    pub(crate) async fn reads_fact(&self, list: &str, fact: &str, wanted: impl Fn(&str) -> bool) {
        let began = Instant::now();
        loop {
            let reads = self.fact(list, fact).await;
            if wanted(&reads) {
                return;
            }
            assert!(began.elapsed() < SOON, "{fact} still reads `{reads}` after {SOON:?}");
            sleep(LOOK_EVERY).await;
        }
    }

    /// All digits of the amount beside `fact`: what the pointer shows of one that is rounded.
    pub(crate) async fn exact(&self, fact: &str) -> String {
        let path = format!("//dt[normalize-space()='{fact}']/following-sibling::dd[1][@title]");
        self.find(&path, fact).await.attr("title").await.expect("a page").expect("it has one")
    }

    /// What each element that `selector` finds reads, in their order.
    pub(crate) async fn texts(&self, selector: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map((found) => found.innerText)";
        let found = self.run(script, vec![json!(selector)]).await;
        found.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    async fn find(&self, path: &str, what: &str) -> Element {
        let found = self.0.wait().at_most(SOON).every(LOOK_EVERY).for_element(Locator::XPath(path)).await;
        match found {
            Ok(found) => found,
            Err(error) => panic!("there is no `{what}` ({error}); the page reads:\n{}", self.text().await),
        }
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
