//! The work volume: the one place a job may write that outlives its process, with a hard size.
//!
//! Where we are privileged on the engine's own kernel, it is an ext4 file system in a sparse file, mounted beside the
//! agent's data: full is full, and only the job sees it. Elsewhere it is a named volume of the engine without a limit of
//! its own, and a watch over the owner's free space ends the job before the disk is full. The file system never
//! holds devices or set-uid programs that count.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    time::Duration,
};

use bollard::{
    Docker,
    models::VolumeCreateRequest,
    query_parameters::{ListVolumesOptionsBuilder, RemoveVolumeOptionsBuilder},
};
use headframe_protocol::{AttemptId, DeviceId, session::AttemptRef};

use super::{RunnerConfig, engine::Engine, sandbox};
use crate::fault;

#[cfg(target_os = "linux")]
mod loop_ext4;
pub(super) mod seed;

/// Between two looks at the free space. At a disk's full speed some gigabytes are written meanwhile; the reserve is for them.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The part of all names (inodes) of a disk that stays the owner's. A job makes some ten thousand a second; the smallest disks that
/// are of use here have a million.
#[cfg(unix)]
const NAMES_RESERVE_PART: u64 = 20;

/// How a job's disk use is held to its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskLimit {
    /// A file system of exactly the size asked for.
    LoopExt4,
    /// A look at the free space every second, which ends the job before the owner's disk is full.
    FreeSpaceWatch,
}

impl fmt::Display for DiskLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LoopExt4 => "a file system of the size the job asked for",
            Self::FreeSpaceWatch => "a watch over the free space, once a second",
        })
    }
}

/// Where a job's `/work` is outside its container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WorkVolume {
    /// A folder of this machine, the root of its own file system.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only there is one made"))]
    Mounted {
        /// The folder.
        dir: PathBuf,
    },
    /// A volume only the engine can reach into.
    Named {
        /// Its name.
        name: String,
    },
}

/// Why there is no work volume.
#[derive(Debug, thiserror::Error)]
pub(super) enum WorkError {
    #[error("the rig's disk has {free_bytes} bytes free; the job may need {need_bytes}")]
    DiskFull { free_bytes: u64, need_bytes: u64 },
    #[error("could not prepare {}", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[cfg(target_os = "linux")]
    #[error("could not {act}: {said}")]
    Tool { act: &'static str, said: String },
    #[error("the engine could not make the volume")]
    Engine(#[source] bollard::errors::Error),
}

/// Makes and removes work volumes.
#[derive(Debug)]
pub(super) struct Works {
    /// `work/` of the data directory; one folder per attempt.
    root: PathBuf,
    docker: Docker,
    device: DeviceId,
    limit: DiskLimit,
    /// Where the engine keeps images and volumes, if that is a folder of this machine; often another disk than ours.
    engine_root: Option<PathBuf>,
    reserve_bytes: u64,
}

impl Works {
    pub(super) async fn make_ready(config: &RunnerConfig, engine: &Engine) -> io::Result<Self> {
        let RunnerConfig { data_dir, device, disk_reserve_bytes, disk_limit, .. } = config;
        // The engine resolves symbolic links of a bind's source and reports the result; so do we, to compare.
        tokio::fs::create_dir_all(data_dir.join("work")).await?;
        let root = tokio::fs::canonicalize(data_dir.join("work")).await?;
        let limit = match disk_limit {
            Some(limit) => *limit,
            None => best_limit(&root, engine).await,
        };
        let (docker, engine_root) = (engine.docker.clone(), engine.data_root.clone());
        Ok(Self { root, docker, device: *device, limit, engine_root, reserve_bytes: *disk_reserve_bytes })
    }

    pub(super) fn limit(&self) -> DiskLimit {
        self.limit
    }

    /// The attempt's own folder here, for what is on its way in or out.
    pub(super) fn folder(&self, attempt: AttemptId) -> PathBuf {
        self.root.join(attempt.to_string())
    }

    /// A new, empty volume of `gib`; one left half-made by an earlier try is replaced.
    pub(super) async fn make(&self, at: AttemptRef, gib: u16) -> Result<WorkVolume, WorkError> {
        let need_bytes = u64::from(gib) << 30;
        let free_bytes = self.free_for_volumes();
        if free_bytes < need_bytes.saturating_add(self.reserve_bytes) || self.is_rig_full() {
            return Err(WorkError::DiskFull { free_bytes, need_bytes });
        }
        self.remove(at.attempt).await;
        let folder = self.folder(at.attempt);
        tokio::fs::create_dir_all(&folder).await.map_err(|source| WorkError::Folder { path: folder.clone(), source })?;
        fault::point("work.folder");
        match self.limit {
            #[cfg(target_os = "linux")]
            DiskLimit::LoopExt4 => Ok(WorkVolume::Mounted { dir: loop_ext4::make(&folder, need_bytes).await? }),
            #[cfg(not(target_os = "linux"))]
            DiskLimit::LoopExt4 => self.make_named(at).await,
            DiskLimit::FreeSpaceWatch => self.make_named(at).await,
        }
    }

    async fn make_named(&self, at: AttemptRef) -> Result<WorkVolume, WorkError> {
        let name = sandbox::name(at);
        let labels = [(sandbox::label::DEVICE, self.device.to_string()), (sandbox::label::ATTEMPT, at.attempt.to_string())];
        let request = VolumeCreateRequest {
            name: Some(name.clone()),
            labels: Some(labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
            ..VolumeCreateRequest::default()
        };
        self.docker.create_volume(request).await.map_err(WorkError::Engine)?;
        fault::point("volume.made");
        seed::give_to_nobody(&self.docker, &name, self.device).await.map_err(WorkError::Engine)?;
        Ok(WorkVolume::Named { name })
    }

    /// The volume of an attempt of an earlier life. After a restart of the PC it must be mounted again.
    pub(super) async fn reopen(&self, at: AttemptRef) -> Result<WorkVolume, WorkError> {
        match self.limit {
            #[cfg(target_os = "linux")]
            DiskLimit::LoopExt4 => Ok(WorkVolume::Mounted { dir: loop_ext4::reopen(&self.folder(at.attempt)).await? }),
            #[cfg(not(target_os = "linux"))]
            DiskLimit::LoopExt4 => Ok(WorkVolume::Named { name: sandbox::name(at) }),
            DiskLimit::FreeSpaceWatch => Ok(WorkVolume::Named { name: sandbox::name(at) }),
        }
    }

    /// Removes everything of an attempt. What cannot be removed now is removed at the next start.
    pub(super) async fn remove(&self, attempt: AttemptId) {
        let folder = self.folder(attempt);
        if let Err(error) = remove_folder(&folder).await {
            tracing::warn!(attempt.id = %attempt, error, "Could not remove the work folder of attempt {attempt}; trying again at the next start");
        }
        if self.limit == DiskLimit::FreeSpaceWatch {
            let name = sandbox::name(AttemptRef { attempt, epoch: 0 });
            // Absent is as good as removed.
            self.docker.remove_volume(&name, Some(RemoveVolumeOptionsBuilder::new().force(true).build())).await.ok();
            fault::point("volume.removed");
        }
    }

    /// Removes what earlier lives left, except for the attempts named.
    pub(super) async fn sweep(&self, keep: &[AttemptId]) {
        let mut left = Vec::new();
        if let Ok(mut entries) = tokio::fs::read_dir(&self.root).await {
            while let Ok(Some(entry)) = entries.next_entry().await {
                left.extend(entry.file_name().to_str().and_then(|name| name.parse::<AttemptId>().ok()));
            }
        }
        let ours = format!("{}={}", sandbox::label::DEVICE, self.device);
        let filter = std::collections::HashMap::from([("label", vec![ours])]);
        if let Ok(volumes) = self.docker.list_volumes(Some(ListVolumesOptionsBuilder::new().filters(&filter).build())).await {
            let named = volumes.volumes.into_iter().flatten();
            left.extend(named.filter_map(|volume| volume.labels.get(sandbox::label::ATTEMPT)?.parse::<AttemptId>().ok()));
        }
        for attempt in left.into_iter().filter(|attempt| !keep.contains(attempt)) {
            self.remove(attempt).await;
        }
    }

    /// Whether a disk of the owner that we fill has less left than what is his.
    pub(super) fn is_rig_full(&self) -> bool {
        let disks = [Some(&self.root), self.engine_root.as_ref()];
        disks.into_iter().flatten().any(|disk| free_bytes(disk) < self.reserve_bytes || is_out_of_names(disk))
    }

    /// Returns when a disk is that full.
    pub(super) async fn until_rig_full(&self) {
        while !self.is_rig_full() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn free_for_volumes(&self) -> u64 {
        let here = free_bytes(&self.root);
        match (self.limit, &self.engine_root) {
            // What goes into the engine's volume and comes out of it passes through our folder.
            (DiskLimit::FreeSpaceWatch, Some(disk)) => here.min(free_bytes(disk)),
            (DiskLimit::FreeSpaceWatch, None) | (DiskLimit::LoopExt4, _) => here,
        }
    }
}

fn free_bytes(disk: &Path) -> u64 {
    // A disk that cannot be asked is not called full: the job would die of our not knowing.
    fs4::available_space(disk).unwrap_or(u64::MAX)
}

/// A disk without room for one more file is as full to its owner as one without bytes, and empty files take none of those.
#[cfg(unix)]
fn is_out_of_names(disk: &Path) -> bool {
    // Some file systems make room for names as they go, and say that there are none in all.
    rustix::fs::statvfs(disk).is_ok_and(|found| found.f_files > 0 && found.f_favail < found.f_files / NAMES_RESERVE_PART)
}

/// Other systems' file systems have no such limit.
#[cfg(not(unix))]
fn is_out_of_names(_disk: &Path) -> bool {
    false
}

/// The best this machine can do on the disk that `root` is on; tried out in there.
pub(super) async fn best_limit(root: &Path, engine: &Engine) -> DiskLimit {
    #[cfg(target_os = "linux")]
    if engine.same_kernel {
        match loop_ext4::try_out(root).await {
            Ok(()) => return DiskLimit::LoopExt4,
            Err(error) => tracing::info!(%error, "Jobs' disk use is only watched, not limited: {error}"),
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (root, engine);
    DiskLimit::FreeSpaceWatch
}

async fn remove_folder(folder: &Path) -> Result<(), String> {
    #[cfg(target_os = "linux")]
    loop_ext4::unmount(folder).await.map_err(|error| error.to_string())?;
    match tokio::fs::remove_dir_all(folder).await {
        Ok(()) => {
            fault::point("work.removed");
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
