//! The always-on process of a rig, and the command line to the one that runs.
//!
//! `run` is the agent: it serves the control socket and, on request, a tray. Every other command is a guest at that
//! socket, just as the window is.

mod benchmark;
mod commands;
mod doctor;
mod earnings;
mod fleet;
mod logging;
mod run;
mod simulate;
#[cfg(target_os = "linux")]
mod news;
#[cfg(target_os = "linux")]
mod reminder;
#[cfg(target_os = "linux")]
mod tray;
#[cfg(not(target_os = "linux"))]
#[path = "no_tray.rs"]
mod tray;
mod wallet;
mod words;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use headframe_control::AgentPaths;

/// Turns this PC into a rig while its owner is away.
#[derive(Debug, Parser)]
#[command(name = "headframe-agent", version, about, after_help = EXIT_CODES)]
struct Cli {
    /// The agent's data directory. One directory is one agent.
    #[arg(long, global = true, value_name = "DIR", env = headframe_control::paths::DATA_DIR_ENV)]
    data_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str =
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no agent runs, 4 an agent already runs there, 5 the settings are wrong.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Be the agent, until told to quit.
    Run(RunArgs),
    /// Say what the rig is doing.
    Status(StatusArgs),
    /// Say why the rig works or does not, and what that is known from.
    Explain,
    /// Look at this PC: whether it can be a rig, and what to mend if not. Works with and without an agent.
    Doctor(DoctorArgs),
    /// Say what the graphics cards and the processor can do. Measures what is not known yet; half a minute for a card.
    Benchmark(BenchmarkArgs),
    /// Say whether your rules are understood, and what they make of the week.
    Rules(RulesArgs),
    /// Take no more jobs of the customer of an attempt; without one, list whom you take none of.
    Block(BlockArgs),
    /// Take jobs of a customer again.
    Unblock(UnblockArgs),
    /// Say how quickly the PC was given back, each time.
    Yields(YieldsArgs),
    /// Say what rules would have done in the past days, by what was recorded of them.
    Simulate(SimulateArgs),
    /// Say what was earned, and what its power cost.
    Earnings(EarningsArgs),
    /// Say what all rigs of this wallet do and earn.
    Fleet(FleetArgs),
    /// Give the PC back, and take no work until resumed.
    Pause(PauseArgs),
    /// Take work whenever the owner is away.
    Resume,
    /// Finish what runs, then take no more work.
    Finish,
    /// Print the log of an attempt; of the newest one if none is named.
    Logs(LogsArgs),
    /// The owner's wallet: where earnings go and how they are taken.
    #[command(subcommand)]
    Wallet(wallet::Command),
    /// Turn earnings into computing credit of a customer account.
    Spend(wallet::SpendCommand),
    /// End the agent; what runs is stopped and reported first.
    Quit,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Show an icon in the desktop's tray, where there is one.
    #[arg(long)]
    tray: bool,
}

#[derive(Debug, Args)]
struct StatusArgs {
    /// Print the whole snapshot as JSON, one line each.
    #[arg(long)]
    json: bool,
    /// Stay, and print again after each change.
    #[arg(long)]
    watch: bool,
}

#[derive(Debug, Args)]
struct DoctorArgs {
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
    /// Leave out names of people and PCs, and say everything of each check: for somebody who helps you.
    #[arg(long)]
    support: bool,
}

#[derive(Debug, Args)]
struct BenchmarkArgs {
    /// Measure again what is known.
    #[arg(long)]
    again: bool,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
    /// Measure also adapters that are programs and not cards. They have no score.
    #[arg(long)]
    software: bool,
}

#[derive(Debug, Args)]
struct RulesArgs {
    /// Print the rules of an owner who has written none, with what each means. A line of it in your own file changes it.
    #[arg(long)]
    defaults: bool,
}

#[derive(Debug, Args)]
struct BlockArgs {
    /// An attempt of a job of his, as `status` and the window name it.
    attempt: Option<String>,
    /// Give back what of his runs now, too. Otherwise it goes on to its end.
    #[arg(long, requires = "attempt")]
    stop: bool,
}

#[derive(Debug, Args)]
struct UnblockArgs {
    /// His pseudonym, as `block` lists it.
    customer: String,
}

#[derive(Debug, Args)]
struct YieldsArgs {
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct SimulateArgs {
    /// Rules to try, as they would stand in `rules.toml`; without it those that hold.
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// How many days back.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u8).range(1..=14))]
    days: u8,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct EarningsArgs {
    /// Add up hours, days or months.
    #[arg(long, value_enum, default_value_t = earnings::By::Day)]
    by: earnings::By,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
    /// Print every attempt instead, for spreadsheets.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// With `--csv`: one calendar year by its months and attempts, for taxes.
    #[arg(long, value_name = "YEAR", requires = "csv")]
    year: Option<i16>,
}

#[derive(Debug, Args)]
struct FleetArgs {
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct PauseArgs {
    /// Resume by itself after this many minutes.
    #[arg(long, value_name = "N")]
    minutes: Option<u32>,
}

#[derive(Debug, Args)]
struct LogsArgs {
    /// The attempt, as `status` and the window name it.
    attempt: Option<String>,
    /// Stay, and print what is added until the attempt ends.
    #[arg(short, long)]
    follow: bool,
}

/// What the process ends with. The numbers are promised to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Exit {
    Done = 0,
    Failed = 1,
    NoAgent = 3,
    AlreadyRuns = 4,
    WrongSettings = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

fn main() -> ExitCode {
    let Cli { data_dir, command } = Cli::parse();
    let paths = match AgentPaths::resolve(data_dir) {
        Ok(paths) => paths,
        Err(error) => return words::fail(&error, Exit::Failed).into(),
    };
    // The agent's own work is waiting, and one thread can wait for everything. What blocks has threads of its own, which go when idle.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return words::fail(&error, Exit::Failed).into(),
    };
    let exit = runtime.block_on(async {
        match command {
            Command::Run(args) => Box::pin(run::run(&paths, args)).await,
            Command::Status(args) => commands::status(&paths, args).await,
            Command::Explain => commands::explain(&paths).await,
            Command::Doctor(args) => Box::pin(doctor::doctor(&paths, &args)).await,
            Command::Benchmark(args) => Box::pin(benchmark::benchmark(&paths, &args)).await,
            Command::Rules(args) => commands::rules(&paths, &args),
            Command::Block(args) => commands::block(&paths, args).await,
            Command::Unblock(args) => commands::unblock(&paths, args).await,
            Command::Yields(args) => commands::yields(&paths, &args).await,
            Command::Simulate(args) => Box::pin(simulate::simulate(&paths, &args)).await,
            Command::Earnings(args) => earnings::earnings(&paths, &args).await,
            Command::Fleet(args) => fleet::fleet(&paths, &args).await,
            Command::Pause(args) => commands::pause(&paths, args).await,
            Command::Resume => commands::resume(&paths).await,
            Command::Finish => commands::finish(&paths).await,
            Command::Logs(args) => commands::logs(&paths, args).await,
            Command::Wallet(command) => wallet::run(&paths, command).await,
            Command::Spend(command) => wallet::spend(&paths, command).await,
            Command::Quit => commands::quit(&paths).await,
        }
    });
    exit.into()
}
