//! Classes of rigs: the first and coarsest answer to which rigs suit a job.

use headframe_protocol::{
    job::Trust,
    rig::{ComputeCapability, GpuVendor, Os, RigReport},
};

use super::{Country, Need};

mod architecture;

/// What is alike among rigs: any two of a class suit the same jobs, but for sizes, scores and price.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Class {
    /// Who made its GPUs; none for a rig without.
    pub vendor: Option<GpuVendor>,
    /// Their generation, where it can be told.
    pub architecture: Option<&'static str>,
    /// Memory of its smallest GPU, rounded down to a size cards are sold in.
    pub vram_gib: u16,
    /// What the instructions of all of its GPUs can do; none if one of them has no such number.
    pub capability: Option<ComputeCapability>,
    /// The host's system.
    pub os: Os,
    /// Who stands behind it.
    pub trust: Trust,
    /// Where it stands, if the operator has attested it.
    pub country: Option<Country>,
}

/// Sizes cards are sold in, in GiB.
const VRAM_SIZES_GIB: [u16; 18] = [4, 6, 8, 10, 11, 12, 16, 20, 24, 32, 40, 48, 80, 96, 141, 180, 192, 288];

impl Class {
    /// The class of a rig behind which `trust` stands and which stands in `country`.
    #[must_use]
    pub fn of(report: &RigReport, trust: Trust, country: Option<Country>) -> Self {
        let vram_gib = vram_gib(report);
        let capability = report.gpus.iter().map(|gpu| gpu.compute_capability).min().flatten();
        let first = report.gpus.first();
        Self {
            vendor: first.map(|gpu| gpu.vendor),
            architecture: first.and_then(|gpu| architecture::of(gpu.vendor, capability, &gpu.model)),
            vram_gib: VRAM_SIZES_GIB.iter().rev().find(|&&size| size <= vram_gib).copied().unwrap_or(0),
            capability,
            os: report.os,
            trust,
            country,
        }
    }

    /// Whether a rig of this class may do a job that needs `need`, as far as the class can tell.
    #[must_use]
    pub fn suits(&self, need: &Need) -> bool {
        let gpu = need.gpu.as_ref().is_none_or(|gpu| {
            self.vendor.is_some()
                && gpu.vendor.is_none_or(|vendor| self.vendor == Some(vendor))
                && self.vram_gib_below().is_none_or(|below| gpu.vram_gib < below)
                && (gpu.capability_min.is_none() || self.capability >= gpu.capability_min)
        });
        let here = || self.country.is_some_and(|country| need.countries.contains(&country));
        gpu && self.trust >= need.trust && (need.countries.is_empty() || here())
    }

    /// The next size: cards of this class have less. None for the largest.
    fn vram_gib_below(&self) -> Option<u16> {
        VRAM_SIZES_GIB.iter().find(|&&size| size > self.vram_gib).copied()
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

/// Memory of a rig's smallest GPU in whole GiB; 0 for one without.
pub(super) fn vram_gib(report: &RigReport) -> u16 {
    let smallest = report.gpus.iter().map(|gpu| gpu.vram_bytes).min().unwrap_or(0);
    // Drivers keep some for themselves: a card sold as 24 GiB reports a little less.
    u16::try_from(smallest.saturating_add(512 << 20) >> 30).unwrap_or(u16::MAX)
}
