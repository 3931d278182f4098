//! The only developer command. `cargo xtask --help` lists what it does; `docs/testing.md` explains the tests.
//!
//! Each command makes a bare machine ready for itself first (`setup`), so a fresh clone needs Rust, Node.js and nothing else.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a developer's command talks to a terminal")]

mod bench;
mod bindings;
mod check;
mod contracts;
mod demo;
mod display;
mod elsewhere;
mod engine;
mod image;
mod kernels;
mod postgres;
mod process;
mod section;
mod setup;
mod story;
mod test;
mod tidy;
mod ui;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Headframe's developer command.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Runs a whole small network here and sends real work through it.
    Demo(demo::Options),
    /// Everything that must hold before a change lands. CI runs exactly this.
    Test(test::Options),
    /// The quick part of `test`: format, lints, sizes and directions, bindings.
    Check(check::Options),
    /// Mends what can be mended by itself: format, lints, bindings.
    Fix,
    /// Writes the TypeScript types of what crosses into the window.
    Bindings {
        /// Fail if anything would change, and change nothing.
        #[arg(long)]
        check: bool,
    },
    /// Compiles the kernels for NVIDIA cards to the PTX that is committed beside them.
    Kernels {
        /// Fail if anything would change or does not assemble, and change nothing.
        #[arg(long)]
        check: bool,
    },
    /// Directions between crates and modules, sizes, names, dead files.
    Tidy,
    /// Prints figures as ratios of one run. They are for reading; no test asserts them.
    Bench(bench::Options),
    /// Opens the UI in a browser on the fake host, with a scene picker.
    Ui,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Task::Demo(options) => demo::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Check(options) => check::run(&options),
        Task::Fix => success(check::fix()),
        Task::Bindings { check: true } => success(bindings::check(bindings::Selection::Protocol)),
        Task::Bindings { check: false } => success(bindings::write()),
        Task::Kernels { check: true } => success(kernels::check()),
        Task::Kernels { check: false } => success(kernels::write()),
        Task::Tidy => success(tidy::run()),
        Task::Bench(options) => success(bench::run(&options)),
        Task::Ui => success(ui::develop()),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}

fn success(outcome: Result<()>) -> Result<ExitCode> {
    outcome.map(|()| ExitCode::SUCCESS)
}
