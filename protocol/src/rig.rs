//! What a rig is, as the agent reports it and the coordinator matches it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Micros,
    error::{FieldError, Noting},
};

mod capability;
mod refusals;

pub use capability::{ComputeCapability, ParseCapabilityError};
pub use refusals::{BLOCKED_MAX, LENGTHS_HOURS, Refusals, length_hours};

/// Most GPUs one rig may report. The densest servers sold hold 16.
pub const GPUS_MAX: usize = 16;

/// Most image digests a rig names as present. Newest first; a hint for matching, not a promise.
pub const IMAGES_MAX: usize = 128;

/// The longest name or model of a GPU. A UUID is 40 bytes and the longest model on sale 50.
const GPU_TEXT_BYTES_MAX: usize = 120;

/// The longest address of a card on its bus: `00000000:01:00.0` has 16 bytes, and domains may be longer.
const PCI_BYTES_MAX: usize = 32;

/// The longest version of a driver: `570.124.06` has 10 bytes.
const DRIVER_BYTES_MAX: usize = 32;

/// More power than any card may draw. Beyond it a report is a lie.
const POWER_W_MAX: u32 = 10_000;

/// More memory than any machine has, for a rig or for one GPU. Beyond it a report is a lie that sums overflow on.
const MEMORY_BYTES_MAX: u64 = 1 << 50;

/// More disk than any machine has.
const DISK_BYTES_MAX: u64 = 1 << 60;

/// More than anybody ever asked for an hour of a rig: a million dollars.
const FLOOR_PER_HOUR_MAX: Micros = Micros::dollars(1_000_000);

/// Everything about a rig that matching needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RigReport {
    /// What the owner calls it.
    pub name: String,
    /// Operating system of the host.
    pub os: Os,
    /// Logical processor cores offered.
    pub cpu_cores: u16,
    /// Processor name as the system tells it.
    pub cpu_model: String,
    /// Memory offered, in bytes.
    pub memory_bytes: u64,
    /// Disk offered for images and work, in bytes.
    pub disk_bytes: u64,
    /// Offered GPUs; empty makes the rig class `cpu`.
    #[serde(default)]
    pub gpus: Vec<GpuReport>,
    /// The owner's floor for the whole rig, per hour of work.
    pub floor_per_hour: Micros,
    /// How many attempts it takes at once: its GPUs, or 1.
    pub slots: u8,
    /// Digests of images it already has.
    #[serde(default)]
    pub images: Vec<crate::Sha256>,
    /// The container engine, such as `Docker 20.10.24`.
    pub engine: String,
    /// How many bytes one attempt may exchange with hosts of the internet; 0 if the owner lets jobs reach none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub egress_bytes_max: u64,
    /// Jobs its owner does not want. They are not offered to it.
    #[serde(default, skip_serializing_if = "Refusals::is_nothing")]
    pub refuses: Refusals,
}

/// Left out of the message where there is nothing to say: agents of before do not say it either.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}

impl RigReport {
    /// Every reason this report cannot be believed; empty if it can.
    #[must_use]
    pub fn problems(&self) -> Vec<FieldError> {
        let mut found = Vec::new();
        let mut noting = Noting(&mut found);
        noting.say(
            self.name.chars().count() > 80 || self.name.chars().any(char::is_control),
            "rig.name",
            "at most 80 characters",
        );
        noting.say(self.cpu_model.len() > 200 || self.engine.len() > 200, "rig", "descriptions of at most 200 bytes");
        noting.say(self.gpus.len() > GPUS_MAX, "rig.gpus", "at most 16");
        noting.say(
            self.gpus.iter().any(|gpu| !gpu.is_plain()),
            "rig.gpus",
            "names and models of at most 120 bytes, no control characters",
        );
        noting.say(
            self.gpus.iter().any(|gpu| gpu.compute_capability.is_some() && gpu.vendor != GpuVendor::Nvidia),
            "rig.gpus",
            "a compute capability only for NVIDIA's",
        );
        noting.say(
            self.gpus.iter().any(|gpu| gpu.power_limit_w.is_some_and(|limit| limit > POWER_W_MAX)),
            "rig.gpus",
            "at most 10,000 W",
        );
        noting.say(self.images.len() > IMAGES_MAX, "rig.images", "at most 128");
        noting.say(self.cpu_cores == 0 || self.memory_bytes == 0, "rig", "at least one core and some memory");
        noting.say(self.memory_bytes > MEMORY_BYTES_MAX, "rig.memory_bytes", "at most 2^50");
        noting.say(self.disk_bytes > DISK_BYTES_MAX, "rig.disk_bytes", "at most 2^60");
        noting.say(
            self.gpus.iter().any(|gpu| gpu.vram_bytes > MEMORY_BYTES_MAX),
            "rig.gpus",
            "at most 2^50 bytes of memory each",
        );
        let floor = Micros::ZERO..=FLOOR_PER_HOUR_MAX;
        noting.say(!floor.contains(&self.floor_per_hour), "rig.floor_per_hour", "0 to a million dollars");
        noting.say(self.slots == 0 || usize::from(self.slots) > GPUS_MAX, "rig.slots", "1 to 16");
        self.refuses.check(&mut noting);
        found
    }
}

/// One GPU of a rig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuReport {
    /// The driver's UUID for the card.
    pub uuid: String,
    /// Its model name.
    pub model: String,
    /// Who made it.
    pub vendor: GpuVendor,
    /// Its memory, in bytes.
    pub vram_bytes: u64,
    /// Verified score; 0 until a challenge has been passed.
    #[serde(default)]
    pub fu: u32,
    /// What its instructions can do. Only NVIDIA's have such a number; agents of before do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute_capability: Option<ComputeCapability>,
    /// Where it stands on its bus, such as `00000000:01:00.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pci_bus_id: Option<String>,
    /// The most it may draw, in watts, as its driver holds it to now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_limit_w: Option<u32>,
    /// The version of its driver, such as `570.124.06`. Agents of before do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
}

/// Power limits that differ by less are one tier, in watts: cards of one model come with slightly different ones.
const TIER_W: u32 = 25;

impl GpuReport {
    /// What it is compared with: cards of its model under about the same power limit. A card that its owner holds to less power is slower
    /// than its model, and no worse for it.
    #[must_use]
    pub fn tier(&self) -> String {
        match self.power_limit_w {
            Some(limit) => format!("{} ({} W)", self.model, limit.saturating_add(TIER_W / 2) / TIER_W * TIER_W),
            None => self.model.clone(),
        }
    }

    /// Whether its texts are what a driver says and not something that fills tables.
    fn is_plain(&self) -> bool {
        let plain = |text: &str, bytes_max: usize| text.len() <= bytes_max && !text.chars().any(char::is_control);
        plain(&self.uuid, GPU_TEXT_BYTES_MAX)
            && plain(&self.model, GPU_TEXT_BYTES_MAX)
            && self.pci_bus_id.as_deref().is_none_or(|id| plain(id, PCI_BYTES_MAX))
            && self.driver.as_deref().is_none_or(|version| plain(version, DRIVER_BYTES_MAX))
    }
}

/// Who made a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum GpuVendor {
    /// NVIDIA.
    Nvidia,
    /// AMD.
    Amd,
    /// Intel.
    Intel,
    /// Apple.
    Apple,
}

/// The host's operating system. The containers are Linux everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Os {
    /// Linux.
    Linux,
    /// Windows with our own WSL2 distribution.
    Windows,
    /// macOS with a Linux VM.
    Macos,
}

impl fmt::Display for Os {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Linux => "linux",
            Self::Windows => "windows",
            Self::Macos => "macos",
        })
    }
}

impl Os {
    /// The one this build runs on.
    #[must_use]
    pub const fn current() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::Macos
        } else {
            Self::Linux
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_cannot_fill_tables() {
        let gpu = |model: &str| GpuReport {
            uuid: "GPU-1".to_owned(),
            model: model.to_owned(),
            vendor: GpuVendor::Nvidia,
            vram_bytes: 1,
            fu: 0,
            compute_capability: None,
            pci_bus_id: None,
            power_limit_w: None,
            driver: None,
        };
        let report = |gpus| RigReport {
            name: "rig".to_owned(),
            os: Os::Linux,
            cpu_cores: 1,
            cpu_model: "cpu".to_owned(),
            memory_bytes: 1,
            disk_bytes: 1,
            gpus,
            floor_per_hour: Micros::ZERO,
            slots: 1,
            images: Vec::new(),
            engine: "none".to_owned(),
            egress_bytes_max: 0,
            refuses: Refusals::default(),
        };
        let wrong = |gpus| report(gpus).problems().into_iter().map(|problem| problem.field).collect::<Vec<_>>();
        assert!(wrong(vec![gpu("NVIDIA GeForce RTX 4090")]).is_empty());
        let limited = |watts| GpuReport { power_limit_w: Some(watts), ..gpu("RTX 4090") }.tier();
        assert_eq!([limited(438), limited(450), limited(462)], ["RTX 4090 (450 W)"; 3].map(str::to_owned));
        assert_eq!((limited(300).as_str(), gpu("RTX 4090").tier().as_str()), ("RTX 4090 (300 W)", "RTX 4090"));
        let blocked = |count: u128| {
            let blocked = (0..count).map(|number| crate::Pseudonym::from_bytes(number.to_be_bytes())).collect();
            let refuses = Refusals { blocked, ..Refusals::default() };
            RigReport { refuses, ..report(Vec::new()) }.problems()
        };
        assert!(blocked(256).is_empty());
        let too_many = blocked(10_000);
        assert_eq!(
            too_many.iter().map(|problem| (problem.field.as_str(), problem.message.as_str())).collect::<Vec<_>>(),
            [("rig.refuses.blocked", "at most 256 customers")]
        );
        let longer = Refusals { longer_than_hours: Some(5), ..Refusals::default() };
        assert_eq!(RigReport { refuses: longer, ..report(Vec::new()) }.problems().len(), 1, "no such length");
        for odd in ["x".repeat(121), "a\0b".to_owned()] {
            assert_eq!(wrong(vec![gpu("good"), gpu(&odd)]), ["rig.gpus"], "{odd}");
        }
        let capability = ComputeCapability::new(8, 9);
        let told = |vendor, bus: &str, watts| GpuReport {
            vendor,
            compute_capability: capability,
            pci_bus_id: Some(bus.to_owned()),
            power_limit_w: Some(watts),
            ..gpu("good")
        };
        assert!(wrong(vec![told(GpuVendor::Nvidia, "00000000:01:00.0", 450)]).is_empty());
        let odd = [
            told(GpuVendor::Amd, "00000000:01:00.0", 450),
            told(GpuVendor::Nvidia, &"0".repeat(33), 450),
            told(GpuVendor::Nvidia, "01:00.0\n", 450),
            told(GpuVendor::Nvidia, "00000000:01:00.0", 10_001),
            GpuReport { driver: Some("5".repeat(33)), ..gpu("good") },
            GpuReport { driver: Some("570\n".to_owned()), ..gpu("good") },
        ];
        for gpu in odd {
            assert_eq!(wrong(vec![gpu.clone()]), ["rig.gpus"], "{gpu:?}");
        }
    }
}
