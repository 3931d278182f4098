//! Asking a person before money moves.

use std::io::{self, IsTerminal as _, Write as _};

use crate::{
    error::{Error, MoneyError},
    output::{Form, Output},
};

/// Shows what is about to be done, and goes on only if the person agrees. A script says so beforehand, by `--yes`.
pub(super) fn agree(out: &Output, yes: bool, summary: &str) -> Result<(), Error> {
    if !yes && (out.form() == Form::Json || !io::stdin().is_terminal()) {
        return Err(Error::Usage("this moves money, and there is nobody to ask; add --yes".to_owned()));
    }
    out.remark(summary);
    if yes {
        return Ok(());
    }
    let unread = |source| Error::Read { path: "standard input".into(), source };
    let mut terminal = io::stderr().lock();
    terminal.write_all(b"Go on? [y/N] ").and_then(|()| terminal.flush()).map_err(unread)?;
    drop(terminal);
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(unread)?;
    if matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes") { Ok(()) } else { Err(MoneyError::Declined.into()) }
}

/// Does `work` until it is done or the person presses Ctrl-C. What was sent goes its way either way; `again` says how to come back.
pub(super) async fn until_interrupted<T>(again: &'static str, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err(MoneyError::Interrupted { again }.into()),
    }
}
