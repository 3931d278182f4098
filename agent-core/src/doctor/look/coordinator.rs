//! Asks the owner's own coordinator what time it is: one small request, whose answer is not read beyond its head.

use std::time::{Duration, Instant};

use url::Url;

use crate::{
    clock,
    coordinator::said_in,
    doctor::facts::{Coordinator, Silence},
};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn look(url: Option<&Url>) -> Coordinator {
    let Some(url) = url else { return Coordinator::NotKnown };
    // An address may hold a name and a password: only the host is shown.
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or("nowhere").to_owned(),
    };
    let silent = |why| Coordinator::Silent { host: host.clone(), why };
    let Ok(address) = url.join("healthz") else { return silent(Silence::NoAddress) };
    let client = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build();
    let Ok(client) = client else { return silent(Silence::CannotAsk) };
    let (asked, asked_at) = (Instant::now(), clock::wall());
    let answer = match client.get(address).send().await {
        Ok(answer) => answer,
        Err(error) if error.is_timeout() => return silent(Silence::Late { after_s: PATIENCE.as_secs() }),
        Err(error) if error.is_connect() => return silent(Silence::Nobody),
        Err(_) => return silent(Silence::Unreadable),
    };
    let took = asked.elapsed();
    let Some(theirs) = said_in(answer.headers()) else { return Coordinator::NoClock { host } };
    let ahead_ms = asked_at.as_millis().saturating_sub(theirs.as_millis());
    Coordinator::Told { host, ahead_ms, took }
}
