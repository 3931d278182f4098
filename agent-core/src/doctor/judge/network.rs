//! The coordinator's clock, and the way to it.

use std::time::Duration;

use headframe_protocol::control::Check;

use super::Topic;
use crate::{coordinator::OFF_MAX, doctor::facts::Coordinator};

const CLOCK: Topic = Topic {
    id: "clock",
    what: "Clock",
    required: "within a minute of the coordinator's",
    why: "your hours are kept by it, and certificates are judged by it; what you are paid for is not measured with it",
};

const BANDWIDTH: Topic = Topic {
    id: "bandwidth",
    what: "Bandwidth",
    required: "nothing in particular",
    why: "a fast line gets jobs with large files done sooner",
};

pub(super) fn checks(coordinator: &Coordinator) -> Vec<Check> {
    vec![
        clock(coordinator),
        BANDWIDTH.unknown("not measured: the coordinator has nothing to measure it with, and nobody else is asked"),
    ]
}

fn clock(coordinator: &Coordinator) -> Check {
    match coordinator {
        Coordinator::NotKnown => CLOCK.unknown("the settings are not understood, so that no coordinator is known to ask"),
        Coordinator::Silent { host, why } => CLOCK.unknown(format!("the coordinator at {host} could not be asked: {why}")),
        Coordinator::NoClock { host } => CLOCK.unknown(format!("the coordinator at {host} does not say what time it is")),
        Coordinator::Told { host, ahead_ms, took } => {
            let off = Duration::from_millis(ahead_ms.unsigned_abs());
            // A second is the finest it tells, and the answer may have been on its way for all of the time it took.
            if off <= OFF_MAX + *took {
                return CLOCK.ok(format!("within a minute of {host}"));
            }
            let side = if *ahead_ms > 0 { "ahead of" } else { "behind" };
            CLOCK.warn(
                format!("{} s {side} {host}", off.as_secs()),
                "let the system set its clock over the network, on Linux: `sudo timedatectl set-ntp true`",
            )
        }
    }
}
