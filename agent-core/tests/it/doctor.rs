//! The command line's look at a PC, with and without an agent.

use std::{path::Path, process::Command};

use headframe_control::{AgentPaths, Client};
use headframe_protocol::control::{Checkup, DoctorArgs, Language, Verdict};
use tokio::time::timeout;

use crate::{
    coordinator::{FakeCoordinator, PATIENCE},
    rig::{Rig, home},
};

/// Runs `doctor` in `home`, where an engine would be at a socket that nobody made. What it printed, and its exit code.
async fn doctor(home: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headframe-agent"));
    command.arg("--data-dir").arg(home.join("agent")).arg("doctor").args(arguments);
    command.env("DOCKER_HOST", format!("unix://{}/dead.sock", home.display())).env("HOME", home).env("USER", "annabel");
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("DBUS_SESSION_BUS_ADDRESS");
    let run = timeout(PATIENCE, tokio::task::spawn_blocking(move || command.output().expect("the command line")));
    let output = run.await.expect("in time").expect("no panic");
    (String::from_utf8(output.stdout).expect("text"), output.status.code())
}

#[tokio::test]
async fn a_pc_without_an_engine_is_told_what_to_mend() {
    let home = tempfile::tempdir().expect("a folder");
    let (text, code) = doctor(home.path(), &[]).await;
    assert_eq!(code, Some(1), "{text}");
    for words in [
        "FAIL     Container engine",
        "dead.sock",
        "install Docker",
        "not running",
        "before this PC can work",
        "unknown  Bandwidth",
    ] {
        assert!(text.contains(words), "{words:?} is missing from:\n{text}");
    }
    assert!(!home.path().join("agent").exists(), "a look makes no folder");

    let (json, code) = doctor(home.path(), &["--json"]).await;
    let checkup: Checkup = serde_json::from_str(&json).expect("one line of JSON");
    let verdict = |id: &str| checkup.checks.iter().find(|check| check.id == id).map(|check| check.verdict);
    assert_eq!((code, verdict("engine"), verdict("clock")), (Some(1), Some(Verdict::Fail), Some(Verdict::Unknown)));
    assert_eq!((verdict("settings"), verdict("folder")), (Some(Verdict::Ok), Some(Verdict::Ok)));
}

#[tokio::test]
async fn what_is_shown_to_strangers_names_nobody() {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(home.path().join("agent")).expect("a folder");
    let wrong = format!("[rig]\nname = \"PC of annabel\"\ncolour = \"{}\"\n", home.path().display());
    std::fs::write(home.path().join("agent/agent.toml"), wrong).expect("written");
    let (text, _) = doctor(home.path(), &[]).await;
    assert!(text.contains(&home.path().display().to_string()) && text.contains("FAIL     Settings"), "{text}");
    let (text, code) = doctor(home.path(), &["--support"]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("~/agent/agent.toml") && text.contains("why: nothing works by rules"), "{text}");
    assert!(!text.contains(&home.path().display().to_string()) && !text.contains("annabel"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_agent_looks_itself() {
    let coordinator = FakeCoordinator::start().await;
    let home = home(&coordinator);
    // Found at once, and nobody behind it: no engine of this PC is asked.
    let settings = std::fs::read_to_string(home.path().join("agent.toml")).expect("settings");
    let settings = format!("{settings}[engine]\nsocket = \"{}/dead.sock\"\n", home.path().display());
    std::fs::write(home.path().join("agent.toml"), settings).expect("written");
    let rig = Rig::fresh(home.path()).await;
    let paths = AgentPaths::resolve(Some(home.path().to_owned())).expect("absolute");
    let mut guest = Client::connect(&paths).await.expect("the agent listens");
    let checkup = guest.doctor(DoctorArgs { language: Some(Language::Spanish) }).await.expect("a check-up");
    let of = |id: &str| checkup.checks.iter().find(|check| check.id == id).expect("looked at");
    assert!(of("engine").verdict == Verdict::Fail && of("engine").actual.contains("dead.sock"), "{:?}", of("engine"));
    assert!(of("probes").actual.contains("Test"), "the agent's own probes are asked: {:?}", of("probes"));
    assert_eq!(of("settings").verdict, Verdict::Ok);
    assert_eq!(of("engine").what, "Motor de contenedores", "the owner is told in his own language");
    assert!(checkup.support.contains("Container engine"), "whoever helps him in English: {}", checkup.support);
    rig.agent.shutdown().await;
}
