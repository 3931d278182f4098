//! The quick checks, and what of them mends itself.

use std::{path::Path, process::ExitCode};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::{
    bindings::{self, Selection},
    elsewhere::{self, System},
    process::{self, cargo, command},
    section::{Section, Sections},
    setup::{self, Area, Tool},
    test::WORKSPACE,
    tidy, ui, workspace,
};

/// What to check beyond the usual.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Also published holes, with cargo-deny, which checks licences and bans once more. It is built on first use (minutes) and
    /// reads the list of holes from the network, which is why `test` leaves it out: `tidy` checks licences and bans by itself.
    #[arg(long)]
    deny: bool,
    /// Instead of the usual: what Windows compiles, by its types and lints alone. Nothing is linked, and no compiler of C is needed.
    #[arg(long, conflicts_with = "deny")]
    windows: bool,
    /// The same for macOS.
    #[arg(long, conflicts_with = "deny")]
    macos: bool,
}

/// Runs the quick checks.
pub(crate) fn run_checks(sections: &mut Sections) {
    sections.run(Section::LockFile, lock_file);
    sections.run(Section::Format, format);
    sections.run(Section::Tidy, tidy::run);
    sections.run(Section::Clippy, clippy);
}

/// The command.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.windows || options.macos {
        return other_systems(options);
    }
    setup::ensure(&[Area::Build, Area::WindowBuild])?;
    let mut sections = Sections::all();
    run_checks(&mut sections);
    sections.run(Section::Bindings, || bindings::check(Selection::Protocol));
    if options.deny {
        sections.run(Section::Deny, deny);
    }
    Ok(sections.finish())
}

fn other_systems(options: &Options) -> Result<ExitCode> {
    setup::ensure(&[Area::Build])?;
    let mut sections = Sections::all();
    for (wanted, section, system) in
        [(options.windows, Section::Windows, System::Windows), (options.macos, Section::MacOs, System::MacOs)]
    {
        if wanted {
            sections.run(section, || elsewhere::check(system));
        }
    }
    Ok(sections.finish())
}

/// Mends what can be mended without thinking.
pub(crate) fn fix() -> Result<()> {
    setup::ensure(&[Area::Build, Area::WindowBuild, Area::Ui])?;
    page()?;
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
    page()?;
    process::run(cargo().args(["clippy", "--all-targets"]).args(WORKSPACE).args(["--", "--deny", "warnings"]))
}

/// What stands in for the window's pages where nobody looks at them. It says so, in case somebody does.
const STAND_IN: &str = "<!doctype html>
<title>Not built</title>
<p>This window was compiled before its pages were built. Run <code>npm ci && npm run build</code> in <code>ui/</code>, then
build the window again.</p>
";

/// The window's compile step embeds the built pages and refuses to start without them. Their content does not matter to a lint
/// or to a test that opens no window, so a fresh clone gets a stand-in; pages that are there are left alone.
pub(crate) fn page() -> Result<()> {
    stand_in(&workspace::root().join("ui/build"))
}

fn stand_in(folder: &Path) -> Result<()> {
    let page = folder.join("index.html");
    if page.is_file() {
        return Ok(());
    }
    std::fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
    std::fs::write(&page, STAND_IN).with_context(|| format!("could not write {}", page.display()))
}

fn deny() -> Result<()> {
    setup::install_tool(&Tool::DENY)?;
    process::run(command("cargo-deny").args(["--all-features", "check"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_clone_gets_a_page_that_says_what_it_is_and_built_pages_are_left_alone() {
        let folder = workspace::own_place(&std::env::temp_dir(), "headframe-page", "").expect("a temporary folder").join("build");
        stand_in(&folder).expect("a writable folder");
        let page = folder.join("index.html");
        assert!(std::fs::read_to_string(&page).expect("a page").contains("Not built"));
        std::fs::write(&page, "built").expect("a writable folder");
        stand_in(&folder).expect("nothing to do");
        assert_eq!(std::fs::read_to_string(&page).expect("the page"), "built");
        std::fs::remove_dir_all(folder.parent().expect("our own")).expect("our own");
    }
}
