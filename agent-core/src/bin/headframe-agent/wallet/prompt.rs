//! Asks the owner at the terminal. What is secret is typed without an echo.

use std::io::{self, IsTerminal as _, Write as _};

use headframe_protocol::control::Secret;
use zeroize::Zeroizing;

use super::Stopped;
use crate::words;

/// Whether somebody sits there.
pub(super) fn is_terminal() -> bool {
    io::stdout().is_terminal() && io::stdin().is_terminal()
}

/// One secret, from the terminal or from the next line of standard input.
pub(super) fn secret(question: &str, from_stdin: bool) -> Result<Secret, Stopped> {
    if from_stdin {
        return next_line();
    }
    rpassword::prompt_password(question)
        .map(Secret::new)
        .map_err(|_| Stopped::Here("There is no terminal to ask at; see --password-stdin.".to_owned()))
}

/// A password that did not exist before: asked for twice.
pub(super) fn new_password(from_stdin: bool) -> Result<Secret, Stopped> {
    let first = secret("A new password for the wallet: ", from_stdin)?;
    if !from_stdin && secret("The same again: ", false)? != first {
        return Err(Stopped::Here("These were two different passwords.".to_owned()));
    }
    Ok(first)
}

/// Waits for Enter.
pub(super) fn wait(text: &str) -> Result<(), Stopped> {
    ask(text).map(drop)
}

/// Whether the owner types `yes`.
pub(super) fn agrees(question: &str) -> Result<bool, Stopped> {
    if !is_terminal() {
        return Err(Stopped::Here("Nobody can be asked here; add --yes to agree.".to_owned()));
    }
    Ok(ask(&format!("{question} Type yes to agree: "))?.trim() == "yes")
}

/// Removes what the terminal shows and remembers, as far as it obeys.
pub(super) fn clear() {
    let mut terminal = io::stdout();
    terminal.write_all(b"\x1b[2J\x1b[3J\x1b[H").and_then(|()| terminal.flush()).ok();
}

fn ask(text: &str) -> Result<String, Stopped> {
    let mut terminal = io::stdout();
    write!(terminal, "{text} ").and_then(|()| terminal.flush()).ok();
    let mut line = String::new();
    match io::stdin().read_line(&mut line) {
        Ok(0) | Err(_) => {
            words::say("");
            Err(Stopped::Here("Nothing was done.".to_owned()))
        }
        Ok(_) => Ok(line),
    }
}

fn next_line() -> Result<Secret, Stopped> {
    // As large as it may become: growing would leave copies behind.
    let mut line = Zeroizing::new(String::with_capacity(headframe_protocol::control::SECRET_BYTES_MAX + 1));
    match io::stdin().read_line(&mut line) {
        Ok(0) | Err(_) => Err(Stopped::Here("Standard input has no line for it.".to_owned())),
        Ok(_) => Ok(Secret::new(line.trim_end_matches(['\r', '\n']).to_owned())),
    }
}
