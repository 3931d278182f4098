//! How fast devices nobody has seen before may sign in from one place: each leaves a row for ever, and a key costs nothing.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// One more than the burst may come after each of these: some ten thousand a day.
const REFILL: Duration = Duration::from_secs(8);

/// Places remembered. Those whose burst is whole again are forgotten first.
const PLACES_MAX: usize = 16_384;

/// New devices by where they came from. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Newcomers(Arc<Mutex<HashMap<IpAddr, Bucket>>>);

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// When it is full again: the later, the emptier it is.
    full_at: Instant,
}

impl Newcomers {
    /// Takes note of a new device from `address`. False if more than `burst` came at once.
    pub(super) fn may_enter(&self, address: IpAddr, burst: u32, now: Instant) -> bool {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = place(address);
        if places.len() >= PLACES_MAX && !places.contains_key(&place) {
            places.retain(|_, bucket| bucket.full_at > now);
            if places.len() >= PLACES_MAX {
                return false;
            }
        }
        let bucket = places.entry(place).or_insert(Bucket { full_at: now });
        let full_at = bucket.full_at.max(now) + REFILL;
        if full_at > now + REFILL * burst {
            return false;
        }
        bucket.full_at = full_at;
        true
    }
}

/// Whoever has an IPv6 address has the 2⁶⁴ beside it.
fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURST: u32 = 10;

    #[test]
    fn a_flood_from_one_place_is_slowed_and_others_are_not() {
        let (newcomers, now) = (Newcomers::default(), Instant::now());
        let flood: IpAddr = "2001:db8::1".parse().expect("an address");
        let beside: IpAddr = "2001:db8::2".parse().expect("an address");
        let other: IpAddr = "192.0.2.1".parse().expect("an address");
        let entered = (0..1_000).filter(|_| newcomers.may_enter(flood, BURST, now)).count();
        assert_eq!(entered, BURST as usize);
        assert!(!newcomers.may_enter(beside, BURST, now), "the neighbours are the same house");
        assert!(newcomers.may_enter(other, BURST, now));
        assert!(newcomers.may_enter(flood, BURST, now + REFILL));
        assert!(!newcomers.may_enter(flood, BURST, now + REFILL));
    }
}
