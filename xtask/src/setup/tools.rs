//! Cargo's companions, in the version we have tried, kept below `target/tools` so that nobody's own are touched.

use anyhow::{Context as _, Result};

use crate::{
    process::{cargo, command, run, says_yes},
    story, workspace,
};

/// A program from the crates registry.
#[derive(Debug)]
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
    why: &'static str,
}

impl Tool {
    /// Runs the Rust tests. Any version that is already there will do: `.config/nextest.toml` names the oldest that does not.
    pub(crate) const NEXTEST: Self = Self { name: "cargo-nextest", version: "0.9.143", why: "runs the Rust tests" };
    /// Between WebDriver and the window. Pinned: version 3 is not finished.
    pub(crate) const TAURI_DRIVER: Self = Self { name: "tauri-driver", version: "2.1.0", why: "drives the real window" };
    /// Throws bytes at the protocol.
    pub(crate) const FUZZ: Self = Self { name: "cargo-fuzz", version: "0.13.2", why: "throws random bytes at the protocol" };
    /// Licences, bans and known holes.
    pub(crate) const DENY: Self = Self { name: "cargo-deny", version: "0.20.2", why: "checks licences, bans and known holes" };

    fn is_there(&self) -> bool {
        // `--help` rather than `--version`: tauri-driver knows only the former.
        says_yes(command(self.name).arg("--help"))
    }
}

/// The tool is on our search path when this returns. Building one takes minutes on a small machine, so that is said.
pub(crate) fn install(tool: &Tool) -> Result<()> {
    if tool.is_there() {
        return Ok(());
    }
    let Tool { name, version, why } = tool;
    story::tell(format_args!("{name} is missing; it {why}. Building version {version} takes some minutes, once."));
    let mut install = cargo();
    install.args(["install", "--locked", "--quiet", tool.name, "--version", tool.version, "--root"]).arg(workspace::tools());
    // The repository's toolchain file applies, its target folder does not: these builds share nothing with ours.
    install.env("CARGO_TARGET_DIR", workspace::tools().join("build"));
    run(&mut install).with_context(|| format!("could not install {}", tool.name))
}
