//! What a rig has and asks, as far as its class does not tell.

use headframe_protocol::{Micros, rig::RigReport};

use super::{Need, Want, class, price, traits::Traits};

/// Whether a rig suits is asked of this: what it has, what it asks, how many slots are free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capacity {
    pub(crate) price_per_hour: Micros,
    pub(crate) egress_bytes_max: u64,
    /// Verified score of the slowest GPU.
    pub(crate) fu: u32,
    pub(crate) cpu: u16,
    pub(crate) memory_gib: u16,
    pub(crate) disk_gib: u16,
    /// Memory of the smallest GPU.
    pub(crate) vram_gib: u16,
    pub(crate) gpus: u8,
    pub(crate) slots_free: u8,
    /// What its owner refuses.
    pub(crate) refuses: Traits,
    /// The longest jobs its owner takes, in hours.
    pub(crate) hours_max: u8,
}

impl Capacity {
    /// What a report says, all slots free.
    pub(super) fn of(report: &RigReport, fee_bps: u16) -> Self {
        let gib = |bytes: u64| u16::try_from(bytes >> 30).unwrap_or(u16::MAX);
        Self {
            price_per_hour: price(report.floor_per_hour, fee_bps),
            egress_bytes_max: report.egress_bytes_max,
            fu: report.gpus.iter().map(|gpu| gpu.fu).min().unwrap_or(0),
            cpu: report.cpu_cores,
            // A machine sold with 16 GiB reports a little less; half a GiB is given to it.
            memory_gib: gib(report.memory_bytes.saturating_add(512 << 20)),
            disk_gib: gib(report.disk_bytes),
            vram_gib: class::vram_gib(report),
            gpus: u8::try_from(report.gpus.len()).unwrap_or(u8::MAX),
            slots_free: report.slots,
            refuses: Traits::refused(&report.refuses),
            hours_max: report.refuses.longer_than_hours.unwrap_or(u8::MAX),
        }
    }

    /// Whether a rig that has this can do a job that wants `want`, if its class may.
    pub(crate) fn suits(&self, want: &Want) -> bool {
        self.price_per_hour <= want.price_per_hour_max && self.fits(&want.need)
    }

    /// Whether a rig that has this has what a job needs, if its class has.
    pub(crate) fn fits(&self, need: &Need) -> bool {
        self.cpu >= need.cpu
            && self.memory_gib >= need.memory_gib
            && self.disk_gib >= need.disk_gib
            && self.egress_bytes_max >= need.egress_bytes
            && self.slots_free >= need.slots()
            && need.traits.has_none_of(self.refuses)
            && self.hours_max >= need.hours
            && need
                .gpu
                .as_ref()
                .is_none_or(|gpu| self.gpus >= gpu.count && self.vram_gib >= gpu.vram_gib && self.fu >= gpu.min_fu)
    }

    /// At least as good in everything as either of the two: what neither has, this has not.
    pub(super) fn best_of(self, other: Self) -> Self {
        Self {
            price_per_hour: self.price_per_hour.min(other.price_per_hour),
            egress_bytes_max: self.egress_bytes_max.max(other.egress_bytes_max),
            fu: self.fu.max(other.fu),
            cpu: self.cpu.max(other.cpu),
            memory_gib: self.memory_gib.max(other.memory_gib),
            disk_gib: self.disk_gib.max(other.disk_gib),
            vram_gib: self.vram_gib.max(other.vram_gib),
            gpus: self.gpus.max(other.gpus),
            slots_free: self.slots_free.max(other.slots_free),
            refuses: self.refuses.shared(other.refuses),
            hours_max: self.hours_max.max(other.hours_max),
        }
    }
}
