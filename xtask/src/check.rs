//! The quick checks, and what of them mends itself.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::{
    bindings::{self, Selection},
    process::{self, cargo, command},
    section::Sections,
    setup::{self, Area, Tool},
    test::WORKSPACE,
    tidy, ui, workspace,
};

/// What to check beyond the usual.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Also licences, bans and published holes, with cargo-deny. It is built on first use (minutes) and reads a list of holes
    /// from the network, which is why `test` leaves it out; the bans alone are part of `tidy`.
    #[arg(long)]
    deny: bool,
}

/// Runs the quick checks.
pub(crate) fn run_checks(sections: &mut Sections) {
    sections.run("lock file", lock_file);
    sections.run("format", format);
    sections.run("tidy", tidy::run);
    sections.run("clippy", clippy);
}

/// The command.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    setup::ensure(&[Area::Build, Area::WindowBuild])?;
    let mut sections = Sections::default();
    run_checks(&mut sections);
    sections.run("bindings", || bindings::check(Selection::Protocol));
    if options.deny {
        sections.run("deny", deny);
    }
    Ok(sections.finish())
}

/// Mends what can be mended without thinking.
pub(crate) fn fix() -> Result<()> {
    setup::ensure(&[Area::Build, Area::WindowBuild, Area::Ui])?;
    page_folder()?;
    bindings::write()?;
    process::run(cargo().args(["clippy", "--fix", "--allow-dirty", "--allow-staged", "--all-targets"]).args(WORKSPACE))?;
    process::run(cargo().args(["fmt", "--all"]))?;
    ui::install()?;
    ui::fix()
}

/// A manifest that changed without its lock file would be mended in silence by the first build, on this machine only.
fn lock_file() -> Result<()> {
    let mut metadata = cargo();
    metadata.args(["metadata", "--locked", "--format-version", "1"]);
    process::capture(&mut metadata).context("Cargo.lock is not what the manifests say; build once and commit it").map(drop)
}

fn format() -> Result<()> {
    process::run(cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    page_folder()?;
    process::run(cargo().args(["clippy", "--all-targets"]).args(WORKSPACE).args(["--", "--deny", "warnings"]))
}

/// The window's compile step embeds this folder and refuses to start without it. Its content does not matter to a lint.
pub(crate) fn page_folder() -> Result<()> {
    Ok(std::fs::create_dir_all(workspace::root().join("ui/build"))?)
}

fn deny() -> Result<()> {
    setup::install_tool(&Tool::DENY)?;
    process::run(command("cargo-deny").args(["--all-features", "check"]))
}
