//! The coordinator's clock, and the way to it.

use std::time::Duration;

use crate::{
    coordinator::OFF_MAX,
    doctor::{
        facts::Coordinator,
        findings::{Finding, NetworkFound as Is, Remedy, Topic},
    },
};

pub(super) fn findings(coordinator: &Coordinator) -> Vec<Finding<'_>> {
    vec![clock(coordinator), Topic::Bandwidth.unknown(Is::BandwidthUnmeasured)]
}

fn clock(coordinator: &Coordinator) -> Finding<'_> {
    let topic = Topic::Clock;
    match coordinator {
        Coordinator::NotKnown => topic.unknown(Is::NotKnown),
        Coordinator::Silent { host, why } => topic.unknown(Is::Silent { host, why: *why }),
        Coordinator::NoClock { host } => topic.unknown(Is::NoClock { host }),
        Coordinator::Told { host, ahead_ms, took } => {
            let off = Duration::from_millis(ahead_ms.unsigned_abs());
            // A second is the finest it tells, and the answer may have been on its way for all of the time it took.
            if off <= OFF_MAX + *took {
                return topic.ok(Is::OnTime { host });
            }
            let by_s = off.as_secs();
            let found = if *ahead_ms > 0 { Is::Ahead { host, by_s } } else { Is::Behind { host, by_s } };
            topic.warn(found, Remedy::SetClock)
        }
    }
}
