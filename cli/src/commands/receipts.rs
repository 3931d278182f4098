//! What was charged for each job that has ended.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use headframe_protocol::{
    AttemptId, DeviceId, JobId, Micros, TimestampMs,
    api::{Attempt, Job, PAGE_MAX},
    job::JobState,
};
use serde::Serialize;

use crate::{
    Client,
    amount::plain,
    client::JobFilter,
    clock,
    error::{ClientError, Error},
    output::{Output, age, duration, table},
};

/// Jobs whose attempts are asked for at once.
const ASKED_AT_ONCE: usize = 8;

/// A day.
const DAY: Duration = Duration::from_secs(86_400);

/// What was charged.
#[derive(Debug, Serialize)]
struct Receipts {
    receipts: Vec<Receipt>,
    /// For all of them.
    charged: Micros,
    /// Of that, the network's part.
    fee: Micros,
}

/// What was charged for a job.
#[derive(Debug, Serialize)]
struct Receipt {
    job: JobId,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    state: JobState,
    ended_ms: TimestampMs,
    /// Running time that was charged, in milliseconds.
    charged_ms: u64,
    charged: Micros,
    /// Of that, the network's part; the rest is the rigs'.
    fee: Micros,
    /// What of HFR was charged, if it was paid in HFR. `charged` is what that was worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    charged_hfr: Option<Micros>,
    /// Set aside at submission and not used; absent for a job paid in HFR.
    #[serde(skip_serializing_if = "Option::is_none")]
    given_back: Option<Micros>,
    attempts: Vec<Charge>,
}

/// What was charged for one attempt.
#[derive(Debug, Serialize)]
struct Charge {
    attempt: AttemptId,
    device: DeviceId,
    price_per_hour: Micros,
    charged_ms: u64,
    charged: Micros,
    /// Of that, the network's part.
    fee: Micros,
}

pub(super) async fn list(client: &Client, limit: u32, days: u32, out: &Output) -> Result<(), Error> {
    let now = clock::now();
    let jobs = ended(client, limit, now.before(DAY * days)).await?;
    let asked = jobs.into_iter().map(|(job, ended)| async move {
        let attempts = client.attempts(job.id).await?.attempts;
        Ok::<_, ClientError>(receipt(job, ended, attempts))
    });
    let receipts: Vec<Receipt> = futures_util::stream::iter(asked).buffered(ASKED_AT_ONCE).try_collect().await?;
    let charged = receipts.iter().map(|receipt| receipt.charged).sum();
    let fee = receipts.iter().map(|receipt| receipt.fee).sum();
    out.answer(&Receipts { receipts, charged, fee }, |receipts| told(receipts, now))
}

/// Jobs that ended after `from`, newest first. The list is by submission, and a job may end long after it; so every page is looked
/// at until there are enough.
async fn ended(client: &Client, limit: u32, from: TimestampMs) -> Result<Vec<(Job, TimestampMs)>, ClientError> {
    let mut found: Vec<(Job, TimestampMs)> = Vec::new();
    let mut after = None;
    loop {
        let page = client.jobs(&JobFilter { state: None, after, limit: PAGE_MAX }).await?;
        let ended = page.jobs.into_iter().filter_map(|job| job.ended_ms.map(|ended| (job, ended)));
        found.extend(ended.filter(|(_, ended)| *ended >= from));
        found.truncate(limit as usize);
        match page.next {
            Some(next) if found.len() < limit as usize => after = Some(next),
            Some(_) | None => return Ok(found),
        }
    }
}

fn receipt(job: Job, ended_ms: TimestampMs, attempts: Vec<Attempt>) -> Receipt {
    let charge = |attempt: Attempt| {
        let Attempt { id, device, price_per_hour, charged_ms, charged, fee, .. } = attempt;
        Charge { attempt: id, device, price_per_hour, charged_ms, charged, fee: fee.unwrap_or(Micros::ZERO) }
    };
    let attempts: Vec<Charge> = attempts.into_iter().filter(|attempt| attempt.charged_ms > 0).map(charge).collect();
    let rest = Micros::new(job.spec.hold().get().saturating_sub(job.charged.get()).max(0));
    Receipt {
        job: job.id,
        name: job.spec.name,
        state: job.state,
        ended_ms,
        charged_ms: attempts.iter().map(|attempt| attempt.charged_ms).sum(),
        charged: job.charged,
        fee: attempts.iter().map(|attempt| attempt.fee).sum(),
        charged_hfr: job.hfr.map(|hfr| hfr.charged),
        given_back: job.hfr.is_none().then_some(rest),
        attempts,
    }
}

fn told(Receipts { receipts, charged, fee }: &Receipts, now: TimestampMs) -> String {
    if receipts.is_empty() {
        return "No job has ended in this time.".to_owned();
    }
    let row = |receipt: &Receipt| {
        vec![
            receipt.job.to_string(),
            receipt.state.to_string(),
            age(receipt.ended_ms, now),
            duration(u128::from(receipt.charged_ms)),
            price(&receipt.attempts),
            receipt.charged.to_string(),
            receipt.fee.to_string(),
            paid(receipt),
            receipt.given_back.map_or_else(|| "-".to_owned(), |back| back.to_string()),
            receipt.name.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    };
    let headings = ["JOB", "STATE", "ENDED", "PAID TIME", "PER HOUR", "CHARGED", "FEE", "PAID IN", "GIVEN BACK", "NAME"];
    let count = receipts.len();
    let jobs = if count == 1 { "job" } else { "jobs" };
    format!(
        "{}\n\n{charged} for {count} {jobs}, of which {fee} are the network's",
        table(&headings, &receipts.iter().map(row).collect::<Vec<_>>())
    )
}

/// What it was paid in, and how much of that.
fn paid(receipt: &Receipt) -> String {
    receipt.charged_hfr.map_or_else(|| "dollars".to_owned(), |hfr| format!("{} HFR", plain(hfr)))
}

/// The price of an hour, or from where to where it went if rigs asked for different ones.
fn price(attempts: &[Charge]) -> String {
    let prices = || attempts.iter().map(|attempt| attempt.price_per_hour);
    match (prices().min(), prices().max()) {
        (Some(least), Some(most)) if least == most => least.to_string(),
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (None, _) | (_, None) => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const NOW: TimestampMs = TimestampMs::from_millis(1_764_000_000_000);

    fn receipt_of(number: u32, prices: &[i64]) -> Receipt {
        let charge = |price: &i64| Charge {
            attempt: format!("att_{number:032x}").parse().expect("an id"),
            device: DeviceId(alloy_primitives::Address::repeat_byte(1)),
            price_per_hour: Micros::new(*price),
            charged_ms: 1_800_000,
            charged: Micros::new(price / 2),
            fee: Micros::new(price / 20),
        };
        let attempts: Vec<Charge> = prices.iter().map(charge).collect();
        Receipt {
            job: format!("job_{number:032x}").parse().expect("an id"),
            name: (number == 1).then(|| "clip".to_owned()),
            state: JobState::Succeeded,
            ended_ms: NOW.before(Duration::from_secs(90)),
            charged_ms: attempts.iter().map(|attempt| attempt.charged_ms).sum(),
            charged: attempts.iter().map(|attempt| attempt.charged).sum(),
            fee: attempts.iter().map(|attempt| attempt.fee).sum(),
            charged_hfr: (number == 2).then_some(Micros::new(40_500_000)),
            given_back: (number != 2).then_some(Micros::dollars(1)),
            attempts,
        }
    }

    #[test]
    fn every_job_is_told_with_its_time_its_price_and_what_came_back() {
        let receipts = vec![receipt_of(1, &[120_000]), receipt_of(2, &[120_000, 200_000]), receipt_of(3, &[])];
        let charged = receipts.iter().map(|receipt| receipt.charged).sum();
        let fee = receipts.iter().map(|receipt| receipt.fee).sum();
        expect![[r#"
            JOB                                   STATE      ENDED           PAID TIME   PER HOUR        CHARGED  FEE     PAID IN    GIVEN BACK  NAME
            job_00000000000000000000000000000001  succeeded  1 min 30 s ago  30 min 0 s  $0.12           $0.06    $0.006  dollars    $1.00       clip
            job_00000000000000000000000000000002  succeeded  1 min 30 s ago  1 h 0 min   $0.12 to $0.20  $0.16    $0.016  40.50 HFR  -           -
            job_00000000000000000000000000000003  succeeded  1 min 30 s ago  0.0 s       -               $0.00    $0.00   dollars    $1.00       -

            $0.22 for 3 jobs, of which $0.022 are the network's"#]]
        .assert_eq(&told(&Receipts { receipts, charged, fee }, NOW));
    }
}
