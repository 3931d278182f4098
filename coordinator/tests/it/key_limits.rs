//! What one key may spend in a day.

use headframe_coordinator::admin::acts;
use headframe_protocol::{Micros, error::Code};
use serde_json::json;

use crate::support::{Customer, TestApp, by, job, problem};

/// A job that holds a dollar.
fn dollar_job() -> serde_json::Value {
    job(json!({ "max_price_per_hour": "60000000" }))
}

async fn limited(app: &TestApp, customer: &Customer, dollars: i32) -> Customer {
    let store = &app.app().store;
    let key =
        acts::create_limited_key(store, &by(), customer.id, "limited", Some(Micros::dollars(dollars))).await.expect("a key");
    Customer { url: customer.url.clone(), id: customer.id, key: key.key, http: customer.http.clone() }
}

#[tokio::test]
async fn a_key_spends_its_limit_and_its_account_the_rest() {
    let app = TestApp::start().await;
    let customer = app.customer(100).await;
    let script = limited(&app, &customer, 3).await;
    let batch = json!({ "jobs": [dollar_job(), dollar_job()] });
    assert_eq!(script.post("/v1/jobs:batch", &batch).await.status(), 201);
    let refused = problem(script.post("/v1/jobs:batch", &batch).await).await;
    assert_eq!((refused.status, refused.code), (403, Code::Forbidden));
    assert_eq!(refused.errors[0].field, "spend_max");
    for part in ["$3.00", "$2.00", "1440 minutes"] {
        assert!(refused.detail.contains(part), "{}", refused.detail);
    }
    assert_eq!(script.post("/v1/jobs", &dollar_job()).await.status(), 201, "one still fits");
    let never = problem(script.post("/v1/jobs", &job(json!({ "max_price_per_hour": "240000000" }))).await).await;
    assert!(never.detail.contains("ever"), "{}", never.detail);
    assert_eq!(customer.post("/v1/jobs:batch", &batch).await.status(), 201, "another key has no limit");
    app.assert_books().await;
}

#[tokio::test]
async fn what_a_job_gives_back_its_key_may_spend_again() {
    let app = TestApp::start().await;
    let customer = app.customer(100).await;
    let script = limited(&app, &customer, 1).await;
    let held: headframe_protocol::api::Job = script.post("/v1/jobs", &dollar_job()).await.json().await.expect("a job");
    assert_eq!(script.post("/v1/jobs", &dollar_job()).await.status(), 403);
    script.cancel(held.id).await;
    assert_eq!(script.post("/v1/jobs", &dollar_job()).await.status(), 201);
    app.assert_books().await;
}

#[tokio::test]
async fn jobs_at_the_same_moment_stay_within_the_limit() {
    let app = TestApp::start().await;
    let customer = app.customer(100).await;
    let script = limited(&app, &customer, 3).await;
    let body = dollar_job();
    let together = futures_util::future::join_all((0..8).map(|_| script.post("/v1/jobs", &body))).await;
    assert_eq!(together.iter().filter(|answer| answer.status() == 201).count(), 3);
    app.assert_books().await;
}

#[tokio::test]
async fn a_day_later_the_limit_is_whole_again() {
    let app = TestApp::start().await;
    let customer = app.customer(100).await;
    let script = limited(&app, &customer, 1).await;
    assert_eq!(script.post("/v1/jobs", &dollar_job()).await.status(), 201);
    let mut tx = app.app().store.begin().await.expect("a transaction");
    let yesterday = sqlx::query("UPDATE job SET created_ms = created_ms - 86400001 WHERE api_key_id IS NOT NULL");
    yesterday.execute(&mut *tx).await.expect("a day passes");
    tx.commit().await.expect("committed");
    assert_eq!(script.post("/v1/jobs", &dollar_job()).await.status(), 201);
    app.assert_books().await;
}

#[tokio::test]
async fn the_operator_sets_and_lifts_a_limit() {
    let app = TestApp::start().await;
    let customer = app.customer(100).await;
    let store = &app.app().store;
    let key = acts::create_key(store, &by(), customer.id, "").await.expect("a key");
    let script = Customer { url: customer.url.clone(), id: customer.id, key: key.key, http: customer.http.clone() };
    acts::limit_key(store, &by(), key.id, Some(Micros::new(1))).await.expect("limited");
    assert_eq!(script.post("/v1/jobs", &dollar_job()).await.status(), 403);
    acts::limit_key(store, &by(), key.id, None).await.expect("lifted");
    assert_eq!(script.post("/v1/jobs", &dollar_job()).await.status(), 201);
    acts::revoke_key(store, &by(), key.id).await.expect("revoked");
    acts::limit_key(store, &by(), key.id, None).await.expect_err("a key that is no good has no limit");
}
