//! The program `headframe-testbed`: a network that stays up, or the demo.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use headframe_testbed::{
    Options, Testbed,
    demo::{Afterwards, Demo, Window, Workload},
    practice, say,
    signals::Told,
};
use serde::Serialize;
use tokio::io::AsyncReadExt as _;
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
    /// Start a network, say where it is, and keep it up until SIGTERM or Ctrl-C.
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
        /// End also when standard input ends: for a program that starts a network and may be killed itself.
        #[arg(long)]
        until_stdin_ends: bool,
        /// Let rigs give work back the moment it has begun, without a pause before the next: for measurements of that.
        #[arg(long)]
        restless_owners: bool,
    },
    /// Be the network an owner practises on: his agent starts it, and its one customer always wants a little done.
    Practise {
        /// Where the agent dials it.
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: SocketAddr,
        /// Keep everything in this folder.
        #[arg(long)]
        dir: PathBuf,
        /// End also when standard input ends: however the agent ends, the network does too.
        #[arg(long)]
        until_stdin_ends: bool,
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
    /// Where rigs dial it.
    rigs_url: String,
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
        Command::Up { agents, json, dir, until_stdin_ends, restless_owners: owners_are_restless } => {
            up(Options { agents, dir, owners_are_restless, ..Options::default() }, json, until_stdin_ends).await
        }
        Command::Practise { listen, dir, until_stdin_ends } => practise((listen, dir), until_stdin_ends).await,
        Command::Demo { workload, image, out, headless, once } => {
            let window = if headless { Window::None } else { Window::Open };
            let afterwards = if once { Afterwards::End } else { Afterwards::Stay };
            Demo { workload, image, out, window, afterwards }.run().await
        }
    }
}

async fn up(options: Options, json: bool, until_stdin_ends: bool) -> Result<()> {
    let mut told = Told::listen()?;
    let testbed = tokio::select! {
        started = Box::pin(Testbed::start(options)) => started?,
        () = told.to_end() => return Ok(()),
    };
    let said = announce(&testbed, json);
    if said.is_ok() {
        tokio::select! {
            () = told.to_end() => {}
            () = stdin_ends(), if until_stdin_ends => {}
        }
    }
    said.and(Box::pin(testbed.shutdown()).await)
}

async fn practise((listen, dir): (SocketAddr, PathBuf), until_stdin_ends: bool) -> Result<()> {
    let mut told = Told::listen()?;
    let options = Options { agents: 0, listen: Some(listen), dir: Some(dir), ..Options::default() };
    let testbed = tokio::select! {
        started = Box::pin(Testbed::start(options)) => started?,
        () = told.to_end() => return Ok(()),
        () = stdin_ends(), if until_stdin_ends => return Ok(()),
    };
    let wanted = tokio::select! {
        wanted = practice::want_work(&testbed) => wanted,
        () = told.to_end() => Ok(()),
        () = stdin_ends(), if until_stdin_ends => Ok(()),
    };
    wanted.and(Box::pin(testbed.shutdown()).await)
}

/// Says where the network is.
fn announce(testbed: &Testbed, json: bool) -> Result<()> {
    let ready = Ready {
        coordinator_url: testbed.coordinator_url()?.as_str().trim_end_matches('/').to_owned(),
        rigs_url: testbed.rigs_url()?.as_str().trim_end_matches('/').to_owned(),
        api_key: testbed.customer.key.expose().to_owned(),
        registry: format!("{}/{}", testbed.registry_line.address(), testbed.customer.namespace),
        agent_dirs: testbed.rigs.iter().map(|rig| rig.dir().to_owned()).collect(),
    };
    if json {
        return say(serde_json::to_string(&ready).context("could not say where the network is")?);
    }
    let Ready { coordinator_url, rigs_url, api_key, registry, agent_dirs } = &ready;
    say(format_args!(
        "export HEADFRAME_URL={coordinator_url}
export HEADFRAME_API_KEY={api_key}"
    ))?;
    say(format_args!("# Push images to {registry}/<name>. Rigs dial {rigs_url}: {agent_dirs:?}"))
}

/// Returns when whoever holds the other end of standard input lets go of it, or is gone.
async fn stdin_ends() {
    let mut ignored = [0; 256];
    let mut stdin = tokio::io::stdin();
    while stdin.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
}
