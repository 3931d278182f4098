//! What should be done on a chain, as steps: compares the books with what is under way and records what is missing.
//!
//! A step's id is the idempotency key of its effect, so recording it again is nothing. What the chain has refused is recorded anew
//! under the next number after a pause: what was too early then may be right now.

use std::time::Duration;

use alloy::sol_types::SolCall;
use alloy_primitives::{Address, B256, Bytes, aliases::U96, keccak256};
use headframe_accounts::EpochFile;
use headframe_contracts::{IDistributor, IMarket};
use headframe_protocol::{Micros, TimestampMs};

use super::SettlementError;
use crate::{
    App,
    chain::{Chain, Role},
    payouts::build,
    store::{
        Tx, commit, jobs,
        ledger::{self, Account, Kind, Posted, Transfer},
        payouts::{self, Payout, PayoutState},
        steps::{self, NewStep, Step, StepState},
        tabs::{self, Tab, TabState},
        until_uncrossed, wallets,
    },
};

mod carry;
mod fiat_steps;
mod last_day;
mod tab_steps;

/// Tries of one effect that the chain has refused. After these a person has to look.
const TRIES_MAX: u32 = 1_000;

/// One look at a chain. Returns how many steps were recorded.
pub(super) async fn plan(app: &App, chain: &Chain) -> Result<u64, SettlementError> {
    let before = until_uncrossed(|| pay_out(app, chain)).await?;
    // The next payout's tabs can be proposed only when those of the last one are settled.
    let built = before.is_through && build::build(app, chain).await?;
    let after = if built { until_uncrossed(|| pay_out(app, chain)).await?.recorded } else { 0 };
    Ok(before.recorded
        + u64::from(built)
        + after
        + tab_steps::plan(app, chain).await?
        + carry::plan(app, chain).await?
        + fiat_steps::plan(app, chain).await?
        + last_day::plan(app, chain).await?)
}

/// Where an effect is that shall be done once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// It was recorded just now.
    New,
    /// It is under way, or was refused and waits for its next try.
    UnderWay,
    /// It is done, since then.
    Done(TimestampMs),
}

/// Makes sure that an effect is under way or done.
async fn ensure(app: &App, tx: &mut Tx, step: NewStep) -> Result<Effect, SettlementError> {
    let now = app.store.now();
    let number = match newest_try(tx, &step.id).await? {
        None => 1,
        Some((number, known)) => match known.state {
            StepState::Final => return Ok(Effect::Done(known.changed)),
            StepState::Refused if now.since(known.changed) >= pause(app, number) => number + 1,
            StepState::Refused | StepState::Recorded | StepState::Signed | StepState::Sent => return Ok(Effect::UnderWay),
        },
    };
    if number > TRIES_MAX {
        tracing::error!(step.id, "A chain has refused a step a thousand times");
        return Ok(Effect::UnderWay);
    }
    let id = try_id(&step.id, number);
    let recorded = steps::record(tx, &NewStep { id, ..step }, now).await?;
    Ok(if recorded { Effect::New } else { Effect::UnderWay })
}

/// Before the next try: longer each time, up to a hundred looks.
fn pause(app: &App, tries: u32) -> Duration {
    app.config.timers.chain_poll * tries.min(100)
}

fn call<C: SolCall>(chain: &Chain, id: String, role: Role, to: Address, call: &C) -> NewStep {
    NewStep { id, chain: chain.id(), role, to, data: Bytes::from(call.abi_encode()) }
}

/// How far the newest payout has come.
#[derive(Debug, Clone, Copy, Default)]
struct Walked {
    /// Steps that were recorded just now.
    recorded: u64,
    /// Whether its tabs are settled and their money is brought over.
    is_through: bool,
}

impl Walked {
    fn count(&mut self, effect: Effect) {
        self.recorded += u64::from(effect == Effect::New);
    }
}

/// Brings the newest payout from its file to where it can be claimed.
async fn pay_out(app: &App, chain: &Chain) -> Result<Walked, SettlementError> {
    let mut tx = app.store.begin().await?;
    let Some(payout) = payouts::newest(&mut tx, chain.id()).await? else {
        return Ok(Walked { recorded: 0, is_through: true });
    };
    let walked = walk(app, chain, &mut tx, &payout).await?;
    commit(tx, "plan a payout").await?;
    Ok(walked)
}

/// Propose what was used of tabs, and the root; after both windows settle the tabs, bring the money over, and make the root count.
///
/// The tabs are settled whatever becomes of the root: anybody may have made it count before us, if the money for it was there already.
async fn walk(app: &App, chain: &Chain, tx: &mut Tx, payout: &Payout) -> Result<Walked, SettlementError> {
    let windows = &chain.profile().windows;
    let mut walked = Walked::default();
    let proposed = propose_tabs(app, chain, tx, payout).await?;
    // Without reading the whole file for a step that is done.
    let root = match done(tx, &root_id(payout)).await? {
        Some(step) => Effect::Done(step.changed),
        None => ensure(app, tx, root_step(chain, payout)?).await?,
    };
    walked.count(proposed);
    walked.count(root);
    let Effect::Done(proposed_at) = proposed else { return Ok(walked) };
    let now = app.store.now();
    if now.since(proposed_at) < Duration::from_secs(windows.dispute_seconds) {
        return Ok(walked);
    }
    let settled = settle_tabs(app, chain, tx, payout).await?;
    walked.count(settled);
    let Effect::Done(_) = settled else { return Ok(walked) };
    if last_day::is_under_way(tx, chain).await? {
        return Ok(walked);
    }
    walked.is_through = true;
    for asset in &chain.profile().assets {
        let sweep = IMarket::sweepCall { asset: asset.address };
        let id = format!("sweep:{}:{:#x}", payout.key(), asset.address);
        let effect = ensure(app, tx, call(chain, id, Role::Relayer, chain.profile().contracts.market, &sweep)).await?;
        walked.count(effect);
        walked.is_through &= matches!(effect, Effect::Done(_));
    }
    let Effect::Done(root_at) = root else { return Ok(walked) };
    let may_count = payout.state == PayoutState::Proposed && now.since(root_at) >= Duration::from_secs(windows.challenge_seconds);
    if walked.is_through && may_count {
        let id = format!("activate:{}", payout.key());
        let activate = IDistributor::activateCall {};
        let step = call(chain, id, Role::Relayer, chain.profile().contracts.distributor, &activate);
        walked.count(ensure(app, tx, step).await?);
    }
    Ok(walked)
}

/// What was used of every tab since it was last settled, in one transaction. Nothing used is nothing to do.
async fn propose_tabs(app: &App, chain: &Chain, tx: &mut Tx, payout: &Payout) -> Result<Effect, SettlementError> {
    let id = format!("propose:{}", payout.key());
    match newest_try(tx, &id).await?.map(|(_, step)| step) {
        Some(known) if known.state == StepState::Final => return Ok(Effect::Done(known.changed)),
        Some(known) if known.state != StepState::Refused => return Ok(Effect::UnderWay),
        // What is used after the root was proposed belongs to the next payout.
        None if payout.state != PayoutState::Built => return Ok(Effect::Done(TimestampMs::default())),
        Some(_) | None => {}
    }
    let mut settlements = Vec::new();
    let now = app.store.now();
    // After its day the chain takes no proposal for a tab, and refuses those for all others with it.
    for tab in tabs::live(tx, chain.id()).await?.into_iter().filter(|tab| tab.used > tab.settled && tab.settle_by > now) {
        if !last_day::is_begun(tx, &tab).await? {
            settlements.push(settlement(chain, &tab, payout)?);
        }
    }
    if settlements.is_empty() {
        return Ok(Effect::Done(TimestampMs::default()));
    }
    let propose = IMarket::proposeBatchCall { settlements };
    ensure(app, tx, call(chain, id, Role::Settler, chain.profile().contracts.market, &propose)).await
}

fn settlement(chain: &Chain, tab: &Tab, payout: &Payout) -> Result<IMarket::Settlement, SettlementError> {
    Ok(IMarket::Settlement { session: session(chain, tab)?, used: used_units(chain, tab)?, receiptRoot: payout.file_hash })
}

fn used_units(chain: &Chain, tab: &Tab) -> Result<u128, SettlementError> {
    let units = chain.units(tab.coin, tab.used).and_then(|units| u128::try_from(units).ok());
    units.ok_or_else(|| SettlementError::Unknown { chain: chain.id(), what: format!("{} of tab {}", tab.used, tab.id) })
}

fn session(chain: &Chain, tab: &Tab) -> Result<B256, SettlementError> {
    tab.id.parse().map_err(|_| SettlementError::Unknown { chain: chain.id(), what: format!("tab {}", tab.id) })
}

fn root_id(payout: &Payout) -> String {
    format!("root:{}", payout.key())
}

fn root_step(chain: &Chain, payout: &Payout) -> Result<NewStep, SettlementError> {
    let file = EpochFile::parse(payout.file.as_bytes())
        .map_err(|error| SettlementError::File { chain: chain.id(), source: Box::new(error) })?;
    let totals = file.assets.iter().map(|total| {
        let cumulative = U96::checked_from_limbs_slice(total.cumulative.as_limbs());
        cumulative.map(|cumulative| IDistributor::Total { asset: total.asset, cumulative })
    });
    let totals = totals.collect::<Option<Vec<_>>>();
    let totals =
        totals.ok_or_else(|| SettlementError::Unknown { chain: chain.id(), what: "more is owed than there is".to_owned() })?;
    let propose = IDistributor::proposeRootCall { epoch: payout.epoch, root: payout.root, dataHash: payout.file_hash, totals };
    Ok(call(chain, root_id(payout), Role::Proposer, chain.profile().contracts.distributor, &propose))
}

/// Settles what was proposed: exactly the tabs the proposal names, whatever was used of others meanwhile.
async fn settle_tabs(app: &App, chain: &Chain, tx: &mut Tx, payout: &Payout) -> Result<Effect, SettlementError> {
    let Some(proposal) = done_proposal(tx, chain, payout).await? else { return Ok(Effect::Done(TimestampMs::default())) };
    let sessions = proposal.settlements.into_iter().map(|settlement| settlement.session).collect();
    let finalize = IMarket::finalizeCall { sessions };
    let id = format!("finalize:{}", payout.key());
    ensure(app, tx, call(chain, id, Role::Relayer, chain.profile().contracts.market, &finalize)).await
}

async fn done_proposal(
    tx: &mut Tx,
    chain: &Chain,
    payout: &Payout,
) -> Result<Option<IMarket::proposeBatchCall>, SettlementError> {
    let Some(step) = done(tx, &format!("propose:{}", payout.key())).await? else { return Ok(None) };
    let decoded = IMarket::proposeBatchCall::abi_decode(&step.data);
    decoded.map(Some).map_err(|error| SettlementError::File { chain: chain.id(), source: Box::new(error) })
}

fn try_id(base: &str, number: u32) -> String {
    if number == 1 { base.to_owned() } else { format!("{base}#{number}") }
}

/// The newest try of an effect, and which it is. What is done is not tried again, so if it is done, that is the one.
async fn newest_try(tx: &mut Tx, base: &str) -> Result<Option<(u32, Step)>, SettlementError> {
    let mut newest = None;
    for number in 1..=TRIES_MAX {
        match steps::find(tx, &try_id(base, number)).await? {
            Some(step) => newest = Some((number, step)),
            None => break,
        }
    }
    Ok(newest)
}

/// The same if it is done.
async fn done(tx: &mut Tx, base: &str) -> Result<Option<Step>, SettlementError> {
    Ok(newest_try(tx, base).await?.map(|(_, step)| step).filter(|step| step.state == StepState::Final))
}
