//! Everything that must hold before a change lands, in one command that sets itself up.
//!
//! One selection of packages and features for every cargo call: a second selection would compile half the tree twice.

mod long_runs;

use std::{path::PathBuf, process::Command, process::ExitCode};

use anyhow::{Result, bail};
use clap::Args;
use long_runs::{LongRun, SEED_MAX};

use crate::{
    bindings::{self, Selection},
    check, contracts,
    display::Display,
    engine::Engine,
    kernels,
    postgres::Postgres,
    process::{self, cargo, find},
    section::{Section, Sections},
    setup::{self, Area, Tool},
    ui,
    workspace::{self, BINARIES, Profile},
};

/// What every cargo call of a test run selects.
pub(crate) const WORKSPACE: [&str; 2] = ["--workspace", "--all-features"];

/// Tests that need no engine, no display and no database of their own.
const PLAIN: &str = "not package(headframe-testbed) and not (package(headframe-agent) and test(/^docker::/)) \
                     and not (package(headframe-desktop) and kind(test))";
/// The runner and the whole network on the real engine.
const ENGINE: &str = "package(headframe-testbed) or (package(headframe-agent) and test(/^docker::/))";
/// The coordinator's own suite, which runs on both databases.
const COORDINATOR: &str = "package(headframe-coordinator)";
/// The real window, driven from outside.
const WINDOW: &str = "package(headframe-desktop) and kind(test)";

/// Which tests, how often.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only this section and what it needs; may be given several times.
    #[arg(long, value_enum, conflicts_with = "profile")]
    section: Vec<Section>,
    /// A long run of one kind instead of everything once.
    #[arg(long, value_enum)]
    profile: Option<LongRun>,
    /// How many times in a row each test of the profile must pass.
    #[arg(long, default_value_t = 1, requires = "profile")]
    repeat: u32,
    /// Where the random numbers of `--profile money` begin, to tell again what failed. It says which it took.
    #[arg(long, requires = "profile", value_parser = clap::value_parser!(u32).range(..=i64::from(SEED_MAX)))]
    seed: Option<u32>,
}

/// The command.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    match (options.profile, options.seed) {
        (None, _) => sections(Sections::only(&options.section)),
        (Some(LongRun::Money), seed) => long_runs::money(options.repeat, seed),
        (Some(LongRun::Faults | LongRun::Fuzz | LongRun::Pages), Some(_)) => bail!("--seed is for --profile money"),
        (Some(LongRun::Faults), None) => long_runs::faults(options.repeat),
        (Some(LongRun::Fuzz), None) => long_runs::fuzz(options.repeat),
        (Some(LongRun::Pages), None) => long_runs::pages(options.repeat),
    }
}

fn sections(mut sections: Sections) -> Result<ExitCode> {
    let ready = sections.run(Section::SetUp, set_up);
    let packages = sections.run(Section::UiPackages, ui::install);
    let pages = sections.run_with(Section::UiBuild, packages, |()| ui::build());
    sections.run_with(Section::UiTest, packages, |()| ui::test());
    let contracts = sections.run_with(Section::Contracts, ready, |()| contracts::test());
    check::run_checks(&mut sections);
    sections.run_with(Section::Kernels, ready, |()| kernels::check());
    let built = sections.run_with(Section::Build, ready.and(pages), |()| build());
    sections.run_with(Section::Bindings, built, |()| bindings::check(Selection::Workspace));
    sections.run_with(Section::Rust, built, |()| process::run(&mut nextest(PLAIN)));
    sections.run_with(Section::Docs, built, |()| process::run(cargo().args(["test", "--doc", "--quiet"]).args(WORKSPACE)));
    sections.run_with(Section::Postgres, built, |()| on_postgres());
    let engine = sections.run_with(Section::Engine, ready, |()| Engine::ensure());
    sections.run_with(Section::Network, built.and(contracts).and(engine.as_ref()), |_| process::run(&mut nextest(ENGINE)));
    sections.run_with(Section::Chromium, packages, |()| ui::end_to_end(ui::Looks::English));
    sections.run_with(Section::Window, built.and(engine.as_ref()), |_| real_window());
    drop(engine);
    Ok(sections.finish())
}

fn set_up() -> Result<()> {
    setup::ensure(&[
        Area::Build,
        Area::Kernels,
        Area::WindowBuild,
        Area::Ui,
        Area::Contracts,
        Area::Engine,
        Area::Graphics,
        Area::Testbed,
        Area::Postgres,
        Area::Display,
        Area::WindowTest,
        Area::Browser,
    ])?;
    kernels::ensure_judge()?;
    setup::install_tool(&Tool::NEXTEST)?;
    setup::install_tool(&Tool::TAURI_DRIVER)
}

/// Binaries and tests together, so that the binaries that the tests start are those that were just built.
fn build() -> Result<()> {
    process::run(cargo().args(["build", "--all-targets"]).args(WORKSPACE))
}

fn on_postgres() -> Result<()> {
    let postgres = Postgres::start()?;
    let tested = process::run(nextest(COORDINATOR).env("HEADFRAME_TEST_POSTGRES", &postgres.url));
    if tested.is_err() {
        postgres.keep();
    }
    tested
}

fn real_window() -> Result<()> {
    // One owner is paid on a chain; whether the contracts are right is another section's.
    contracts::build()?;
    let display = Display::private()?;
    let shots = workspace::target_folder("window")?;
    let mut tests = nextest(WINDOW);
    display.lend(&mut tests);
    tests.env("HEADFRAME_SCREENSHOTS", &shots);
    process::run(&mut tests)?;
    println!("Screenshots are in {}.", shots.display());
    Ok(())
}

/// A nextest run over the workspace that was built, narrowed to `filter`. In CI a failing test never hides another.
fn nextest(filter: &str) -> Command {
    let mut tests = cargo();
    tests.args(["nextest", "run"]).args(WORKSPACE).args(["--filterset", filter]);
    tests.args(["--test-threads", &threads().to_string()]);
    tests.envs(binaries(Profile::Debug));
    tests
}

/// Tests at once. Most of them wait for a timer, a container or each other half of the time, which leaves a small machine idle.
fn threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    cores.max((cores * 2).min(6))
}

/// What a test needs to know of this machine, as variables.
pub(crate) fn binaries(profile: Profile) -> Vec<(&'static str, PathBuf)> {
    let mut found: Vec<_> = BINARIES.iter().map(|(variable, name)| (*variable, workspace::binary(profile, name))).collect();
    found.extend(find("tauri-driver").map(|driver| ("HEADFRAME_TAURI_DRIVER", driver)));
    found.extend(find("WebKitWebDriver").map(|driver| ("HEADFRAME_WEBKIT_DRIVER", driver)));
    found
}
