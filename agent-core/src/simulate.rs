//! What would these rules have done? Reads what was recorded, and has it judged again by [`replay`].

use std::path::Path;

use headframe_protocol::{
    TimestampMs,
    control::{RULES_BYTES_MAX, SIMULATED_DAYS_MAX, SimulateArgs, Simulation},
};
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};

use crate::{
    idle::{
        Rules,
        replay::{self, Window},
        rules::{self, RulesError, written},
    },
    store::{Store, StoreError},
    tasks::apart,
};

/// Why nothing was simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// More days than are kept, or none.
    #[error("1 to 14 days can be looked at; no more are kept")]
    Days,
    /// Rules of a size that no rules have.
    #[error("rules are at most 64 KiB long")]
    TooLong,
    /// The rules are not understood.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// What was recorded cannot be read.
    #[error("what was recorded cannot be read")]
    Store(#[source] StoreError),
    /// It was begun and not finished.
    #[error("the simulation failed")]
    Failed,
}

/// Simulates the days before `now` under the rules given, or under those in `data_dir`. The present day is its first hours only.
///
/// # Errors
/// [`SimulateError`].
pub async fn simulate(store: &Store, data_dir: &Path, args: SimulateArgs, now: TimestampMs) -> Result<Simulation, SimulateError> {
    let SimulateArgs { days, rules: text, draft } = args;
    if !(1..=SIMULATED_DAYS_MAX).contains(&days) {
        return Err(SimulateError::Days);
    }
    let text = draft.map_or(Ok(text), |draft| written::text_of(&draft).map(Some))?;
    let rules = match text {
        Some(text) if text.len() > RULES_BYTES_MAX => return Err(SimulateError::TooLong),
        Some(text) => Rules::parse(&text, Path::new(rules::FILE_NAME))?,
        None => Rules::load(data_dir)?,
    };
    let zone = TimeZone::system();
    let window = Window { from: days_before(now, days, &zone), until: now };
    let spans = store.sightings_since(window.from).await.map_err(SimulateError::Store)?;
    // A few hundred thousand judgements: a moment, but not one in which others wait.
    apart(move || replay::replay(&spans, &rules, &zone, window)).await.ok_or(SimulateError::Failed)
}

/// By the calendar: a day of the clock's change has 23 or 25 hours.
fn days_before(now: TimestampMs, days: u8, zone: &TimeZone) -> TimestampMs {
    let then = Timestamp::from_millisecond(now.as_millis()).ok();
    let then = then.and_then(|now| now.to_zoned(zone.clone()).checked_sub(i64::from(days).days()).ok());
    then.map_or(now, |then| TimestampMs::from_millis(then.timestamp().as_millisecond()))
}
