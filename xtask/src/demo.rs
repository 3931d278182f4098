//! One command from a fresh clone to a result file: the whole house on this machine, and real work through it.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::{
    contracts,
    display::Display,
    engine::Engine,
    image::{self, Workload},
    process::{self, cargo, run_to_its_end, tied_to_us},
    setup::{self, Area},
    test::binaries,
    ui,
    workspace::{self, Profile},
};

/// What the demo shows.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The work to send.
    #[arg(long, value_enum, default_value = "transcode")]
    workload: Workload,
    /// No window, no display.
    #[arg(long)]
    headless: bool,
    /// End when the result is fetched and verified.
    #[arg(long)]
    once: bool,
}

/// Sets up, builds, and hands over to the testbed, whose exit code is ours.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut areas = vec![Area::Build, Area::Contracts, Area::Engine, Area::JobImage, Area::Testbed];
    if !options.headless {
        areas.extend([Area::WindowBuild, Area::Ui, Area::Display]);
    }
    setup::ensure(&areas)?;
    let _engine = Engine::ensure()?;
    let image = image::ensure(options.workload)?;
    contracts::build()?;
    build(options)?;

    let testbed = workspace::binary(Profile::Debug, "headframe-testbed");
    // The display must outlive the demo, hence the binding.
    let display = if options.headless { None } else { Some(Display::any()?) };
    let mut demo = tied_to_us(&testbed, None);
    if let Some(display) = &display {
        display.lend(&mut demo);
    }
    demo.args(["demo", "--workload", options.workload.name(), "--image", &image]);
    if options.headless {
        demo.arg("--headless");
    }
    if options.once {
        demo.arg("--once");
    }
    demo.envs(binaries(Profile::Debug));
    let status = run_to_its_end(&mut demo)?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn build(options: &Options) -> Result<()> {
    if options.headless {
        // The default members: everything but the window, which needs a web engine to compile.
        return run_build(&["build", "--bins"]);
    }
    // The window carries the pages inside, so they come first.
    ui::install()?;
    ui::build()?;
    run_build(&["build", "--workspace", "--bins"])
}

fn run_build(arguments: &[&str]) -> Result<()> {
    process::run(cargo().args(arguments)).context("could not build the demo")
}
