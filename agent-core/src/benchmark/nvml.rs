//! What NVIDIA's driver tells of a card while it is measured. The library comes with the driver and is looked for at run time.

use headframe_protocol::benchmark::Throttle;
use nvml_wrapper::{
    Device, Nvml,
    bitmasks::device::ThrottleReasons,
    enum_wrappers::device::{Clock, TemperatureSensor},
};

use super::{
    cards,
    sensor::{Sample, Sensor},
};

/// What a driver knows of a card by its place on the bus.
pub(super) struct Known {
    pub(super) uuid: Option<String>,
    pub(super) power_limit_milliwatts: Option<u32>,
    pub(super) power_limit_default_milliwatts: Option<u32>,
    /// The version of the driver, the same by whatever library it is asked.
    pub(super) driver: Option<String>,
}

/// One card, by its index.
struct NvmlSensor {
    nvml: Nvml,
    index: u32,
}

/// The card at this place, if it is one of NVIDIA's.
pub(super) fn known(pci: &str) -> Option<Known> {
    let sensor = find(pci)?;
    let device = sensor.nvml.device_by_index(sensor.index).ok()?;
    Some(Known {
        uuid: device.uuid().ok(),
        power_limit_milliwatts: device.enforced_power_limit().ok(),
        power_limit_default_milliwatts: device.power_management_limit_default().ok(),
        driver: sensor.nvml.sys_driver_version().ok(),
    })
}

/// Reads the card at this place, if it is one of NVIDIA's.
pub(super) fn sensor(pci: &str) -> Option<Box<dyn Sensor>> {
    Some(Box::new(find(pci)?))
}

fn find(pci: &str) -> Option<NvmlSensor> {
    let nvml = Nvml::init().ok()?;
    let sits = |index: &u32| {
        let told = nvml.device_by_index(*index).and_then(|device| device.pci_info());
        told.is_ok_and(|told| cards::pci(&told.bus_id).as_deref() == Some(pci))
    };
    let index = (0..nvml.device_count().ok()?).find(sits)?;
    Some(NvmlSensor { nvml, index })
}

impl Sensor for NvmlSensor {
    fn sample(&mut self) -> Sample {
        let Ok(device) = self.nvml.device_by_index(self.index) else { return Sample::default() };
        Sample {
            clock_mhz: device.clock_info(Clock::SM).ok(),
            memory_clock_mhz: device.clock_info(Clock::Memory).ok(),
            temperature_c: device.temperature(TemperatureSensor::Gpu).ok(),
            milliwatts: device.power_usage().ok(),
            millijoules: device.total_energy_consumption().ok(),
            throttled: device.current_throttle_reasons().ok().map(brakes),
            pcie_generation: device.current_pcie_link_gen().ok(),
            pcie_lanes: lanes(&device),
        }
    }
}

fn lanes(device: &Device<'_>) -> Option<u32> {
    device.current_pcie_link_width().ok()
}

/// Resting is no brake, and an application that waits for the picture is not ours.
fn brakes(reasons: ThrottleReasons) -> Vec<Throttle> {
    let table = [
        (ThrottleReasons::SW_POWER_CAP, Throttle::Power),
        (ThrottleReasons::SW_THERMAL_SLOWDOWN | ThrottleReasons::HW_THERMAL_SLOWDOWN, Throttle::Heat),
        (ThrottleReasons::HW_SLOWDOWN | ThrottleReasons::HW_POWER_BRAKE_SLOWDOWN, Throttle::Hardware),
        (ThrottleReasons::APPLICATIONS_CLOCKS_SETTING, Throttle::Settings),
    ];
    table.into_iter().filter(|(mask, _)| reasons.intersects(*mask)).map(|(_, brake)| brake).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resting_card_is_not_held_back() {
        assert!(brakes(ThrottleReasons::GPU_IDLE).is_empty());
        assert_eq!(brakes(ThrottleReasons::SW_POWER_CAP | ThrottleReasons::HW_SLOWDOWN), [Throttle::Power, Throttle::Hardware]);
    }

    #[test]
    fn no_driver_knows_no_card() {
        assert!(known("ffff:ff:1f.7").is_none() && sensor("ffff:ff:1f.7").is_none());
    }
}
