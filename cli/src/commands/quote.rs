//! What jobs would cost, said before anything is set aside.

use std::path::Path;

use headframe_protocol::{
    Micros,
    api::{HfrQuote, PayIn, QuoteView},
    job::JobSpec,
};
use serde::Serialize;

use super::watch::unmet_line;
use crate::{
    Client,
    amount::{percent, picos, plain, share_bps},
    error::{ClientError, Error},
    job_file::{self, WrittenJob},
    output::{Output, duration},
};

/// Kinds of jobs of one file that are asked about. Each is a request; a file with more kinds is told by its sum.
const KINDS_MAX: usize = 16;

/// What the jobs of a file would cost.
#[derive(Debug, Serialize)]
pub(super) struct Estimate {
    kinds: Vec<KindEstimate>,
    /// How many jobs there are.
    jobs: u64,
    /// What is set aside for all of them.
    hold: Micros,
    /// The same in HFR, if it is taken for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold_hfr: Option<Micros>,
}

/// What jobs cost that need the same.
#[derive(Debug, Serialize)]
struct KindEstimate {
    /// What the first of them is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// How many there are.
    jobs: u64,
    /// The most an hour of one may cost.
    max_price_per_hour: Micros,
    quote: QuoteView,
}

pub(super) async fn quote(client: &Client, file: &Path, out: &Output) -> Result<(), Error> {
    let estimate = estimate(client, &job_file::read(file)?).await?;
    out.answer(&estimate, |estimate| told(estimate, None))
}

/// Asks the network what the jobs would cost.
pub(super) async fn estimate(client: &Client, written: &[WrittenJob]) -> Result<Estimate, ClientError> {
    let mut kinds: Vec<(JobSpec, &JobSpec, u64)> = Vec::new();
    let (mut jobs, mut hold) = (0_u64, Micros::ZERO);
    for spec in written.iter().map(WrittenJob::spec) {
        let count = count(spec);
        jobs = jobs.saturating_add(count);
        hold = sum(hold, spec.hold(), count);
        let need = need(spec);
        match kinds.iter_mut().find(|(kind, ..)| *kind == need) {
            Some((.., known)) => *known = known.saturating_add(count),
            None => kinds.push((need, spec, count)),
        }
    }
    let mut estimates = Vec::with_capacity(kinds.len().min(KINDS_MAX));
    for (_, spec, jobs) in kinds.into_iter().take(KINDS_MAX) {
        let quote = client.quote(spec).await?;
        let (name, max_price_per_hour) = (spec.name.clone(), spec.max_price_per_hour);
        estimates.push(KindEstimate { name, jobs, max_price_per_hour, quote });
    }
    let hold_hfr = hold_hfr(&estimates, jobs);
    Ok(Estimate { kinds: estimates, jobs, hold, hold_hfr })
}

impl Estimate {
    /// The price of HFR, if all of them were quoted the same.
    pub(super) fn picos_per_hfr(&self) -> Option<u64> {
        let mut quoted = self.kinds.iter().map(|kind| kind.quote.hfr.as_ref().map(|hfr| hfr.picos_per_hfr));
        let first = quoted.next()??;
        quoted.all(|picos| picos == Some(first)).then_some(first)
    }
}

/// What is set aside of HFR; nothing if one of the jobs cannot be paid in it, or was not asked about.
fn hold_hfr(kinds: &[KindEstimate], jobs: u64) -> Option<Micros> {
    let asked: u64 = kinds.iter().map(|kind| kind.jobs).sum();
    let add = |before: Micros, kind: &KindEstimate| kind.quote.hfr.as_ref().map(|hfr| sum(before, hfr.hold, kind.jobs));
    kinds.iter().try_fold(Micros::ZERO, add).filter(|_| asked == jobs && jobs > 0)
}

/// How many jobs a specification makes.
fn count(spec: &JobSpec) -> u64 {
    spec.array.map_or(1, |range| u64::from(range.to.saturating_sub(range.from)) + 1)
}

fn sum(before: Micros, each: Micros, count: u64) -> Micros {
    let more = i128::from(each.get()) * i128::from(count);
    Micros::new(i64::try_from(i128::from(before.get()) + more).unwrap_or(i64::MAX))
}

/// A job without what its price does not depend on.
fn need(spec: &JobSpec) -> JobSpec {
    JobSpec {
        name: None,
        command: Vec::new(),
        args: Vec::new(),
        env: Default::default(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        array: None,
        webhook: None,
        ..spec.clone()
    }
}

/// An estimate as a person reads it, who has chosen what he pays in or may still.
pub(super) fn told(estimate: &Estimate, pay_in: Option<PayIn>) -> String {
    let Estimate { kinds, jobs, hold, hold_hfr } = estimate;
    let several = kinds.len() > 1;
    let mut lines = Vec::new();
    for KindEstimate { name, jobs, max_price_per_hour, quote } in kinds {
        if several {
            lines.push(format!(
                "{} ({jobs} {})",
                name.as_deref().unwrap_or("without a name"),
                if *jobs == 1 { "job" } else { "jobs" }
            ));
        }
        lines.extend(told_quote(quote, *max_price_per_hour));
    }
    let of = if *jobs == 1 { String::new() } else { format!(" for {jobs} jobs") };
    let hfr = hold_hfr.map(|hfr| format!("{} HFR", plain(hfr)));
    let aside = match (pay_in, hfr) {
        (Some(PayIn::Usd), _) | (None, None) => hold.to_string(),
        (Some(PayIn::Hfr), Some(hfr)) => hfr,
        (Some(PayIn::Hfr), None) => "HFR".to_owned(),
        (None, Some(hfr)) => format!("{hold} or {hfr}"),
    };
    lines.push(format!("Set aside   {aside}{of} at submission; what is not used comes back when a job ends"));
    lines.join("\n")
}

fn told_quote(quote: &QuoteView, most: Micros) -> Vec<String> {
    let QuoteView { price_per_hour, fee_per_hour, owner_per_hour, ready, unmet, hold: _, hfr, issued_ms, valid_until_ms } = quote;
    let Some(price) = *price_per_hour else {
        let mut lines =
            vec!["Price       unknown: no rig that could do this is connected now. Submitted, the job waits for one.".to_owned()];
        lines.extend(unmet.iter().map(|unmet| format!("            {}", unmet_line(unmet))));
        return lines;
    };
    let rigs = match ready {
        0 => "none of these rigs takes work now".to_owned(),
        1 => "1 rig is ready".to_owned(),
        ready => format!("{ready} rigs are ready"),
    };
    let mut lines = vec![format!("Price       {price} an hour from the cheapest rig; {rigs}")];
    if price > most {
        lines.push(format!("            more than the {most} the job pays at most: it would wait for a cheaper rig"));
    }
    if let (Some(fee), Some(owner)) = (fee_per_hour, owner_per_hour) {
        let bps = percent(share_bps(*fee, price));
        lines.push(format!("Of that     {owner} for the rig's owner, {fee} ({bps}) for the network"));
    }
    if let Some(HfrQuote { price_per_hour, discount_per_hour, hold: _, picos_per_hfr, price_seen_ms }) = hfr {
        let bps = percent(share_bps(*discount_per_hour, price));
        let age = duration(issued_ms.since(*price_seen_ms).as_millis());
        let (hfr, at) = (plain(*price_per_hour), picos(*picos_per_hfr));
        lines.push(format!("In HFR      {hfr} HFR an hour: {discount_per_hour} ({bps}) less, at {at} per HFR, seen {age} ago"));
    }
    lines.push(format!("Valid       for {}", duration(valid_until_ms.since(*issued_ms).as_millis())));
    lines
}

#[cfg(test)]
mod tests;
