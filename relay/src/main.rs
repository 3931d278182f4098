//! `serve` carries connections; `start program…` waits for the proxy and becomes the program.

use std::process::ExitCode;

#[cfg(unix)]
fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let said = match words.next() {
        Some(word) if word == headframe_relay::SERVE => headframe_relay::serve(headframe_relay::PORT).map(|()| ExitCode::SUCCESS),
        Some(word) if word == headframe_relay::START => Ok(headframe_relay::start(headframe_relay::PORT, words)),
        Some(_) | None => Err(std::io::Error::other("`serve` or `start program…`")),
    };
    said.unwrap_or_else(|error| {
        // Standard output carries frames; what goes wrong is for whoever looks at this program by hand.
        #[expect(clippy::print_stderr, reason = "a program of one page has no other place to say it")]
        {
            eprintln!("headframe-relay: {error}");
        }
        ExitCode::FAILURE
    })
}

/// It is for containers, which are Linux everywhere.
#[cfg(not(unix))]
fn main() -> ExitCode {
    ExitCode::FAILURE
}
