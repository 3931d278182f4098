//! What to make of the facts. Pure: facts in, findings out.

use super::{Facts, findings::Finding};

mod engine;
mod gpu;
mod network;
mod owner;
mod pc;

/// Judges all facts, what the owner must mend first coming first.
pub(super) fn findings(facts: &Facts) -> Vec<Finding<'_>> {
    let mut findings = engine::findings(&facts.engines);
    findings.extend(gpu::findings(&facts.gpus, &facts.engines));
    findings.extend(pc::findings(facts));
    findings.extend(owner::findings(facts));
    findings.extend(network::findings(&facts.coordinator));
    findings
}

/// Whole GiB, rounded down: nobody is promised what is not there.
const fn gib(bytes: u64) -> u64 {
    bytes >> 30
}

#[cfg(test)]
mod tests;
