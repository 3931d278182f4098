use expect_test::{Expect, expect};
use headframe_protocol::TimestampMs;

use super::*;

const NOW: TimestampMs = TimestampMs::from_millis(1_764_000_000_000);

fn quote_of(price: Option<i64>, ready: u32) -> QuoteView {
    let part = |percent| price.map(|price| Micros::new(price * percent / 100));
    QuoteView {
        price_per_hour: price.map(Micros::new),
        fee_per_hour: part(10),
        owner_per_hour: part(90),
        ready,
        unmet: Vec::new(),
        hold: Micros::dollars(2),
        hfr: None,
        issued_ms: NOW,
        valid_until_ms: TimestampMs::from_millis(NOW.as_millis() + 60_000),
    }
}

fn kind(quote: QuoteView) -> KindEstimate {
    KindEstimate { name: None, jobs: 1, max_price_per_hour: Micros::dollars(1), quote }
}

fn check(kinds: Vec<KindEstimate>, expected: &Expect) {
    let jobs = kinds.iter().map(|kind| kind.jobs).sum();
    let hold = kinds.iter().fold(Micros::ZERO, |before, kind| sum(before, kind.quote.hold, kind.jobs));
    expected.assert_eq(&told(&Estimate { hold_hfr: hold_hfr(&kinds, jobs), kinds, jobs, hold }, None));
}

#[test]
fn a_price_is_told_with_who_gets_it_and_what_hfr_saves() {
    let hfr = HfrQuote {
        price_per_hour: Micros::new(239_361_750),
        discount_per_hour: Micros::new(42_553),
        hold: Micros::new(478_723_500),
        picos_per_hfr: 4_000_000_000,
        price_seen_ms: TimestampMs::from_millis(NOW.as_millis() - 40_000),
    };
    check(
        vec![kind(QuoteView { hfr: Some(hfr), ..quote_of(Some(1_000_000), 3) })],
        &expect![[r"
            Price       $1.00 an hour from the cheapest rig; 3 rigs are ready
            Of that     $0.90 for the rig's owner, $0.10 (10%) for the network
            In HFR      239.36175 HFR an hour: $0.042553 (4.25%) less, at $0.004 per HFR, seen 40.0 s ago
            Valid       for 1 min 0 s
            Set aside   $2.00 or 478.7235 HFR at submission; what is not used comes back when a job ends"]],
    );
}

#[test]
fn without_a_rig_no_price_is_made_up() {
    check(
        vec![kind(quote_of(None, 0))],
        &expect![[r"
            Price       unknown: no rig that could do this is connected now. Submitted, the job waits for one.
            Set aside   $2.00 at submission; what is not used comes back when a job ends"]],
    );
}

#[test]
fn a_job_that_pays_too_little_is_told_so() {
    check(
        vec![kind(quote_of(Some(1_500_000), 0))],
        &expect![[r"
            Price       $1.50 an hour from the cheapest rig; none of these rigs takes work now
                        more than the $1.00 the job pays at most: it would wait for a cheaper rig
            Of that     $1.35 for the rig's owner, $0.15 (10%) for the network
            Valid       for 1 min 0 s
            Set aside   $2.00 at submission; what is not used comes back when a job ends"]],
    );
}

#[test]
fn several_kinds_of_jobs_are_told_one_by_one() {
    let named = |name: &str, jobs, quote| KindEstimate { name: Some(name.to_owned()), jobs, ..kind(quote) };
    check(
        vec![named("small", 1, quote_of(Some(100_000), 1)), named("large", 3, quote_of(None, 0))],
        &expect![[r"
            small (1 job)
            Price       $0.10 an hour from the cheapest rig; 1 rig is ready
            Of that     $0.09 for the rig's owner, $0.01 (10%) for the network
            Valid       for 1 min 0 s
            large (3 jobs)
            Price       unknown: no rig that could do this is connected now. Submitted, the job waits for one.
            Set aside   $8.00 for 4 jobs at submission; what is not used comes back when a job ends"]],
    );
}

#[test]
fn jobs_that_need_the_same_are_asked_about_once() {
    let image = "image: 127.0.0.1:5000/a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let text = format!(
        "- {{{image}, name: a, max_price_per_hour: '1'}}\n- {{{image}, args: [x], array: {{from: 1, to: 9}}, max_price_per_hour: '1'}}\n\
         - {{{image}, max_price_per_hour: '2'}}\n"
    );
    let jobs = crate::job_file::parse(&text, Path::new("")).expect("three jobs");
    let specs: Vec<&JobSpec> = jobs.iter().map(WrittenJob::spec).collect();
    assert_eq!(need(specs[0]), need(specs[1]));
    assert_ne!(need(specs[0]), need(specs[2]));
    assert_eq!(specs.iter().map(|spec| count(spec)).collect::<Vec<_>>(), [1, 9, 1]);
}
