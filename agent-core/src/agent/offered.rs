//! What of this PC is offered: what there is, within what the owner gives.

use headframe_protocol::{
    Micros, Sha256,
    rig::{IMAGES_MAX, Os, RigReport},
};

use crate::{
    duty::Capacity,
    runner::{EgressCaps, RunnerConfig},
    settings::Settings,
    telemetry::Hardware,
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
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn capacity(&self) -> Capacity {
        Capacity {
            slots: 1,
            gpus: 0,
            cpu_cores: self.cpu_cores,
            memory_bytes: self.memory_bytes,
            disk_bytes: self.disk_bytes_max,
        }
    }

    /// The rig as the coordinator matches it.
    pub(super) fn report(
        &self,
        engine: &str,
        images: &[Sha256],
        disk_free_bytes: Option<u64>,
        egress: Option<EgressCaps>,
    ) -> RigReport {
        let free = disk_free_bytes.unwrap_or(0).saturating_sub(RunnerConfig::DISK_RESERVE_BYTES);
        RigReport {
            name: self.name.clone(),
            os: Os::current(),
            cpu_cores: self.cpu_cores,
            cpu_model: self.cpu_model.clone(),
            memory_bytes: self.memory_bytes,
            // Whole GiB: matching needs no finer, and each change of this is a message.
            disk_bytes: free.min(self.disk_bytes_max) / GIB * GIB,
            // A container gets no GPU yet, and a rig must not sell what it cannot give: until then it is of class `cpu`.
            gpus: Vec::new(),
            floor_per_hour: self.floor_per_hour,
            slots: self.capacity().slots,
            images: images.iter().take(IMAGES_MAX).copied().collect(),
            engine: engine.chars().take(200).collect(),
            egress_bytes_max: egress.map_or(0, |caps| caps.bytes_per_attempt),
        }
    }
}
