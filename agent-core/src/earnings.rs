//! What the rig has earned, read from the journal: added up by the PC's calendar, listed with what proves it, and as a text to keep.

use headframe_protocol::{
    DeviceId, TimestampMs,
    control::{
        ATTEMPT_BYTES_MAX, EARNED_PAGE_MAX, EarnedArgs, EarnedCard, EarnedPage, Earnings, EarningsAnswer, EarningsArgs,
        EarningsBy, EarningsRequest, SheetArgs,
    },
};
use jiff::tz::TimeZone;

use crate::{
    ledger::sum::sum_of,
    store::{EarnedRow, Place, Store, StoreError},
    view,
};

mod calendar;
mod range;
mod receipt;
mod sheet;
mod sums;

use sums::Fold;

/// Years that are looked at for something settled: more than there are agents, and an end for a clock that was wrong.
const YEARS_MAX: i16 = 100;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum EarningsError {
    /// Too many buckets, or none.
    #[error("1 to 48 hours, 62 days or 36 months can be added up")]
    Count,
    /// Too many attempts at once, or none, or of no time.
    #[error("a page has 1 to 100 attempts, of a time that ends after it begins")]
    Page,
    /// No year that any calendar of a PC has.
    #[error("a year is 1970 to 9998")]
    Year,
    /// There is no such attempt to go on after.
    #[error("the attempt to go on after is not known here")]
    After,
    /// The PC's calendar has no such time.
    #[error("the clock of this PC shows a time that no calendar has")]
    Calendar,
    /// The journal cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whose earnings, and when and where it is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The rig, which signs receipts.
    pub device: DeviceId,
    /// Now.
    pub now: TimestampMs,
    /// The zone of the PC.
    pub zone: TimeZone,
}

/// Answers `request`.
///
/// # Errors
/// [`EarningsError`].
pub async fn answer(store: &Store, request: EarningsRequest, asked: &Asked) -> Result<EarningsAnswer, EarningsError> {
    Ok(match request {
        EarningsRequest::Sums(args) => EarningsAnswer::Sums { earnings: Box::new(sums(store, args, asked).await?) },
        EarningsRequest::Attempts(args) => EarningsAnswer::Attempts { page: attempts(store, args, asked).await? },
        EarningsRequest::Sheet(SheetArgs { of, after }) => {
            EarningsAnswer::Sheet { piece: sheet::piece(store, of, after.as_deref(), asked).await? }
        }
    })
}

async fn sums(store: &Store, EarningsArgs { by, count }: EarningsArgs, asked: &Asked) -> Result<Earnings, EarningsError> {
    if !(1..=by.count_max()).contains(&count) {
        return Err(EarningsError::Count);
    }
    let Asked { now, zone, .. } = asked;
    let edges = calendar::edges(by, count, *now, zone).ok_or(EarningsError::Calendar)?;
    let past = range::Past::new(by, *now, zone).ok_or(EarningsError::Calendar)?;
    let (begin, end) = (edges.first().copied().unwrap_or(*now), edges.last().copied().unwrap_or(*now));
    let mut fold = Fold::new(edges, past);
    let from = fold.past.since.min(begin);
    store.each_earned((from, end), |row| fold.add(row)).await?;
    let years = years(store, asked).await?;
    let Fold { buckets, total, workers, past } = fold;
    Ok(Earnings {
        by,
        zone: zone.iana_name().unwrap_or_default().to_owned(),
        highest: sums::highest(&buckets),
        buckets,
        total,
        workers: sums::by_worker(workers),
        range: past.range(),
        years,
    })
}

/// Years in which something was settled, newest first.
async fn years(store: &Store, Asked { now, zone, .. }: &Asked) -> Result<Vec<i16>, EarningsError> {
    let first = store.earned(Place::before(TimestampMs::from_millis(0)), *now, 1).await?;
    let year = |time| calendar::year_of(time, zone).ok_or(EarningsError::Calendar);
    let (Some(first), last) = (first.first(), year(*now)?) else { return Ok(Vec::new()) };
    let mut years = Vec::new();
    for candidate in (year(first.place.settled_ms)?..=last).rev().take(usize::from(YEARS_MAX.unsigned_abs())) {
        let (from, until) = calendar::year(candidate, zone).ok_or(EarningsError::Calendar)?;
        if !store.earned(Place::before(from), until, 1).await?.is_empty() {
            years.push(candidate);
        }
    }
    Ok(years)
}

async fn attempts(store: &Store, args: EarnedArgs, asked: &Asked) -> Result<EarnedPage, EarningsError> {
    let EarnedArgs { from_ms, until_ms, after, limit } = args;
    if !(1..=EARNED_PAGE_MAX).contains(&limit) || from_ms >= until_ms {
        return Err(EarningsError::Page);
    }
    let place = begin(store, from_ms, after.as_deref()).await?;
    let (rows, more) = page(store, place, until_ms, limit).await?;
    let next = rows.last().filter(|_| more).map(|row| row.attempt.clone());
    Ok(EarnedPage { attempts: rows.iter().map(|row| card(row, asked.device)).collect(), next })
}

fn card(row: &EarnedRow, device: DeviceId) -> EarnedCard {
    EarnedCard {
        attempt: row.attempt.clone(),
        title: row.title.clone(),
        stage: view::stage(row.state),
        settled_ms: row.place.settled_ms,
        sum: sum_of(row),
        receipt: receipt::hash(row, device),
    }
}

/// Where to begin: after an attempt, or at a time.
async fn begin(store: &Store, from: TimestampMs, after: Option<&str>) -> Result<Place, EarningsError> {
    match after {
        None => Ok(Place::before(from)),
        Some(after) if after.len() > ATTEMPT_BYTES_MAX => Err(EarningsError::After),
        Some(after) => store.place(after).await?.map(|place| place.max(Place::before(from))).ok_or(EarningsError::After),
    }
}

/// Up to `limit` attempts after `place`, and whether there are more.
async fn page(store: &Store, place: Place, until: TimestampMs, limit: u32) -> Result<(Vec<EarnedRow>, bool), StoreError> {
    let mut rows = store.earned(place, until, limit + 1).await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > wanted;
    rows.truncate(wanted);
    Ok((rows, more))
}

#[cfg(test)]
mod tests;
