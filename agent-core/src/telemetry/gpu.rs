//! What is read of a GPU, and GPUs for tests.

use std::sync::{Arc, Mutex, PoisonError};

use headframe_protocol::rig::{ComputeCapability, GpuVendor};

/// Reads the GPUs of the PC.
pub trait GpuProbe: Send {
    /// Every GPU, in the order of the bus; empty if there is none, or no driver that tells.
    fn read(&mut self) -> Vec<GpuReading>;
}

/// One GPU as it is now. Absent figures are not told by the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `protocol::control::GpuView`, explained there")]
pub struct GpuReading {
    pub uuid: String,
    pub model: String,
    pub vendor: GpuVendor,
    pub vram_bytes: u64,
    pub vram_used_bytes: u64,
    pub temperature_c: Option<u8>,
    pub fan_percent: Option<u8>,
    pub power_milliwatts: Option<u32>,
    pub load_percent: Option<u8>,
    pub core_clock_mhz: Option<u32>,
    pub memory_clock_mhz: Option<u32>,
    /// Programs on it, as far as the driver tells.
    pub programs: Vec<GpuProcess>,
    /// What does not change.
    pub facts: GpuFacts,
}

/// What does not change about a GPU while the agent runs. Absent is what the driver does not tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GpuFacts {
    /// What its instructions can do.
    pub compute_capability: Option<ComputeCapability>,
    /// Where it stands on its bus, as the driver writes it.
    pub pci_bus_id: Option<String>,
    /// The limit of its power that was set when it was seen first, in watts. Laptops hold their cards to less, from moment to moment.
    pub power_limit_w: Option<u32>,
    /// The version of its driver.
    pub driver: Option<String>,
}

/// A program on a GPU. Absent figures are not told by the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuProcess {
    /// By the system's name.
    pub name: String,
    /// Memory of the GPU it holds, in bytes.
    pub vram_bytes: Option<u64>,
    /// How much of the GPU it uses, 0 to 100.
    pub load_percent: Option<u8>,
    /// Whether it belongs to a job, or measures or proves what the card can do.
    pub is_ours: bool,
}

impl GpuReading {
    /// A card of 24 GiB that tells nothing else, for tests to change.
    #[must_use]
    pub fn named(uuid: &str, model: &str) -> Self {
        Self {
            uuid: uuid.to_owned(),
            model: model.to_owned(),
            vendor: GpuVendor::Nvidia,
            vram_bytes: 24 << 30,
            vram_used_bytes: 0,
            temperature_c: None,
            fan_percent: None,
            power_milliwatts: None,
            load_percent: None,
            core_clock_mhz: None,
            memory_clock_mhz: None,
            programs: Vec::new(),
            facts: GpuFacts::default(),
        }
    }
}

/// GPUs that are what a test says.
#[derive(Debug, Clone, Default)]
pub struct FakeGpus(Arc<Mutex<Vec<GpuReading>>>);

impl FakeGpus {
    /// These from now on.
    pub fn set(&self, gpus: Vec<GpuReading>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = gpus;
    }
}

impl GpuProbe for FakeGpus {
    fn read(&mut self) -> Vec<GpuReading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
