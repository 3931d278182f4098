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

/// Compiles them, runs their tests, and compares the interface that the Rust side is made of with what was compiled.
pub(crate) fn test() -> Result<()> {
    build()?;
    run(tool("forge").args(["test"]))?;
    run(tool("abi").arg("check"))
}

/// A program of `contracts/bin`.
pub(crate) fn tool(name: &str) -> Command {
    let folder = workspace::root().join("contracts");
    let mut program = command("node");
    program.arg(folder.join("bin").join(name)).current_dir(folder);
    program
}
