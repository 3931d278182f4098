//! What about a job its owner may refuse it for: one bit each, so that whether a rig's owner takes a job is one comparison.

use headframe_protocol::{
    job::{Content, JobSpec},
    rig::Refusals,
};

/// Traits of a job, or those an owner refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Traits(u8);

/// One of them. `CPU`: no graphics card; `UNSAVED`: no checkpoint.
pub(super) const GPU: Traits = Traits(1);
pub(super) const CPU: Traits = Traits(1 << 1);
pub(super) const UNSAVED: Traits = Traits(1 << 2);
pub(super) const UNDECLARED: Traits = Traits(1 << 3);
pub(super) const ADULT: Traits = Traits(1 << 4);

impl Traits {
    /// Those of a job.
    pub(super) fn of(spec: &JobSpec) -> Self {
        let worker = if spec.resources.gpu.is_some() { GPU } else { CPU };
        let content = match spec.content {
            Content::Undeclared => UNDECLARED,
            Content::Adult => ADULT,
            Content::General => Self::default(),
        };
        worker.and(content).and(UNSAVED.only_if(spec.checkpoint.is_none()))
    }

    /// Those an owner refuses.
    pub(super) fn refused(refusals: &Refusals) -> Self {
        let Refusals { gpu, cpu, unsaved, undeclared, adult, longer_than_hours: _, blocked: _ } = refusals;
        let all = [(GPU, *gpu), (CPU, *cpu), (UNSAVED, *unsaved), (UNDECLARED, *undeclared), (ADULT, *adult)];
        all.into_iter().fold(Self::default(), |refused, (one, is)| refused.and(one.only_if(is)))
    }

    /// Whether it has none of these.
    pub(super) const fn has_none_of(self, other: Self) -> bool {
        self.0 & other.0 == 0
    }

    /// Those both have.
    pub(super) const fn shared(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn only_if(self, is: bool) -> Self {
        if is { self } else { Self(0) }
    }
}
