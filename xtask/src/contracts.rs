//! The contracts' own tools: Foundry and the compiler, as npm brings them.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{
    process::{command, run},
    workspace,
};

/// The packages of the lock file, and only those. None of them needs its install script.
pub(crate) fn install() -> Result<()> {
    let folder = workspace::root().join("contracts");
    let wanted = std::fs::metadata(folder.join("package-lock.json")).context("contracts/package-lock.json is missing")?;
    // npm writes this file last, so it is there only after a complete install.
    let installed = std::fs::metadata(folder.join("node_modules/.package-lock.json"));
    if installed.is_ok_and(|installed| installed.modified().ok() >= wanted.modified().ok()) {
        return Ok(());
    }
    let mut npm = command("npm");
    run(npm.args(["ci", "--no-progress", "--ignore-scripts"]).current_dir(folder))
}

/// Compiles them: what a deployment needs.
pub(crate) fn build() -> Result<()> {
    install()?;
    run(tool("forge").args(["build"]))
}

/// Compiles them and runs their tests, after what takes a second: their format, the interface that the Rust side is made of, and
/// what calls cost, each compared with what was compiled.
pub(crate) fn test() -> Result<()> {
    build()?;
    run(tool("forge").args(["fmt", "--check", "src", "test", "script", "mocks"]))?;
    run(tool("abi").arg("check"))?;
    run(tool("gas").arg("check"))?;
    run(tool("forge").args(["test"]))
}

/// Runs the tests that take random numbers, with others than the usual ones.
pub(crate) fn fuzz(seed: u32) -> Result<()> {
    let mut test = tool("forge");
    test.args(["test", "--match-test", "^(testFuzz|invariant)"]);
    run(test.env("FOUNDRY_FUZZ_SEED", format!("{seed:#x}")))
}

/// Takes each guard away in turn; prints which test misses it, and fails where none does.
pub(crate) fn mutate() -> Result<()> {
    run(&mut tool("mutate"))
}

/// A program of `contracts/bin`.
pub(crate) fn tool(name: &str) -> Command {
    let folder = workspace::root().join("contracts");
    let mut program = command("node");
    program.arg(folder.join("bin").join(name)).current_dir(folder);
    program
}
