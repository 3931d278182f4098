//! `headframe-agent earnings`: what was earned, to read or to keep.

use std::io::{self, Write as _};

use clap::ValueEnum;
use headframe_control::{AgentPaths, Client, ClientError};
use headframe_protocol::{
    Micros,
    control::{Earnings, EarningsArgs, EarningsBucket, EarningsBy, EarningsSum, SheetArgs, SheetOf, Worker, WorkerSum},
};
use jiff::{Timestamp, tz::TimeZone};

use crate::{Exit, commands::finish_with, words};

/// What is added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    Hour,
    Day,
    Month,
}

impl From<By> for EarningsArgs {
    /// As many as fit a screen.
    fn from(by: By) -> Self {
        let (by, count) = match by {
            By::Hour => (EarningsBy::Hour, 24),
            By::Day => (EarningsBy::Day, 14),
            By::Month => (EarningsBy::Month, 12),
        };
        Self { by, count }
    }
}

pub(crate) async fn earnings(paths: &AgentPaths, args: &crate::EarningsArgs) -> Exit {
    let crate::EarningsArgs { by, json, csv, year } = args;
    let asked = async {
        let mut client = Client::connect(paths).await?;
        if *csv {
            return print_sheet(&mut client, year.map_or(SheetOf::Attempts, |year| SheetOf::Year { year })).await;
        }
        let earnings = client.earnings((*by).into()).await?;
        if *json {
            words::say(&serde_json::to_string(&earnings).unwrap_or_default());
        } else {
            words::say(&text_of(&earnings, &TimeZone::system()));
        }
        Ok(())
    };
    finish_with(asked.await)
}

async fn print_sheet(client: &mut Client, of: SheetOf) -> Result<(), ClientError> {
    let mut after = None;
    loop {
        let piece = client.sheet(SheetArgs { of, after }).await?;
        // Whoever reads it may have had enough.
        if io::stdout().write_all(piece.text.as_bytes()).and_then(|()| io::stdout().flush()).is_err() || piece.next.is_none() {
            return Ok(());
        }
        after = piece.next;
    }
}

fn text_of(earnings: &Earnings, zone: &TimeZone) -> String {
    let Earnings { by, buckets, total, workers, range, .. } = earnings;
    let mut lines = vec![format!("{:<19}{:>5}  {:>12}  {:>12}  {:>12}", "", "jobs", "earned", "power", "left")];
    let told = buckets.iter().filter(|bucket| bucket.sum.attempts > 0);
    lines.extend(told.map(|bucket| line(&name(*by, bucket, zone), &bucket.sum)));
    lines.push(line("all", total));
    lines.extend(workers.iter().map(|WorkerSum { worker, sum }| line(worker_name(worker), sum)));
    if total.unmeasured > 0 {
        lines.push(format!(
            "Power was not measured for {} of {} jobs; nothing of theirs is taken off.",
            total.unmeasured, total.attempts
        ));
    }
    if total.unpriced > 0 {
        lines.push(format!("For {} of {} it was not known what power costs.", total.unpriced, total.attempts));
    }
    let per = match by {
        EarningsBy::Hour => "hours of work",
        EarningsBy::Day => "whole days with work",
        EarningsBy::Month => "whole months with work",
    };
    lines.push(match (range.p10, range.p90) {
        (Some(low), Some(high)) => {
            format!("Of {} {per}, eight of ten brought {low} to {high}. Nothing is promised.", range.basis)
        }
        (None, _) | (_, None) => {
            format!("How much they differ is told of {} {per}; there are {} so far.", range.needed, range.basis)
        }
    });
    lines.push("After the platform's fee. Not in here: rewards, virtual rigs, and what is not settled.".to_owned());
    lines.join("\n")
}

fn line(name: &str, EarningsSum { jobs, power, net, attempts, .. }: &EarningsSum) -> String {
    let amount = |amount: Option<Micros>| amount.map_or_else(|| "unknown".to_owned(), |amount| amount.to_string());
    let name: String = name.chars().take(18).collect();
    format!("{name:<19}{attempts:>5}  {:>12}  {:>12}  {:>12}", jobs.to_string(), amount(*power), amount(*net))
}

fn name(by: EarningsBy, bucket: &EarningsBucket, zone: &TimeZone) -> String {
    let Ok(begins) = Timestamp::from_millisecond(bucket.from_ms.as_millis()) else { return String::new() };
    let pattern = match by {
        EarningsBy::Hour => "%Y-%m-%d %H:%M",
        EarningsBy::Day => "%Y-%m-%d",
        EarningsBy::Month => "%Y-%m",
    };
    begins.to_zoned(zone.clone()).strftime(pattern).to_string()
}

fn worker_name(worker: &Worker) -> &str {
    match worker {
        Worker::Card { model, .. } => model,
        Worker::Processor => "processor",
        Worker::Unknown => "not known which",
    }
}

#[cfg(test)]
mod tests {
    use headframe_protocol::{TimestampMs, control::EarningsRange};

    use super::*;

    #[test]
    fn what_is_not_known_is_no_zero() {
        let sum = EarningsSum { jobs: Micros::new(450_000), attempts: 3, unmeasured: 3, ..EarningsSum::default() };
        let bucket = EarningsBucket { from_ms: TimestampMs::from_millis(0), until_ms: TimestampMs::from_millis(86_400_000), sum };
        let earnings = Earnings {
            by: EarningsBy::Day,
            zone: "UTC".to_owned(),
            buckets: vec![bucket],
            highest: sum.jobs,
            total: sum,
            workers: vec![WorkerSum { worker: Worker::Processor, sum }],
            range: EarningsRange { basis: 1, needed: 7, p10: None, p50: None, p90: None },
            years: vec![1970],
        };
        let text = text_of(&earnings, &TimeZone::UTC);
        assert!(text.contains("1970-01-01             3         $0.45       unknown       unknown"), "{text}");
        assert!(text.contains("not measured for 3 of 3 jobs") && text.contains("there are 1 so far"), "{text}");
    }
}
