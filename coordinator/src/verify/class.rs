//! Homogeneity classes: rigs whose results may be compared bit for bit.
//!
//! GPUs of different makers and generations round differently, and so do two generations of a driver. BOINC calls rigs that do
//! not differ *homogeneous*. A job without GPUs is one class: the images are for one architecture, and processors add alike.

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

    /// Of a rig, for a job with or without GPUs: the maker and the model of its cards. One model is one architecture, so this is
    /// finer than need be. A rig with unlike cards is like no other: which of them a job gets is not known here.
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
    format!("{vendor}/{model}")
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
