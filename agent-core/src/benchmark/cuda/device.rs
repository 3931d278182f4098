//! What a device says of itself.

use std::{
    ffi::{CStr, c_int},
    rc::Rc,
};

use headframe_protocol::{
    benchmark::{Card, CardClass},
    rig::GpuVendor,
};

use super::{driver::Driver, error::CudaError};
use crate::benchmark::cards;

/// Attributes of `CUdevice_attribute` that we ask for.
mod attribute {
    use std::ffi::c_int;

    pub(super) const MULTIPROCESSORS: c_int = 16;
    pub(super) const WATCHDOG: c_int = 17;
    pub(super) const INTEGRATED: c_int = 18;
    pub(super) const ECC: c_int = 32;
    pub(super) const CACHE_BYTES: c_int = 38;
    pub(super) const CAPABILITY_MAJOR: c_int = 75;
    pub(super) const CAPABILITY_MINOR: c_int = 76;
}

/// Bytes for a name. The driver's own examples use as many.
const NAME_BYTES: usize = 256;

/// What a device says of itself. It is the driver's word, and a measurement's label; none of it is proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The model.
    pub name: String,
    /// The device's name for life, as NVML spells it: `GPU-` or, for a slice of a device, `MIG-`, then a UUID.
    pub uuid: String,
    /// Where it is on the bus: `0000:01:00.0`.
    pub bus_id: String,
    /// Compute capability.
    pub capability: (u32, u32),
    /// Multiprocessors, as many as this process may use.
    pub multiprocessors: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Second-level cache in bytes; absent if the driver does not tell.
    pub cache_bytes: Option<u64>,
    /// Whether memory corrects errors, which costs some of its speed; absent if the driver does not tell.
    pub ecc: Option<bool>,
    /// Whether it shares the PC's memory; absent if the driver does not tell.
    pub integrated: Option<bool>,
    /// Whether the system resets it when a kernel runs long, as where it draws a screen; absent if the driver does not tell.
    pub watchdog: Option<bool>,
    /// Whether it is a slice of a device (MIG), whose speed is a slice of the model's.
    pub is_slice: bool,
}

impl Facts {
    /// Whether this is the card that somebody else names so. Slices of a device sit in its place and are another card each.
    pub(super) fn is_of(&self, card: &Card) -> bool {
        let place = cards::pci(&self.bus_id).filter(|_| !self.is_slice);
        card.uuid.as_ref() == Some(&self.uuid) || (place.is_some() && place == card.pci)
    }

    /// The same of a card that somebody else describes so sparely that he may mean any of its model.
    pub(super) fn may_be(&self, card: &Card) -> bool {
        let is_vague = card.pci.is_none() && card.uuid.is_none() && !self.is_slice;
        self.is_of(card) || (is_vague && card.name == self.name)
    }

    /// The card that it is, where nobody else describes it. A slice has no place of its own.
    pub(super) fn card(&self) -> Card {
        let pci = cards::pci(&self.bus_id).filter(|_| !self.is_slice);
        Card {
            id: pci.clone().unwrap_or_else(|| self.uuid.clone()),
            name: self.name.clone(),
            class: if self.integrated == Some(true) { CardClass::Integrated } else { CardClass::Discrete },
            vendor: Some(GpuVendor::Nvidia),
            pci,
            uuid: Some(self.uuid.clone()),
            driver: "NVIDIA".to_owned(),
            power_limit_milliwatts: None,
            power_limit_default_milliwatts: None,
        }
    }

    pub(super) fn of(driver: &Driver, device: c_int) -> Result<Self, CudaError> {
        let must = |number| {
            let value = attribute(driver, device, number)?;
            Ok::<u32, CudaError>(u32::try_from(value).unwrap_or(0))
        };
        // What only labels a result may be missing.
        let may = |number| attribute(driver, device, number).ok();
        let name = text(driver, "cuDeviceGetName", driver.call.device_name, device)?;
        let is_slice = name.contains(" MIG ");
        let mut memory_bytes = 0;
        // SAFETY: the driver writes one size.
        driver.check("cuDeviceTotalMem", unsafe { (driver.call.device_memory)(&raw mut memory_bytes, device) })?;
        Ok(Self {
            uuid: uuid(driver, device, is_slice)?,
            bus_id: text(driver, "cuDeviceGetPCIBusId", driver.call.device_bus_id, device)?,
            capability: (must(attribute::CAPABILITY_MAJOR)?, must(attribute::CAPABILITY_MINOR)?),
            multiprocessors: must(attribute::MULTIPROCESSORS)?.max(1),
            memory_bytes: memory_bytes as u64,
            cache_bytes: may(attribute::CACHE_BYTES).and_then(|bytes| u64::try_from(bytes).ok()),
            ecc: may(attribute::ECC).map(|flag| flag != 0),
            integrated: may(attribute::INTEGRATED).map(|flag| flag != 0),
            watchdog: may(attribute::WATCHDOG).map(|flag| flag != 0),
            is_slice,
            name,
        })
    }
}

/// Every device that this process may see, in the driver's order.
pub(super) fn ordinals(driver: &Rc<Driver>) -> Result<Vec<c_int>, CudaError> {
    let mut count = 0;
    // SAFETY: the driver writes one number.
    driver.check("cuDeviceGetCount", unsafe { (driver.call.device_count)(&raw mut count) })?;
    (0..count)
        .map(|ordinal| {
            let mut device = 0;
            // SAFETY: the driver writes one number.
            driver.check("cuDeviceGet", unsafe { (driver.call.device)(&raw mut device, ordinal) })?;
            Ok(device)
        })
        .collect()
}

fn attribute(driver: &Driver, device: c_int, number: c_int) -> Result<c_int, CudaError> {
    let mut value = 0;
    // SAFETY: the driver writes one number, or answers that it does not know the attribute.
    driver.check("cuDeviceGetAttribute", unsafe { (driver.call.device_attribute)(&raw mut value, number, device) })?;
    Ok(value)
}

type TextFunction = unsafe extern "system" fn(*mut std::ffi::c_char, c_int, c_int) -> c_int;

fn text(driver: &Driver, name: &'static str, function: TextFunction, device: c_int) -> Result<String, CudaError> {
    // Not `c_char`, whose sign depends on the processor.
    let mut bytes = [0_u8; NAME_BYTES];
    // SAFETY: the driver writes at most as many bytes as it is told; the last one stays zero.
    driver.check(name, unsafe { function(bytes.as_mut_ptr().cast(), NAME_BYTES as c_int - 1, device) })?;
    Ok(CStr::from_bytes_until_nul(&bytes).map(|text| text.to_string_lossy().into_owned()).unwrap_or_default())
}

fn uuid(driver: &Driver, device: c_int, is_slice: bool) -> Result<String, CudaError> {
    let mut bytes = [0; 16];
    // SAFETY: the driver writes 16 bytes.
    driver.check("cuDeviceGetUuid", unsafe { (driver.call.device_uuid)(&raw mut bytes, device) })?;
    let hex = hex::encode(bytes);
    let kind = if is_slice { "MIG" } else { "GPU" };
    Ok(format!("{kind}-{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}
