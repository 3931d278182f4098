//! Brings recorded steps onto a chain: Recorded → Signed → Sent → Final or Refused.
//!
//! Every arrow may be crossed twice and be broken off anywhere. A transaction is written down before it is sent, so that after a
//! crash the same bytes are sent again and not others with the same effect. A nonce belongs to one step for ever, so that of all
//! transactions signed for it the chain can take only one.

use std::time::Duration;

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    eips::{BlockId, BlockNumberOrTag, eip2718::Encodable2718 as _},
    network::TxSignerSync as _,
    providers::Provider as _,
    rpc::types::TransactionRequest,
};
use alloy_primitives::{Bytes, TxKind, U256};

use super::SettlementError;
use crate::{
    App,
    chain::{Chain, Role},
    store::{
        commit,
        steps::{self, Outcome, Signed, Step, StepState},
    },
};

/// Steps looked at in one run. More only wait for the next.
const STEPS_MAX: u32 = 64;

/// Room above what a call was estimated to take: another's transaction may come first and make it dearer.
const GAS_MARGIN_PERCENT: u64 = 30;

/// How much more a replacement pays. Nodes refuse less than a tenth more.
const BUMP_PERCENT: u128 = 25;

/// Replacements of one step. Two to the sixth of the first fee; beyond that something else is wrong.
const TRANSACTIONS_MAX: usize = 20;

/// One run over the open steps of a chain. Returns how many moved on.
pub(super) async fn drive(app: &App, chain: &Chain) -> Result<u64, SettlementError> {
    let open = {
        let mut connection = app.store.read().await?;
        steps::open(&mut connection, chain.id(), STEPS_MAX).await?
    };
    let mut moved = 0;
    for step in open {
        let done = match step.state {
            StepState::Recorded => begin(app, chain, &step).await?,
            StepState::Signed => send_again(app, chain, &step).await?,
            StepState::Sent => look_after(app, chain, &step).await?,
            StepState::Final | StepState::Refused => false,
        };
        moved += u64::from(done);
    }
    Ok(moved)
}

/// Asks the chain what it would make of the step, then signs and sends it.
async fn begin(app: &App, chain: &Chain, step: &Step) -> Result<bool, SettlementError> {
    let Some(key) = chain.key(step.role) else { return Ok(false) };
    let request = TransactionRequest::default().from(key.address()).to(step.to).input(step.data.clone().into());
    let gas = match chain.provider().estimate_gas(request).await {
        Ok(gas) => gas + gas * GAS_MARGIN_PERCENT / 100,
        Err(error) if error.is_error_resp() => {
            let reason = super::reasons::of(&error);
            tracing::warn!(step.id, chain.id = chain.id(), reason, "A chain would refuse a step");
            note(app, step, Outcome::Refused { reason, block: None }).await?;
            return Ok(true);
        }
        Err(error) => return Err(chain.failed("estimate a step", error).into()),
    };
    let fees = chain.provider().estimate_eip1559_fees().await.map_err(|error| chain.failed("tell its fees", error))?;
    let nonce = next_nonce(app, chain, step.role).await?;
    let transaction = TxEip1559 {
        chain_id: chain.id(),
        nonce,
        gas_limit: gas,
        max_fee_per_gas: fees.max_fee_per_gas,
        max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
        to: TxKind::Call(step.to),
        value: U256::ZERO,
        access_list: alloy::eips::eip2930::AccessList::default(),
        input: step.data.clone(),
    };
    if !write_down(app, chain, step, transaction).await? {
        return Ok(false);
    }
    crate::fail::point("step.signed");
    let Some(step) = read(app, &step.id).await? else { return Ok(false) };
    send_again(app, chain, &step).await
}

/// Signs a transaction and writes it down. False if somebody else has signed for the step meanwhile.
async fn write_down(app: &App, chain: &Chain, step: &Step, mut transaction: TxEip1559) -> Result<bool, SettlementError> {
    let Some(key) = chain.key(step.role) else { return Ok(false) };
    let signature = key.sign_transaction_sync(&mut transaction).map_err(|error| chain.failed("sign", error))?;
    let (nonce, max_fee_per_gas) = (transaction.nonce, transaction.max_fee_per_gas);
    let envelope = TxEnvelope::from(transaction.into_signed(signature));
    let now = app.store.now();
    let signed = Signed { hash: *envelope.tx_hash(), raw: Bytes::from(envelope.encoded_2718()), max_fee_per_gas, created: now };
    let mut tx = app.store.begin().await?;
    let first = steps::sign(&mut tx, step, nonce, &signed, now).await?;
    commit(tx, "write a signed step down").await?;
    Ok(first)
}

/// What the next transaction of a role is numbered: after our own last one, or if there is none, after what the chain has seen.
async fn next_nonce(app: &App, chain: &Chain, role: Role) -> Result<u64, SettlementError> {
    let mut connection = app.store.read().await?;
    let ours = steps::next_nonce(&mut connection, chain.id(), role).await?;
    drop(connection);
    let seen = transactions_of(chain, role).await?;
    // A key that also signs elsewhere would make us wait for ever; what the chain has seen is never offered again.
    Ok(ours.map_or(seen, |ours| ours.max(seen)))
}

async fn transactions_of(chain: &Chain, role: Role) -> Result<u64, SettlementError> {
    let Some(key) = chain.key(role) else { return Ok(0) };
    let count = chain.provider().get_transaction_count(key.address()).block_id(BlockId::Number(BlockNumberOrTag::Latest)).await;
    Ok(count.map_err(|error| chain.failed("count a sender's transactions", error))?)
}

/// Sends the newest transaction of a step. Sent twice it is one transaction.
async fn send_again(app: &App, chain: &Chain, step: &Step) -> Result<bool, SettlementError> {
    if found(app, chain, step).await? {
        return Ok(true);
    }
    let mut connection = app.store.read().await?;
    let signed = steps::signed(&mut connection, &step.id).await?;
    drop(connection);
    let Some(newest) = signed.first() else { return Ok(false) };
    chain.send_raw(&newest.raw).await?;
    crate::fail::point("step.sent");
    note(app, step, Outcome::Sent).await?;
    Ok(true)
}

/// Looks where a sent step is: final, refused, forgotten by the chain, or too cheap.
async fn look_after(app: &App, chain: &Chain, step: &Step) -> Result<bool, SettlementError> {
    if found(app, chain, step).await? {
        return Ok(true);
    }
    let waited = app.store.now().since(step.changed);
    if waited < app.config.timers.chain_resend {
        return Ok(false);
    }
    replace(app, chain, step, waited).await
}

/// Whether one of the step's transactions is in a final block; then what became of it is noted.
async fn found(app: &App, chain: &Chain, step: &Step) -> Result<bool, SettlementError> {
    let mut connection = app.store.read().await?;
    let signed = steps::signed(&mut connection, &step.id).await?;
    drop(connection);
    let last = chain.final_block().await?;
    for Signed { hash, .. } in signed {
        let receipt =
            chain.provider().get_transaction_receipt(hash).await.map_err(|error| chain.failed("give a receipt", error))?;
        let Some(receipt) = receipt else { continue };
        let Some(block) = receipt.block_number.filter(|block| *block <= last) else { return Ok(false) };
        let outcome = if receipt.status() {
            Outcome::Final { hash, block }
        } else {
            Outcome::Refused { reason: "the chain reverted it".to_owned(), block: Some(block) }
        };
        if let Outcome::Refused { .. } = outcome {
            tracing::warn!(step.id, chain.id = chain.id(), transaction.hash = %hash, "A step was reverted");
        }
        note(app, step, outcome).await?;
        crate::fail::point("step.final");
        return Ok(true);
    }
    Ok(false)
}

/// A transaction that stays out is sent again, and after a while one that pays more in its place, with the same nonce.
async fn replace(app: &App, chain: &Chain, step: &Step, waited: Duration) -> Result<bool, SettlementError> {
    let mut connection = app.store.read().await?;
    let signed = steps::signed(&mut connection, &step.id).await?;
    drop(connection);
    let (Some(newest), Some(nonce)) = (signed.first(), step.nonce) else { return Ok(false) };
    if transactions_of(chain, step.role).await? > nonce {
        // Mined, and not yet final; or taken by a transaction that is none of ours, which only a person can explain.
        let known =
            chain.provider().get_transaction_receipt(newest.hash).await.map_err(|error| chain.failed("give a receipt", error))?;
        if known.is_none() && signed.len() == 1 && waited > app.config.timers.chain_resend * 10 {
            tracing::error!(step.id, chain.id = chain.id(), nonce, "Another transaction has taken a step's nonce");
        }
        return Ok(false);
    }
    let fees = chain.provider().estimate_eip1559_fees().await.map_err(|error| chain.failed("tell its fees", error))?;
    if fees.max_fee_per_gas <= newest.max_fee_per_gas || signed.len() >= TRANSACTIONS_MAX {
        // It pays enough; the chain has dropped it, in a reorganisation or from a full pool.
        chain.send_raw(&newest.raw).await?;
        note(app, step, Outcome::Sent).await?;
        return Ok(true);
    }
    let Some(mut transaction) = decoded(&newest.raw) else { return Ok(false) };
    let bumped = |fee: u128| fee + fee * BUMP_PERCENT / 100 + 1;
    transaction.max_fee_per_gas = bumped(newest.max_fee_per_gas).max(fees.max_fee_per_gas);
    transaction.max_priority_fee_per_gas =
        bumped(transaction.max_priority_fee_per_gas).max(fees.max_priority_fee_per_gas).min(transaction.max_fee_per_gas);
    if !write_down(app, chain, step, transaction).await? {
        return Ok(false);
    }
    let Some(step) = read(app, &step.id).await? else { return Ok(false) };
    send_again(app, chain, &step).await
}

fn decoded(raw: &[u8]) -> Option<TxEip1559> {
    use alloy::eips::eip2718::Decodable2718 as _;
    match TxEnvelope::decode_2718(&mut &*raw).ok()? {
        TxEnvelope::Eip1559(signed) => Some(signed.into_parts().0),
        _ => None,
    }
}

async fn read(app: &App, id: &str) -> Result<Option<Step>, SettlementError> {
    let mut connection = app.store.read().await?;
    Ok(steps::find(&mut connection, id).await?)
}

async fn note(app: &App, step: &Step, outcome: Outcome) -> Result<(), SettlementError> {
    let mut tx = app.store.begin().await?;
    steps::note(&mut tx, &step.id, &outcome, app.store.now()).await?;
    commit(tx, "note what became of a step").await?;
    Ok(())
}
