//! What of this PC is offered: what there is, within what the owner gives.

use headframe_protocol::{
    Micros, Sha256,
    rig::{GPUS_MAX, GpuReport, IMAGES_MAX, Os, RigReport},
};

use crate::{
    duty::Capacity,
    runner::RunnerConfig,
    settings::Settings,
    telemetry::{GpuReading, Hardware},
};

const GIB: u64 = 1 << 30;

/// The offer of this rig, as far as it does not change.
#[derive(Debug, Clone)]
pub(super) struct Offered {
    name: String,
    cpu_model: String,
    cpu_cores: u16,
    memory_bytes: u64,
    disk_bytes_max: u64,
    floor_per_hour: Micros,
    gpus: Vec<GpuReport>,
}

impl Offered {
    pub(super) fn new(settings: &Settings, hardware: &Hardware) -> Self {
        let given = |limit: u16, all: u16| if limit == 0 { all } else { limit.min(all) };
        let memory_limit = match settings.limits.memory_gib {
            0 => hardware.memory_bytes / 4 * 3,
            gib => u64::from(gib) * GIB,
        };
        let name = if settings.rig.name.is_empty() { &hardware.host_name } else { &settings.rig.name };
        Self {
            name: name.chars().filter(|c| !c.is_control()).take(80).collect(),
            cpu_model: hardware.cpu_model.clone(),
            cpu_cores: given(settings.limits.cpu_cores, hardware.cpu_cores),
            memory_bytes: memory_limit.min(hardware.memory_bytes),
            disk_bytes_max: u64::from(settings.limits.disk_gib) * GIB,
            floor_per_hour: settings.rig.floor_per_hour,
            gpus: hardware.gpus.iter().take(GPUS_MAX).map(gpu).collect(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn capacity(&self) -> Capacity {
        let gpus = u8::try_from(self.gpus.len()).unwrap_or(u8::MAX);
        Capacity { slots: gpus.max(1), gpus, cpu_cores: self.cpu_cores, memory_bytes: self.memory_bytes }
    }

    /// The rig as the coordinator matches it.
    pub(super) fn report(&self, engine: &str, images: &[Sha256], disk_free_bytes: Option<u64>) -> RigReport {
        let free = disk_free_bytes.unwrap_or(0).saturating_sub(RunnerConfig::DISK_RESERVE_BYTES);
        RigReport {
            name: self.name.clone(),
            os: Os::current(),
            cpu_cores: self.cpu_cores,
            cpu_model: self.cpu_model.clone(),
            memory_bytes: self.memory_bytes,
            // Whole GiB: matching needs no finer, and each change of this is a message.
            disk_bytes: free.min(self.disk_bytes_max) / GIB * GIB,
            gpus: self.gpus.clone(),
            floor_per_hour: self.floor_per_hour,
            slots: self.capacity().slots,
            images: images.iter().take(IMAGES_MAX).copied().collect(),
            engine: engine.chars().take(200).collect(),
        }
    }
}

fn gpu(reading: &GpuReading) -> GpuReport {
    let GpuReading { uuid, model, vendor, vram_bytes, .. } = reading;
    GpuReport { uuid: uuid.clone(), model: model.clone(), vendor: *vendor, vram_bytes: *vram_bytes, fu: 0 }
}
