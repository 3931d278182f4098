//! Asks the owner's own coordinator what time it is: one small request, whose answer is not read beyond its head.

use std::time::{Duration, Instant};

use url::Url;

use crate::{clock, coordinator::said_in, doctor::facts::Coordinator};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn look(url: Option<&Url>) -> Coordinator {
    let Some(url) = url else { return Coordinator::NotKnown };
    // An address may hold a name and a password: only the host is shown.
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or("nowhere").to_owned(),
    };
    let silent = |why: &str| Coordinator::Silent { host: host.clone(), why: why.to_owned() };
    let Ok(address) = url.join("healthz") else { return silent("its address is not one that can be asked") };
    let client = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build();
    let Ok(client) = client else { return silent("this PC cannot make such requests") };
    let (asked, asked_at) = (Instant::now(), clock::wall());
    let answer = match client.get(address).send().await {
        Ok(answer) => answer,
        Err(error) if error.is_timeout() => return silent("no answer within 5 s"),
        Err(error) if error.is_connect() => return silent("nobody takes the connection"),
        Err(_) => return silent("its answer cannot be read"),
    };
    let took = asked.elapsed();
    let Some(theirs) = said_in(answer.headers()) else { return Coordinator::NoClock { host } };
    let ahead_ms = asked_at.as_millis().saturating_sub(theirs.as_millis());
    Coordinator::Told { host, ahead_ms, took }
}
