//! The UI's own tools: npm and what it brings.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{
    process::{capture, command, find, free_port, run},
    setup::{self, Area},
    workspace,
};

/// Opens the UI in a browser on the fake host: no Rust, no engine, no coordinator.
pub(crate) fn develop() -> Result<()> {
    setup::ensure(&[Area::Ui])?;
    install()?;
    run(&mut script("dev"))
}

/// The packages of the lock file, and only those.
pub(crate) fn install() -> Result<()> {
    let folder = workspace::root().join("ui");
    let wanted = std::fs::metadata(folder.join("package-lock.json")).context("ui/package-lock.json is missing")?;
    // npm writes this file last, so it is there only after a complete install.
    let installed = std::fs::metadata(folder.join("node_modules/.package-lock.json"));
    if installed.is_ok_and(|installed| installed.modified().ok() >= wanted.modified().ok()) {
        return Ok(());
    }
    run(npm().args(["ci", "--no-progress"]))
}

/// The pages that the window shows, as files.
pub(crate) fn build() -> Result<()> {
    run(&mut script("build"))
}

/// Types, lint rules, unit tests.
pub(crate) fn test() -> Result<()> {
    run(&mut script("check"))?;
    run(&mut script("lint"))?;
    run(&mut script("test"))
}

/// In which languages it is tried whether everybody can use a page. That all of it fits is tried in all of them anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looks {
    /// All scenes in English, and one scene of each page in the others.
    English,
    /// All scenes in all.
    EveryLanguage,
}

/// The scenes in a real browser.
pub(crate) fn end_to_end(looks: Looks) -> Result<()> {
    let chromium = find("chromium").or_else(|| find("chromium-browser")).context("Chromium was not found")?;
    let mut playwright = script("e2e");
    // The system's browser: the test runner would download one of its own.
    playwright.env("CHROMIUM", chromium);
    // Another run, or somebody's own preview, may have the usual port.
    playwright.env("HEADFRAME_E2E_PORT", free_port()?.to_string());
    if looks == Looks::EveryLanguage {
        playwright.env("HEADFRAME_E2E_LANGUAGES", "all");
    }
    run(&mut playwright)
}

/// What the npm script `name` measures: the lines of its output that are figures. It runs in the system's browser, if in any.
pub(crate) fn measured(name: &str) -> Result<Vec<String>> {
    let mut measure = script(name);
    measure.envs(find("chromium").or_else(|| find("chromium-browser")).map(|browser| ("CHROMIUM", browser)));
    measure.env("HEADFRAME_E2E_PORT", free_port()?.to_string());
    let printed = capture(&mut measure)?;
    // A test runner prints its dots on the same lines.
    Ok(printed.lines().filter_map(|line| line.find("{\"id\"").map(|at| line[at..].to_owned())).collect())
}

/// What lint can mend by itself.
pub(crate) fn fix() -> Result<()> {
    run(npm().args(["run", "--silent", "lint", "--", "--fix"]))
}

fn script(name: &str) -> Command {
    let mut npm = npm();
    npm.args(["run", "--silent", name]);
    npm
}

fn npm() -> Command {
    let mut npm = command("npm");
    npm.current_dir(workspace::root().join("ui"));
    npm
}
