//! How a customer wants his job's result to be checked, and what counts as the same result.
//!
//! The words only. Who is checked how often, and how two results are compared, is the coordinator's.

use serde::{Deserialize, Serialize};

use super::{JobSpec, Network};
use crate::error::{FieldError, Noting};

/// The most rigs one job is done on at its customer's expense. Five cannot be outvoted by two that conspire, and whoever wants
/// more certainty than that does not want strangers' rigs.
pub const COPIES_MAX: u8 = 5;

/// The least decibels worth asking for: below this two pictures are not alike to anybody.
const DECIBELS_MIN: u8 = 20;

/// The most decibels worth asking for: one unit in one of 255 everywhere is 48, so beyond this `exact` is meant.
const DECIBELS_MAX: u8 = 99;

/// How a result is checked before it is accepted. That every output was brought, and hashes to what the manifest says, is checked
/// of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Verify {
    /// Nothing more is checked.
    None,
    /// Now and then another rig does the same work, at the network's expense, and the results are compared: each of a new rig,
    /// fewer the longer a rig was right.
    Adaptive {
        /// What counts as the same result.
        #[serde(default)]
        compare: Compare,
    },
    /// Rigs of different owners do the job, and what most of them agree on is the result. Each is paid for.
    Redundant {
        /// How many, 2 to 5.
        n: u8,
        /// What counts as the same result.
        #[serde(default)]
        compare: Compare,
    },
    /// The result is taken as it is; its rig is now and then given work whose result is known. For jobs that must not run twice.
    Canary,
}

impl Default for Verify {
    fn default() -> Self {
        Self::Adaptive { compare: Compare::Exact }
    }
}

impl Verify {
    /// Whether it is what a specification that says nothing means.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What counts as the same result, where results are compared.
    #[must_use]
    pub const fn compare(self) -> Option<Compare> {
        match self {
            Self::Adaptive { compare } | Self::Redundant { compare, .. } => Some(compare),
            Self::None | Self::Canary => None,
        }
    }

    /// How many rigs the customer pays for.
    #[must_use]
    pub const fn copies(self) -> u8 {
        match self {
            Self::Redundant { n, .. } => n,
            Self::None | Self::Adaptive { .. } | Self::Canary => 1,
        }
    }

    /// Its name, as `provenance.json` tells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Adaptive { .. } => "adaptive",
            Self::Redundant { .. } => "redundant",
            Self::Canary => "canary",
        }
    }
}

/// What counts as the same result. Files with equal bytes are the same under all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Compare {
    /// The same files with the same bytes. On GPUs, of rigs of one kind only.
    #[default]
    Exact,
    /// PNG and PPM pictures of the same size whose peak signal-to-noise ratio is at least so much; other files bit for bit.
    Psnr {
        /// In decibels, 20 to 99. 40 is a difference nobody sees.
        min_db: u8,
    },
    /// Arrays in `.npy` files, of float32 or float64: |a − b| ≤ abs + rel · max(|a|, |b|) for each pair; other files bit for bit.
    Floats {
        /// Of the larger of the two.
        rel: Tolerance,
        /// Whatever their size.
        abs: Tolerance,
    },
}

/// A difference that does not matter: a finite number, not negative.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = f64))]
pub struct Tolerance(f64);

// Not a number is refused at the door, so equality is one.
impl Eq for Tolerance {}

/// Why a number is no tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tolerance is a finite number that is not negative")]
pub struct ParseToleranceError;

impl TryFrom<f64> for Tolerance {
    type Error = ParseToleranceError;

    fn try_from(value: f64) -> Result<Self, ParseToleranceError> {
        // Adding zero makes of −0 what equals it in every respect.
        if value.is_finite() && value >= 0.0 { Ok(Self(value + 0.0)) } else { Err(ParseToleranceError) }
    }
}

impl From<Tolerance> for f64 {
    fn from(Tolerance(value): Tolerance) -> Self {
        value
    }
}

/// What is wrong with how a job wants to be checked.
pub(super) fn check(spec: &JobSpec, found: &mut Vec<FieldError>) {
    let mut noting = Noting(found);
    if let Verify::Redundant { n, .. } = spec.verify {
        noting.say(!(2..=COPIES_MAX).contains(&n), "verify.redundant.n", "2 to 5");
        noting.say(spec.outputs.is_empty(), "verify.redundant", "only with `outputs`: there is nothing to compare");
        noting.say(
            spec.network != Network::None,
            "verify.redundant",
            "only without `network`: what the job does elsewhere would be done several times",
        );
    }
    match spec.verify.compare() {
        Some(Compare::Psnr { min_db }) => {
            noting.say(!(DECIBELS_MIN..=DECIBELS_MAX).contains(&min_db), "verify.compare.psnr.min_db", "20 to 99");
        }
        // A tolerance as large as the number itself would let zero pass for anything.
        Some(Compare::Floats { rel, .. }) => noting.say(f64::from(rel) >= 1.0, "verify.compare.floats.rel", "less than 1"),
        Some(Compare::Exact) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(verify: serde_json::Value) -> Result<JobSpec, serde_json::Error> {
        serde_json::from_value(json!({
            "image": format!("127.0.0.1:5000/test/tool@sha256:{}", "ab".repeat(32)), "max_price_per_hour": "1",
            "outputs": ["out"], "verify": verify,
        }))
    }

    #[test]
    fn how_to_check_is_written_in_few_words() {
        let floats = json!({ "adaptive": { "compare": { "floats": { "rel": 1e-5, "abs": 0.0 } } } });
        for (verify, expected) in [
            (json!("none"), Verify::None),
            (json!("canary"), Verify::Canary),
            (json!({ "adaptive": {} }), Verify::default()),
            (json!({ "redundant": { "n": 3 } }), Verify::Redundant { n: 3, compare: Compare::Exact }),
            (
                json!({ "adaptive": { "compare": { "psnr": { "min_db": 40 } } } }),
                Verify::Adaptive { compare: Compare::Psnr { min_db: 40 } },
            ),
            (floats, Verify::Adaptive { compare: Compare::Floats { rel: Tolerance(1e-5), abs: Tolerance(0.0) } }),
        ] {
            let spec = spec(verify.clone()).expect("a specification");
            assert_eq!(spec.verify, expected, "{verify}");
            assert_eq!(spec.problems(), [], "{verify}");
            let again: JobSpec = serde_json::from_value(serde_json::to_value(&spec).expect("JSON")).expect("the same");
            assert_eq!(again, spec);
        }
    }

    #[test]
    fn what_checks_nothing_is_refused() {
        for verify in [
            json!({ "adaptive": { "compare": { "floats": { "rel": -1.0, "abs": 0.0 } } } }),
            json!({ "adaptive": { "compare": { "psnr": { "min_db": 300 } } } }),
            json!({ "adaptive": { "compares": "exact" } }),
            json!({ "redundant": {} }),
        ] {
            assert!(spec(verify.clone()).is_err(), "{verify}");
        }
        for (verify, field) in [
            (json!({ "redundant": { "n": 1 } }), "verify.redundant.n"),
            (json!({ "redundant": { "n": 6 } }), "verify.redundant.n"),
            (json!({ "adaptive": { "compare": { "psnr": { "min_db": 3 } } } }), "verify.compare.psnr.min_db"),
            (json!({ "adaptive": { "compare": { "floats": { "rel": 1.0, "abs": 0.0 } } } }), "verify.compare.floats.rel"),
        ] {
            let problems = spec(verify.clone()).expect("a form").problems();
            assert_eq!(problems.first().map(|problem| problem.field.as_str()), Some(field), "{verify}");
        }
        assert!(Tolerance::try_from(f64::NAN).is_err());
    }
}
