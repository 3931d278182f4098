//! Measuring the PC: only while the rig has nothing else to do, and given up the moment it has.

use headframe_protocol::control::MeasuringView;

use super::{Duty, Effect, Idleness, WaitReason, Wish};

/// How the measurement of this PC stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Measuring {
    /// There is nothing to measure.
    #[default]
    Idle,
    /// It is to be measured once nobody needs the PC.
    Wanted,
    /// It runs, and has come as far.
    Running(MeasuringView),
    /// It was told to stop and has not said that it has.
    Stopping,
}

/// What is heard of the measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measured {
    /// Something of the PC is not known yet, or is not as it was.
    Wanted,
    /// It has come as far.
    Progress(MeasuringView),
    /// It is over, whatever came of it.
    Over,
}

impl Duty {
    pub(super) fn measured(&mut self, measured: Measured) {
        self.measuring = match (measured, std::mem::take(&mut self.measuring)) {
            (Measured::Wanted, Measuring::Idle) => Measuring::Wanted,
            (Measured::Progress(view), Measuring::Running(_)) => Measuring::Running(view),
            (Measured::Over, _) => Measuring::Idle,
            // What comes late, or twice, changes nothing.
            (Measured::Wanted | Measured::Progress(_), before) => before,
        };
    }

    /// Begins what is wanted, and stops what is in the way.
    pub(super) fn keep_measuring(&mut self, out: &mut Vec<Effect>) {
        match (&self.measuring, self.may_measure()) {
            (Measuring::Wanted, true) => {
                out.push(Effect::Measure { without: self.kept_slots() });
                self.measuring = Measuring::Running(MeasuringView::default());
            }
            (Measuring::Running(_), false) => {
                out.push(Effect::StopMeasuring);
                self.measuring = Measuring::Stopping;
            }
            (Measuring::Idle | Measuring::Wanted | Measuring::Running(_) | Measuring::Stopping, _) => {}
        }
    }

    /// Whether the cards are busy with being measured, so that no offer is taken.
    pub(super) const fn is_measuring(&self) -> bool {
        matches!(self.measuring, Measuring::Running(_) | Measuring::Stopping)
    }

    /// How far the measurement has come, while it runs.
    pub(super) const fn measurement(&self) -> Option<&MeasuringView> {
        match &self.measuring {
            Measuring::Running(view) => Some(view),
            Measuring::Idle | Measuring::Wanted | Measuring::Stopping => None,
        }
    }

    /// Needs neither engine nor coordinator; but nobody may be at the PC, nothing may be in the way, and nothing on the rig.
    fn may_measure(&self) -> bool {
        self.wish == Wish::On
            && self.owner == Idleness::Away
            && self.leaving.is_none()
            && self.held.is_empty()
            && self.hindrances.rig.is_empty()
            && self.hindrances.slots.values().flatten().all(is_kept)
    }

    /// Cards that the owner keeps to himself: they are not measured either.
    fn kept_slots(&self) -> Vec<u8> {
        let kept = self.hindrances.slots.iter().filter(|(_, reasons)| reasons.iter().any(is_kept));
        kept.map(|(slot, _)| *slot).collect()
    }
}

const fn is_kept(reason: &WaitReason) -> bool {
    matches!(reason, WaitReason::GpuKept { .. })
}
