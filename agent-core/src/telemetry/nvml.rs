//! NVIDIA GPUs, by the driver's own library, which is looked for when the agent starts.

use std::collections::{BTreeMap, HashMap};

use headframe_protocol::rig::{ComputeCapability, GpuVendor};
use nvml_wrapper::{
    Device, Nvml,
    enum_wrappers::device::{Clock, TemperatureSensor},
    enums::device::UsedGpuMemory,
    error::NvmlError,
};
use tracing::{debug, warn};

use super::{GpuFacts, GpuProbe, GpuProcess, GpuReading};

/// The driver's library, if there is one.
pub(super) struct NvmlGpus {
    nvml: Option<Nvml>,
    /// Whether a process is not the owner's.
    is_ours: fn(u32, &str) -> bool,
    /// When each card's processes were last asked for, by the driver's clock.
    asked: HashMap<u32, u64>,
    /// What does not change, by UUID: asked for once.
    facts: HashMap<String, GpuFacts>,
}

impl NvmlGpus {
    pub(super) fn new(is_ours: fn(u32, &str) -> bool) -> Self {
        let nvml = Nvml::init().inspect_err(|error| debug!(%error, "No NVIDIA driver; no NVIDIA GPUs")).ok();
        Self { nvml, is_ours, asked: HashMap::new(), facts: HashMap::new() }
    }
}

pub(super) fn driver_version() -> Result<String, String> {
    let version = Nvml::init().and_then(|nvml| nvml.sys_driver_version());
    version.map_err(|error| error.to_string().chars().take(200).collect())
}

impl GpuProbe for NvmlGpus {
    fn read(&mut self) -> Vec<GpuReading> {
        let Self { nvml: Some(nvml), is_ours, asked, facts } = self else { return Vec::new() };
        let count = nvml.device_count().unwrap_or(0);
        (0..count)
            .filter_map(|index| {
                let reading = nvml.device_by_index(index).and_then(|device| {
                    let programs = programs(nvml, &device, *is_ours, asked.entry(index).or_default());
                    let uuid = device.uuid()?;
                    let facts = facts.entry(uuid.clone()).or_insert_with(|| known(nvml, &device)).clone();
                    read(&device, uuid, programs, facts)
                });
                reading.inspect_err(|error| warn!(gpu.index = index, %error, "Could not read a GPU")).ok()
            })
            .collect()
    }
}

/// What does not change about a card.
fn known(nvml: &Nvml, device: &Device<'_>) -> GpuFacts {
    let part = |number: i32| u8::try_from(number).ok();
    let capability = device.cuda_compute_capability().ok();
    GpuFacts {
        compute_capability: capability.and_then(|told| ComputeCapability::new(part(told.major)?, part(told.minor)?)),
        pci_bus_id: device.pci_info().ok().map(|place| place.bus_id),
        power_limit_w: device.power_management_limit().ok().map(|milliwatts| milliwatts.div_ceil(1_000)),
        driver: nvml.sys_driver_version().ok(),
    }
}

fn read(device: &Device<'_>, uuid: String, programs: Vec<GpuProcess>, facts: GpuFacts) -> Result<GpuReading, NvmlError> {
    let memory = device.memory_info()?;
    let percent = |value: u32| u8::try_from(value).ok();
    Ok(GpuReading {
        uuid,
        model: device.name()?,
        vendor: GpuVendor::Nvidia,
        vram_bytes: memory.total,
        vram_used_bytes: memory.used,
        temperature_c: device.temperature(TemperatureSensor::Gpu).ok().and_then(percent),
        fan_percent: device.fan_speed(0).ok().and_then(percent),
        power_milliwatts: device.power_usage().ok(),
        load_percent: device.utilization_rates().ok().and_then(|rates| percent(rates.gpu)),
        core_clock_mhz: device.clock_info(Clock::Graphics).ok(),
        memory_clock_mhz: device.clock_info(Clock::Memory).ok(),
        programs,
        facts,
    })
}

/// What runs on a card. A driver that does not tell (some do not to other users) has told of nothing.
fn programs(nvml: &Nvml, device: &Device<'_>, is_ours: fn(u32, &str) -> bool, asked: &mut u64) -> Vec<GpuProcess> {
    let mut held: BTreeMap<u32, Option<u64>> = BTreeMap::new();
    // One that draws and computes is in both lists, with the same figure.
    let lists = [device.running_compute_processes(), device.running_graphics_processes()];
    for process in lists.into_iter().flatten().flatten() {
        let bytes = match process.used_gpu_memory {
            UsedGpuMemory::Used(bytes) => Some(bytes),
            UsedGpuMemory::Unavailable => None,
        };
        let known = held.entry(process.pid).or_default();
        *known = (*known).max(bytes);
    }
    let mut load: HashMap<u32, u8> = HashMap::new();
    // No samples since the last question is an error to this library, and no news to us.
    for sample in device.process_utilization_stats(*asked).into_iter().flatten() {
        *asked = (*asked).max(sample.timestamp);
        let percent = u8::try_from(sample.sm_util.min(100)).unwrap_or(100);
        let known = load.entry(sample.pid).or_default();
        *known = (*known).max(percent);
    }
    let name = |pid| {
        let path = nvml.sys_process_name(pid, 200).unwrap_or_default();
        path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
    };
    let told = held.into_iter().map(|(pid, vram_bytes)| {
        let name = name(pid);
        let is_ours = is_ours(pid, &name);
        GpuProcess { name, vram_bytes, load_percent: load.get(&pid).copied(), is_ours }
    });
    told.collect()
}
