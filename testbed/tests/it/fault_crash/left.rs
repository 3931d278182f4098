//! What must not be left of a job on the rig: containers, volumes, mounts, loop devices, folders, files, open entries.

use std::{collections::HashMap, path::Path};

use anyhow::{Context as _, Result, ensure};
use bollard::{
    Docker,
    query_parameters::{ListContainersOptionsBuilder, ListVolumesOptionsBuilder},
};
use sqlx::{Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};

/// Fails, naming it, if anything is left of any job of the rig in `dir`.
pub(super) async fn nothing(docker: &Docker, device: &str, dir: &Path) -> Result<()> {
    let ours = HashMap::from([("label", vec![format!("headframe.device={device}")])]);
    let containers = docker.list_containers(Some(ListContainersOptionsBuilder::new().all(true).filters(&ours).build())).await?;
    let names: Vec<_> = containers.into_iter().flat_map(|container| container.names.unwrap_or_default()).collect();
    ensure!(names.is_empty(), "containers are left: {names:?}");
    let volumes = docker.list_volumes(Some(ListVolumesOptionsBuilder::new().filters(&ours).build())).await?;
    let names: Vec<_> = volumes.volumes.unwrap_or_default().into_iter().map(|volume| volume.name).collect();
    ensure!(names.is_empty(), "volumes are left: {names:?}");
    let below = dir.display().to_string();
    let mounts = std::fs::read_to_string("/proc/self/mounts").context("no list of mounts")?;
    let mounts: Vec<_> = mounts.lines().filter(|line| line.contains(&below)).collect();
    ensure!(mounts.is_empty(), "mounts are left: {mounts:?}");
    let loops: Vec<_> = loop_files().into_iter().filter(|file| file.contains(&below)).collect();
    ensure!(loops.is_empty(), "loop devices are left: {loops:?}");
    let folders = names_in(&dir.join("work"))?;
    ensure!(folders.is_empty(), "work folders are left: {folders:?}");
    let odd: Vec<_> = names_in(dir)?.into_iter().filter(|name| name.ends_with(".new") || name.ends_with(".tmp")).collect();
    ensure!(odd.is_empty(), "files are left half-written: {odd:?}");
    let open = open_attempts(dir).await?;
    ensure!(open == 0, "{open} attempts or checkpoints are open in the rig's journal");
    Ok(())
}

/// What the files of all loop devices are, except of those that another program's copy of our mounts still holds: one that has
/// unshared them while a job ran, on a system whose mounts are private. Ours was unmounted, and more we cannot do.
fn loop_files() -> Vec<String> {
    let Ok(devices) = std::fs::read_dir("/sys/block") else { return Vec::new() };
    let file = |device: std::fs::DirEntry| {
        let file = std::fs::read_to_string(device.path().join("loop/backing_file")).ok()?;
        (!is_held_elsewhere(&format!("/dev/{} ", device.file_name().display()))).then_some(file)
    };
    devices.flatten().filter_map(file).collect()
}

fn is_held_elsewhere(device: &str) -> bool {
    let Ok(programs) = std::fs::read_dir("/proc") else { return false };
    let mounts = programs.flatten().filter_map(|program| std::fs::read_to_string(program.path().join("mountinfo")).ok());
    mounts.into_iter().any(|mounts| mounts.contains(device))
}

fn names_in(dir: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("could not look into {}", dir.display()))?;
    Ok(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

async fn open_attempts(dir: &Path) -> Result<i64> {
    let mut journal = journal(dir).await?;
    let open = "SELECT (SELECT COUNT(*) FROM attempt WHERE settled_ms IS NULL) + (SELECT COUNT(*) FROM checkpoint)";
    let open = sqlx::query_scalar(open).fetch_one(&mut journal).await?;
    journal.close().await?;
    Ok(open)
}

/// Milliseconds that the rig was told are paid, by attempt.
pub(super) async fn paid_ms(dir: &Path) -> Result<Vec<(String, u64)>> {
    let mut journal = journal(dir).await?;
    let rows = sqlx::query("SELECT attempt, paid_ms FROM attempt").fetch_all(&mut journal).await?;
    journal.close().await?;
    rows.iter().map(|row| Ok((row.try_get("attempt")?, u64::try_from(row.try_get::<i64, _>("paid_ms")?)?))).collect()
}

async fn journal(dir: &Path) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(dir.join("agent.db")).read_only(true);
    SqliteConnection::connect_with(&options).await.context("could not open the rig's journal")
}
