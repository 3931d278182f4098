//! `admin registry …`: the registry's configuration, and throwing away images nobody uses.

use std::{net::SocketAddr, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use serde_json::json;

use super::{
    acts::{self, ActError, By, Prune},
    table::Shown,
};
use crate::{
    Config,
    registry::{
        Registry,
        prune::{self, Keep},
        write_config,
    },
    store::Store,
};

/// Seconds in a day.
const DAY_S: u64 = 24 * 3_600;

/// What is wanted of the registry.
#[derive(Debug, Subcommand)]
pub(super) enum RegistryCommand {
    /// Write the configuration of a registry that asks this coordinator for tokens.
    Config {
        /// Where the registry shall listen.
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: SocketAddr,
    },
    /// Remove images that no tag names and no open or recent job uses.
    Gc {
        /// Keep what was pushed in so many days.
        #[arg(long, default_value_t = 7)]
        pushed_days: u64,
        /// Keep what a job of so many days used.
        #[arg(long, default_value_t = 30)]
        used_days: u64,
        /// Then free the bytes too, with the registry's program and this configuration of it. Nobody may push meanwhile, or
        /// what is pushed may be lost: make the registry read-only first. Or stop it, run its `garbage-collect` by hand,
        /// start it again, and use --count.
        #[arg(long, value_name = "CONFIG.YML")]
        free: Option<PathBuf>,
        /// The registry's program.
        #[arg(long, default_value = "docker-registry", value_name = "PROGRAM")]
        program: PathBuf,
        /// Only stop counting layers that were freed before; for after the registry was started again.
        #[arg(long, conflicts_with = "free")]
        count: bool,
    },
}

pub(super) async fn carry_out(
    config: &Config,
    store: &Store,
    command: RegistryCommand,
    by: impl Fn() -> Result<By, ActError>,
) -> anyhow::Result<Shown> {
    match command {
        RegistryCommand::Config { listen } => {
            let public_url = config.public_url.as_ref().context("say where the coordinator is, with --public-url")?;
            let path = write_config(&config.data_dir, listen, public_url, &config.registry)?;
            Ok(Shown::said(
                &json!({ "path": path }),
                format!("Start the registry with: docker-registry serve {}", path.display()),
            )?)
        }
        RegistryCommand::Gc { pushed_days, used_days, free, program, count } => {
            let by = by()?;
            let registry = Registry::open(&config.data_dir, &config.registry)?
                .context("this network has no registry: `registry.host` is empty")?;
            let wanted = match (count, &free) {
                (true, _) => "count layers".to_owned(),
                (false, free) => {
                    let free = if free.is_some() { ", free bytes" } else { "" };
                    format!("keep pushed in {pushed_days} days and used in {used_days} days{free}")
                }
            };
            acts::note_registry_prune(store, &by, Prune::Begins, &wanted).await?;
            if count {
                let gone = prune::count_layers(&registry, store).await?;
                acts::note_registry_prune(store, &by, Prune::Done, &format!("{gone} layers gone")).await?;
                return Ok(Shown::said(&json!({ "layers_gone": gone }), format!("{gone} layers no longer count."))?);
            }
            let ago = |days: u64| store.now().before(Duration::from_secs(days.saturating_mul(DAY_S)));
            let keep = Keep { pushed_since: ago(pushed_days), used_since: ago(used_days) };
            let mut pruned = prune::manifests(&registry, store, keep).await?;
            if let Some(path) = free {
                run_collector(&program, &path).await?;
                pruned.layers_gone = prune::count_layers(&registry, store).await.unwrap_or_default();
            }
            let (removed, kept) = (pruned.removed.len(), pruned.kept);
            acts::note_registry_prune(store, &by, Prune::Done, &format!("{removed} manifests removed, {kept} kept")).await?;
            Ok(Shown::said(
                &pruned,
                format!("Removed {removed} manifests, kept {kept}, {} layers no longer count.", pruned.layers_gone),
            )?)
        }
    }
}

/// Runs the registry's own garbage collection.
async fn run_collector(program: &PathBuf, config: &PathBuf) -> anyhow::Result<()> {
    let mut command = tokio::process::Command::new(program);
    command
        .arg("garbage-collect")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let output = command.output().await.with_context(|| format!("could not run {}", program.display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{} garbage-collect ended with {}: {}", program.display(), output.status, said.trim());
    }
    Ok(())
}
