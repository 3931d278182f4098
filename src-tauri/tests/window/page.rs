//! The page in the window, through WebDriver.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::stage::OPEN_TIMEOUT;

/// How often a page is looked at while something is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// A driver that takes longer has lost its window.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// One open page.
pub(crate) struct Page(Client);

impl Page {
    /// Has the driver on `port` launch `program` for `data_dir`.
    pub(crate) async fn open(port: u16, program: &Path, data_dir: &Path) -> Self {
        let wanted = json!({
            "browserName": "wry",
            "tauri:options": { "application": program, "args": ["--data-dir", data_dir] },
        });
        let deadline = Instant::now() + OPEN_TIMEOUT;
        let driver = format!("http://127.0.0.1:{port}");
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(wanted.as_object().expect("an object").clone());
        loop {
            match builder.connect(&driver).await {
                Ok(client) => return Self(client),
                // The driver takes a moment until it listens, and WebDriver has no word for "try again".
                Err(error) => assert!(Instant::now() < deadline, "no window: {error}"),
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until `text` can be read on the page, in whatever case it is styled, and says how long that took.
    pub(crate) async fn reads(&self, text: &str, within: Duration) -> Duration {
        let began = Instant::now();
        loop {
            let page = self.text().await;
            if page.to_lowercase().contains(&text.to_lowercase()) {
                return began.elapsed();
            }
            assert!(began.elapsed() < within, "`{text}` is not on the page after {within:?}; it reads:\n{page}");
            sleep(LOOK_EVERY).await;
        }
    }

    /// Presses the button or follows the link called `name`, once it is there.
    pub(crate) async fn press(&self, name: &str, within: Duration) {
        let path = format!("//*[self::button or self::a][normalize-space()='{name}' or @aria-label='{name}']");
        let found = self.0.wait().at_most(within).every(LOOK_EVERY).for_element(Locator::XPath(&path)).await;
        found.unwrap_or_else(|error| panic!("there is no `{name}` to press: {error}")).click().await.expect("it can be pressed");
    }

    /// Closes the window as its owner would.
    pub(crate) async fn close(self) {
        self.0.close_window().await.expect("it closes");
    }

    async fn text(&self) -> String {
        let asked = self.0.execute("return document.body.innerText", Vec::new());
        let text = timeout(ANSWER_MAX, asked).await.expect("the driver answers").expect("a page");
        text.as_str().unwrap_or_default().to_owned()
    }
}
