//! The tray on a private session bus, whose watcher is this test.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use tokio::{sync::mpsc, time::timeout};
use zbus::{
    Connection, Proxy,
    connection::Builder,
    interface,
    zvariant::{OwnedValue, Value},
};

use crate::{
    coordinator::{FakeCoordinator, PATIENCE},
    rig::home,
};

/// Ends what a test started, however the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The desktop's side of a tray.
struct Watcher(mpsc::Sender<String>);

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    async fn register_status_notifier_item(&self, service: String) {
        self.0.send(service).await.expect("the test listens");
    }

    #[zbus(property)]
    async fn is_status_notifier_host_registered(&self) -> bool {
        true
    }
}

fn session_bus() -> (Running, String) {
    let mut bus = Command::new("dbus-daemon")
        .args(["--session", "--nofork", "--print-address"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("dbus-daemon, as the package `dbus` has it");
    let mut address = String::new();
    BufReader::new(bus.stdout.take().expect("piped")).read_line(&mut address).expect("its address");
    (Running(bus), address.trim().to_owned())
}

/// One node of the menu: its number, its properties, its children.
type Node = (i32, std::collections::HashMap<String, OwnedValue>, Vec<OwnedValue>);

/// Labels and numbers of the menu.
async fn entries(menu: &Proxy<'_>) -> Vec<(String, i32)> {
    let (_, (_, _, children)): (u32, Node) = menu.call("GetLayout", &(0, -1, Vec::<String>::new())).await.expect("a menu");
    children
        .into_iter()
        .filter_map(|child| {
            let (id, properties, _): Node = child.try_into().expect("a node");
            let label = properties.get("label")?.try_clone().expect("plain").try_into().expect("text");
            Some((label, id))
        })
        .collect()
}

async fn click(menu: &Proxy<'_>, label: &str) {
    let entries = entries(menu).await;
    let (_, id) = entries.iter().find(|(name, _)| name == label).unwrap_or_else(|| panic!("no {label} in {entries:?}"));
    menu.call::<_, _, ()>("Event", &(*id, "clicked", Value::from(0), 0_u32)).await.expect("clicked");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_pauses_snoozes_starts_and_quits_from_the_tray() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    let (_bus, address) = session_bus();
    let (sender, mut registered) = mpsc::channel(1);
    let desktop: Connection = Builder::address(address.as_str())
        .expect("an address")
        .name("org.kde.StatusNotifierWatcher")
        .expect("a name")
        .serve_at("/StatusNotifierWatcher", Watcher(sender))
        .expect("a place")
        .build()
        .await
        .expect("connected");
    let mut agent = Running(
        Command::new(env!("CARGO_BIN_EXE_headframe-agent"))
            .args(["run", "--tray", "--data-dir"])
            .arg(home.path())
            .env("DBUS_SESSION_BUS_ADDRESS", &address)
            .env("LC_ALL", "C")
            .env_remove("DISPLAY")
            .stderr(Stdio::null())
            .spawn()
            .expect("the agent"),
    );
    let item = timeout(PATIENCE, registered.recv()).await.expect("the tray registers").expect("a name");
    let menu = Proxy::new(&desktop, item.clone(), "/MenuBar", "com.canonical.dbusmenu").await.expect("a menu");
    let tray = Proxy::new(&desktop, item, "/StatusNotifierItem", "org.kde.StatusNotifierItem").await.expect("an item");
    let icons: Vec<(i32, i32, Vec<u8>)> = tray.get_property("IconPixmap").await.expect("an icon");
    assert!(!icons.is_empty() && icons.iter().all(|(width, height, data)| data.len() == (width * height * 4) as usize));
    let labels: Vec<String> = entries(&menu).await.into_iter().map(|(label, _)| label).collect();
    assert!(labels[0].starts_with("Waiting: ") || labels[0].starts_with("Checking"), "the state comes first: {labels:?}");
    assert_eq!(
        labels[1..],
        ["Open Headframe", "Why is it not earning?", "Pause", "Snooze for 1 h", "Snooze until tomorrow, 06:00", "Quit"]
    );

    for (label, state) in [
        ("Pause", "Paused until you resume it."),
        ("Resume", "Waiting: "),
        ("Snooze until tomorrow, 06:00", "Paused for "),
        ("Resume", "Waiting: "),
        ("Snooze for 1 h", "Paused for 60 min more."),
    ] {
        click(&menu, label).await;
        let shown = async { while !entries(&menu).await[0].0.starts_with(state) {} };
        timeout(PATIENCE, shown).await.unwrap_or_else(|_| panic!("{label} must lead to {state}"));
    }
    click(&menu, "Quit").await;
    let ended = timeout(PATIENCE, tokio::task::spawn_blocking(move || agent.0.wait().expect("ended"))).await;
    assert!(ended.expect("in time").expect("no panic").success());
}
