//! `Market.sol` as arithmetic: what it takes, what it refuses and what it says.
//!
//! Faithful to the contract in everything that moves money; who may call what is checked in [`super::node`].

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use headframe_contracts::IMarket;
use headframe_protocol::{
    auth::DeviceSignature,
    spending::{SignedOrder, market_domain},
};

use super::node::{Refused, Transaction, refuse};

/// `MAX_SESSION_SECONDS`.
const SESSION_SECONDS_MAX: u64 = 8 * 24 * 3_600;

/// `ARBITER_SECONDS`.
const ARBITER_SECONDS: u64 = 14 * 24 * 3_600;

/// An asset of the contract. Sums in micros, but for `held`.
#[derive(Debug, Clone)]
pub(super) struct Listing {
    pub(super) unit: u128,
    pub(super) fee_bps: u16,
    pub(super) to_suppliers: u128,
    pub(super) fee: u128,
    pub(super) held: u128,
    pub(super) is_hfr: bool,
}

/// Where a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Open,
    Proposed,
    Disputed,
    Closed,
}

/// A session. Sums in micros.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) customer: Address,
    pub(super) asset: Address,
    pub(super) order: Option<B256>,
    pub(super) fee_bps: u16,
    pub(super) reserved: u128,
    pub(super) settled: u128,
    pub(super) proposed: u128,
    pub(super) settle_by: u64,
    pub(super) deadline: u64,
    pub(super) at: At,
}

#[derive(Debug, Clone, Default)]
struct Order {
    outstanding: u128,
    revoked: bool,
}

/// A payment by card, in micros.
#[derive(Debug, Clone)]
struct Payment {
    customer: Address,
    asset: Address,
    amount: u128,
}

/// The contract.
#[derive(Debug, Clone)]
pub(super) struct Market {
    pub(super) chain: u64,
    pub(super) address: Address,
    pub(super) distributor: Address,
    pub(super) treasury: Address,
    pub(super) dispute_seconds: u64,
    pub(super) listings: BTreeMap<Address, Listing>,
    /// By customer and asset, in units.
    pub(super) free: BTreeMap<(Address, Address), u128>,
    pub(super) credit: BTreeMap<(Address, Address), u128>,
    pub(super) sessions: BTreeMap<B256, Session>,
    orders: BTreeMap<(Address, B256), Order>,
    payments: BTreeMap<B256, Payment>,
}

/// `Micros.feeOf`.
pub(super) const fn fee_of(micros: u128, bps: u16) -> u128 {
    micros * bps as u128 / 10_000
}

impl Market {
    pub(super) fn new(chain: u64, address: Address, distributor: Address, treasury: Address, dispute_seconds: u64) -> Self {
        Self {
            chain,
            address,
            distributor,
            treasury,
            dispute_seconds,
            listings: BTreeMap::new(),
            free: BTreeMap::new(),
            credit: BTreeMap::new(),
            sessions: BTreeMap::new(),
            orders: BTreeMap::new(),
            payments: BTreeMap::new(),
        }
    }

    /// What the contract owes, in units of an asset: what I2 of the design says its balance is.
    pub(super) fn liabilities(&self, asset: Address) -> u128 {
        let of = |sums: &BTreeMap<(Address, Address), u128>| -> u128 {
            sums.iter().filter(|((_, of), _)| *of == asset).map(|(_, units)| units).sum()
        };
        let Some(listing) = self.listings.get(&asset) else { return 0 };
        let sessions = self.sessions.values().filter(|session| session.asset == asset);
        let reserved: u128 = sessions.map(|session| session.reserved - session.settled).sum();
        of(&self.free) + of(&self.credit) + (reserved + listing.to_suppliers + listing.fee) * listing.unit
    }

    fn listing(&mut self, asset: Address) -> Result<&mut Listing, Refused> {
        self.listings.get_mut(&asset).ok_or_else(|| refuse("AssetUnknown"))
    }

    /// A sum in micros; only zero where the contract says `_toMicrosOrZero`.
    fn micros(&self, asset: Address, units: u128) -> Result<u128, Refused> {
        let unit = self.listings.get(&asset).ok_or_else(|| refuse("AssetUnknown"))?.unit;
        if units.is_multiple_of(unit) { Ok(units / unit) } else { Err(refuse("NotWholeMicros")) }
    }

    fn units(&self, asset: Address, micros: u128) -> u128 {
        self.listings.get(&asset).map_or(0, |listing| listing.unit * micros)
    }

    pub(super) fn deposit(&mut self, on: &mut Transaction<'_>, asset: Address, amount: u128) -> Result<(), Refused> {
        if amount == 0 {
            return Err(refuse("ZeroAmount"));
        }
        self.listing(asset)?.held += amount;
        *self.free.entry((on.from, asset)).or_default() += amount;
        on.say(self.address, &IMarket::Deposited { customer: on.from, asset, amount: U256::from(amount) });
        on.transfer(asset, on.from, self.address, amount)
    }

    pub(super) fn withdraw(&mut self, on: &mut Transaction<'_>, asset: Address, amount: u128) -> Result<(), Refused> {
        let free = self.free.entry((on.from, asset)).or_default();
        if amount == 0 || amount > *free {
            return Err(refuse("Insufficient"));
        }
        *free -= amount;
        self.listing(asset)?.held -= amount;
        on.say(self.address, &IMarket::Withdrawn { customer: on.from, asset, amount: U256::from(amount), to: on.from });
        on.transfer(asset, self.address, on.from, amount)
    }

    pub(super) fn credit_fiat(&mut self, on: &mut Transaction<'_>, call: &IMarket::creditFiatCall) -> Result<(), Refused> {
        let IMarket::creditFiatCall { r#ref, customer, asset, amount } = *call;
        if self.payments.contains_key(&r#ref) {
            return Err(refuse("RefUsed"));
        }
        let micros = self.micros(asset, amount)?;
        if micros == 0 || customer.is_zero() {
            return Err(refuse("ZeroAmount"));
        }
        self.payments.insert(r#ref, Payment { customer, asset, amount: micros });
        *self.credit.entry((customer, asset)).or_default() += amount;
        self.listing(asset)?.held += amount;
        on.say(self.address, &IMarket::FiatCredited { r#ref, customer, asset, amount: U256::from(amount) });
        on.transfer(asset, on.from, self.address, amount)
    }

    pub(super) fn reverse_fiat(&mut self, on: &mut Transaction<'_>, call: &IMarket::reverseFiatCall) -> Result<(), Refused> {
        let IMarket::reverseFiatCall { r#ref, amount } = *call;
        let Payment { customer, asset, amount: of_payment } =
            self.payments.get(&r#ref).cloned().ok_or_else(|| refuse("RefUnknown"))?;
        let micros = self.micros(asset, amount)?;
        let credit = self.credit.entry((customer, asset)).or_default();
        if micros == 0 || micros > of_payment || amount > *credit {
            return Err(refuse("Insufficient"));
        }
        *credit -= amount;
        self.payments.insert(r#ref, Payment { customer, asset, amount: of_payment - micros });
        self.listing(asset)?.held -= amount;
        on.say(self.address, &IMarket::FiatReversed { r#ref, customer, asset, amount: U256::from(amount) });
        on.transfer(asset, self.address, self.treasury, amount)
    }

    pub(super) fn sweep(&mut self, on: &mut Transaction<'_>, asset: Address) -> Result<(), Refused> {
        let (treasury, distributor, market) = (self.treasury, self.distributor, self.address);
        let listing = self.listing(asset)?;
        let (suppliers, fee) = (listing.to_suppliers * listing.unit, listing.fee * listing.unit);
        if suppliers + fee == 0 {
            return Ok(());
        }
        let burned = if listing.is_hfr { fee / 2 } else { 0 };
        (listing.to_suppliers, listing.fee) = (0, 0);
        listing.held -= suppliers + fee;
        for (to, amount) in [(distributor, suppliers), (treasury, fee - burned), (Address::ZERO, burned)] {
            if amount != 0 {
                on.transfer(asset, market, to, amount)?;
            }
        }
        let (to_suppliers, to_treasury) = (U256::from(suppliers), U256::from(fee - burned));
        let swept = IMarket::Swept { asset, toSuppliers: to_suppliers, toTreasury: to_treasury, burned: U256::from(burned) };
        on.say(market, &swept);
        Ok(())
    }

    pub(super) fn reserve(&mut self, on: &mut Transaction<'_>, call: &IMarket::reserveCall) -> Result<(), Refused> {
        let IMarket::reserveCall { order, signature, session, amount, settleBy } = call;
        if on.now > order.expiry {
            return Err(refuse("OrderExpired"));
        }
        self.check_signature(order, signature)?;
        let book = self.new_book(on, (order.customer, order.asset), Some(order.orderId), (*amount, *settleBy))?;
        if book.fee_bps > order.maxFeeBps {
            return Err(refuse("FeeTooHigh"));
        }
        let unit = self.units(order.asset, 1);
        let known = self.orders.entry((order.customer, order.orderId)).or_default();
        if known.revoked {
            return Err(refuse("OrderIsRevoked"));
        }
        if (known.outstanding + book.reserved) * unit > order.maxSpend {
            return Err(refuse("OrderSpent"));
        }
        known.outstanding += book.reserved;
        let free = self.free.entry((order.customer, order.asset)).or_default();
        if *amount > *free {
            return Err(refuse("Insufficient"));
        }
        *free -= amount;
        self.open(on, *session, book)
    }

    fn check_signature(&self, order: &IMarket::Order, signature: &[u8]) -> Result<(), Refused> {
        let signature = alloy_primitives::Signature::try_from(signature).map_err(|_| refuse("BadSignature"))?;
        let signed = SignedOrder {
            chain_id: self.chain,
            order_id: order.orderId,
            customer: order.customer,
            asset: order.asset,
            max_spend: U256::from(order.maxSpend),
            max_fee_bps: order.maxFeeBps,
            expiry: order.expiry,
            signature: DeviceSignature(signature),
        };
        assert_eq!(market_domain(self.chain, self.address).verifying_contract, Some(self.address), "orders name the contract");
        signed.verify(self.address).map_err(|_| refuse("BadSignature"))
    }

    pub(super) fn reserve_credit(&mut self, on: &mut Transaction<'_>, call: &IMarket::reserveCreditCall) -> Result<(), Refused> {
        let IMarket::reserveCreditCall { customer, asset, session, amount, settleBy } = *call;
        let book = self.new_book(on, (customer, asset), None, (amount, settleBy))?;
        let credit = self.credit.entry((customer, asset)).or_default();
        if amount > *credit {
            return Err(refuse("Insufficient"));
        }
        *credit -= amount;
        self.open(on, session, book)
    }

    fn new_book(
        &self,
        on: &Transaction<'_>,
        (customer, asset): (Address, Address),
        order: Option<B256>,
        (amount, settle_by): (u128, u64),
    ) -> Result<Session, Refused> {
        if settle_by <= on.now || settle_by > on.now + SESSION_SECONDS_MAX {
            return Err(refuse("SettleByOutOfRange"));
        }
        let reserved = self.micros(asset, amount)?;
        if reserved == 0 {
            return Err(refuse("ZeroAmount"));
        }
        let fee_bps = self.listings.get(&asset).map_or(0, |listing| listing.fee_bps);
        let (settled, proposed, deadline, at) = (0, 0, 0, At::Open);
        Ok(Session { customer, asset, order, fee_bps, reserved, settled, proposed, settle_by, deadline, at })
    }

    fn open(&mut self, on: &mut Transaction<'_>, session: B256, book: Session) -> Result<(), Refused> {
        if self.sessions.contains_key(&session) {
            return Err(refuse("SessionInState"));
        }
        let Session { customer, asset, order, fee_bps, reserved, settle_by, .. } = book;
        let said = IMarket::SessionReserved {
            session,
            customer,
            orderId: order.unwrap_or_default(),
            asset,
            amount: U256::from(self.units(asset, reserved)),
            feeBps: fee_bps,
            settleBy: settle_by,
        };
        self.sessions.insert(session, book);
        on.say(self.address, &said);
        Ok(())
    }

    pub(super) fn revoke(&mut self, on: &mut Transaction<'_>, order: B256) {
        self.orders.entry((on.from, order)).or_default().revoked = true;
        on.say(self.address, &IMarket::OrderRevoked { customer: on.from, orderId: order });
    }

    fn session(&self, session: B256) -> Result<Session, Refused> {
        self.sessions.get(&session).cloned().ok_or_else(|| refuse("SessionInState"))
    }

    pub(super) fn give_back(&mut self, on: &mut Transaction<'_>, session: B256, amount: u128) -> Result<(), Refused> {
        let mut book = self.session(session)?;
        if book.at == At::Closed {
            return Err(refuse("SessionInState"));
        }
        let micros = self.micros(book.asset, amount)?;
        if micros == 0 || micros > book.reserved - book.proposed {
            return Err(refuse("Insufficient"));
        }
        self.give(&mut book, micros);
        self.sessions.insert(session, book);
        on.say(self.address, &IMarket::GivenBack { session, amount: U256::from(amount) });
        Ok(())
    }

    /// `_return`.
    fn give(&mut self, book: &mut Session, micros: u128) {
        book.reserved -= micros;
        let units = self.units(book.asset, micros);
        let key = (book.customer, book.asset);
        match book.order {
            None => *self.credit.entry(key).or_default() += units,
            Some(order) => {
                *self.free.entry(key).or_default() += units;
                self.orders.entry((book.customer, order)).or_default().outstanding -= micros;
            }
        }
    }

    pub(super) fn propose(&mut self, on: &mut Transaction<'_>, what: &IMarket::Settlement) -> Result<(), Refused> {
        let mut book = self.session(what.session)?;
        if book.at != At::Open {
            return Err(refuse("SessionInState"));
        }
        if on.now > book.settle_by {
            return Err(refuse("TooLate"));
        }
        let used = self.micros(book.asset, what.used)?;
        if used > book.reserved || used <= book.settled {
            return Err(refuse("UsedOutOfRange"));
        }
        let deadline = on.now + self.dispute_seconds;
        book = Session { proposed: used, deadline, at: At::Proposed, ..book };
        self.sessions.insert(what.session, book);
        let (session, root) = (what.session, what.receiptRoot);
        on.say(self.address, &IMarket::Proposed { session, used: U256::from(what.used), receiptRoot: root, deadline });
        Ok(())
    }

    pub(super) fn dispute(&mut self, on: &mut Transaction<'_>, session: B256) -> Result<(), Refused> {
        let book = self.session(session)?;
        if on.from != book.customer {
            return Err(refuse("NotCustomer"));
        }
        if book.at != At::Proposed || on.now >= book.deadline {
            return Err(refuse("TooLate"));
        }
        let deadline = on.now + ARBITER_SECONDS;
        self.sessions.insert(session, Session { at: At::Disputed, deadline, ..book });
        on.say(self.address, &IMarket::Disputed { session, reason: "it did not run".to_owned(), deadline });
        Ok(())
    }

    pub(super) fn resolve(&mut self, on: &mut Transaction<'_>, session: B256, used: u128) -> Result<(), Refused> {
        let mut book = self.session(session)?;
        if book.at != At::Disputed || on.now >= book.deadline {
            return Err(refuse("TooLate"));
        }
        let decided = self.micros(book.asset, used)?;
        if decided < book.settled || decided > book.proposed {
            return Err(refuse("UsedOutOfRange"));
        }
        let refused = book.proposed - decided;
        book.proposed = decided;
        self.settle(on, session, &mut book)?;
        if refused != 0 {
            self.give(&mut book, refused);
        }
        let returned = U256::from(self.units(book.asset, refused));
        self.sessions.insert(session, book);
        on.say(self.address, &IMarket::Resolved { session, used: U256::from(used), returned });
        Ok(())
    }

    /// `_settle`.
    fn settle(&mut self, on: &mut Transaction<'_>, session: B256, book: &mut Session) -> Result<(), Refused> {
        let fee = fee_of(book.proposed, book.fee_bps) - fee_of(book.settled, book.fee_bps);
        let suppliers = book.proposed - book.settled - fee;
        (book.settled, book.at) = (book.proposed, At::Open);
        let listing = self.listing(book.asset)?;
        listing.to_suppliers += suppliers;
        listing.fee += fee;
        let unit = listing.unit;
        let units = |micros: u128| U256::from(micros * unit);
        let (to_suppliers, fee) = (units(suppliers), units(fee));
        on.say(self.address, &IMarket::Settled { session, used: units(book.settled), toSuppliers: to_suppliers, fee });
        Ok(())
    }

    pub(super) fn finalize(&mut self, on: &mut Transaction<'_>, sessions: &[B256]) -> Result<(), Refused> {
        for session in sessions {
            let Some(mut book) = self.sessions.get(session).filter(|book| book.at == At::Proposed).cloned() else { continue };
            if on.now < book.deadline {
                return Err(refuse("TooEarly"));
            }
            self.settle(on, *session, &mut book)?;
            self.sessions.insert(*session, book);
        }
        Ok(())
    }

    pub(super) fn release(&mut self, on: &mut Transaction<'_>, session: B256) -> Result<(), Refused> {
        let mut book = self.session(session)?;
        let early = match book.at {
            At::Disputed => on.now < book.deadline,
            At::Open => on.now <= book.settle_by,
            At::Proposed | At::Closed => true,
        };
        if early {
            return Err(refuse("TooEarly"));
        }
        let left = book.reserved - book.settled;
        (book.proposed, book.at) = (book.settled, At::Closed);
        if left != 0 {
            self.give(&mut book, left);
        }
        let returned = U256::from(self.units(book.asset, left));
        self.sessions.insert(session, book);
        on.say(self.address, &IMarket::Released { session, returned });
        Ok(())
    }
}
