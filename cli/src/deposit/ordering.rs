//! Letting the network spend what is paid in: the order is signed, given to it, and waited for until money is reserved under it.

use alloy_primitives::{B256, U256};
use headframe_protocol::{
    TimestampMs,
    spending::{SignedOrder, TabView},
};

use super::{
    Deposit, Desk,
    desk::{Progress, Tell},
    shelf::Place,
};
use crate::{
    error::{Error, MoneyError},
    wallet::UnsignedOrder,
};

impl Desk<'_> {
    /// Lets the operator reserve up to `max_spend` until `expiry`.
    ///
    /// # Errors
    /// [`MoneyError::Wallet`].
    pub fn order(&self, max_spend: U256, expiry: u64) -> Result<SignedOrder, MoneyError> {
        let order = UnsignedOrder {
            chain_id: self.chain.id(),
            order_id: B256::from(rand::random::<[u8; 32]>()),
            asset: self.asset.address,
            max_spend,
            max_fee_bps: self.asset.fee_bps,
            expiry,
        };
        Ok(self.key.order(order, self.chain.market())?)
    }

    /// Gives the order to the network. One that it does not take is signed anew the next time.
    pub(super) async fn send_order(&self, deposit: &mut Deposit, place: &Place, tell: Tell<'_>) -> Result<(), Error> {
        let Some(order) = &deposit.order else { return Ok(()) };
        let (order_id, expires_ms) = (order.order_id, ends(order));
        match self.client.add_order(order).await {
            Ok(()) => deposit.ordered = true,
            Err(error) if error.may_pass() => return Err(error.into()),
            Err(error) => {
                deposit.order = None;
                place.keep(deposit).map_err(MoneyError::Shelf)?;
                return Err(error.into());
            }
        }
        place.keep(deposit).map_err(MoneyError::Shelf)?;
        tell(Progress::Ordered { order: order_id, expires_ms });
        Ok(())
    }

    /// The tab in which the network has reserved the money, once jobs can be charged to it.
    pub(super) async fn await_reservation(
        &self,
        deposit: &Deposit,
        order: &SignedOrder,
        tell: Tell<'_>,
    ) -> Result<TabView, Error> {
        tell(Progress::Waiting { act: None, blocks_left: None });
        let (mut wait, mut behind) = (self.pace.wait(), None);
        loop {
            match self.reservation(deposit, order).await {
                Ok(Reservation::In(tab)) => return Ok(tab),
                Ok(Reservation::Behind(tab)) => behind = Some(tab.id),
                Ok(Reservation::None) => behind = None,
                Err(error) if error.may_pass() => {}
                Err(error) => return Err(error),
            }
            if wait.is_too_long() {
                let why = behind.map(|tab| format!(": the tab {tab} is open, and may have to be used up or closed first"));
                let what = "the money is paid in and the network may spend it, but has not reserved it yet";
                return Err(MoneyError::NotYet { what: format!("{what}{}", why.unwrap_or_default()) }.into());
            }
            wait.pause().await;
        }
    }

    /// An open tab under the order; or any of the wallet's, if all that was paid in is reserved: an earlier order that was not used
    /// up comes first.
    async fn reservation(&self, deposit: &Deposit, order: &SignedOrder) -> Result<Reservation, Error> {
        let mut other = None;
        for tab in self.client.tabs().await?.into_iter().filter(|tab| tab.chain_id == order.chain_id && tab.state == "open") {
            let Ok(id) = tab.id.parse::<B256>() else { continue };
            let session = self.chain.session(id).await.map_err(MoneyError::Chain)?;
            if session.orderId == order.order_id {
                return Ok(Reservation::In(tab));
            }
            if session.customer == order.customer && session.asset == order.asset && !session.fromCredit {
                other = Some(tab);
            }
        }
        let free = self.chain.holding(order.customer, self.asset).await.map_err(MoneyError::Chain)?.free;
        let all = deposit.free_before.is_some_and(|before| U256::from(free) <= before);
        Ok(match other {
            Some(tab) if all => Reservation::In(tab),
            Some(tab) => Reservation::Behind(tab),
            None => Reservation::None,
        })
    }
}

/// Where what was paid in is reserved.
enum Reservation {
    /// In this tab.
    In(TabView),
    /// Nowhere, while another tab of the wallet is open.
    Behind(TabView),
    /// Nowhere.
    None,
}

/// The end of an order that is signed at `now`, in seconds since 1970.
#[must_use]
pub fn expiry(now: TimestampMs, days: u32) -> u64 {
    let ends = now.after(std::time::Duration::from_secs(u64::from(days) * 86_400));
    u64::try_from(ends.as_millis()).unwrap_or(0) / 1_000
}

/// When an order ends.
#[must_use]
pub fn ends(order: &SignedOrder) -> TimestampMs {
    TimestampMs::from_millis(i64::try_from(order.expiry).unwrap_or(i64::MAX).saturating_mul(1_000))
}
