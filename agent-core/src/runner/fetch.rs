//! Fetches from addresses a customer named, and never from the owner's own network.
//!
//! A name is resolved here, every address it has is judged, and only judged ones are connected to, so that a name cannot
//! mean one thing when looked at and another when used. Redirects are followed one by one under the same rule.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use headframe_protocol::address::{is_public, is_written_out_and_private};
use reqwest::{
    Client, Response, StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use url::Url;

use super::InputHosts;

/// Redirects of one fetch. Storage services use one or two.
const REDIRECTS_MAX: usize = 5;
/// A host that does not answer within this is not there.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// A host that sends nothing for this long will not send more.
const STALL_MAX: Duration = Duration::from_secs(60);

/// Fetches by address.
#[derive(Debug, Clone)]
pub(super) struct Fetcher {
    client: Client,
    hosts: InputHosts,
}

/// Why an address gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FetchError {
    #[error("it leads to an address inside a private network")]
    Private,
    #[error("it redirects too often or to what is not a web address")]
    Redirects,
    #[error("it answers {0}")]
    Status(StatusCode),
    #[error("it cannot be reached")]
    Unreachable,
}

impl Fetcher {
    pub(super) fn new(hosts: InputHosts) -> reqwest::Result<Self> {
        let mut client = Client::builder().redirect(Policy::none()).connect_timeout(CONNECT_MAX).read_timeout(STALL_MAX);
        if hosts == InputHosts::Public {
            // A proxy would resolve names for us, and a judged address would not be the one connected to.
            client = client.no_proxy().dns_resolver(Arc::new(PublicOnly));
        }
        Ok(Self { client: client.build()?, hosts })
    }

    pub(super) async fn get(&self, url: &Url) -> Result<Response, FetchError> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            self.judge(&url)?;
            let response = self.client.get(url.clone()).send().await.map_err(|error| unreachable_or_private(&error))?;
            if !response.status().is_redirection() {
                return if response.status().is_success() { Ok(response) } else { Err(FetchError::Status(response.status())) };
            }
            let to = response.headers().get(reqwest::header::LOCATION).and_then(|to| to.to_str().ok());
            url = to.and_then(|to| url.join(to).ok()).ok_or(FetchError::Redirects)?;
        }
        Err(FetchError::Redirects)
    }

    /// Addresses written out never reach the resolver, so they are judged here.
    fn judge(&self, url: &Url) -> Result<(), FetchError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FetchError::Redirects);
        }
        if url.host().is_none() {
            return Err(FetchError::Redirects);
        }
        match self.hosts {
            InputHosts::Any => Ok(()),
            InputHosts::Public if is_written_out_and_private(url) => Err(FetchError::Private),
            InputHosts::Public => Ok(()),
        }
    }
}

fn unreachable_or_private(error: &reqwest::Error) -> FetchError {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<NotPublic>().is_some() {
            return FetchError::Private;
        }
        cause = error.source();
    }
    FetchError::Unreachable
}

/// Resolves names, and lets only public addresses through.
#[derive(Debug)]
struct PublicOnly;

#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address inside a private network")]
struct NotPublic;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // One bad address spoils the name: an honest one has none, and a dishonest one counts on our trying the next.
            if found.iter().any(|address| !is_public(address.ip())) {
                return Err(Box::new(NotPublic) as Box<dyn std::error::Error + Send + Sync>);
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn written_out_and_resolved_addresses_are_both_judged() {
        let fetcher = Fetcher::new(InputHosts::Public).expect("a client");
        for text in
            ["http://127.0.0.1:9/x", "http://[::1]:9/x", "http://0x7f.1:9/x", "http://localhost:9/x", "http://2130706433:9/x"]
        {
            let answer = fetcher.get(&text.parse().expect("a URL")).await;
            assert_eq!(answer.err(), Some(FetchError::Private), "{text}");
        }
    }
}
