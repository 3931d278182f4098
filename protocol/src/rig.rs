//! What a rig is, as the agent reports it and the coordinator matches it.

use serde::{Deserialize, Serialize};

use crate::{Micros, error::FieldError};

/// Most GPUs one rig may report. The densest servers sold hold 16.
pub const GPUS_MAX: usize = 16;

/// Most image digests a rig names as present. Newest first; a hint for matching, not a promise.
pub const IMAGES_MAX: usize = 128;

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
}

impl RigReport {
    /// Every reason this report cannot be believed; empty if it can.
    #[must_use]
    pub fn problems(&self) -> Vec<FieldError> {
        let mut found = Vec::new();
        let mut say = |wrong: bool, field: &str, message: &str| {
            if wrong {
                found.push(FieldError::new(field, message));
            }
        };
        say(self.name.chars().count() > 80 || self.name.chars().any(char::is_control), "rig.name", "at most 80 characters");
        say(self.cpu_model.len() > 200 || self.engine.len() > 200, "rig", "descriptions of at most 200 bytes");
        say(self.gpus.len() > GPUS_MAX, "rig.gpus", "at most 16");
        say(self.images.len() > IMAGES_MAX, "rig.images", "at most 128");
        say(self.cpu_cores == 0 || self.memory_bytes == 0, "rig", "at least one core and some memory");
        say(self.floor_per_hour < Micros::ZERO, "rig.floor_per_hour", "not negative");
        say(self.slots == 0 || usize::from(self.slots) > GPUS_MAX, "rig.slots", "1 to 16");
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
pub enum Os {
    /// Linux.
    Linux,
    /// Windows with our own WSL2 distribution.
    Windows,
    /// macOS with a Linux VM.
    Macos,
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
