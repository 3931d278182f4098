//! Homogeneity classes: rigs whose results may be compared bit for bit.
//!
//! GPUs of different makers and generations round differently, and so do two generations of a driver, which has the libraries and the
//! compiler of its year. BOINC calls rigs that do not differ *homogeneous*. A job without GPUs is one class: the images are for one architecture, and processors add alike.

use std::{fmt, str::FromStr};

use headframe_protocol::rig::{GpuReport, GpuVendor, RigReport};

/// The longest part of a model's name that a class keeps.
const MODEL_CHARS_MAX: usize = 48;

/// What must be alike for two results to have the same bits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Class(String);

impl Class {
    /// Of a rig for a job that needs no GPU.
    #[must_use]
    pub fn cpu() -> Self {
        Self("cpu".to_owned())
    }

    /// Of a rig, for a job with or without GPUs: the maker and the model of its cards, and the generation of their driver where it is
    /// told. One model is one architecture, so this is finer than need be. A rig that does not tell its driver is like those that do not
    /// either. A rig with unlike cards is like no other: which of them a job gets is not known here.
    #[must_use]
    pub fn of(report: &RigReport, needs_gpu: bool) -> Self {
        if !needs_gpu {
            return Self::cpu();
        }
        let mut kinds: Vec<String> = report.gpus.iter().map(kind).collect();
        kinds.sort();
        kinds.dedup();
        Self(if kinds.is_empty() { "cpu".to_owned() } else { kinds.join("+") })
    }

    /// As the database has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn kind(gpu: &GpuReport) -> String {
    let vendor = match gpu.vendor {
        GpuVendor::Nvidia => "nvidia",
        GpuVendor::Amd => "amd",
        GpuVendor::Intel => "intel",
        GpuVendor::Apple => "apple",
    };
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let model: String = gpu.model.chars().take(MODEL_CHARS_MAX).map(letter).collect();
    match gpu.driver.as_deref().and_then(generation) {
        Some(generation) => format!("{vendor}/{model}/{generation}"),
        None => format!("{vendor}/{model}"),
    }
}

/// The number before the first point of a driver's version: 570 of `570.124.06`.
fn generation(version: &str) -> Option<u32> {
    version.split('.').next().and_then(|number| number.parse().ok())
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Class {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_generations_of_a_driver_are_two_classes_and_two_fixes_of_one_are_one() {
        let of = |driver: Option<&str>| {
            kind(&GpuReport {
                uuid: "GPU-1".to_owned(),
                model: "RTX 4090".to_owned(),
                vendor: GpuVendor::Nvidia,
                vram_bytes: 1,
                fu: 0,
                compute_capability: None,
                pci_bus_id: None,
                power_limit_w: None,
                driver: driver.map(str::to_owned),
            })
        };
        assert_eq!(of(Some("570.124.06")), "nvidia/rtx-4090/570");
        assert_eq!(of(Some("570.86.15")), of(Some("570.124.06")));
        assert_ne!(of(Some("575.51")), of(Some("570.124.06")));
        for untold in [None, Some(""), Some("nightly"), Some(".5"), Some("99999999999.1")] {
            assert_eq!(of(untold), "nvidia/rtx-4090", "{untold:?}");
        }
    }
}
