//! Where hours, days and months begin in the zone of the PC.

use headframe_protocol::TimestampMs;
use jiff::{
    RoundMode, Timestamp, ToSpan as _, Unit, Zoned, ZonedRound,
    civil::{Date, date},
    tz::TimeZone,
};

use super::EarningsBy;

/// Where `count` stretches begin and end, oldest first; the last holds `now`. Nothing for a time that no calendar has.
pub(super) fn edges(by: EarningsBy, count: u16, now: TimestampMs, zone: &TimeZone) -> Option<Vec<TimestampMs>> {
    let now = zoned(now, zone)?;
    (0..=i64::from(count)).rev().map(|back| begins(by, back - 1, &now)).collect()
}

/// Where the stretch `back` before the present one begins.
fn begins(by: EarningsBy, back: i64, now: &Zoned) -> Option<TimestampMs> {
    let zone = now.time_zone();
    match by {
        // Hours are counted as they pass: one that the clock shows twice is two.
        EarningsBy::Hour => {
            let hour = now.round(ZonedRound::new().smallest(Unit::Hour).mode(RoundMode::Trunc)).ok()?;
            Some(millis(&hour.checked_sub(back.hours()).ok()?))
        }
        EarningsBy::Day => midnight(now.date().checked_sub(back.days()).ok()?, zone),
        EarningsBy::Month => midnight(now.date().first_of_month().checked_sub(back.months()).ok()?, zone),
    }
}

/// Where a calendar year begins and ends.
pub(super) fn year(year: i16, zone: &TimeZone) -> Option<(TimestampMs, TimestampMs)> {
    Some((midnight(Date::new(year, 1, 1).ok()?, zone)?, midnight(Date::new(year.checked_add(1)?, 1, 1).ok()?, zone)?))
}

/// Where the months of a year begin, and where it ends.
pub(super) fn months(year: i16, zone: &TimeZone) -> Option<Vec<TimestampMs>> {
    (0..=12_i32).map(|month| midnight(date(year, 1, 1).checked_add(month.months()).ok()?, zone)).collect()
}

/// The calendar year of a time.
pub(super) fn year_of(time: TimestampMs, zone: &TimeZone) -> Option<i16> {
    Some(zoned(time, zone)?.year())
}

/// A time as ISO 8601 has it, with its distance from UTC; empty for one that no calendar has.
pub(super) fn iso(time: TimestampMs, zone: &TimeZone) -> String {
    zoned(time, zone).map(|time| time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()).unwrap_or_default()
}

/// A month, such as `2026-11`.
pub(super) fn iso_month(time: TimestampMs, zone: &TimeZone) -> String {
    zoned(time, zone).map(|time| time.strftime("%Y-%m").to_string()).unwrap_or_default()
}

/// A day, such as `2026-11-26`.
pub(super) fn iso_day(time: TimestampMs, zone: &TimeZone) -> String {
    zoned(time, zone).map(|time| time.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

fn zoned(time: TimestampMs, zone: &TimeZone) -> Option<Zoned> {
    Some(Timestamp::from_millisecond(time.as_millis()).ok()?.to_zoned(zone.clone()))
}

/// Where a day begins: not at 0 o'clock where the clock is changed then.
fn midnight(day: Date, zone: &TimeZone) -> Option<TimestampMs> {
    day.to_zoned(zone.clone()).ok()?.start_of_day().ok().map(|begins| millis(&begins))
}

fn millis(time: &Zoned) -> TimestampMs {
    TimestampMs::from_millis(time.timestamp().as_millisecond())
}
