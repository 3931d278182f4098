//! When HFR is not taken, and what is said then.

use std::{collections::BTreeSet, time::Duration};

use headframe_coordinator::store::{ledger::Account, prices::Source};
use headframe_protocol::{Micros, api::Job, error::Code};
use serde_json::json;

use super::{HELD, WORTH, all_is_given_back};
use crate::support::{
    TestApp,
    chain::StubChain,
    hfr::{Bourse, HFR, IN_HFR, PICOS, USD, dear_job, quote, submit},
    job, problem,
};

#[tokio::test]
async fn without_a_price_that_can_be_relied_on_hfr_is_not_taken() {
    const OLD: Duration = Duration::from_secs(601);
    let bourse = Bourse::open_bare().await;
    bourse.stock(USD, Micros::dollars(100)).await;
    let customer = bourse.customer(10_000).await;
    let seen: [&[(Source, u64, Duration)]; 5] = [
        &[],
        &[(Source::Twap, PICOS, Duration::ZERO)],
        &[(Source::Twap, PICOS, Duration::ZERO), (Source::Oracle, PICOS, OLD)],
        &[(Source::Twap, PICOS, OLD), (Source::Oracle, PICOS, Duration::ZERO)],
        &[(Source::Twap, PICOS, Duration::ZERO), (Source::Oracle, PICOS * 104 / 100, Duration::ZERO)],
    ];
    for observed in seen {
        bourse.forget_prices().await;
        for (source, picos, ago) in observed {
            bourse.observe(*source, *picos, *ago).await;
        }
        let refused = problem(customer.post(IN_HFR, &dear_job()).await).await;
        assert_eq!((refused.status, refused.code), (409, Code::Conflict), "{observed:?}");
        assert!(refused.detail.contains("no price"), "{}", refused.detail);
    }
    all_is_given_back(&bourse, &customer, 10_000, Micros::ZERO).await;
}

#[tokio::test]
async fn the_lower_of_two_prices_that_agree_is_frozen() {
    let bourse = Bourse::open_bare().await;
    bourse.stock(USD, Micros::dollars(100)).await;
    let customer = bourse.customer(10_000).await;
    bourse.observe(Source::Twap, PICOS * 102 / 100, Duration::from_secs(300)).await;
    bourse.observe(Source::Oracle, PICOS, Duration::ZERO).await;
    let hfr = submit(&customer, IN_HFR).await.hfr.expect("it is paid in HFR");
    assert_eq!((hfr.held.get(), hfr.picos_per_hfr), (HELD, PICOS));
}

#[tokio::test]
async fn a_quote_stands_for_its_minute_whatever_hfr_is_worth_then() {
    let bourse = Bourse::open().await;
    let customer = bourse.customer(100_000).await;
    let rig = bourse.rig().await;
    let quoted = quote(&customer).await.hfr.expect("HFR is taken");
    drop(rig);
    bourse.price(PICOS / 2).await;
    let by_quote = format!("{IN_HFR}&picos_per_hfr={}", quoted.picos_per_hfr);
    let job = submit(&customer, &by_quote).await.hfr.expect("it is paid in HFR");
    assert_eq!((job.held, job.picos_per_hfr), (quoted.hold, PICOS));
    let now = submit(&customer, IN_HFR).await.hfr.expect("it is paid in HFR");
    assert_eq!(now.picos_per_hfr, PICOS / 2);

    for (path, status) in [
        (format!("{IN_HFR}&picos_per_hfr={}", PICOS + 1), 409),
        (format!("{IN_HFR}&picos_per_hfr=0"), 409),
        (format!("/v1/jobs?picos_per_hfr={PICOS}"), 422),
    ] {
        let refused = problem(customer.post(&path, &dear_job()).await).await;
        assert_eq!(refused.status, status, "{path}: {}", refused.detail);
    }
    // Seen more than a minute ago, and followed by another before the last minute began.
    bourse.forget_prices().await;
    for (picos, ago) in [(PICOS, 90), (PICOS * 2, 61)] {
        for source in [Source::Twap, Source::Oracle] {
            bourse.observe(source, picos, Duration::from_secs(ago)).await;
        }
    }
    let refused = problem(customer.post(&by_quote, &dear_job()).await).await;
    assert!(refused.detail.contains("Ask for a new one"), "{}", refused.detail);
    submit(&customer, &format!("{IN_HFR}&picos_per_hfr={}", PICOS * 2)).await;
    bourse.app.assert_books().await;
}

#[tokio::test]
async fn without_dollars_in_stock_hfr_is_not_taken() {
    let bourse = Bourse::open_bare().await;
    bourse.price(PICOS).await;
    let customer = bourse.customer(10_000).await;
    for stock in [0, WORTH - 1] {
        bourse.stock(USD, Micros::new(stock)).await;
        let refused = problem(customer.post(IN_HFR, &dear_job()).await).await;
        assert_eq!((refused.status, refused.code), (409, Code::Conflict));
        assert!(refused.detail.contains("stock"), "{}", refused.detail);
    }
    bourse.stock(USD, Micros::new(1)).await;
    submit(&customer, IN_HFR).await;
    assert_eq!(bourse.dollars_in_stock().await, (Micros::ZERO, Micros::new(WORTH)));
    bourse.app.assert_books().await;
}

#[tokio::test]
async fn jobs_at_the_same_moment_promise_no_more_than_there_is_in_stock() {
    let bourse = Bourse::open_bare().await;
    bourse.price(PICOS).await;
    bourse.stock(USD, Micros::new(3 * WORTH + 1)).await;
    let (one, two) = (bourse.customer(20_000).await, bourse.customer(20_000).await);
    let body = dear_job();
    let together = (0..8).map(|number| if number % 2 == 0 { &one } else { &two }.post(IN_HFR, &body));
    let together = futures_util::future::join_all(together).await;
    let mut taken = 0;
    for answer in together {
        match answer.status().as_u16() {
            201 => taken += 1,
            _ => assert_eq!(problem(answer).await.code, Code::Conflict),
        }
    }
    assert_eq!(taken, 3);
    assert_eq!(bourse.dollars_in_stock().await, (Micros::new(1), Micros::new(3 * WORTH)));
    bourse.app.assert_books().await;
}

#[tokio::test]
async fn who_has_too_little_hfr_is_told_how_much_is_missing() {
    let bourse = Bourse::open().await;
    let customer = bourse.customer(2_000).await;
    let refused = problem(customer.post(IN_HFR, &dear_job()).await).await;
    assert_eq!((refused.status, refused.code), (402, Code::InsufficientBalance));
    for part in ["2393.617022 HFR is needed", "2000.00 is reserved", "393.617022 is missing"] {
        assert!(refused.detail.contains(part), "{}", refused.detail);
    }
    bourse.tab(&customer, HFR, Micros::dollars(2_000), 600).await;
    let refused = problem(customer.post(IN_HFR, &dear_job()).await).await;
    assert_eq!(refused.code, Code::InsufficientBalance);
    assert!(refused.detail.contains("not in one piece"), "{}", refused.detail);
    all_is_given_back(&bourse, &customer, 4_000, Micros::ZERO).await;

    let rich = bourse.app.customer(100).await;
    let refused = problem(rich.post(IN_HFR, &dear_job()).await).await;
    assert_eq!(refused.code, Code::InsufficientBalance, "dollars are no HFR");
    bourse.app.assert_books().await;
}

#[tokio::test]
async fn a_network_without_hfr_names_what_it_takes() {
    let home = StubChain::start().await;
    for app in [TestApp::start().await, TestApp::start_with(|config| home.join(config)).await] {
        let customer = app.customer(100).await;
        for (path, body) in [(IN_HFR, job(json!({}))), ("/v1/jobs:batch?pay_in=hfr", json!({ "jobs": [job(json!({}))] }))] {
            let refused = problem(customer.post(path, &body).await).await;
            assert_eq!((refused.status, refused.errors[0].field.as_str()), (422, "pay_in"), "{path}");
        }
        assert_eq!(customer.post("/v1/jobs?pay_in=usd", &job(json!({}))).await.status(), 201);
        app.assert_books().await;
    }
}

#[tokio::test]
async fn a_coin_nobody_knows_is_refused_by_its_name() {
    let app = TestApp::start().await;
    let customer = app.customer(100).await;
    for query in ["pay_in=eur", "pay_in=HFR", "pay_in="] {
        for (path, body) in [("/v1/jobs", job(json!({}))), ("/v1/jobs:batch", json!({ "jobs": [job(json!({}))] }))] {
            let refused = problem(customer.post(&format!("{path}?{query}"), &body).await).await;
            assert_eq!((refused.status, refused.errors[0].field.as_str()), (400, "pay_in"), "{path}?{query}");
        }
    }
    let refused = problem(customer.post("/v1/jobs?payin=hfr", &job(json!({}))).await).await;
    assert_eq!((refused.status, refused.errors[0].field.as_str()), (400, "payin"), "a slip is not taken for dollars");
    assert_eq!(customer.balance().await.held, Micros::ZERO);
}

#[tokio::test]
async fn the_same_key_pays_once_and_in_one_coin() {
    let bourse = Bourse::open().await;
    let customer = bourse.customer(3_000).await;
    let body = dear_job();
    let together = futures_util::future::join_all((0..4).map(|_| customer.post_with_key(IN_HFR, &body, "k1"))).await;
    let mut ids = BTreeSet::new();
    for answer in together {
        assert_eq!(answer.status(), 201, "there is enough for one");
        ids.insert(answer.json::<Job>().await.expect("a job").id);
    }
    // What is asked again is answered as before, whatever HFR has become since.
    bourse.forget_prices().await;
    let again: Job = customer.post_with_key(IN_HFR, &body, "k1").await.json().await.expect("a job");
    ids.insert(again.id);
    assert_eq!(ids.len(), 1);
    assert_eq!(bourse.balance(Account::Held(customer.id), HFR).await, Micros::new(HELD));
    for path in ["/v1/jobs", "/v1/jobs?pay_in=usd"] {
        let other = problem(customer.post_with_key(path, &body, "k1").await).await;
        assert_eq!((other.status, other.code), (409, Code::IdempotencyMismatch), "{path}");
    }
    bourse.app.assert_books().await;
}

#[tokio::test]
async fn saying_dollars_is_the_same_as_saying_nothing() {
    let app = TestApp::start().await;
    let customer = app.customer(10).await;
    let first: Job = customer.post_with_key("/v1/jobs", &job(json!({})), "k1").await.json().await.expect("a job");
    let again = customer.post_with_key("/v1/jobs?pay_in=usd", &job(json!({})), "k1").await;
    assert_eq!(again.json::<Job>().await.expect("a job").id, first.id);
    assert_eq!(first.hfr, None);
}
