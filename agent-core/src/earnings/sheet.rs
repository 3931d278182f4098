//! Earnings as a text for other programs, in the form of RFC 4180: piece by piece, with times as ISO 8601 has them and amounts with all
//! their digits. What is not known is an empty cell.

use headframe_protocol::{
    Micros, TimestampMs,
    control::{EarningsSum, SheetOf, SheetPiece},
};

use super::{Asked, EarningsError, begin, calendar, page, receipt};
use crate::{
    ledger::sum::{add, sum_of},
    store::{EarnedRow, Store},
};

/// Attempts in one piece. Their longest titles, written as JSON, fit the socket's longest line twice.
const ROWS: u32 = 200;

/// The most of a job's title that is kept.
const TITLE_CHARS_MAX: usize = 120;

/// What stands first in a cell that a spreadsheet would compute.
const FORMULA: [char; 4] = ['=', '+', '-', '@'];

/// The unit of account. Which coin a customer paid in is not in the journal.
const ASSET: &str = "USD";

const COLUMNS: &str = "record,settled_at,accepted_at,ended_at,attempt,job,title,outcome,attempts,running_s,paid_s,asset,earned,\
                       power_kwh,power_cost,net,power_not_measured,worker,network,receipt_sequence,receipt_hash,note";

/// One piece of a text.
pub(super) async fn piece(store: &Store, of: SheetOf, after: Option<&str>, asked: &Asked) -> Result<SheetPiece, EarningsError> {
    let Asked { now, zone, .. } = asked;
    let (from, until, file_name) = match of {
        SheetOf::Attempts => {
            let day = calendar::iso_day(*now, zone);
            // Later than now: a clock may have been set back since something was settled.
            (TimestampMs::from_millis(0), TimestampMs::from_millis(i64::MAX), format!("headframe-earnings-{day}.csv"))
        }
        SheetOf::Year { year } if (1970..=9998).contains(&year) => {
            let (from, until) = calendar::year(year, zone).ok_or(EarningsError::Year)?;
            (from, until, format!("headframe-year-{year}.csv"))
        }
        SheetOf::Year { .. } => return Err(EarningsError::Year),
    };
    let place = begin(store, from, after).await?;
    let (rows, more) = page(store, place, until, ROWS).await?;
    let mut lines = Vec::new();
    if after.is_none() {
        lines.push(COLUMNS.to_owned());
        if let SheetOf::Year { year } = of {
            lines.extend(about(year, asked).into_iter().map(|note| Line { record: "about", note, ..Line::default() }.text()));
            lines.extend(months(store, year, asked).await?);
        }
    }
    lines.extend(rows.iter().map(|row| attempt(row, asked).text()));
    let text = lines.into_iter().flat_map(|line| [line, "\r\n".to_owned()]).collect();
    Ok(SheetPiece { text, file_name, next: rows.last().filter(|_| more).map(|row| row.attempt.clone()) })
}

/// What the text is, and what it does not know.
fn about(year: i16, Asked { device, now, zone }: &Asked) -> [String; 5] {
    let name = zone.iana_name().unwrap_or("of this PC");
    [
        format!("What the rig {device} earned in {year}, by the time zone {name}; written {}.", calendar::iso(*now, zone)),
        "Earned is what the coordinator confirmed, after the platform's fee, on the day it was settled, in US dollars as the unit of \
         account. It is neither the price of a token on the day it was paid out nor a payment into a bank account."
            .to_owned(),
        "Power is what the graphics cards drew, at the price the owner's rules had then. The rest of the PC was not measured. A cell \
         that is empty is not known, and not zero."
            .to_owned(),
        "Not in here: rewards, virtual rigs, payouts and claims on a chain, earnings that were taken back after they were settled, \
         and other rigs."
            .to_owned(),
        "This is a record for whoever works out taxes, and no advice.".to_owned(),
    ]
}

/// Months that have begun, each with its sums.
async fn months(store: &Store, year: i16, Asked { now, zone, .. }: &Asked) -> Result<Vec<String>, EarningsError> {
    let edges = calendar::months(year, zone).ok_or(EarningsError::Year)?;
    let mut lines = Vec::new();
    for (from, until) in edges.iter().zip(edges.iter().skip(1)).filter(|(from, _)| *from <= now) {
        let mut sum = EarningsSum::default();
        store.each_earned((*from, *until), |row| add(&mut sum, &sum_of(row))).await?;
        let note = if until > now { "This month is not over." } else { "" }.to_owned();
        let month = Line { record: "month", settled_at: calendar::iso_month(*from, zone), note, ..Line::default() };
        lines.push(month.with(&sum).text());
    }
    Ok(lines)
}

fn attempt(row: &EarnedRow, Asked { device, zone, .. }: &Asked) -> Line {
    let models: Vec<&str> = row.drawn.iter().map(|card| card.model.as_str()).collect();
    let worker = match row.cards {
        Some(0) => "processor".to_owned(),
        Some(_) | None => models.join(" + "),
    };
    Line {
        record: "attempt",
        settled_at: calendar::iso(row.place.settled_ms, zone),
        accepted_at: calendar::iso(row.accepted_ms, zone),
        ended_at: row.ended_ms.map(|ended| calendar::iso(ended, zone)).unwrap_or_default(),
        attempt: row.attempt.clone(),
        job: row.job.clone(),
        title: row.title.chars().take(TITLE_CHARS_MAX).collect(),
        outcome: row.state.as_str(),
        paid_s: seconds(row.paid_ms),
        worker,
        network: row.network.clone().unwrap_or_default(),
        receipt_sequence: if row.sequence > 0 { row.sequence.to_string() } else { String::new() },
        receipt_hash: receipt::hash(row, *device).unwrap_or_default(),
        ..Line::default()
    }
    .with(&sum_of(row))
}

/// A line before it is written. Empty is not known, or not of this kind of line.
#[derive(Debug, Default)]
struct Line {
    record: &'static str,
    settled_at: String,
    accepted_at: String,
    ended_at: String,
    attempt: String,
    job: String,
    title: String,
    outcome: &'static str,
    paid_s: String,
    sum: Option<EarningsSum>,
    worker: String,
    network: String,
    receipt_sequence: String,
    receipt_hash: String,
    note: String,
}

impl Line {
    fn with(self, sum: &EarningsSum) -> Self {
        Self { sum: Some(*sum), ..self }
    }

    fn text(self) -> String {
        let of = |figure: fn(&EarningsSum) -> Option<String>| self.sum.as_ref().and_then(figure).unwrap_or_default();
        let cells = [
            self.record.to_owned(),
            self.settled_at,
            self.accepted_at,
            self.ended_at,
            self.attempt,
            self.job,
            cell(&self.title),
            self.outcome.to_owned(),
            of(|sum| Some(sum.attempts.to_string())),
            of(|sum| Some(seconds(sum.running_ms))),
            self.paid_s,
            of(|_| Some(ASSET.to_owned())),
            of(|sum| Some(dollars(sum.jobs))),
            of(|sum| sum.energy_joules.map(kilowatt_hours)),
            of(|sum| sum.power.map(dollars)),
            of(|sum| sum.net.map(dollars)),
            of(|sum| Some(sum.unmeasured.to_string())),
            cell(&self.worker),
            cell(&self.network),
            self.receipt_sequence,
            self.receipt_hash,
            cell(&self.note),
        ];
        cells.join(",")
    }
}

/// A text of somebody else as a cell: always in quotes, in one line, and never a formula.
fn cell(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // Spreadsheets pass over what cannot be seen before they look for a formula.
    let is_formula = line.trim_start().starts_with(FORMULA);
    format!("\"{}{}\"", if is_formula { "'" } else { "" }, line.replace('"', "\"\""))
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

fn dollars(amount: Micros) -> String {
    let (sign, size) = (if amount.get() < 0 { "-" } else { "" }, amount.get().unsigned_abs());
    format!("{sign}{}.{:06}", size / 1_000_000, size % 1_000_000)
}

fn kilowatt_hours(joules: u64) -> String {
    // A millionth of a kilowatt-hour is 3.6 J.
    let millionths = u128::from(joules) * 10 / 36;
    format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_of_a_customer_is_a_formula_or_a_second_line() {
        for (text, written) in [
            ("", ""),
            ("Blender, frames 1-9", "\"Blender, frames 1-9\""),
            ("a \"b\"", "\"a \"\"b\"\"\""),
            ("=1+1", "\"'=1+1\""),
            (" +1", "\"' +1\""),
            ("\t@SUM(A1)", "\"' @SUM(A1)\""),
            ("-2", "\"'-2\""),
            ("one\r\ntwo", "\"one  two\""),
            ("\u{feff}x", "\"\u{feff}x\""),
        ] {
            assert_eq!(cell(text), written, "{text:?}");
        }
    }

    #[test]
    fn amounts_have_all_their_digits() {
        assert_eq!(dollars(Micros::new(-1_000_001)), "-1.000001");
        assert_eq!(dollars(Micros::new(i64::MIN)), "-9223372036854.775808");
        assert_eq!(kilowatt_hours(3_600_000), "1.000000");
        assert_eq!(kilowatt_hours(u64::MAX), "5124095576030.431004");
        assert_eq!(seconds(61_005), "61.005");
    }
}
