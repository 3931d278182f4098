//! What the PC is and what it does: processor, memory, disk, GPUs. Measures; judges nothing.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};
use tokio::{sync::watch, time::Instant};

use crate::{
    pace::Pace,
    tasks::{self, Tasks},
};

mod gpu;
mod nvml;

pub use gpu::{FakeGpus, GpuFacts, GpuProbe, GpuProcess, GpuReading};

/// How often is measured while somebody looks or something runs. The window draws no finer.
const MEASURE_EVERY: Duration = Duration::from_secs(2);

/// The same while nothing can run and nobody looks: what is left is whether the disk is full.
const RESTING_EVERY: Duration = Duration::from_secs(30);

/// The same while jobs run beside cards on which a game may start.
const CARDS_EVERY: Duration = Duration::from_millis(500);

/// The same while the owner waits for a card's memory.
const YIELDING_EVERY: Duration = Duration::from_millis(100);

/// Load is told anew when it is so many points more or less than was told: each telling draws the page anew, and nobody sees one point.
const LOAD_STEP: u8 = 2;

/// Memory in use is told in steps of so many bytes, for the same reason: a tenth of a GiB is what people read.
const MEMORY_STEP: u64 = 64 << 20;

/// What does not change while the agent runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hardware {
    /// What the system calls itself.
    pub host_name: String,
    /// The processor's name.
    pub cpu_model: String,
    /// Logical cores.
    pub cpu_cores: u16,
    /// Memory.
    pub memory_bytes: u64,
    /// GPUs at start. One that is plugged in later is found at the next start.
    pub gpus: Vec<GpuReading>,
}

impl Hardware {
    /// The GPUs' names, in their order.
    #[must_use]
    pub fn uuids(&self) -> Vec<String> {
        self.gpus.iter().map(|gpu| gpu.uuid.clone()).collect()
    }
}

/// What was measured last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Load {
    /// Load of all cores, 0 to 100.
    pub cpu_percent: u8,
    /// Memory in use, to the next 64 MiB.
    pub memory_used_bytes: u64,
    /// Free on the disk of the data directory; absent if the system does not tell.
    pub disk_free_bytes: Option<u64>,
    /// GPUs.
    pub gpus: Vec<GpuReading>,
}

impl Load {
    /// The same, with the load that was told before where that is as good.
    fn after(self, told: &Self) -> Self {
        let is_news = self.cpu_percent.abs_diff(told.cpu_percent) >= LOAD_STEP;
        Self { cpu_percent: if is_news { self.cpu_percent } else { told.cpu_percent }, ..self }
    }
}

/// Reads the PC.
pub struct Telemetry {
    system: System,
    gpus: Box<dyn GpuProbe>,
    data_dir: PathBuf,
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

/// The GPUs of this PC, as its driver tells. No driver is no GPU. `is_ours` knows by id and name which processes are not the owner's.
#[must_use]
pub fn platform_gpus(is_ours: fn(u32, &str) -> bool) -> Box<dyn GpuProbe> {
    Box::new(nvml::NvmlGpus::new(is_ours))
}

/// The version of the graphics driver, or why none answers.
///
/// # Errors
/// In the words of the driver's library.
pub fn driver_version() -> Result<String, String> {
    nvml::driver_version()
}

impl Telemetry {
    /// Gets ready to measure.
    ///
    /// # Errors
    /// If the system tells nothing about itself.
    pub fn new(data_dir: &Path, gpus: Box<dyn GpuProbe>) -> Result<Self, sysinfo::Error> {
        let what = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing().with_usage())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        Ok(Self { system: System::new_with_specifics(what)?, gpus, data_dir: data_dir.to_owned() })
    }

    /// What does not change.
    pub fn hardware(&mut self) -> Hardware {
        let cpus = self.system.cpus();
        let model = cpus.first().map(|cpu| cpu.brand().trim()).filter(|brand| !brand.is_empty());
        Hardware {
            host_name: System::host_name().unwrap_or_else(|_| "this PC".to_owned()),
            cpu_model: model.unwrap_or("unknown processor").chars().take(100).collect(),
            cpu_cores: u16::try_from(cpus.len().max(1)).unwrap_or(u16::MAX),
            memory_bytes: self.system.total_memory(),
            gpus: self.gpus.read(),
        }
    }

    /// Measures now.
    pub fn measure(&mut self) -> Load {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        Load {
            // Rounded to whole percent: the cast saturates, and the figure is only drawn.
            cpu_percent: self.system.global_cpu_usage().round().clamp(0.0, 100.0) as u8,
            memory_used_bytes: self.system.used_memory().next_multiple_of(MEMORY_STEP),
            disk_free_bytes: disk_free_bytes(&self.data_dir),
            gpus: self.gpus.read(),
        }
    }

    /// Measures until the tasks are stopped, as often as it matters.
    #[must_use]
    pub fn watch(mut self, mut pace: watch::Receiver<Pace>, tasks: &Tasks) -> watch::Receiver<Load> {
        let (sender, receiver) = watch::channel(self.measure());
        let stop = tasks.stopped();
        tasks.spawn("telemetry", async move {
            let mut measured_at = Instant::now();
            loop {
                let every = measure_every(*pace.borrow_and_update(), !sender.borrow().gpus.is_empty());
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep_until(measured_at + every) => {}
                    Ok(()) = pace.changed() => continue,
                }
                let measured = tasks::apart(move || {
                    let load = self.measure();
                    (self, load)
                });
                let Some((kept, load)) = measured.await else { return };
                (self, measured_at) = (kept, Instant::now());
                sender.send_if_modified(|known| {
                    let load = load.after(known);
                    let news = *known != load;
                    *known = load;
                    news
                });
            }
        });
        receiver
    }
}

const fn measure_every(pace: Pace, has_gpus: bool) -> Duration {
    match pace {
        Pace::Resting => RESTING_EVERY,
        Pace::Working if has_gpus => CARDS_EVERY,
        Pace::Yielding if has_gpus => YIELDING_EVERY,
        Pace::Watched | Pace::Ready | Pace::Working | Pace::Yielding => MEASURE_EVERY,
    }
}

#[cfg(unix)]
fn disk_free_bytes(path: &Path) -> Option<u64> {
    let stats = rustix::fs::statvfs(path).ok()?;
    Some(stats.f_bavail.saturating_mul(stats.f_frsize))
}

#[cfg(not(unix))]
fn disk_free_bytes(path: &Path) -> Option<u64> {
    let disks = sysinfo::Disks::new_with_refreshed_list().ok()?;
    let holding = disks.iter().filter(|disk| path.starts_with(disk.mount_point()));
    holding.max_by_key(|disk| disk.mount_point().as_os_str().len()).map(sysinfo::Disk::available_space)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_pc_has_a_processor_memory_and_a_disk() {
        let mut telemetry = Telemetry::new(Path::new("/"), Box::new(FakeGpus::default())).expect("a known system");
        let (hardware, load) = (telemetry.hardware(), telemetry.measure());
        assert!(hardware.cpu_cores > 0 && hardware.memory_bytes > 0, "{hardware:?}");
        assert!(load.memory_used_bytes <= hardware.memory_bytes + MEMORY_STEP && load.disk_free_bytes.is_some(), "{load:?}");
    }

    #[test]
    fn a_load_that_wavers_by_a_point_is_told_once() {
        let mut told = Load { cpu_percent: 10, ..Load::default() };
        let mut tell = |cpu_percent| {
            told = Load { cpu_percent, ..Load::default() }.after(&told);
            told.cpu_percent
        };
        assert_eq!([11, 9, 10, 12, 13, 11, 10].map(&mut tell), [10, 10, 10, 12, 12, 12, 10]);
    }

    #[test]
    fn no_driver_is_no_gpu_and_no_error() {
        let gpus = platform_gpus(|_, _| false).read();
        assert!(gpus.iter().all(|gpu| !gpu.uuid.is_empty()), "{gpus:?}");
    }
}
