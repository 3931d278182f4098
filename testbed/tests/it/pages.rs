//! What the pages for operators and newcomers tell people to type is what the programs understand.

use std::{collections::BTreeSet, process::Command};

use headframe_testbed::{
    Options,
    money::MoneyOptions,
    process::{wait_for, workspace_binary},
};

use crate::scene::{LIMIT, Scene, usual};

const RUNBOOK: &str = include_str!("../../../docs/runbook.md");
const README: &str = include_str!("../../../README.md");

/// The programs a page may name, with the variable that says where each lies.
const PROGRAMS: [(&str, &str); 3] = [
    ("headframe-coordinator", "HEADFRAME_COORDINATOR_BIN"),
    ("headframe-agent", "HEADFRAME_AGENT_BIN"),
    ("headframe", "HEADFRAME_CLI_BIN"),
];

/// What stands for something of the reader's own.
const PLACEHOLDERS: [(&str, &str); 4] = [
    ("CUSTOMER", "cus_00000000000000000000000000000000"),
    ("JOB", "job_00000000000000000000000000000000"),
    ("DIGEST", "sha256:0000000000000000000000000000000000000000000000000000000000000000"),
    ("DEVICE", "0x0000000000000000000000000000000000000001"),
];

/// Command lines of ours on a page: those on indented lines and those in backquotes.
fn command_lines(page: &str) -> Vec<Vec<String>> {
    let indented = page.lines().filter_map(|line| line.strip_prefix("    "));
    let quoted = page.lines().filter(|line| !line.starts_with("    ")).flat_map(|line| line.split('`').skip(1).step_by(2));
    let ours = |line: &&str| PROGRAMS.iter().any(|(program, _)| program_of(line) == *program && line.contains(' '));
    indented.chain(quoted).filter(ours).map(words).collect()
}

fn program_of(line: &str) -> &str {
    line.split(' ').next().and_then(|path| path.rsplit('/').next()).unwrap_or_default()
}

/// As a shell cuts them, as far as these pages go: quotes, a comment, and where the output goes.
fn words(line: &str) -> Vec<String> {
    let typed = line.split([';', '#', '>']).next().unwrap_or_default();
    let mut words = Vec::new();
    for (place, part) in typed.split('"').enumerate() {
        if place % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    for word in &mut words {
        if let Some((_, sample)) = PLACEHOLDERS.iter().find(|(name, _)| name == word) {
            *word = (*sample).to_owned();
        }
    }
    words
}

/// Whether the program understands the line: asked for help at its end, it does nothing but read what stands before.
fn is_understood(line: &[String]) -> bool {
    let program = program_of(&line[0]);
    let (_, variable) = PROGRAMS.iter().find(|(name, _)| *name == program).expect("one of ours");
    let mut command = Command::new(workspace_binary(variable, program).expect("a built program"));
    command.args(&line[1..]).arg("--help").output().expect("it starts").status.success()
}

#[test]
fn every_command_line_of_the_pages_is_understood() {
    let lines: Vec<_> = [RUNBOOK, README].into_iter().flat_map(command_lines).collect();
    assert!(lines.len() > 20, "they are found: {lines:#?}");
    let strange: Vec<_> = lines.iter().filter(|line| !is_understood(line)).collect();
    assert!(strange.is_empty(), "{strange:#?}");
    assert!(!is_understood(&words("headframe-coordinator backup --out file")), "a wrong one would be noticed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_of_the_runbook_is_measured() {
    let quoted = RUNBOOK.split('`').skip(1).step_by(2).filter(|word| word.starts_with("headframe_"));
    let named: BTreeSet<&str> = quoted.collect();
    assert!(!named.is_empty());
    // Chains too: of each is said whether it agrees with the books.
    let scene = Scene::set(Options { agents: 0, money: Some(MoneyOptions::default()), ..usual() }).await;
    let address = scene.testbed.coordinator_url().expect("a url").join("metrics").expect("an address");
    let measured = async || {
        let text = reqwest::get(address.clone()).await?.error_for_status()?.text().await?;
        let missing: Vec<_> = named.iter().filter(|name| !text.contains(**name)).collect();
        if missing.is_empty() { Ok(Some(())) } else { anyhow::bail!("{missing:?} are missing") }
    };
    wait_for("the metrics", LIMIT, measured).await.expect("all of them");
    scene.close().await;
}
