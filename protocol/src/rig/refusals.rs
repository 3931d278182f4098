//! Which jobs a rig's owner does not want, as the agent reports it, so that they are never offered to him.

use serde::{Deserialize, Serialize};

use crate::{
    Pseudonym,
    error::Noting,
    job::{Content, JobSpec},
};

/// Customers one rig refuses at most. Whoever refuses more does not want strangers' jobs, and every report carries the list.
pub const BLOCKED_MAX: usize = 256;

/// Lengths a job may be refused by, in hours. A closed list: jobs are grouped by the first of these they fit under, so that matching
/// compares one small number.
pub const LENGTHS_HOURS: [u8; 9] = [1, 2, 4, 8, 12, 24, 48, 72, 168];

/// Jobs the owner does not want. What is not said here he takes, as agents of before do, who say nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Refusals {
    /// Those that work on a graphics card.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub gpu: bool,
    /// Those that need none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cpu: bool,
    /// Those that keep no checkpoint: of them, time that is given back is not paid.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unsaved: bool,
    /// Those whose customer has not said what they hold.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub undeclared: bool,
    /// Those that are declared to hold what is not for children.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub adult: bool,
    /// Those that may run longer than so many hours, one of [`LENGTHS_HOURS`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longer_than_hours: Option<u8>,
    /// Those of these customers, [`BLOCKED_MAX`] at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<Pseudonym>,
}

impl Refusals {
    /// Whether he takes everything.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether he does not want a job of this specification, whose customer declared its content so, whoever that customer is.
    #[must_use]
    pub fn refuse(&self, spec: &JobSpec, content: Content) -> bool {
        let Self { gpu, cpu, unsaved, undeclared, adult, longer_than_hours, blocked: _ } = self;
        let content = match content {
            Content::Undeclared => *undeclared,
            Content::Adult => *adult,
            Content::General => false,
        };
        content
            || if spec.resources.gpu.is_some() { *gpu } else { *cpu }
            || (*unsaved && spec.checkpoint.is_none())
            || longer_than_hours.is_some_and(|hours| length_hours(spec.timeout_s) > hours)
    }

    /// Says what cannot be.
    pub(super) fn check(&self, noting: &mut Noting<'_>) {
        noting.say(self.blocked.len() > BLOCKED_MAX, "rig.refuses.blocked", "at most 256 customers");
        noting.say(
            self.longer_than_hours.is_some_and(|hours| !LENGTHS_HOURS.contains(&hours)),
            "rig.refuses.longer_than_hours",
            "one of 1, 2, 4, 8, 12, 24, 48, 72 and 168",
        );
    }
}

/// The least of [`LENGTHS_HOURS`] that an attempt of so many seconds fits under.
#[must_use]
pub fn length_hours(timeout_s: u32) -> u8 {
    let fits = |hours: &u8| timeout_s <= u32::from(*hours) * 3_600;
    // No specification has more than the last of them, which is a week.
    LENGTHS_HOURS.into_iter().find(fits).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::limits::TIMEOUT_S_MAX;

    #[test]
    fn a_job_fits_under_the_first_length_that_is_not_shorter() {
        for (seconds, hours) in [(1, 1), (3_600, 1), (3_601, 2), (5 * 3_600, 8), (TIMEOUT_S_MAX, 168)] {
            assert_eq!(length_hours(seconds), hours, "{seconds} s");
        }
    }

    #[test]
    fn whoever_says_nothing_takes_everything_and_writes_nothing() {
        let nothing = Refusals::default();
        assert!(nothing.is_nothing());
        assert_eq!(serde_json::to_value(&nothing).expect("plain"), serde_json::json!({}));
        let longer = Refusals { longer_than_hours: Some(2), ..nothing };
        assert!(!longer.is_nothing());
        assert_eq!(
            serde_json::from_value::<Refusals>(serde_json::json!({"longer_than_hours": 2, "of_next_year": true})).ok(),
            Some(longer)
        );
    }
}
