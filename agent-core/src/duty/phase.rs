//! What the owner sees of all this: the phase with its reasons. Computed from the state, never kept, so that it cannot
//! contradict it.

use headframe_protocol::{
    Micros,
    control::{Phase, WaitReason},
    job::{AttemptState, Reason, limits::PRICE_PER_HOUR_MICROS_MAX},
};

use super::{DiskState, Duty, EngineState, Held, Life, LinkState, Wish};
use crate::{
    coordinator::Standing,
    idle::{Gate, Idleness},
};

impl Duty {
    /// What the rig is doing, and why.
    #[must_use]
    pub fn phase(&self) -> Phase {
        if self.held.iter().any(is_stopping) {
            return Phase::Yielding;
        }
        let busy = self.busiest();
        if self.leaving.is_some() || (busy.is_some() && self.wish == Wish::Finishing) {
            return Phase::Draining;
        }
        if let Some(phase) = busy {
            return phase;
        }
        if let Some(measurement) = self.measurement_for_owner() {
            return Phase::Benchmarking { measuring: measurement.clone() };
        }
        match self.wish {
            Wish::Off => Phase::Off,
            Wish::Paused { until, .. } => Phase::Paused { until_ms: until.map(|until| until.wall) },
            Wish::Finishing => Phase::Draining,
            Wish::On if self.engine == EngineState::Unknown => Phase::Checking,
            Wish::On => {
                if let Some(measurement) = self.measurement() {
                    return Phase::Benchmarking { measuring: measurement.clone() };
                }
                let reasons = self.reasons();
                if reasons.is_empty() { Phase::Ready } else { Phase::Waiting { reasons } }
            }
        }
    }

    /// What heartbeats tell.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing { ready: self.unwilling().is_none(), leases: self.held.iter().filter_map(Held::beat).collect() }
    }

    /// Why no offer is taken now; none if one would be.
    pub(super) fn unwilling(&self) -> Option<Reason> {
        if self.leaving.is_some() || self.wish != Wish::On {
            return Some(Reason::RigPaused);
        }
        match self.owner {
            Idleness::Away => {}
            Idleness::Present { .. } | Idleness::Unknown => return Some(Reason::OwnerReturned),
        }
        if self.is_hindered() {
            return Some(Reason::OwnerReturned);
        }
        if self.is_unprofitable().is_some() {
            return Some(Reason::OwnerReturned);
        }
        match self.engine {
            EngineState::Ready => {}
            EngineState::Unknown | EngineState::Missing | EngineState::Unusable { .. } => return Some(Reason::EngineFailed),
        }
        match self.disk {
            DiskState::Roomy => {}
            DiskState::Full => return Some(Reason::RigDiskFull),
        }
        if self.is_measuring() {
            return Some(Reason::Declined);
        }
        self.rest.and(Some(Reason::Declined))
    }

    /// What an hour must bring, if no job may pay it.
    fn is_unprofitable(&self) -> Option<Gate> {
        self.gate.filter(|gate| gate.floor_per_hour > Micros::new(PRICE_PER_HOUR_MICROS_MAX))
    }

    /// Everything that stands in the way, what the owner can change first.
    fn reasons(&self) -> Vec<WaitReason> {
        let mut reasons = Vec::new();
        match &self.engine {
            EngineState::Unknown | EngineState::Ready => {}
            EngineState::Missing => reasons.push(WaitReason::NoEngine),
            EngineState::Unusable { message } => reasons.push(WaitReason::EngineUnusable { message: message.clone() }),
        }
        match &self.link {
            LinkState::Up | LinkState::Down => {}
            LinkState::Refused { code, message } => {
                reasons.push(WaitReason::Refused { code: *code, message: message.clone() });
            }
        }
        match self.owner {
            Idleness::Away => {}
            Idleness::Present { last_input, away_at } => {
                reasons.push(WaitReason::OwnerActive { last_input_ms: last_input.wall, starts_ms: away_at.wall });
            }
            Idleness::Unknown => reasons.push(WaitReason::NoIdleProbe),
        }
        reasons.extend(self.hindering());
        reasons.extend(
            self.is_unprofitable()
                .map(|Gate { power_per_hour, floor_per_hour }| WaitReason::Unprofitable { power_per_hour, floor_per_hour }),
        );
        if self.disk == DiskState::Full {
            reasons.push(WaitReason::DiskFull);
        }
        if self.link == LinkState::Down {
            reasons.push(WaitReason::Offline);
        }
        if let Some(rest) = self.rest {
            reasons.push(WaitReason::BackingOff { until_ms: rest.until.wall });
        }
        reasons
    }

    /// What the attempt that is furthest along is doing, if there is one. A running container outranks all else.
    fn busiest(&self) -> Option<Phase> {
        let rank = |held: &&Held| match held.doing {
            AttemptState::Running => 3,
            AttemptState::Preparing | AttemptState::Accepted | AttemptState::Offered => 2,
            AttemptState::Uploading => 1,
            AttemptState::Succeeded
            | AttemptState::Failed
            | AttemptState::Yielded
            | AttemptState::Lost
            | AttemptState::Withdrawn
            | AttemptState::Cancelled => 0,
        };
        let busiest = self.held.iter().filter(|held| held.is_active()).max_by_key(rank)?;
        Some(match rank(&busiest) {
            3 => Phase::Working,
            2 => Phase::Preparing,
            _ => Phase::Uploading,
        })
    }
}

fn is_stopping(held: &Held) -> bool {
    match &held.life {
        Life::Stopping { .. } => true,
        Life::Writing
        | Life::Recovering { .. }
        | Life::Resuming
        | Life::Doing
        | Life::Closing { .. }
        | Life::Reporting { .. } => false,
    }
}
