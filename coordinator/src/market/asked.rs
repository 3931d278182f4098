//! What a job asks of a rig, one thing at a time: for answers that say which of it is not met.

use headframe_protocol::demand::Requirement;

use super::{
    Capacity, Class, GpuWant, Need, Want,
    traits::{self, Traits},
};

/// One requirement of a job.
pub(super) struct Asked {
    pub(super) requirement: Requirement,
    /// The field of the specification it comes from.
    pub(super) field: &'static str,
    /// What is said if no rig meets it.
    pub(super) none: &'static str,
    pub(super) met: fn(&Want, &Class, Capacity) -> bool,
}

/// What a job pays.
pub(super) const fn of_price() -> Asked {
    Asked {
        requirement: Requirement::Price,
        field: "max_price_per_hour",
        none: "every connected rig asks for more",
        met: |want, _, has| has.price_per_hour <= want.price_per_hour_max,
    }
}

/// What jobs of a need ask for, whatever they pay. All of it is met just where class and capacity suit the need, for every rig takes
/// one job at a time at least.
pub(super) fn asked(need: &Need) -> Vec<Asked> {
    let Need { gpu, cpu: _, memory_gib: _, disk_gib: _, egress_bytes, trust: _, countries, by_card: _, traits, hours: _ } = need;
    let mut asked = Vec::with_capacity(16);
    let mut ask = |requirement, field, none, met| asked.push(Asked { requirement, field, none, met });
    if let Some(gpu) = gpu {
        ask_of_gpus(gpu, &mut ask);
    }
    ask(Requirement::Cpu, "resources.cpu", "no connected rig offers so many cores", |want, _, has| has.cpu >= want.need.cpu);
    ask(Requirement::Memory, "resources.memory_gib", "no connected rig offers so much memory", |want, _, has| {
        has.memory_gib >= want.need.memory_gib
    });
    ask(Requirement::Disk, "resources.disk_gib", "no connected rig offers so much disk", |want, _, has| {
        has.disk_gib >= want.need.disk_gib
    });
    if *egress_bytes > 0 {
        let none = "no connected rig's owner lets jobs reach the internet, or not for so many bytes";
        ask(Requirement::Egress, "network", none, |want, _, has| has.egress_bytes_max >= want.need.egress_bytes);
    }
    ask(Requirement::Trust, "placement.trust", "no connected rig is trusted so much", |want, class, _| {
        class.trust >= want.need.trust
    });
    if !countries.is_empty() {
        let none = "the operator has attested of no connected rig that it stands in one of these";
        ask(Requirement::Country, "placement.countries", none, |want, class, _| {
            class.country.is_some_and(|country| want.need.countries.contains(&country))
        });
    }
    ask_of_owners(*traits, &mut ask);
    asked
}

type Met = fn(&Want, &Class, Capacity) -> bool;

/// What a job asks of owners' preferences. That nobody takes it is only said where a trait of it is one that can be refused.
fn ask_of_owners(has: Traits, ask: &mut impl FnMut(Requirement, &'static str, &'static str, Met)) {
    let is = |one: Traits| !has.has_none_of(one);
    if is(traits::GPU) {
        let none = "no connected rig's owner takes jobs that need a GPU";
        ask(Requirement::GpuJobs, "resources.gpu", none, |_, _, has| has.refuses.has_none_of(traits::GPU));
    }
    if is(traits::CPU) {
        let none = "no connected rig's owner takes jobs that need no GPU";
        ask(Requirement::CpuJobs, "resources.gpu", none, |_, _, has| has.refuses.has_none_of(traits::CPU));
    }
    if is(traits::UNSAVED) {
        let none = "no connected rig's owner takes jobs that keep no checkpoints";
        ask(Requirement::Unsaved, "checkpoint", none, |_, _, has| has.refuses.has_none_of(traits::UNSAVED));
    }
    if is(traits::UNDECLARED) {
        let none = "no connected rig's owner takes jobs that do not declare their content";
        ask(Requirement::Content, "content", none, |_, _, has| has.refuses.has_none_of(traits::UNDECLARED));
    }
    if is(traits::ADULT) {
        let none = "no connected rig's owner takes adult content";
        ask(Requirement::Content, "content", none, |_, _, has| has.refuses.has_none_of(traits::ADULT));
    }
    let none = "no connected rig's owner takes jobs that may run so long";
    ask(Requirement::Length, "timeout_s", none, |want, _, has| has.hours_max >= want.need.hours);
}

fn ask_of_gpus(gpu: &GpuWant, ask: &mut impl FnMut(Requirement, &'static str, &'static str, Met)) {
    let GpuWant { count: _, vram_gib: _, min_fu: _, vendor, capability_min } = gpu;
    ask(Requirement::GpuCount, "resources.gpu.count", "no connected rig has so many GPUs", |want, _, has| {
        has.gpus >= want.need.slots() && has.slots_free >= want.need.slots()
    });
    if vendor.is_some() {
        let none = "no connected rig has GPUs of this vendor";
        ask(Requirement::GpuVendor, "resources.gpu.vendor", none, |want, class, _| {
            gpu_of(want).is_none_or(|gpu| class.vendor == gpu.vendor)
        });
    }
    if capability_min.is_some() {
        let none = "no connected rig has GPUs of this compute capability, or none says so: agents of before do not";
        ask(Requirement::ComputeCapability, "resources.gpu.compute_capability_min", none, |want, class, _| {
            gpu_of(want).is_none_or(|gpu| class.capability >= gpu.capability_min)
        });
    }
    ask(Requirement::Vram, "resources.gpu.vram_gib", "no connected rig has GPUs with so much memory", |want, _, has| {
        gpu_of(want).is_none_or(|gpu| has.vram_gib >= gpu.vram_gib)
    });
    ask(Requirement::Score, "resources.gpu.min_fu", "no connected rig has GPUs with such a verified score", |want, _, has| {
        gpu_of(want).is_none_or(|gpu| has.fu >= gpu.min_fu)
    });
}

fn gpu_of(want: &Want) -> Option<&GpuWant> {
    want.need.gpu.as_ref()
}
