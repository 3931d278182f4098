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
    /// It is to be measured at once: its owner has asked for it.
    Asked,
    /// It runs, and has come as far.
    Running {
        /// How far.
        view: MeasuringView,
        /// Its owner has asked for it and knows, so that neither he nor his rules are in the way.
        asked: bool,
    },
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

impl Measuring {
    /// What the owner has said since is more than that he wanted it measured.
    pub(super) fn goes_by_rules(&mut self) {
        match self {
            Self::Asked => *self = Self::Wanted,
            Self::Running { asked, .. } => *asked = false,
            Self::Idle | Self::Wanted | Self::Stopping => {}
        }
    }
}

impl Duty {
    /// Begins with it as soon as nothing of a job is on the rig.
    pub(super) fn measure_for_owner(&mut self) {
        match &mut self.measuring {
            Measuring::Running { asked, .. } => *asked = true,
            before @ (Measuring::Idle | Measuring::Wanted | Measuring::Asked) => *before = Measuring::Asked,
            // It says that it has stopped within seconds; then he can ask again.
            Measuring::Stopping => {}
        }
    }

    pub(super) fn measured(&mut self, measured: Measured) {
        self.measuring = match (measured, std::mem::take(&mut self.measuring)) {
            (Measured::Wanted, Measuring::Idle) => Measuring::Wanted,
            (Measured::Progress(view), Measuring::Running { asked, .. }) => Measuring::Running { view, asked },
            (Measured::Over, _) => Measuring::Idle,
            // What comes late, or twice, changes nothing.
            (Measured::Wanted | Measured::Progress(_), before) => before,
        };
    }

    /// Begins what is wanted, and stops what is in the way.
    pub(super) fn keep_measuring(&mut self, out: &mut Vec<Effect>) {
        let asked = matches!(self.measuring, Measuring::Asked | Measuring::Running { asked: true, .. });
        match (&self.measuring, self.may_measure(asked)) {
            (Measuring::Wanted | Measuring::Asked, true) => {
                out.push(Effect::Measure { without: self.kept_slots() });
                self.measuring = Measuring::Running { view: MeasuringView::default(), asked };
            }
            (Measuring::Running { .. }, false) => {
                out.push(Effect::StopMeasuring);
                self.measuring = Measuring::Stopping;
            }
            (Measuring::Idle | Measuring::Wanted | Measuring::Asked | Measuring::Running { .. } | Measuring::Stopping, _) => {}
        }
    }

    /// Whether the cards are busy with being measured, so that no offer is taken.
    pub(super) const fn is_measuring(&self) -> bool {
        matches!(self.measuring, Measuring::Running { .. } | Measuring::Stopping)
    }

    /// How far the measurement has come, while it runs.
    pub(super) const fn measurement(&self) -> Option<&MeasuringView> {
        match &self.measuring {
            Measuring::Running { view, .. } => Some(view),
            Measuring::Idle | Measuring::Wanted | Measuring::Asked | Measuring::Stopping => None,
        }
    }

    /// The same, if the owner has asked for it: then it is what the rig does, whatever he wants of it otherwise.
    pub(super) const fn measurement_for_owner(&self) -> Option<&MeasuringView> {
        match &self.measuring {
            Measuring::Running { view, asked: true } => Some(view),
            Measuring::Running { .. } | Measuring::Idle | Measuring::Wanted | Measuring::Asked | Measuring::Stopping => None,
        }
    }

    /// Needs neither engine nor coordinator; but nothing may be on the rig and, unless the owner has asked for it, nobody at the PC and nothing
    /// in the way.
    fn may_measure(&self, asked: bool) -> bool {
        let is_free = self.leaving.is_none() && self.held.is_empty();
        is_free && (asked || self.may_measure_unasked())
    }

    fn may_measure_unasked(&self) -> bool {
        self.wish == Wish::On
            && self.owner == Idleness::Away
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
