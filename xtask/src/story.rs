//! Where a command tells how it is going: standard output, unless that is for figures that a program reads.

use std::{
    fmt::Display,
    io::{self, Write as _},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

/// Set once, at the start of a command that prints figures.
static ASIDE: AtomicBool = AtomicBool::new(false);

/// From now on everything goes to standard error, our own lines and those of the programs we run.
pub(crate) fn aside() {
    ASIDE.store(true, Ordering::Relaxed);
}

/// One line of how it is going.
pub(crate) fn tell(line: impl Display) {
    // Nothing is left to do if nobody listens.
    let _unheard = if ASIDE.load(Ordering::Relaxed) {
        writeln!(io::stderr().lock(), "{line}")
    } else {
        writeln!(io::stdout().lock(), "{line}")
    };
}

/// Lets a program tell where we tell.
pub(crate) fn joined(command: &mut Command) -> &mut Command {
    if ASIDE.load(Ordering::Relaxed) { command.stdout(Stdio::from(io::stderr())) } else { command }
}
