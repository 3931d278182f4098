//! Which generation of GPU a card is, for people: what a job may ask for is its compute capability.

use headframe_protocol::rig::{ComputeCapability, GpuVendor};

/// The generation of NVIDIA's GPUs with a compute capability. Source: "CUDA GPU Compute Capability" of NVIDIA's developer pages.
const fn nvidia(capability: ComputeCapability) -> Option<&'static str> {
    match (capability.major(), capability.minor()) {
        (5, _) => Some("maxwell"),
        (6, _) => Some("pascal"),
        (7, 5..) => Some("turing"),
        (7, _) => Some("volta"),
        (8, 9) => Some("ada"),
        (8, _) => Some("ampere"),
        (9, _) => Some("hopper"),
        (10..=12, _) => Some("blackwell"),
        _ => None,
    }
}

/// Parts of model names that tell a generation. The vendors have no number that every driver tells; names on sale in 2026.
const NAMES: [(GpuVendor, &str, &str); 16] = [
    (GpuVendor::Amd, "RX 9", "rdna4"),
    (GpuVendor::Amd, "RX 7", "rdna3"),
    (GpuVendor::Amd, "W7", "rdna3"),
    (GpuVendor::Amd, "RX 6", "rdna2"),
    (GpuVendor::Amd, "W6", "rdna2"),
    (GpuVendor::Amd, "RX 5", "rdna1"),
    (GpuVendor::Amd, "MI3", "cdna3"),
    (GpuVendor::Amd, "MI2", "cdna2"),
    (GpuVendor::Amd, "MI1", "cdna1"),
    (GpuVendor::Intel, "Arc B", "battlemage"),
    (GpuVendor::Intel, "Arc(TM) B", "battlemage"),
    (GpuVendor::Intel, "Arc A", "alchemist"),
    (GpuVendor::Intel, "Arc(TM) A", "alchemist"),
    (GpuVendor::Apple, "M4", "apple9"),
    (GpuVendor::Apple, "M3", "apple9"),
    (GpuVendor::Apple, "M2", "apple8"),
];

/// The generation of a card, where it can be told.
pub(super) fn of(vendor: GpuVendor, capability: Option<ComputeCapability>, model: &str) -> Option<&'static str> {
    match vendor {
        GpuVendor::Nvidia => capability.and_then(nvidia),
        GpuVendor::Amd | GpuVendor::Intel | GpuVendor::Apple => {
            NAMES.iter().find(|(of, part, _)| *of == vendor && model.contains(part)).map(|(_, _, name)| *name)
        }
    }
}
