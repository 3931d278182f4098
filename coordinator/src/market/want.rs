//! What a job asks of a rig, in a form that can be a key.

use headframe_protocol::{
    Micros,
    api::Pot,
    job::{GpuNeed, JobSpec, Trust},
    rig::{ComputeCapability, GpuVendor, length_hours},
};

use super::{Country, traits::Traits};

/// What a job asks of a rig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// What the rig must have.
    pub need: Need,
    /// The most it pays.
    pub price_per_hour_max: Micros,
    /// How much running time an interruption can cost it at most, in seconds: from one checkpoint to the next, or all of it.
    pub at_risk_s: u32,
}

/// What a rig must have for a job. To a rig that has it, jobs of the same need differ only in what they pay and in what an
/// interruption costs them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Need {
    /// GPUs, how many and which.
    pub gpu: Option<GpuWant>,
    /// Processor cores.
    pub cpu: u16,
    /// Memory.
    pub memory_gib: u16,
    /// Disk.
    pub disk_gib: u16,
    /// How many bytes an attempt may exchange with hosts of the internet; 0 for a job that needs none.
    pub egress_bytes: u64,
    /// The least trusted kind of rig.
    pub trust: Trust,
    /// Where the rig must stand: in one of these, in order and each once. Empty: anywhere.
    pub countries: Vec<Country>,
    /// Whether the job is paid by card. Then it is never done by a rig that its customer is linked to, or a stolen card could be
    /// turned into earnings.
    pub by_card: bool,
    /// What about it an owner may refuse.
    pub traits: Traits,
    /// How long it may run, rounded up to a length that an owner may refuse, in hours.
    pub hours: u8,
}

/// GPUs, how many and which. [`GpuNeed`] in a form that can be a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GpuWant {
    /// How many of one rig.
    pub count: u8,
    /// Memory of each.
    pub vram_gib: u16,
    /// Verified score of each.
    pub min_fu: u32,
    /// Only from this vendor.
    pub vendor: Option<GpuVendor>,
    /// What the instructions of each can do at least.
    pub capability_min: Option<ComputeCapability>,
}

impl Want {
    /// What `spec` asks of a rig.
    #[must_use]
    pub fn of(spec: &JobSpec) -> Self {
        let gpu = spec.resources.gpu.as_ref().map(|gpu| {
            let GpuNeed { count, vram_gib, min_fu, vendor, compute_capability_min } = gpu;
            GpuWant {
                count: *count,
                vram_gib: *vram_gib,
                min_fu: *min_fu,
                vendor: *vendor,
                capability_min: *compute_capability_min,
            }
        });
        let mut countries: Vec<Country> = spec.placement.countries.iter().filter_map(|code| Country::parse(code)).collect();
        countries.sort_unstable();
        countries.dedup();
        let need = Need {
            gpu,
            cpu: spec.resources.cpu,
            memory_gib: spec.resources.memory_gib,
            disk_gib: spec.resources.disk_gib,
            egress_bytes: spec.network.max_bytes(),
            trust: spec.placement.trust,
            countries,
            by_card: false,
            traits: Traits::of(spec),
            hours: length_hours(spec.timeout_s),
        };
        let at_risk_s = spec.checkpoint.as_ref().map_or(spec.timeout_s, |checkpoint| checkpoint.every_s.min(spec.timeout_s));
        Self { need, price_per_hour_max: spec.max_price_per_hour, at_risk_s }
    }

    /// The same, paid from `pot`.
    #[must_use]
    pub fn paid_from(self, pot: Pot) -> Self {
        let by_card = match pot {
            Pot::Fiat => true,
            Pot::Available | Pot::Earned | Pot::Free => false,
        };
        Self { need: Need { by_card, ..self.need }, ..self }
    }

    /// How many of a rig's slots it takes.
    #[must_use]
    pub fn slots(&self) -> u8 {
        self.need.slots()
    }
}

impl Need {
    /// How many of a rig's slots it takes.
    #[must_use]
    pub fn slots(&self) -> u8 {
        self.gpu.as_ref().map_or(1, |gpu| gpu.count.max(1))
    }
}
