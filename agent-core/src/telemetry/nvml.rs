//! NVIDIA GPUs, by the driver's own library, which is looked for when the agent starts.

use headframe_protocol::rig::GpuVendor;
use nvml_wrapper::{Device, Nvml, enum_wrappers::device::TemperatureSensor, error::NvmlError};
use tracing::{debug, warn};

use super::{GpuProbe, GpuReading};

/// The driver's library, if there is one.
pub(super) struct NvmlGpus {
    nvml: Option<Nvml>,
}

impl NvmlGpus {
    pub(super) fn new() -> Self {
        let nvml = Nvml::init().inspect_err(|error| debug!(%error, "No NVIDIA driver; no NVIDIA GPUs")).ok();
        Self { nvml }
    }
}

pub(super) fn driver_version() -> Result<String, String> {
    let version = Nvml::init().and_then(|nvml| nvml.sys_driver_version());
    version.map_err(|error| error.to_string().chars().take(200).collect())
}

impl GpuProbe for NvmlGpus {
    fn read(&mut self) -> Vec<GpuReading> {
        let Some(nvml) = &self.nvml else { return Vec::new() };
        let count = nvml.device_count().unwrap_or(0);
        (0..count)
            .filter_map(|index| {
                let reading = nvml.device_by_index(index).and_then(|device| read(&device));
                reading.inspect_err(|error| warn!(gpu.index = index, %error, "Could not read a GPU")).ok()
            })
            .collect()
    }
}

fn read(device: &Device<'_>) -> Result<GpuReading, NvmlError> {
    let memory = device.memory_info()?;
    let percent = |value: u32| u8::try_from(value).ok();
    Ok(GpuReading {
        uuid: device.uuid()?,
        model: device.name()?,
        vendor: GpuVendor::Nvidia,
        vram_bytes: memory.total,
        vram_used_bytes: memory.used,
        temperature_c: device.temperature(TemperatureSensor::Gpu).ok().and_then(percent),
        fan_percent: device.fan_speed(0).ok().and_then(percent),
        power_milliwatts: device.power_usage().ok(),
        load_percent: device.utilization_rates().ok().and_then(|rates| percent(rates.gpu)),
    })
}
