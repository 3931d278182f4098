//! Where the page may go: nowhere. It is drawn from the files inside this program, and what a job or a customer writes must never be able
//! to lead it out, to another place or into another window.

use anyhow::Context as _;
use tauri::{App, Url, WebviewWindowBuilder, webview::NewWindowResponse};

/// Opens the window of the configuration, fenced in.
///
/// # Errors
/// Where the configuration has no window, or the system opens none.
pub(crate) fn open(app: &App) -> anyhow::Result<()> {
    let window = app.config().app.windows.first().context("the configuration has no window")?;
    WebviewWindowBuilder::from_config(app, window)?
        .on_navigation(is_ours)
        .on_new_window(|_url, _features| NewWindowResponse::Deny)
        .build()
        .context("no window opens")?;
    Ok(())
}

/// Whether an address is of the pages we carry: Windows and Android have no schemes of one's own, so there it is a host.
fn is_ours(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        "http" | "https" => url.host_str() == Some("tauri.localhost") && url.port().is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pages_we_carry_are_ours() {
        for (url, ours) in [
            ("tauri://localhost", true),
            ("tauri://localhost/jobs/1", true),
            ("http://tauri.localhost/", true),
            ("tauri://elsewhere/", false),
            ("http://tauri.localhost:8080/", false),
            ("http://tauri.localhost.example.org/", false),
            ("http://localhost/", false),
            ("https://example.org/", false),
            ("file:///etc/passwd", false),
            ("data:text/html,x", false),
            ("blob:tauri://localhost/1", false),
            ("about:blank", false),
        ] {
            assert_eq!(is_ours(&url.parse().expect("an address")), ours, "{url}");
        }
    }
}
