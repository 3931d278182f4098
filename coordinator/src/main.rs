//! `headframe-coordinator`: serve · migrate · backup · restore · admin · defaults.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use headframe_coordinator::{
    Config, Coordinator,
    admin::{self, AdminArgs},
    backup, config,
    store::Store,
};
use tracing_subscriber::EnvFilter;

/// The control plane of a Headframe network.
#[derive(Debug, Parser)]
#[command(name = "headframe-coordinator", version)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

/// Where the configuration comes from. A flag or variable wins over the file.
#[derive(Debug, Args)]
struct Settings {
    /// The configuration file; see `headframe-coordinator defaults`.
    #[arg(long, global = true, env = "HEADFRAME_COORDINATOR_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen.
    #[arg(long, global = true, env = "HEADFRAME_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// What customers and agents dial.
    #[arg(long, global = true, env = "HEADFRAME_PUBLIC_URL", value_name = "URL")]
    public_url: Option<url::Url>,
    /// `postgres://…` or `sqlite://…`. Prefer the variable: flags can be read by others on the machine.
    #[arg(long, global = true, env = "HEADFRAME_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Holds the database file, results, logs and keys.
    #[arg(long, global = true, env = "HEADFRAME_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve customers and rigs until told to stop.
    Serve,
    /// Bring the database schema up to date, and end.
    Migrate,
    /// Write everything in the database to a file, while the coordinator runs or not. The artifact store is copied apart.
    Backup {
        /// The file.
        file: PathBuf,
    },
    /// Fill an empty database, SQLite or PostgreSQL, from a backup of either.
    Restore {
        /// The file.
        file: PathBuf,
    },
    /// What operators do.
    Admin(AdminArgs),
    /// Print the commented configuration file with every default.
    Defaults,
}

impl Settings {
    fn read(self) -> anyhow::Result<Config> {
        let Self { config, listen, public_url, database_url, data_dir } = self;
        let mut read = config
            .map_or_else(|| Ok(Config::default()), |path| Config::load(&path))
            .context("could not read the configuration")?;
        read.listen = listen.unwrap_or(read.listen);
        read.public_url = public_url.or(read.public_url);
        read.database_url = database_url.or(read.database_url);
        read.data_dir = data_dir.unwrap_or(read.data_dir);
        read.check().context("the configuration is not right")?;
        Ok(read)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let Cli { settings, command } = cli;
    match command {
        Command::Serve => serve(settings.read()?).await,
        Command::Migrate => {
            let config = settings.read()?;
            std::fs::create_dir_all(&config.data_dir).context("could not make the data directory")?;
            // Opening is what brings the schema up to date.
            Store::open(&config).await.context("could not bring the schema up to date")?.close().await;
            Ok(())
        }
        Command::Backup { file } => {
            let store = Store::open(&settings.read()?).await.context("could not open the database")?;
            let done = backup::backup(&store, &file).await.context("could not back up");
            store.close().await;
            say(&format!("Wrote {} rows to {}.\n", done?.values().sum::<u64>(), file.display()))
        }
        Command::Restore { file } => {
            let config = settings.read()?;
            std::fs::create_dir_all(&config.data_dir).context("could not make the data directory")?;
            let store = Store::open(&config).await.context("could not open the database")?;
            let done = backup::restore(&store, &file).await.context("could not restore");
            store.close().await;
            say(&format!("Restored {} rows; the books are in order.\n", done?.values().sum::<u64>()))
        }
        Command::Admin(args) => admin::run(&settings.read()?, args, &mut std::io::stdout()).await,
        Command::Defaults => say(config::DEFAULTS_TOML),
    }
}

fn say(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    std::io::stdout().write_all(text.as_bytes()).context("could not print")
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let mut coordinator = Coordinator::bind(config).await.context("could not start")?;
    let ended = tokio::select! {
        ended = coordinator.join() => ended.context("could not go on"),
        signal = stop_signal() => signal,
    };
    coordinator.shutdown().await;
    ended
}

/// Returns when the system asks us to stop.
async fn stop_signal() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).context("could not listen for SIGTERM")?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted.context("could not listen for SIGINT"),
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.context("could not listen for Ctrl-C")
}
