//! A link that somebody has opened the window with: `headframe://join?profile=…`. Anybody can write one, on any page of the internet, so it is
//! only ever shown: it fills in a field, and its owner reads who is behind it before he joins. It carries public words and is no secret.

use std::sync::{Mutex, PoisonError};

use clap::Parser as _;
use headframe_protocol::{
    control::{NetworkFault, OpenedLink},
    profile::PROFILE_BYTES_MAX,
};
use tauri::{AppHandle, Emitter as _, Manager as _, RunEvent, Url};

use crate::{Args, come_forward};

/// The event by which the page hears that a link lies here.
const LINK: &str = "link";

/// The last link, until the page has taken it.
#[derive(Default)]
pub(crate) struct Links(Mutex<Option<OpenedLink>>);

impl Links {
    /// With the link of the command line, if there is one.
    pub(crate) fn new(given: Option<&str>) -> Self {
        Self(Mutex::new(given.map(read)))
    }

    /// The last one; it is told once.
    pub(crate) fn take(&self) -> Option<OpenedLink> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, link: OpenedLink) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(link);
    }
}

/// Somebody started the window again: show him the one that is there, with the link he opened. What he said comes from another process.
pub(crate) fn started_again(app: &AppHandle, args: Vec<String>) {
    if let Some(link) = Args::try_parse_from(args).ok().and_then(|args| args.link) {
        bring(app, &link);
    }
    come_forward(app);
}

/// A Mac tells the program that runs, instead of starting it again.
#[cfg(target_os = "macos")]
pub(crate) fn heard(app: &AppHandle, event: &RunEvent) {
    if let RunEvent::Opened { urls } = event
        && let Some(url) = urls.first()
    {
        bring(app, url.as_str());
        come_forward(app);
    }
}

#[cfg(not(target_os = "macos"))]
pub(crate) const fn heard(_app: &AppHandle, _event: &RunEvent) {}

fn bring(app: &AppHandle, link: &str) {
    app.state::<Links>().put(read(link));
    if let Err(error) = app.emit(LINK, ()) {
        tracing::warn!(error = &error as &dyn std::error::Error, "Could not bring `{LINK}` to the page");
    }
}

/// What is shown of a link. Whether its profile is whole and signed is the agent's to say.
fn read(text: &str) -> OpenedLink {
    if text.len() > PROFILE_BYTES_MAX {
        return OpenedLink::Refused { fault: NetworkFault::TooLong };
    }
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    let url = Url::parse(text).ok().filter(|url| plain && is_ours(url));
    // Browsers put a slash before the question mark, so it is written anew.
    let given = url.and_then(|url| Some(OpenedLink::Given { text: format!("headframe://join?{}", url.query()?) }));
    given.unwrap_or(OpenedLink::Refused { fault: NetworkFault::Malformed })
}

fn is_ours(url: &Url) -> bool {
    let bare = url.username().is_empty() && url.password().is_none() && url.port().is_none() && url.fragment().is_none();
    bare && url.scheme() == "headframe" && url.host_str() == Some("join") && matches!(url.path(), "" | "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_join_by_is_given_as_the_agent_reads_it() {
        let given = |text: &str| OpenedLink::Given { text: text.to_owned() };
        assert_eq!(read("headframe://join?profile=%7B%7D"), given("headframe://join?profile=%7B%7D"));
        assert_eq!(read("headframe://join/?profile=%7B%7D"), given("headframe://join?profile=%7B%7D"));
        assert_eq!(read("HEADFRAME://join?profile=x"), given("headframe://join?profile=x"));
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "hello",
            "headframe:",
            "headframe:../../",
            "headframe:join?profile=x",
            "headframe://../../etc/passwd",
            "headframe://join",
            "headframe://join/../../x?profile=x",
            "headframe://leave?profile=x",
            "headframe://join@evil.example?profile=x",
            "headframe://me:secret@join?profile=x",
            "headframe://join:80?profile=x",
            "headframe://join?profile=x#y",
            "headframe://join?profile=\n",
            "headframe://join?profile=\u{1b}[31m",
            "headframe://join?profile=\u{202e}",
            "headframe://join?profile= x",
            "https://join/?profile=x",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "--data-dir=/tmp",
        ] {
            assert_eq!(read(text), OpenedLink::Refused { fault: NetworkFault::Malformed }, "{text:?}");
        }
    }

    #[test]
    fn a_link_of_any_length_is_read_at_once_or_not_at_all() {
        let link = |bytes: usize| format!("headframe://join?profile={}", "x".repeat(bytes));
        assert_eq!(read(&link(10 << 20)), OpenedLink::Refused { fault: NetworkFault::TooLong });
        assert_eq!(read(&link(PROFILE_BYTES_MAX)), OpenedLink::Refused { fault: NetworkFault::TooLong });
        assert!(matches!(read(&link(PROFILE_BYTES_MAX - 25)), OpenedLink::Given { .. }));
    }

    #[test]
    fn a_desktop_gives_us_its_links_one_at_a_time() {
        let entry = include_str!("../linux/org.headframe.desktop.desktop");
        assert!(entry.contains("\nExec=headframe-desktop %u\n") && entry.contains("\nMimeType=x-scheme-handler/headframe;\n"));
    }

    #[test]
    fn a_link_is_told_once() {
        let links = Links::new(Some("headframe://join?profile=x"));
        assert!(links.take().is_some());
        assert_eq!(links.take(), None);
        assert_eq!(Links::new(None).take(), None);
    }

    #[test]
    fn a_link_that_breaks_out_of_its_quotes_changes_nothing_else() {
        let args = |more: &[&str]| Args::try_parse_from(std::iter::once("headframe-desktop").chain(more.iter().copied()));
        assert_eq!(args(&["headframe://join?profile=x"]).expect("a link").link.as_deref(), Some("headframe://join?profile=x"));
        assert!(args(&["headframe://join?profile=x", "--data-dir", "/tmp"]).is_err());
        assert!(args(&["--data-dir", "/tmp", "headframe://join?profile=x"]).is_err());
        assert!(args(&["headframe://join?profile=x", "headframe://join?profile=y"]).is_err());
        assert!(args(&["--data-dir", "/tmp"]).is_ok());
    }
}
