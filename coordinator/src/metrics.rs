//! Figures for the operator, in the Prometheus text format. Nothing in them is secret: no customer, no rig, no image.
//!
//! What happens is counted where it happens, in one recorder per process. What is (jobs by state, rigs connected) is
//! asked when the figures are read, so that it cannot drift.

use std::{sync::OnceLock, time::Duration};

use axum::{
    extract::{MatchedPath, Request},
    http::Method,
    middleware::Next,
    response::Response,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::{
    App,
    store::{StoreError, figures},
};

/// Requests answered, by route, method and status.
const REQUESTS: &str = "headframe_http_requests_total";
/// How long requests took, by route.
const REQUEST_SECONDS: &str = "headframe_http_request_duration_seconds";

/// From a cached read to a slow upload; long polls land in the last.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 60.0];

static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Sets up the recorder, once per process. Without one, counting is a no-op and the figures are only those asked for.
pub fn install() {
    HANDLE.get_or_init(|| match build() {
        Ok(handle) => Some(handle),
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "Another metrics recorder is installed; counters are not ours to show"
            );
            None
        }
    });
}

fn build() -> Result<PrometheusHandle, BuildError> {
    let handle =
        PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?.install_recorder()?;
    metrics::describe_counter!(REQUESTS, "Requests answered, by route, method and status");
    metrics::describe_counter!(crate::challenge::CHALLENGES, "Challenges of cards that are over, by outcome and reason");
    crate::challenge::count_from_zero();
    metrics::describe_histogram!(REQUEST_SECONDS, metrics::Unit::Seconds, "How long requests took, by route");
    Ok(handle)
}

/// Counts and times requests, by route and not by address: there are as many addresses as jobs.
pub async fn measure(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none".to_owned(), |path| path.as_str().to_owned());
    let method = method_name(request.method());
    let started = tokio::time::Instant::now();
    let response = next.run(request).await;
    let took: Duration = started.elapsed();
    metrics::counter!(REQUESTS, "route" => route.clone(), "method" => method, "status" => response.status().as_u16().to_string())
        .increment(1);
    metrics::histogram!(REQUEST_SECONDS, "route" => route).record(took.as_secs_f64());
    response
}

/// The method as a label. A client may make up any word, and every new one would be a new series for ever.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// All figures as text.
///
/// # Errors
/// [`StoreError`] if the database does not answer.
pub async fn render(app: &App) -> Result<String, StoreError> {
    let mut text = match HANDLE.get() {
        Some(Some(handle)) => {
            handle.run_upkeep();
            handle.render()
        }
        Some(None) | None => String::new(),
    };
    let mut connection = app.store.read().await?;
    let now = figures::read(&mut connection).await?;
    gauge(&mut text, "headframe_jobs", "Jobs that are not over, by state", "state", &now.open_jobs);
    gauge(&mut text, "headframe_attempts", "Attempts that are not over, by state", "state", &now.open_attempts);
    gauge(&mut text, "headframe_outbox_messages", "Webhook messages, by standing", "standing", &now.outbox);
    gauge(&mut text, "headframe_storage_bytes", "Bytes kept for customers, by kind", "kind", &now.stored_bytes);
    let connected = i64::try_from(app.sessions.count()).unwrap_or(i64::MAX);
    gauge(&mut text, "headframe_rigs_connected", "Rigs connected to this replica", "", &[(String::new(), connected)]);
    let reconcilers = app.reconcilers.read();
    let runs: Vec<(String, i64)> = reconcilers.iter().map(|(name, status)| ((*name).to_owned(), count(status.runs))).collect();
    gauge(&mut text, "headframe_reconciler_runs", "How often each reconciler ran", "reconciler", &runs);
    let failing: Vec<(String, i64)> =
        reconcilers.iter().map(|(name, status)| ((*name).to_owned(), i64::from(status.failing))).collect();
    gauge(&mut text, "headframe_reconciler_failing", "1 while the last run of a reconciler failed", "reconciler", &failing);
    gauge(
        &mut text,
        "headframe_network_stopped",
        "1 while the operator has stopped the network",
        "",
        &[(String::new(), now.stopped)],
    );
    Ok(text)
}

fn count(runs: u64) -> i64 {
    i64::try_from(runs).unwrap_or(i64::MAX)
}

fn gauge(text: &mut String, name: &str, help: &str, label: &str, values: &[(String, i64)]) {
    text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
    for (value_of, value) in values {
        let labels = if label.is_empty() { String::new() } else { format!("{{{label}=\"{value_of}\"}}") };
        text.push_str(&format!("{name}{labels} {value}\n"));
    }
}
