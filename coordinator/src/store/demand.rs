//! How rigs of one kind have fared, for their owners.

use std::time::Duration;

use headframe_protocol::{Micros, TimestampMs, demand::KindDemand};
use sqlx::AnyConnection;

use super::{Doing as _, StoreError};

/// How far back is looked: a week has every hour and both kinds of days.
const LOOKED_BACK: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Attempts looked at, the newest. A figure that half of them lie below is off by a twentieth at most.
const ATTEMPTS_MAX: i64 = 500;

/// Of fewer nothing is said: one odd day would be all of it.
const ATTEMPTS_MIN: usize = 20;

/// What rigs of a class were given and got. What nobody answered was not given.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn of_class(connection: &mut AnyConnection, class: &str, now: TimestampMs) -> Result<Option<KindDemand>, StoreError> {
    let rows: Vec<(i64, i64, i64)> = sqlx::query_as(
        "SELECT waited_s, price_per_hour, fee_bps FROM attempt
         WHERE class = $1 AND created_ms >= $2 AND waited_s IS NOT NULL AND state <> 'withdrawn' ORDER BY created_ms DESC LIMIT $3",
    )
    .bind(class)
    .bind(now.before(LOOKED_BACK).as_millis())
    .bind(ATTEMPTS_MAX)
    .fetch_all(connection)
    .await
    .doing("read how rigs of a kind have fared")?;
    Ok(summed_up(&rows))
}

/// Of `(seconds waited, price, fee)` each.
fn summed_up(rows: &[(i64, i64, i64)]) -> Option<KindDemand> {
    if rows.len() < ATTEMPTS_MIN {
        return None;
    }
    let mut waits: Vec<i64> = rows.iter().map(|(waited_s, _, _)| *waited_s).collect();
    let mut earned: Vec<i64> = rows.iter().map(|(_, price, fee_bps)| owners(*price, *fee_bps)).collect();
    waits.sort_unstable();
    earned.sort_unstable();
    let earned = |percent| Some(Micros::new(nth(&earned, percent)?));
    Some(KindDemand {
        jobs: u32::try_from(rows.len()).unwrap_or(u32::MAX),
        wait_s: u32::try_from(nth(&waits, 50)?).unwrap_or(0),
        low_per_hour: earned(10)?,
        middle_per_hour: earned(50)?,
        high_per_hour: earned(90)?,
    })
}

/// What an owner gets of a price.
fn owners(price: i64, fee_bps: i64) -> i64 {
    price - Micros::new(price).fee(u16::try_from(fee_bps).unwrap_or(u16::MAX)).get()
}

/// The one so many of a hundred lie below, of figures in order.
fn nth(ordered: &[i64], percent: usize) -> Option<i64> {
    ordered.get(ordered.len().saturating_sub(1) * percent / 100).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_attempts_say_nothing_and_many_say_what_is_usual() {
        let row = |nth: i64| (nth * 60, nth * 1_000_000, 1_000);
        assert_eq!(summed_up(&(1..20).map(row).collect::<Vec<_>>()), None);
        let found = summed_up(&(1..=101).rev().map(row).collect::<Vec<_>>()).expect("enough");
        assert_eq!((found.jobs, found.wait_s), (101, 51 * 60));
        let dollars = [found.low_per_hour, found.middle_per_hour, found.high_per_hour].map(|amount| amount.get() / 100_000);
        assert_eq!(dollars, [11 * 9, 51 * 9, 91 * 9], "after the fee");
    }
}
