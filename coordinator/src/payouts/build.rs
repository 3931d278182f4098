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
        StoreError, Tx, commit,
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
    let waits = newest
        .as_ref()
        .is_some_and(|newest| newest.state != PayoutState::Active || now.since(newest.to) < app.config.timers.payout);
    if waits {
        return Ok(false);
    }
    let previous = newest.as_ref().map(|newest| EpochFile::parse(newest.file.as_bytes())).transpose();
    let previous = previous.map_err(|error| SettlementError::File { chain: chain.id(), source: Box::new(error) })?;
    let Some(made) = draft(app, chain, &mut tx, previous.as_ref(), now).await? else { return Ok(false) };
    let Made { draft, legs, paid } = made;
    let file = epoch::build(draft, previous.as_ref())
        .map_err(|error| SettlementError::File { chain: chain.id(), source: Box::new(error) })?;
    let transfer = Transfer {
        id: format!("{}:{}:{}", Kind::Payout.as_str(), chain.id(), file.epoch),
        kind: Kind::Payout,
        job: None,
        attempt: None,
        memo: None,
        legs: merged(legs),
    };
    match ledger::post(&mut tx, &[transfer], now).await? {
        Posted::Yes => {}
        Posted::NotCovered(account) => {
            return Err(StoreError::Corrupt { what: "balance", value: format!("{account} does not cover a payout") }.into());
        }
    }
    payouts::mark_paid(&mut tx, &paid, file.epoch).await?;
    let payout = Payout {
        chain: chain.id(),
        epoch: file.epoch,
        from: file.from_ms,
        to: file.to_ms,
        root: file.root,
        file_hash: file.data_hash(),
        file: String::from_utf8(file.to_bytes())
            .map_err(|error| SettlementError::File { chain: chain.id(), source: Box::new(error) })?,
        state: PayoutState::Built,
    };
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
    let from_ms = match previous {
        Some(previous) => previous.to_ms,
        None => TimestampMs::from_millis(now.as_millis() - 1),
    };
    let mut desk = Desk::open(chain, tx, now).await?;
    let (mut credits, mut paid, mut all_legs, mut owed) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let kinds = chain.profile().assets.iter().map(|asset| (asset.address, asset.kind)).collect();
    let frame = Frame { network: &app.config.network.name, chain_id: chain.id(), to_ms: now, kinds };
    let mut terms: BTreeMap<DeviceId, Option<KeptTerms>> = BTreeMap::new();
    for asset in &chain.profile().assets {
        let coin = Coin { chain: chain.id(), kind: asset.kind };
        for unpaid in payouts::unpaid(tx, coin, now).await? {
            if unpaid.is_too_young(now) {
                continue;
            }
            let known = match terms.get(&unpaid.device) {
                Some(known) => known.clone(),
                None => {
                    let found = payable_to(tx, unpaid.device, now).await?;
                    terms.insert(unpaid.device, found.clone());
                    found
                }
            };
            // Earnings of a rig that has not said where they go wait for it, and so do those of an account that is held.
            let Some(known) = &known else { continue };
            let (credit, legs) = desk.credit(&unpaid, coin, asset, known);
            if let Err(fault) = credit.check(&frame) {
                // One that anybody would find wrong must not keep all others from being paid. It stays where it is.
                tracing::error!(chain.id = chain.id(), ledger.transfer = unpaid.transfer, %fault, "Earnings cannot be paid out");
                continue;
            }
            desk.give(&credit);
            owed += credit.amount.get();
            all_legs.extend(legs);
            credits.push(credit);
            paid.push(unpaid);
        }
    }
    // The first payout of a chain needs somebody who is owed something; what was earned and spent at once is nobody's.
    if credits.is_empty() || (previous.is_none() && owed <= 0) {
        return Ok(None);
    }
    let profile = chain.profile();
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
    Ok(Some(Made { draft, legs: all_legs, paid }))
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
struct Desk {
    chain: u64,
    now: TimestampMs,
    hfr: Option<Address>,
    /// What the operator has to give.
    hfr_left: Micros,
    price: Option<(UsdPerHfr, TimestampMs)>,
}

impl Desk {
    async fn open(chain: &Chain, tx: &mut Tx, now: TimestampMs) -> Result<Self, SettlementError> {
        let hfr = chain.profile().hfr().map(|asset| asset.address);
        let coin = Coin { chain: chain.id(), kind: AssetKind::Hfr };
        let hfr_left = ledger::balance(tx, Account::Inventory, coin).await?;
        let price = crate::prices::agreed(tx, now).await?;
        Ok(Self { chain: chain.id(), now, hfr, hfr_left, price })
    }

    /// What one change of earnings becomes for its account, and what that means in the ledger.
    fn credit(&self, unpaid: &Unpaid, coin: Coin, asset: &Asset, terms: &KeptTerms) -> (Credit, Vec<Leg>) {
        let Unpaid { transfer, leg: _, device, amount, cause } = unpaid;
        let account = terms.signed.terms.account;
        let earned = Account::Credit(*device);
        if terms.signed.terms.in_hfr
            && let UnpaidCause::Work(work) = cause
            && let Some((hfr, exchanged, price)) = self.exchange(coin, *amount)
        {
            let hfr_coin = Coin { chain: self.chain, kind: AssetKind::Hfr };
            let legs = vec![
                Leg::new(earned, coin, amount.negated()),
                Leg::new(Account::Inventory, coin, *amount),
                Leg::new(Account::Inventory, hfr_coin, exchanged.negated()),
                Leg::new(Account::Payable(account), hfr_coin, exchanged),
            ];
            let conversion = Conversion {
                from: Source { chain_id: self.chain, asset: asset.address, kind: asset.kind },
                amount: *amount,
                rate: Some(Rate { usd_per_hfr: price.0, seen_ms: price.1 }),
                at_ms: TimestampMs::from_millis(self.now.as_millis() - 1),
            };
            let cause = Cause::Conversion { conversion, work: work_of(work), maturity: work.maturity.clone() };
            return (Credit { id: transfer.clone(), account, asset: hfr, amount: exchanged, cause }, legs);
        }
        let legs = vec![Leg::new(earned, coin, amount.negated()), Leg::new(Account::Payable(account), coin, *amount)];
        let cause = match cause {
            UnpaidCause::Work(paid) => match paid.maturity.clone() {
                Some(maturity) => Cause::Matured { maturity, work: work_of(paid) },
                None => Cause::Job { work: work_of(paid) },
            },
            UnpaidCause::Spent(spend) => Cause::Spent { signed_spend: (**spend).clone() },
            UnpaidCause::Other(reason) => Cause::Correction { reason: line(reason, REASON_CHARS_MAX) },
        };
        (Credit { id: transfer.clone(), account, asset: asset.address, amount: *amount, cause }, legs)
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
        if let Cause::Conversion { .. } = credit.cause {
            self.hfr_left = Micros::new(self.hfr_left.get() - credit.amount.get());
        }
    }
}

fn work_of(paid: &PaidWork) -> Work {
    let PaidWork { receipt, price_per_hour, fee_bps, charged_ms, charged, used_before, maturity: _ } = paid;
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
