//! From which networks customers and rigs come, so that whoever pays by card is not given his own rig.
//!
//! Kept for a month, as keyed sums and never as addresses: two sums can be compared, and that is all they are for.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{extract::ConnectInfo, http::request::Parts};
use headframe_protocol::{CustomerId, DeviceId, TimestampMs, address::is_public};

use crate::{
    error::Chain,
    store::{Store, StoreError, commit, links},
    webhooks::key::{KeyError, ServerKey},
};

/// The file in the data directory with the key of the sums. Replicas share it.
const KEY_FILE: &str = "networks.key";

/// What was noted is noted again after this long: often enough for a month, seldom enough for a customer who asks all day.
const NOTED_FOR: Duration = Duration::from_hours(24);

/// Pairs of a party and its network remembered as noted, so that not every call is a write. Forgotten, they are written again.
const NOTED_MAX: usize = 65_536;

/// Why there are no networks.
#[derive(Debug, thiserror::Error)]
#[error("could not use the key of networks")]
pub struct NetworksError(#[source] KeyError);

/// Who comes from somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Party {
    /// A customer, by a call.
    Customer(CustomerId),
    /// A rig, by a session.
    Rig(DeviceId),
}

/// Where a call seems to come from: the other end of the connection, and what proxies have said.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    peer: Option<IpAddr>,
    forwarded: Vec<String>,
}

impl Origin {
    /// Of one request.
    #[must_use]
    pub fn of(parts: &Parts) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
        let lines = parts.headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
        Self { peer, forwarded: lines.flat_map(|line| line.split(',')).map(|part| part.trim().to_owned()).collect() }
    }

    /// Past `proxies` of ours. What stands before that, the caller may have invented.
    fn address(&self, proxies: u8) -> Option<IpAddr> {
        match proxies {
            0 => self.peer,
            proxies => self.forwarded.iter().rev().nth(usize::from(proxies) - 1)?.parse().ok(),
        }
    }
}

/// Names networks and notes who came from which. Clones share what is noted.
#[derive(Debug, Clone)]
pub struct Networks {
    key: Arc<ServerKey>,
    proxies: u8,
    noted: Arc<Mutex<HashMap<(Party, String), TimestampMs>>>,
}

impl Networks {
    /// Reads the key from `data_dir`, or makes one.
    ///
    /// # Errors
    /// [`NetworksError`] if it cannot be used.
    pub fn open(data_dir: &Path, proxies: u8) -> Result<Self, NetworksError> {
        let key = ServerKey::open(&data_dir.join(KEY_FILE)).map_err(NetworksError)?;
        Ok(Self { key: Arc::new(key), proxies, noted: Arc::default() })
    }

    /// Notes that a party came from somewhere, unless that was noted lately. A database that does not take it refuses nobody.
    pub(crate) async fn note(&self, store: &Store, party: Party, origin: &Origin) {
        let Some(network) = self.name(origin) else { return };
        let now = store.now();
        if !self.is_news(party, &network, now) {
            return;
        }
        if let Err(error) = write(store, party, &network, now).await {
            self.forget(party, &network);
            tracing::warn!(error = %Chain(&error), "Could not note from where somebody came");
        }
    }

    /// The same again and again, while a party stays connected for longer than what is noted counts.
    pub(crate) async fn keep_noting(&self, store: &Store, party: Party, origin: &Origin) {
        loop {
            tokio::time::sleep(NOTED_FOR).await;
            self.note(store, party, origin).await;
        }
    }

    /// Where a call comes from, if that says anything. For the moment only: it is never kept.
    pub(crate) fn address(&self, origin: &Origin) -> Option<IpAddr> {
        origin.address(self.proxies).map(|address| address.to_canonical()).filter(|address| is_public(*address))
    }

    /// The keyed sum of the network a call comes from. Inside a private network all are neighbours, and one proxy is all of them:
    /// those addresses say nothing.
    fn name(&self, origin: &Origin) -> Option<String> {
        let address = self.address(origin)?;
        Some(self.key.sum_of(&network(address).to_string()))
    }

    fn is_news(&self, party: Party, network: &str, now: TimestampMs) -> bool {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() >= NOTED_MAX {
            noted.clear();
        }
        let pair = (party, network.to_owned());
        let news = noted.get(&pair).is_none_or(|before| now.since(*before) >= NOTED_FOR);
        if news {
            noted.insert(pair, now);
        }
        news
    }

    fn forget(&self, party: Party, network: &str) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).remove(&(party, network.to_owned()));
    }
}

async fn write(store: &Store, party: Party, network: &str, now: TimestampMs) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    links::note(&mut tx, party, network, now).await?;
    commit(tx, "note from where somebody came").await
}

/// Whoever has one address of these can have any other.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4((u32::from(address) >> 8 << 8).into()),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(proxies: u8, peer: &str, forwarded: &str) -> Option<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let networks = Networks::open(folder.path(), proxies).expect("a key");
        let forwarded = forwarded.split(',').map(|part| part.trim().to_owned()).collect();
        let origin = Origin { peer: peer.parse().ok(), forwarded };
        let known = |address: &str| Origin { peer: address.parse().ok(), forwarded: Vec::new() };
        let plain = Networks { proxies: 0, ..networks.clone() };
        let places = ["198.18.0.1", "8.8.8.1", "9.9.9.1", "2001:4860:4860::1"];
        let named = networks.name(&origin)?;
        assert!(!named.contains('.') && !named.contains(':'), "no address is kept: {named}");
        places.into_iter().find(|place| plain.name(&known(place)).as_ref() == Some(&named)).map(str::to_owned)
    }

    #[test]
    fn a_network_is_what_one_household_has() {
        assert_eq!(check(0, "8.8.8.200", "").as_deref(), Some("8.8.8.1"));
        assert_eq!(check(0, "2001:4860:4860:0:ffff::9", "").as_deref(), Some("2001:4860:4860::1"));
        assert_eq!(check(0, "::ffff:9.9.9.7", "").as_deref(), Some("9.9.9.1"));
    }

    #[test]
    fn what_is_private_or_invented_says_nothing() {
        assert_eq!(check(0, "127.0.0.1", "8.8.8.8"), None, "without a proxy its word counts for nothing");
        assert_eq!(check(0, "192.168.1.5", ""), None);
        assert_eq!(check(1, "127.0.0.1", "9.9.9.9, 8.8.8.8").as_deref(), Some("8.8.8.1"), "the last word is our proxy's");
        assert_eq!(check(2, "127.0.0.1", "9.9.9.9, 8.8.8.8").as_deref(), Some("9.9.9.1"));
        assert_eq!(check(1, "127.0.0.1", "nonsense"), None);
        assert_eq!(check(3, "127.0.0.1", "9.9.9.9"), None);
    }
}
