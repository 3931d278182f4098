//! Which addresses a customer may make us connect to: those of the public internet.
//!
//! A name is resolved here, every address it has is looked at, and only those are connected to, so that a name cannot
//! mean one thing when looked at and another when used. Else a webhook could be aimed at a database beside us, or at the
//! metadata service of the cloud we run in.

use std::net::SocketAddr;

use headframe_protocol::address::is_public;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Resolves names, and lets only public addresses through.
#[derive(Debug)]
pub(super) struct PublicOnly;

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

/// Whether a request failed because [`PublicOnly`] would not have it.
pub(super) fn is_refusal(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<NotPublic>().is_some() {
            return true;
        }
        cause = error.source();
    }
    false
}
