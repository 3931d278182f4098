//! A desktop session of the test's own: its bus, and the keyring that signing in has unlocked.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use crate::processes::Group;

/// One session, until the test ends.
pub(crate) struct Session {
    address: String,
    _keyring: Group,
    _bus: Group,
    _folder: tempfile::TempDir,
}

impl Session {
    /// A bus, and an empty keyring on it.
    pub(crate) fn sign_in() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("dbus-daemon");
        command.args(["--session", "--nofork", "--print-address"]);
        let mut bus = Group::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
        let mut address = String::new();
        let said = bus.child().stdout.take().expect("piped");
        BufReader::new(said).read_line(&mut address).expect("the bus prints its address");
        let address = address.trim().to_owned();
        assert!(!address.is_empty(), "dbus-daemon, of the package `dbus`, opens no bus");
        let keyring = keyring(&address, folder.path());
        Self { address, _keyring: keyring, _bus: bus, _folder: folder }
    }

    /// Has `command` belong to this session.
    pub(crate) fn lend(&self, command: &mut Command) {
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
    }
}

/// A keyring with its files in `folder`. Programs find it by the bus, whose next question waits until it is there.
fn keyring(bus: &str, folder: &Path) -> Group {
    let mut command = Command::new("gnome-keyring-daemon");
    command.args(["--foreground", "--unlock", "--components=secrets"]).env("DBUS_SESSION_BUS_ADDRESS", bus);
    for variable in ["HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"] {
        command.env(variable, folder);
    }
    let mut daemon = Group::start(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()));
    daemon.child().stdin.take().expect("piped").write_all(b"the password he signs in with").expect("it unlocks");
    daemon
}
