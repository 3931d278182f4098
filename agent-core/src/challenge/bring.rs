//! Brings openings to the coordinator over HTTPS, as results are brought.

use std::{io, time::Duration};

use reqwest::{Client, RequestBuilder, StatusCode, header::CONTENT_LENGTH, redirect::Policy};
use tokio::fs::File;
use url::Url;

use super::Openings;

/// How long a connection may take, and how long nothing may move on it.
const CONNECT_MAX: Duration = Duration::from_secs(10);
const STALL_MAX: Duration = Duration::from_secs(60);

/// Tries of one piece, with a pause in between that doubles: half a minute in all, while the coordinator waits for minutes.
const TRIES_MAX: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// Speaks with one coordinator. Cheap to copy.
#[derive(Debug, Clone)]
pub(super) struct Bringer {
    client: Client,
    coordinator: Url,
}

/// Why openings were not brought.
#[derive(Debug, thiserror::Error)]
pub(super) enum BringError {
    #[error("the coordinator wants openings brought to somebody else")]
    Elsewhere,
    #[error("the coordinator does not take openings: {0}")]
    Refused(StatusCode),
    #[error("the coordinator could not be reached")]
    Unreachable,
    #[error("they are not where they were written")]
    Lost(#[source] io::Error),
}

impl Bringer {
    pub(super) fn new(coordinator: &Url) -> Result<Self, reqwest::Error> {
        // A token must not follow anybody anywhere.
        let client = Client::builder().connect_timeout(CONNECT_MAX).read_timeout(STALL_MAX).redirect(Policy::none()).build()?;
        Ok(Self { client, coordinator: coordinator.clone() })
    }

    /// Where openings of this kind go, if that is the coordinator this rig dialled.
    pub(super) fn address(&self, base: &Url, what: &str) -> Result<Url, BringError> {
        let mut base = base.clone();
        // Without the slash at the end, the last part would be replaced and not extended.
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let address = base.join(what).map_err(|_| BringError::Elsewhere)?;
        if address.origin() == self.coordinator.origin() { Ok(address) } else { Err(BringError::Elsewhere) }
    }

    /// Brings them, again if that may help. What the coordinator finds wrong with them it says over the line.
    pub(super) async fn bring(&self, address: Url, token: &str, openings: &Openings) -> Result<(), BringError> {
        let mut pause = PAUSE;
        for _ in 0..TRIES_MAX {
            let request = self.client.put(address.clone()).bearer_auth(token);
            match with(request, openings).await.map_err(BringError::Lost)?.send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) if answer.status() == StatusCode::UNPROCESSABLE_ENTITY => return Ok(()),
                Ok(answer) if is_passing(answer.status()) => {}
                Ok(answer) => return Err(BringError::Refused(answer.status())),
                Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Err(BringError::Unreachable)
    }
}

/// What is in a file is read while it is sent: it is megabytes, and this program is to stay small.
async fn with(request: RequestBuilder, openings: &Openings) -> io::Result<RequestBuilder> {
    Ok(match openings {
        Openings::Bytes(bytes) => request.body(bytes.clone()),
        Openings::File { file, bytes } => request.header(CONTENT_LENGTH, *bytes).body(File::open(file).await?),
    })
}

/// Whether the same may be taken later. A conflict may be our own earlier try, which the coordinator still believes to be under way.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::BAD_REQUEST
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openings_go_to_the_coordinator_and_nobody_else() {
        let url = |text: &str| text.parse::<Url>().expect("a url");
        let bringer = Bringer::new(&url("https://network.example/headframe")).expect("a client");
        let address = |base: &str| bringer.address(&url(base), "rows").ok().map(String::from);
        let expected = Some("https://network.example/headframe/v1/challenges/7/rows".to_owned());
        assert_eq!(address("https://network.example/headframe/v1/challenges/7/"), expected);
        assert_eq!(address("https://network.example/headframe/v1/challenges/7"), expected);
        for other in ["http://network.example/v1/", "https://evil.example/v1/", "https://network.example:444/v1/"] {
            assert_eq!(address(other), None, "{other}");
        }
    }
}
