//! Gathers the facts. Each look has its own patience, changes nothing that lasts, and asks nobody outside but the owner's own coordinator.

use std::{fs, io, path::Path, time::Duration};

use headframe_control::AgentPaths;
use headframe_protocol::control::ProbeView;

use super::facts::{Disk, Facts, Folder, FolderState, Memory, Reclaim, Written};
use crate::{
    idle::{self, IdleProbe, Reading, Rules, rules},
    runner::{RunnerConfig, engine},
    settings::{self, Settings},
    tasks::apart,
    view,
};

mod coordinator;
mod desktop;
mod gpus;

/// Between two looks of a probe that needs two: some measure what has changed since.
const PROBE_AGAIN_AFTER: Duration = Duration::from_millis(700);

/// What whoever looks knows already.
#[derive(Debug, Clone)]
pub struct Known<'a> {
    /// The agent's places.
    pub paths: &'a AgentPaths,
    /// What the probes of a running agent say. None: they are asked here.
    pub probes: Option<Vec<ProbeView>>,
}

/// Looks at everything at once; it takes as long as the slowest.
pub async fn look(known: Known<'_>) -> Facts {
    let Known { paths, probes } = known;
    let dir = paths.data_dir();
    let settings = Settings::load(dir);
    let (socket, url) = match &settings {
        Ok(settings) => (settings.engine.socket.clone(), Some(settings.coordinator.url.clone())),
        Err(_) => (String::new(), None),
    };
    let given = Some(socket.as_str()).filter(|socket| !socket.is_empty());
    let folder = Folder { path: dir.display().to_string(), state: folder_state(dir) };
    // Only where the agent has been before: a look makes no folders that stay.
    let trial = Some(dir.join("work")).filter(|work| work.is_dir()).map(|work| work.join("doctor"));
    let (engines, gpus, probes, coordinator, desktop) = tokio::join!(
        engine::examine(given, trial.as_deref()),
        gpus::look(),
        async {
            match probes {
                Some(probes) => probes,
                None => ask_probes().await,
            }
        },
        coordinator::look(url.as_ref()),
        desktop::look(),
    );
    if let Some(trial) = trial {
        // Empty by now; what is not empty is not ours to remove.
        tokio::fs::remove_dir(trial).await.ok();
    }
    let own_rules = Rules::load(dir);
    Facts {
        folder,
        waits_for_away: own_rules.as_ref().map_or(true, |rules| rules.away.require),
        rules: written(&dir.join(rules::FILE_NAME), own_rules.err().map(|error| error.to_string())),
        disk: disk(dir, settings.as_ref().ok()),
        memory: memory(settings.as_ref().ok()),
        wsl: wsl(),
        settings: written(&dir.join(settings::FILE_NAME), settings.err().map(|error| chain(&error))),
        engines,
        gpus,
        coordinator,
        probes,
        desktop,
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", source.to_string().trim().replace('\n', " ")),
        None => error.to_string(),
    }
}

fn written(file: &Path, problem: Option<String>) -> Written {
    Written { path: file.display().to_string(), exists: file.exists(), problem }
}

#[cfg(unix)]
fn folder_state(dir: &Path) -> FolderState {
    use std::os::unix::fs::MetadataExt as _;
    let found = match fs::metadata(dir) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return FolderState::Missing,
        Err(error) => return FolderState::Unusable(error.to_string()),
    };
    if !found.is_dir() {
        return FolderState::NotAFolder;
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return FolderState::Foreign;
    }
    if found.mode() & 0o077 != 0 {
        return FolderState::Exposed { mode: found.mode() & 0o777 };
    }
    let may = rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    if rustix::fs::access(dir, may).is_ok() { FolderState::Private } else { FolderState::ReadOnly }
}

/// On Windows it lies in the owner's profile, whose access list it inherits.
#[cfg(not(unix))]
fn folder_state(dir: &Path) -> FolderState {
    match fs::metadata(dir) {
        Ok(found) if found.is_dir() => FolderState::Private,
        Ok(_) => FolderState::NotAFolder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => FolderState::Missing,
        Err(error) => FolderState::Unusable(error.to_string()),
    }
}

fn disk(dir: &Path, settings: Option<&Settings>) -> Disk {
    // Before the first start the folder is not there: the disk is that of the nearest one above it.
    let there = dir.ancestors().find(|folder| folder.exists()).unwrap_or(dir);
    Disk {
        free_bytes: fs4::available_space(there).ok(),
        cap_bytes: settings.map(|settings| u64::from(settings.limits.disk_gib) << 30),
        reserve_bytes: RunnerConfig::DISK_RESERVE_BYTES,
    }
}

fn memory(settings: Option<&Settings>) -> Memory {
    let total_bytes = sysinfo::System::new().ok().map(|mut system| {
        system.refresh_memory_specifics(sysinfo::MemoryRefreshKind::nothing().with_ram());
        system.total_memory()
    });
    let given_bytes = settings.zip(total_bytes).map(|(settings, total)| settings.limits.memory_bytes(total));
    Memory { total_bytes, given_bytes }
}

fn wsl() -> Option<Reclaim> {
    if !cfg!(target_os = "windows") {
        return None;
    }
    let file = std::env::home_dir()?.join(".wslconfig");
    Some(reclaim(&fs::read_to_string(file).unwrap_or_default()))
}

/// Sections and keys are told apart without regard to case, as WSL reads them.
fn reclaim(wslconfig: &str) -> Reclaim {
    let mut section = String::new();
    let mut found = Reclaim::Unwritten;
    for line in wslconfig.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim().to_lowercase();
        } else if let Some((key, value)) = line.split_once('=')
            && section == "experimental"
            && key.trim().eq_ignore_ascii_case("autoMemoryReclaim")
        {
            let is_on = ["gradual", "dropcache"].iter().any(|word| value.trim().eq_ignore_ascii_case(word));
            found = if is_on { Reclaim::On } else { Reclaim::Off };
        }
    }
    found
}

/// Asks every probe of this platform twice.
async fn ask_probes() -> Vec<ProbeView> {
    let asked = apart(|| {
        let mut probes = idle::platform_probes();
        round(&mut probes);
        probes
    });
    let Some(mut probes) = asked.await else { return Vec::new() };
    tokio::time::sleep(PROBE_AGAIN_AFTER).await;
    let readings = apart(move || round(&mut probes)).await.unwrap_or_default();
    view::probes(&readings, idle::Idleness::Unknown)
}

fn round(probes: &mut [Box<dyn IdleProbe>]) -> Vec<Reading> {
    probes.iter_mut().map(|probe| Reading { name: probe.name(), says: probe.read() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wsl_gives_memory_back_where_its_settings_say_so() {
        for (text, expected) in [
            ("", Reclaim::Unwritten),
            ("[wsl2]\nmemory=8GB\n", Reclaim::Unwritten),
            ("[wsl2]\nautoMemoryReclaim=gradual", Reclaim::Unwritten),
            ("[experimental]\r\nautoMemoryReclaim=gradual\r\n", Reclaim::On),
            ("[Experimental]\n automemoryreclaim = dropCache # at once", Reclaim::On),
            ("[experimental]\nautoMemoryReclaim=disabled", Reclaim::Off),
            ("[experimental]\n#autoMemoryReclaim=gradual", Reclaim::Unwritten),
        ] {
            assert_eq!(reclaim(text), expected, "{text:?}");
        }
    }
}
