//! A copy of what is connected, for questions that take a look at every rig: they are answered beside the market and not in it.

use headframe_protocol::{Micros, error::FieldError};

use super::{Capacity, Class, GpuWant, Need, Want};

/// A connected rig.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    /// Its number among the classes.
    pub(super) class: u32,
    /// What it has with all its slots.
    pub(super) capacity: Capacity,
    /// Whether it takes work now.
    pub(super) ready: bool,
}

/// What was connected at some moment.
#[derive(Debug, Default)]
pub struct Fleet {
    pub(super) classes: Vec<Class>,
    pub(super) members: Vec<Member>,
}

impl Fleet {
    /// The least price among the rigs that could do such a job, and how many of them take work now. Whatever the job itself would pay
    /// at most.
    #[must_use]
    pub fn cheapest(&self, need: &Need) -> (Option<Micros>, u32) {
        let classes: Vec<bool> = self.classes.iter().map(|class| class.suits(need)).collect();
        let suits = |class: u32| classes.get(class as usize).copied().unwrap_or(false);
        let able = self.members.iter().filter(|member| suits(member.class) && member.capacity.fits(need));
        able.fold((None, 0), |(least, ready), member| {
            let price = member.capacity.price_per_hour;
            (Some(least.map_or(price, |least: Micros| least.min(price))), ready + u32::from(member.ready))
        })
    }

    /// Why no rig that was connected could do such a job: each requirement that none meets, or, if each is met by some, those that no
    /// rig meets together. Empty if one could.
    #[must_use]
    pub fn unmet(&self, want: &Want) -> Vec<FieldError> {
        let asked = asked(want);
        let Some(most) = u32::try_from(asked.len()).ok().and_then(|count| 1_u32.checked_shl(count)) else { return Vec::new() };
        let all = most - 1;
        // Which requirements a rig meets, as bits: there are few, and fifty thousand rigs.
        let (mut by_none, mut best) = (all, 0_u32);
        for member in &self.members {
            let Some(class) = self.classes.get(member.class as usize) else { continue };
            let met = asked
                .iter()
                .enumerate()
                .fold(0, |met, (at, asked)| met | u32::from((asked.met)(want, class, member.capacity)) << at);
            if met == all {
                return Vec::new();
            }
            by_none &= !met;
            if met.count_ones() > best.count_ones() {
                best = met;
            }
        }
        let named = |bits: u32| asked.iter().enumerate().filter(move |(at, _)| bits >> at & 1 == 1).map(|(_, asked)| asked);
        if self.members.is_empty() {
            return vec![FieldError::new("", "no rig is connected now")];
        }
        if by_none != 0 {
            return named(by_none).map(|asked| FieldError::new(asked.field, asked.none)).collect();
        }
        let message = "no connected rig has this together with the rest of what the job asks for";
        named(all & !best).map(|asked| FieldError::new(asked.field, message)).collect()
    }
}

/// One requirement of a job.
struct Asked {
    /// The field of the specification it comes from.
    field: &'static str,
    /// What is said if no rig meets it.
    none: &'static str,
    met: fn(&Want, &Class, Capacity) -> bool,
}

/// What a job asks for, one thing at a time.
fn asked(want: &Want) -> Vec<Asked> {
    let Need { gpu, cpu: _, memory_gib: _, disk_gib: _, egress_bytes, trust: _, countries, by_card: _ } = &want.need;
    let mut asked = Vec::with_capacity(12);
    let mut ask = |field, none, met| asked.push(Asked { field, none, met });
    if let Some(GpuWant { count: _, vram_gib: _, min_fu: _, vendor, capability_min }) = gpu {
        ask("resources.gpu.count", "no connected rig has so many GPUs", |want, _, has| {
            has.gpus >= want.need.slots() && has.slots_free >= want.need.slots()
        });
        if vendor.is_some() {
            ask("resources.gpu.vendor", "no connected rig has GPUs of this vendor", |want, class, _| {
                gpu_of(want).is_none_or(|gpu| class.vendor == gpu.vendor)
            });
        }
        if capability_min.is_some() {
            ask(
                "resources.gpu.compute_capability_min",
                "no connected rig has GPUs of this compute capability, or none says so: agents of before do not",
                |want, class, _| gpu_of(want).is_none_or(|gpu| class.capability >= gpu.capability_min),
            );
        }
        ask("resources.gpu.vram_gib", "no connected rig has GPUs with so much memory", |want, _, has| {
            gpu_of(want).is_none_or(|gpu| has.vram_gib >= gpu.vram_gib)
        });
        ask("resources.gpu.min_fu", "no connected rig has GPUs with such a verified score", |want, _, has| {
            gpu_of(want).is_none_or(|gpu| has.fu >= gpu.min_fu)
        });
    }
    ask("resources.cpu", "no connected rig offers so many cores", |want, _, has| has.cpu >= want.need.cpu);
    ask("resources.memory_gib", "no connected rig offers so much memory", |want, _, has| has.memory_gib >= want.need.memory_gib);
    ask("resources.disk_gib", "no connected rig offers so much disk", |want, _, has| has.disk_gib >= want.need.disk_gib);
    if *egress_bytes > 0 {
        ask("network", "no connected rig's owner lets jobs reach the internet, or not for so many bytes", |want, _, has| {
            has.egress_bytes_max >= want.need.egress_bytes
        });
    }
    ask("placement.trust", "no connected rig is trusted so much", |want, class, _| class.trust >= want.need.trust);
    if !countries.is_empty() {
        ask(
            "placement.countries",
            "the operator has attested of no connected rig that it stands in one of these",
            |want, class, _| class.country.is_some_and(|country| want.need.countries.contains(&country)),
        );
    }
    ask("max_price_per_hour", "every connected rig asks for more", |want, _, has| has.price_per_hour <= want.price_per_hour_max);
    asked
}

fn gpu_of(want: &Want) -> Option<&GpuWant> {
    want.need.gpu.as_ref()
}
