//! The program `headframe-testbed`: a network that stays up, or the demo.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use alloy_primitives::Address;
use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use headframe_protocol::Micros;
use headframe_testbed::{
    Options, Testbed,
    demo::{Afterwards, Demo, Window, Workload},
    money::{MoneyOptions, Place},
    practice, say,
    signals::Told,
    wallets,
};
use serde::Serialize;
use tokio::io::AsyncReadExt as _;
use tracing_subscriber::EnvFilter;
use url::Url;

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
        /// Have jobs paid on a chain of this computer, on which the customer has put dollars of practice down. Needs Node.js, and what
        /// `npm ci --ignore-scripts` brings into contracts/.
        #[arg(long)]
        money: bool,
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

/// What a customer has put down on the chain of `up --money`.
const DEPOSIT: Micros = Micros::dollars(100);

/// What `up --json` says.
#[derive(Serialize)]
struct Ready {
    coordinator_url: String,
    /// Where rigs dial it.
    rigs_url: String,
    api_key: String,
    registry: String,
    agent_dirs: Vec<PathBuf>,
    /// What the operator's commands take as `--config`.
    coordinator_config: PathBuf,
    /// The chain on which jobs are paid, with `--money`.
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<ReadyChain>,
}

/// A chain that jobs are paid on.
#[derive(Serialize)]
struct ReadyChain {
    /// Where it is asked.
    rpc_url: Url,
    chain_id: u64,
    /// As people call it.
    name: String,
    /// The contract of the dollar that jobs are paid in.
    dollar: Address,
    /// What the dollar is called.
    symbol: String,
    /// Digits behind its point.
    decimals: u8,
    /// Where customers' deposits lie.
    market: Address,
    /// Where owners claim what they have earned.
    distributor: Address,
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
        Command::Up { agents, json, dir, until_stdin_ends, restless_owners: owners_are_restless, money } => {
            let options = Options { agents, dir, owners_are_restless, ..Options::default() };
            // What is paid on a chain is seen there only if nothing else is there to be paid with.
            let paid = Options { grant: Micros::ZERO, money: Some(MoneyOptions::to_watch()), ..options.clone() };
            up(if money { paid } else { options }, json, until_stdin_ends).await
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
    let ready = tokio::select! {
        funded = fund(&testbed) => funded.and_then(|()| ready(&testbed)),
        () = told.to_end() => return Box::pin(testbed.shutdown()).await,
    };
    let said = ready.and_then(|ready| announce(&ready, json));
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

/// Has the customer put money down, where there is a chain.
async fn fund(testbed: &Testbed) -> Result<()> {
    match &testbed.money {
        Some(money) => wallets::fund(testbed, &testbed.customer, &money.customer, &money.home, DEPOSIT).await,
        None => Ok(()),
    }
}

/// Where the network is.
fn ready(testbed: &Testbed) -> Result<Ready> {
    Ok(Ready {
        coordinator_url: testbed.coordinator_url()?.as_str().trim_end_matches('/').to_owned(),
        rigs_url: testbed.rigs_url()?.as_str().trim_end_matches('/').to_owned(),
        api_key: testbed.customer.key.expose().to_owned(),
        registry: format!("{}/{}", testbed.registry_line.address(), testbed.customer.namespace),
        agent_dirs: testbed.rigs.iter().map(|rig| rig.dir().to_owned()).collect(),
        coordinator_config: testbed.coordinator.config_file(),
        chain: testbed.money.as_ref().map(|money| ready_chain(&money.home)).transpose()?,
    })
}

fn ready_chain(place: &Place) -> Result<ReadyChain> {
    let stable = place.profile.stable().context("the chain has no dollar")?;
    Ok(ReadyChain {
        rpc_url: place.node.url().clone(),
        chain_id: place.node.id(),
        name: place.profile.name.clone(),
        dollar: stable.address,
        symbol: stable.symbol.clone(),
        decimals: stable.decimals,
        market: place.profile.contracts.market,
        distributor: place.profile.contracts.distributor,
    })
}

/// Says where the network is.
fn announce(ready: &Ready, json: bool) -> Result<()> {
    if json {
        return say(serde_json::to_string(ready).context("could not say where the network is")?);
    }
    let Ready { coordinator_url, rigs_url, api_key, registry, agent_dirs, coordinator_config, chain } = ready;
    say(format_args!(
        "export HEADFRAME_URL={coordinator_url}
export HEADFRAME_API_KEY={api_key}
export HEADFRAME_COORDINATOR_CONFIG={}",
        coordinator_config.display()
    ))?;
    say(format_args!("# Push images to {registry}/<name>. Rigs dial {rigs_url}: {agent_dirs:?}"))?;
    let Some(ReadyChain { rpc_url, chain_id, symbol, dollar, distributor, .. }) = chain else { return Ok(()) };
    say(format_args!("# Jobs are paid in {symbol} ({dollar}) on chain {chain_id}, {rpc_url}; owners claim at {distributor}"))
}

/// Returns when whoever holds the other end of standard input lets go of it, or is gone.
async fn stdin_ends() {
    let mut ignored = [0; 256];
    let mut stdin = tokio::io::stdin();
    while stdin.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
}
