//! Classes of rigs: the first and coarsest answer to which rigs suit a job.

use headframe_protocol::{
    job::Trust,
    rig::{GpuVendor, Os, RigReport},
};

use super::Need;

/// What is alike among rigs: any two of a class suit the same jobs, but for sizes and price.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Class {
    /// Who made its GPUs; none for a rig without.
    pub vendor: Option<GpuVendor>,
    /// Memory of its smallest GPU, rounded down to a size cards are sold in.
    pub vram_gib: u16,
    /// Verified score of its slowest GPU, rounded down to hundreds.
    pub fu: u32,
    /// The host's system.
    pub os: Os,
    /// Who stands behind it.
    pub trust: Trust,
}

/// Sizes cards are sold in, in GiB.
const VRAM_SIZES_GIB: [u16; 14] = [4, 6, 8, 10, 11, 12, 16, 20, 24, 32, 40, 48, 80, 141];

impl Class {
    /// The class of a rig.
    #[must_use]
    pub fn of(report: &RigReport, trust: Trust) -> Self {
        let smallest = report.gpus.iter().map(|gpu| gpu.vram_bytes).min().unwrap_or(0);
        // Drivers keep some for themselves: a card sold as 24 GiB reports a little less.
        let vram_gib = smallest.saturating_add(512 << 20) >> 30;
        let bucket = VRAM_SIZES_GIB.iter().rev().find(|&&size| u64::from(size) <= vram_gib);
        Self {
            vendor: report.gpus.first().map(|gpu| gpu.vendor),
            vram_gib: bucket.copied().unwrap_or(0),
            fu: report.gpus.iter().map(|gpu| gpu.fu).min().unwrap_or(0) / 100 * 100,
            os: report.os,
            trust,
        }
    }

    /// Whether rigs of this class may do a job that needs `need`.
    #[must_use]
    pub fn suits(&self, need: &Need) -> bool {
        let gpu = need.gpu.as_ref().is_none_or(|gpu| {
            self.vendor.is_some()
                && gpu.vendor.is_none_or(|vendor| self.vendor == Some(vendor))
                && self.vram_gib >= gpu.vram_gib
                && self.fu >= gpu.min_fu
        });
        gpu && self.trust >= need.trust
    }

    /// For people: `cpu`, or `nvidia 24 GiB`.
    #[must_use]
    pub fn name(&self) -> String {
        let vendor = match self.vendor {
            None => return "cpu".to_owned(),
            Some(GpuVendor::Nvidia) => "nvidia",
            Some(GpuVendor::Amd) => "amd",
            Some(GpuVendor::Intel) => "intel",
            Some(GpuVendor::Apple) => "apple",
        };
        format!("{vendor} {} GiB", self.vram_gib)
    }
}
