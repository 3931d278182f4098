//! A wallet whose password lies in a real keyring: gnome-keyring on a session bus of its own.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
};

use headframe_protocol::control::WalletState;

use crate::{
    wallet::{FRIEND, Guest, home_of},
    wallet_chain::{CHAIN_ID, USDC},
    wallet_office::Office,
    wallet_process::Process,
    wallet_secrets::{Needles, PASSWORD, phrase_of},
};

/// Ends what a test started, however the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn session_bus() -> (Running, String) {
    let mut bus = Command::new("dbus-daemon")
        .args(["--session", "--nofork", "--print-address"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("dbus-daemon, as the package `dbus` has it");
    let mut address = String::new();
    BufReader::new(bus.stdout.take().expect("piped")).read_line(&mut address).expect("its address");
    (Running(bus), address.trim().to_owned())
}

/// An unlocked keyring with its files in `folder`.
fn keyring(bus: &str, folder: &Path) -> Running {
    let mut daemon = Command::new("gnome-keyring-daemon")
        .args(["--foreground", "--unlock", "--components=secrets"])
        .env("DBUS_SESSION_BUS_ADDRESS", bus)
        .env("HOME", folder)
        .env("XDG_DATA_HOME", folder)
        .env("XDG_RUNTIME_DIR", folder)
        .env("XDG_CACHE_HOME", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("gnome-keyring-daemon, as the package `gnome-keyring` has it");
    daemon.stdin.take().expect("piped").write_all(b"the keyring's own password").expect("unlocked");
    Running(daemon)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_the_keyring_is_not_asked_for_and_stands_in_no_file_of_ours() {
    let office = Office::open().await;
    let (home, keys) = (home_of(&office), tempfile::tempdir().expect("a folder"));
    let (_bus, bus) = session_bus();
    let daemon = keyring(&bus, keys.path());
    let agent = Process::begin_on(home.path(), Some(&bus)).await;
    let printed = agent.does(&["create", "--show", "--password-stdin", "--remember"], &[PASSWORD]).await;
    let phrase = phrase_of(&printed);
    agent.does(&["verify", "--phrase-stdin", "--yes"], &[&phrase]).await;
    let mut guest = Guest::of(home.path()).await;
    let WalletState::Local { address, remembered: true, .. } = guest.shown().await.state else { panic!("remembered") };
    office.owe(address.parse().expect("an address"), USDC, 12_500_000);
    let chain = CHAIN_ID.to_string();
    let withdraw = ["withdraw", "--chain", &chain, "--asset", "USDC", "--to", FRIEND, "--yes", "--no-wait"];
    agent.does(&withdraw, &[]).await;
    assert_eq!(Needles::of(std::slice::from_ref(&phrase), &[PASSWORD]).found_below(home.path()), [], "everything was logged");
    let locked_up = Needles::of(&[], &[PASSWORD]).found_below(keys.path());
    assert_eq!(locked_up, [], "the keyring locks its own file");
    // Without its keyring the wallet asks, and works.
    drop(daemon);
    let asked = agent.wallet(&["payout", "--yes"], &[]).await;
    assert!(String::from_utf8_lossy(&asked.stderr).contains("password is needed"), "{asked:?}");
    agent.does(&["payout", "--yes", "--password-stdin"], &[PASSWORD]).await;
    let no_keyring = agent.wallet(&["create", "--show", "--password-stdin", "--remember", "--replace"], &[PASSWORD]).await;
    assert!(!no_keyring.status.success() && no_keyring.stdout.is_empty(), "no wallet is made whose password is nowhere");
    let WalletState::Local { address: still, .. } = guest.shown().await.state else { panic!("the same wallet") };
    assert_eq!(still, address);
}
