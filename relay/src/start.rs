//! Becomes the job's program, once the proxy is there: a program that asks for a proxy before there is one has failed for nothing.

use std::{
    ffi::OsString,
    io,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::process::CommandExt as _,
    process::{Command, ExitCode},
    time::Duration,
};

/// Between two looks. The agent brings the proxy up as soon as the container runs.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// As a shell has it: there is no such program, or it cannot be executed.
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;

/// Waits, for as long as the agent lets the container be, and becomes the program that `words` name. Returns only if it cannot.
pub fn start(port: u16, words: impl Iterator<Item = OsString>) -> ExitCode {
    let mut words = words;
    let Some(program) = words.next() else {
        say("the image names no program, and the job none either");
        return ExitCode::from(NOT_FOUND);
    };
    while TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_err() {
        std::thread::sleep(LOOK_EVERY);
    }
    let error = Command::new(&program).args(words).exec();
    say(&format!("{} cannot be started: {error}", program.to_string_lossy()));
    ExitCode::from(if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE })
}

#[expect(clippy::print_stderr, reason = "here standard error is the job's log, where the customer looks")]
fn say(what: &str) {
    eprintln!("[headframe] {what}");
}
