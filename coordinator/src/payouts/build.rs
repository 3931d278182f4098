//! Makes a payout: everything rigs have earned on a chain and not yet been given becomes part of what their accounts may claim.
//!
//! One transaction: the ledger's transfer, the marks on the entries that are paid by it, and the public file whose hash goes on the
//! chain. The file is made by [`headframe_accounts`], from the same credits anybody else can make it from.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use headframe_accounts::{
    Decimals, Distributor, EpochFile,
    epoch::{self, Cause, Conversion, Credit, Draft, Frame, Rate, Source, Token, Work},
    price::UsdPerHfr,
};
use headframe_protocol::{
    DeviceId, Micros, TimestampMs,
    chain::{Asset, AssetKind},
};

use crate::{
    App,
    chain::Chain,
    settlement::SettlementError,
    store::{
        Tx, commit,
        ledger::{self, Account, Coin, Kind, Leg, Posted, Transfer},
        line,
        payouts::{self, KeptTerms, PaidWork, Payout, PayoutState, Unpaid, UnpaidCause},
        until_uncrossed,
    },
};

/// The longest reason of a correction: what a file may hold, in letters of up to four bytes.
const REASON_CHARS_MAX: usize = 100;

/// Makes the next payout of a chain, if it is time and there is something to pay. True if one was made.
pub(crate) async fn build(app: &App, chain: &Chain) -> Result<bool, SettlementError> {
    until_uncrossed(|| build_once(app, chain)).await
}

async fn build_once(app: &App, chain: &Chain) -> Result<bool, SettlementError> {
    let mut tx = app.store.begin().await?;
    let now = app.store.now();
    let newest = payouts::newest(&mut tx, chain.id()).await?;
    let (previous, take) = match newest {
        None => (None, 1),
        // What was undone is made anew at once: everybody in it has waited long enough.
        Some(undone) if undone.state == PayoutState::Undone => {
            (payouts::find(&mut tx, chain.id(), undone.epoch - 1).await?, undone.take + 1)
        }
        Some(newest) if newest.state == PayoutState::Active && now.since(newest.to) >= app.config.timers.payout => {
            (Some(newest), 1)
        }
        Some(_) => return Ok(false),
    };
    let previous = previous.map(|previous| EpochFile::parse(previous.file.as_bytes())).transpose();
    let previous = previous.map_err(|error| SettlementError::File { chain: chain.id(), source: Box::new(error) })?;
    let Some(made) = draft(app, chain, &mut tx, previous.as_ref(), now).await? else { return Ok(false) };
    let Made { draft, legs, paid } = made;
    let file = epoch::build(draft, previous.as_ref())
        .map_err(|error| SettlementError::File { chain: chain.id(), source: Box::new(error) })?;
    let payout = Payout {
        chain: chain.id(),
        epoch: file.epoch,
        take,
        from: file.from_ms,
        to: file.to_ms,
        root: file.root,
        file_hash: file.data_hash(),
        file: String::from_utf8(file.to_bytes())
            .map_err(|error| SettlementError::File { chain: chain.id(), source: Box::new(error) })?,
        state: PayoutState::Built,
    };
    let transfer =
        Transfer { id: payout.transfer(), kind: Kind::Payout, job: None, attempt: None, memo: None, legs: merged(legs) };
    match ledger::post(&mut tx, &[transfer], now).await? {
        Posted::Yes => {}
        Posted::NotCovered(account) => {
            // Some of it was spent in this very moment; the next look sees both.
            tracing::warn!(chain.id = chain.id(), ledger.account = %account, "An account does not cover a payout; looking again");
            return Ok(false);
        }
    }
    payouts::mark_paid(&mut tx, &paid, payout.epoch).await?;
    payouts::insert(&mut tx, &payout, now).await?;
    crate::fail::point("payout.built");
    commit(tx, "make a payout").await?;
    tracing::info!(
        chain.id = chain.id(), payout.epoch = payout.epoch, payout.root = %payout.root, payout.credits = paid.len(),
        "Made a payout",
    );
    Ok(true)
}

/// One leg for each account and coin.
fn merged(legs: Vec<Leg>) -> Vec<Leg> {
    let mut sums: BTreeMap<(Account, Coin), i64> = BTreeMap::new();
    for Leg { account, coin, amount } in legs {
        *sums.entry((account, coin)).or_default() += amount.get();
    }
    sums.into_iter().map(|((account, coin), sum)| Leg::new(account, coin, Micros::new(sum))).collect()
}

/// A payout before it has a root.
struct Made {
    draft: Draft,
    legs: Vec<Leg>,
    paid: Vec<Unpaid>,
}

/// Nothing if nobody is owed anything.
async fn draft(
    app: &App,
    chain: &Chain,
    tx: &mut Tx,
    previous: Option<&EpochFile>,
    now: TimestampMs,
) -> Result<Option<Made>, SettlementError> {
    let from_ms = previous.map_or(TimestampMs::from_millis(now.as_millis() - 1), |previous| previous.to_ms);
    let profile = chain.profile();
    let kinds = profile.assets.iter().map(|asset| (asset.address, asset.kind)).collect();
    let frame = Frame { network: &app.config.network.name, chain_id: chain.id(), to_ms: now, kinds };
    let mut drafting =
        Drafting { frame, desk: Desk::open(app, chain, tx, now).await?, credits: Vec::new(), legs: Vec::new(), paid: Vec::new() };
    let mut terms: BTreeMap<DeviceId, Option<KeptTerms>> = BTreeMap::new();
    for asset in &profile.assets {
        let coin = Coin { chain: chain.id(), kind: asset.kind };
        let all = payouts::unpaid(tx, coin, now).await?;
        let mut spent = spent(&all);
        for unpaid in all.into_iter().filter(|unpaid| !unpaid.is_too_young(now)) {
            let known = match terms.get(&unpaid.device) {
                Some(known) => known.clone(),
                None => {
                    let found = payable_to(tx, unpaid.device, now).await?;
                    terms.insert(unpaid.device, found.clone());
                    found
                }
            };
            // Earnings of a rig that has not said where they go wait for it, and so do those of an account that is held.
            if let Some(known) = &known {
                let may_exchange = unpaid.may_be_exchanged(&mut spent);
                drafting.take(unpaid, (coin, asset), known, may_exchange);
            }
        }
    }
    let Drafting { credits, legs, paid, .. } = drafting;
    // The first payout of a chain needs somebody who is owed something; what was earned and spent at once is nobody's.
    let owed: i64 = credits.iter().map(|credit| credit.amount.get()).sum();
    if credits.is_empty() || (previous.is_none() && owed <= 0) {
        return Ok(None);
    }
    let tokens = profile.assets.iter().map(token).collect::<Result<_, _>>();
    let tokens = tokens.map_err(|source| SettlementError::File { chain: chain.id(), source })?;
    let draft = Draft {
        network: app.config.network.name.clone(),
        distributor: Distributor { chain_id: chain.id(), address: profile.contracts.distributor },
        from_ms,
        to_ms: now,
        tokens,
        credits,
    };
    Ok(Some(Made { draft, legs, paid }))
}

/// What is taken into a payout.
struct Drafting<'a> {
    frame: Frame<'a>,
    desk: Desk<'a>,
    credits: Vec<Credit>,
    legs: Vec<Leg>,
    paid: Vec<Unpaid>,
}

impl Drafting<'_> {
    /// One change of a rig's earnings. One that anybody would find wrong must not keep all others from being paid: it stays where it is.
    fn take(&mut self, unpaid: Unpaid, at: (Coin, &Asset), terms: &KeptTerms, may_exchange: bool) {
        let checked = self.desk.credit(&unpaid, at, terms, may_exchange).map_err(|error| error.to_string());
        let checked = checked.and_then(|(credit, legs)| {
            credit.check(&self.frame).map_err(|fault| fault.to_string())?;
            Ok((credit, legs))
        });
        match checked {
            Ok((credit, legs)) => {
                self.desk.give(&credit);
                self.credits.push(credit);
                self.legs.extend(legs);
                self.paid.push(unpaid);
            }
            Err(why) => tracing::error!(
                chain.id = self.frame.chain_id,
                ledger.transfer = unpaid.transfer,
                why,
                "Earnings cannot be paid out",
            ),
        }
    }
}

/// What was spent of each rig's earnings.
fn spent(all: &[Unpaid]) -> BTreeMap<DeviceId, i64> {
    let mut spent = BTreeMap::new();
    for unpaid in all.iter().filter(|unpaid| unpaid.amount < Micros::ZERO) {
        *spent.entry(unpaid.device).or_default() -= unpaid.amount.get();
    }
    spent
}

impl Unpaid {
    /// Whether it may be given in another coin. What was spent of a rig's earnings is taken from those that are given as they are.
    fn may_be_exchanged(&self, spent: &mut BTreeMap<DeviceId, i64>) -> bool {
        match spent.get_mut(&self.device) {
            Some(left) if *left > 0 && self.amount > Micros::ZERO => {
                *left -= self.amount.get();
                false
            }
            _ => true,
        }
    }
}

/// Where a rig's earnings go now; nothing if that was never said or the operator holds the account.
async fn payable_to(tx: &mut Tx, device: DeviceId, now: TimestampMs) -> Result<Option<KeptTerms>, SettlementError> {
    let Some(terms) = payouts::terms_at(tx, device, now).await? else { return Ok(None) };
    let held = payouts::hold(tx, terms.signed.terms.account).await?.is_some();
    Ok((!held).then_some(terms))
}

fn token(asset: &Asset) -> Result<Token, Box<dyn std::error::Error + Send + Sync>> {
    let decimals = Decimals::new(asset.decimals)?;
    Ok(Token { asset: asset.address, kind: asset.kind, symbol: asset.symbol.clone(), decimals })
}

/// Where earnings are paid out of the ledger, and exchanged for HFR where the owner wants it and the operator has it.
struct Desk<'a> {
    app: &'a App,
    chain: u64,
    now: TimestampMs,
    hfr: Option<Address>,
    /// What the operator has to give.
    hfr_left: Micros,
    price: Option<(UsdPerHfr, TimestampMs)>,
}

impl<'a> Desk<'a> {
    async fn open(app: &'a App, chain: &Chain, tx: &mut Tx, now: TimestampMs) -> Result<Self, SettlementError> {
        let hfr = chain.profile().hfr().map(|asset| asset.address);
        let coin = Coin { chain: chain.id(), kind: AssetKind::Hfr };
        let hfr_left = ledger::balance(tx, Account::Inventory, coin).await?;
        let price = crate::prices::agreed(tx, now).await?;
        Ok(Self { app, chain: chain.id(), now, hfr, hfr_left, price })
    }

    /// What one change of earnings becomes for its account, and what that means in the ledger.
    fn credit(
        &self,
        unpaid: &Unpaid,
        (coin, asset): (Coin, &Asset),
        terms: &KeptTerms,
        may_exchange: bool,
    ) -> Result<(Credit, Vec<Leg>), SettlementError> {
        let Unpaid { transfer, leg: _, device, amount, cause } = unpaid;
        let account = terms.signed.terms.account;
        let earned = Account::Credit(*device);
        if terms.signed.terms.in_hfr
            && may_exchange
            && let UnpaidCause::Work(work) = cause
            && let Some((hfr, exchanged, cause)) = self.in_hfr(coin, *amount, work)?
        {
            let hfr_coin = Coin { chain: self.chain, kind: AssetKind::Hfr };
            let legs = vec![
                Leg::new(earned, coin, amount.negated()),
                Leg::new(Account::Inventory, coin, *amount),
                Leg::new(Account::Inventory, hfr_coin, exchanged.negated()),
                Leg::new(Account::Payable(account), hfr_coin, exchanged),
            ];
            return Ok((Credit { id: transfer.clone(), account, asset: hfr, amount: exchanged, cause }, legs));
        }
        let legs = vec![Leg::new(earned, coin, amount.negated()), Leg::new(Account::Payable(account), coin, *amount)];
        let cause = match cause {
            UnpaidCause::Work(paid) if paid.paid_in != coin => self.out_of_stock(paid, *amount)?,
            UnpaidCause::Work(paid) => match paid.maturity.clone() {
                Some(maturity) => Cause::Matured { maturity, work: work_of(paid) },
                None => Cause::Job { work: work_of(paid) },
            },
            UnpaidCause::Spent(spend) => Cause::Spent { signed_spend: (**spend).clone() },
            UnpaidCause::Other(reason) => Cause::Correction { reason: line(reason, REASON_CHARS_MAX) },
        };
        Ok((Credit { id: transfer.clone(), account, asset: asset.address, amount: *amount, cause }, legs))
    }

    /// Dollars that came from the operator's stock when the attempt ended: the customer had paid in HFR, or on another chain.
    fn out_of_stock(&self, paid: &PaidWork, amount: Micros) -> Result<Cause, SettlementError> {
        let conversion = Conversion {
            from: self.source(paid.paid_in)?,
            amount: if paid.rate.is_some() { share_of(paid) } else { amount },
            rate: paid.rate.map(|(rate, _)| rate),
            at_ms: paid.rate.map_or(paid.ended, |(_, submitted)| submitted),
        };
        Ok(Cause::Conversion { conversion, work: work_of(paid), maturity: paid.maturity.clone() })
    }

    /// The same earnings in HFR, and why: what the customer paid in HFR as it is, everything else at the price of now. Nothing if there is
    /// no price, or not as much in stock.
    fn in_hfr(&self, coin: Coin, amount: Micros, work: &PaidWork) -> Result<Option<(Address, Micros, Cause)>, SettlementError> {
        if work.paid_in == (Coin { chain: self.chain, kind: AssetKind::Hfr }) {
            let share = share_of(work);
            let hfr = self.hfr.filter(|_| share > Micros::ZERO && share <= self.hfr_left);
            return Ok(hfr.map(|hfr| (hfr, share, Cause::Job { work: work_of(work) })));
        }
        let Some((hfr, exchanged, price)) = self.exchange(coin, amount) else { return Ok(None) };
        let conversion = Conversion {
            from: self.source(work.paid_in)?,
            amount,
            rate: Some(Rate { usd_per_hfr: price.0, seen_ms: price.1 }),
            at_ms: TimestampMs::from_millis(self.now.as_millis() - 1),
        };
        let cause = Cause::Conversion { conversion, work: work_of(work), maturity: work.maturity.clone() };
        Ok(Some((hfr, exchanged, cause)))
    }

    /// What a customer paid in, as anybody can look it up.
    fn source(&self, coin: Coin) -> Result<Source, SettlementError> {
        let asset = self.app.chains.get(coin.chain).and_then(|chain| chain.asset(coin));
        let unknown = || SettlementError::Unknown { chain: coin.chain, what: format!("{} of earlier days", coin.asset()) };
        asset.map(|asset| Source { chain_id: coin.chain, asset: asset.address, kind: asset.kind }).ok_or_else(unknown)
    }

    /// HFR for dollars: only what is really there, only at a fresh price, never an IOU.
    fn exchange(&self, coin: Coin, amount: Micros) -> Option<(Address, Micros, (UsdPerHfr, TimestampMs))> {
        let (hfr, price) = (self.hfr?, self.price?);
        if !coin.is_dollars() {
            return None;
        }
        let exchanged = price.0.hfr_for_supplier(amount).ok().filter(|hfr| *hfr > Micros::ZERO && *hfr <= self.hfr_left)?;
        Some((hfr, exchanged, price))
    }

    /// What is exchanged is gone.
    fn give(&mut self, credit: &Credit) {
        if Some(credit.asset) == self.hfr {
            self.hfr_left = Micros::new(self.hfr_left.get() - credit.amount.get());
        }
    }
}

/// Of what the customer paid, the rig's part.
fn share_of(paid: &PaidWork) -> Micros {
    let before = paid.used_before.unwrap_or(Micros::ZERO);
    let after = Micros::new(before.get().saturating_add(paid.charged.get()));
    let fee = after.fee(paid.fee_bps).get() - before.fee(paid.fee_bps).get();
    Micros::new(paid.charged.get() - fee)
}

fn work_of(paid: &PaidWork) -> Work {
    let PaidWork { receipt, price_per_hour, fee_bps, charged_ms, charged, used_before, .. } = paid;
    let follows = price_per_hour.per_hour_for(*charged_ms);
    Work {
        signed_receipt: receipt.clone(),
        price_per_hour: *price_per_hour,
        fee_bps: *fee_bps,
        charged_ms: *charged_ms,
        charged: *charged,
        capped_at: (follows != *charged).then_some(*charged),
        paid_before: None,
        used_before: *used_before,
    }
}
