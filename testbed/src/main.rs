//! The program `headframe-testbed`: a network that stays up, or the demo.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use headframe_testbed::{
    Options, Testbed,
    demo::{Afterwards, Demo, Window, Workload},
    say,
};
use serde::Serialize;
use tokio::{
    io::AsyncReadExt as _,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

/// A whole small network on this computer.
#[derive(Debug, Parser)]
#[command(name = "headframe-testbed", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a network, say where it is, and keep it up until SIGTERM, Ctrl-C or the end of standard input.
    Up {
        /// How many rigs.
        #[arg(long, default_value_t = 1)]
        agents: usize,
        /// Say where it is as one line of JSON.
        #[arg(long)]
        json: bool,
        /// Keep everything in this folder; otherwise in a temporary one that is removed at the end.
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Send real work through a network and fetch its result.
    Demo {
        /// The work.
        #[arg(long, value_enum, default_value = "transcode")]
        workload: Workload,
        /// The image to run it in, by its name in the container engine.
        #[arg(long)]
        image: String,
        /// Where the result goes.
        #[arg(long, default_value = "target/demo")]
        out: PathBuf,
        /// Open no window.
        #[arg(long)]
        headless: bool,
        /// End when the result is fetched and verified.
        #[arg(long)]
        once: bool,
    },
}

/// What `up --json` says.
#[derive(Serialize)]
struct Ready {
    coordinator_url: String,
    api_key: String,
    registry: String,
    agent_dirs: Vec<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match Box::pin(run(Args::parse())).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<()> {
    match args.command {
        Command::Up { agents, json, dir } => up(agents, json, dir).await,
        Command::Demo { workload, image, out, headless, once } => {
            let window = if headless { Window::None } else { Window::Open };
            let afterwards = if once { Afterwards::End } else { Afterwards::Stay };
            Demo { workload, image, out, window, afterwards }.run().await
        }
    }
}

async fn up(agents: usize, json: bool, dir: Option<PathBuf>) -> Result<()> {
    let testbed = Box::pin(Testbed::start(Options { agents, dir, ..Options::default() })).await?;
    let ready = Ready {
        coordinator_url: testbed.coordinator_url()?.as_str().trim_end_matches('/').to_owned(),
        api_key: testbed.customer.key.expose().to_owned(),
        registry: format!("{}/{}", testbed.registry_line.address(), testbed.customer.namespace),
        agent_dirs: testbed.rigs.iter().map(|rig| rig.dir().to_owned()).collect(),
    };
    if json {
        say(serde_json::to_string(&ready).context("could not say where the network is")?)?;
    } else {
        let Ready { coordinator_url, api_key, registry, agent_dirs } = &ready;
        say(format_args!("export HEADFRAME_URL={coordinator_url}\nexport HEADFRAME_API_KEY={api_key}"))?;
        say(format_args!("# Push images to {registry}/<name>. Rigs: {agent_dirs:?}"))?;
    }
    until_told().await?;
    Box::pin(testbed.shutdown()).await
}

/// Returns on SIGTERM, Ctrl-C, or when standard input ends: whoever started us is gone then.
async fn until_told() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("could not listen for SIGTERM")?;
    let mut ignored = [0; 256];
    let mut stdin = tokio::io::stdin();
    let stdin_ends = async { while stdin.read(&mut ignored).await.is_ok_and(|read| read > 0) {} };
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("could not listen for Ctrl-C"),
        _ = terminate.recv() => Ok(()),
        () = stdin_ends => Ok(()),
    }
}
