//! What owners and customers do with their wallets: through the same doors as everybody, the control socket and the HTTP API.

use std::time::Duration;

use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use alloy_primitives::{Address, B256, U256};
use anyhow::{Context as _, Result, bail, ensure};
use headframe_contracts::{IERC20Metadata, IMarket};
use headframe_protocol::{
    Micros, TimestampMs,
    api::{Balance, Pot},
    auth::DeviceSignature,
    chain::AssetKind,
    control::{
        CreateArgs, PayoutState, PrepareArgs, Secret, SignArgs, Source, VerifyArgs, WalletAnswer, WalletRequest, WalletState,
        WatchArgs, WithdrawalCard, WithdrawalState,
    },
    spending::{SignedOrder, WalletProof},
};

use crate::{Testbed, money::Place, operator::Customer, process::wait_for, rig::Rig};

/// How long money may take to be spendable, and a payout to be accepted.
const MONEY_LIMIT: Duration = Duration::from_secs(60);

/// The password of every wallet made here.
const PASSWORD: &str = "a password for practice";

/// How long a customer's order is good.
const ORDER_LIFE: Duration = Duration::from_hours(24);

/// Makes a wallet on a rig as its owner does, with the phrase written down and shown, and has the rig's earnings go there.
///
/// # Errors
/// What the agent did not do.
pub async fn make(rig: &Rig, in_hfr: bool) -> Result<Address> {
    let mut guest = rig.guest().await?;
    let create = CreateArgs { words: 12, password: password(), remember: false, replace: false };
    let WalletAnswer::Created { wallet, phrase } = guest.wallet(WalletRequest::Create(create)).await? else {
        bail!("the agent made no wallet");
    };
    let WalletState::Local { address, .. } = wallet.state else { bail!("the new wallet has no key") };
    let WalletAnswer::Quiz { positions } = guest.wallet(WalletRequest::Quiz).await? else { bail!("the agent asks for no words") };
    let all: Vec<&str> = phrase.reveal().split(' ').collect();
    let words = positions.iter().map(|at| all.get(usize::from(*at) - 1).map(|word| Secret::new((*word).to_owned())));
    let words = words.collect::<Option<Vec<_>>>().context("the agent asks for words that are not there")?;
    let verified = guest.wallet(WalletRequest::Verify(VerifyArgs::Words { words })).await?;
    ensure!(matches!(verified, WalletAnswer::Shown { .. }), "the phrase was not accepted: {verified:?}");
    sign(rig, PrepareArgs::ConfirmPayout { chain_id: None, in_hfr }).await?;
    is_paid_there(rig, true).await?;
    address.parse().context("the agent's address is not one")
}

/// Has a rig's earnings go to an address whose key is elsewhere.
///
/// # Errors
/// What the agent did not do.
pub async fn watch(rig: &Rig, address: Address) -> Result<()> {
    let watched = WatchArgs { address: address.to_string(), replace: false };
    let answer = rig.guest().await?.wallet(WalletRequest::Watch(watched)).await?;
    ensure!(matches!(answer, WalletAnswer::Shown { .. }), "the address was not taken: {answer:?}");
    sign(rig, PrepareArgs::ConfirmPayout { chain_id: None, in_hfr: false }).await?;
    is_paid_there(rig, false).await
}

/// Waits until the coordinator knows where a rig's earnings go.
async fn is_paid_there(rig: &Rig, confirmed: bool) -> Result<()> {
    let accepted = async || {
        let WalletAnswer::Shown { wallet } = rig.guest().await?.wallet(WalletRequest::Show).await? else { bail!("no wallet") };
        let payout = wallet.payout.context("no payout was set")?;
        Ok((payout.state == PayoutState::Accepted { confirmed }).then_some(()))
    };
    wait_for("the coordinator does not know where earnings go", MONEY_LIMIT, accepted).await
}

/// Takes everything a rig has earned in an asset to its owner's wallet, sent by the relayer, and waits until it is final.
///
/// # Errors
/// What the agent did not do.
pub async fn take_earnings(rig: &Rig, chain_id: u64, asset: &str) -> Result<WithdrawalCard> {
    let (asset, from) = (asset.to_owned(), Source::Earnings);
    let act = PrepareArgs::Withdraw { chain_id, asset, from, to: None, amount: None, own_gas: false };
    let signed = sign(rig, act).await?.context("nothing was withdrawn")?;
    let done = async || {
        let page = headframe_protocol::control::HistoryArgs { after: None, limit: 20 };
        let WalletAnswer::History { page } = rig.guest().await?.wallet(WalletRequest::History(page)).await? else {
            bail!("no history")
        };
        let card =
            page.withdrawals.into_iter().find(|card| card.id == signed.id).context("the withdrawal is not in the history")?;
        match &card.state {
            WithdrawalState::Final { .. } => Ok(Some(card)),
            WithdrawalState::Refused { message } => bail!("refused: {message}"),
            WithdrawalState::Prepared | WithdrawalState::Signed | WithdrawalState::Sent => Ok(None),
        }
    };
    wait_for("the withdrawal is not final", MONEY_LIMIT, done).await
}

/// Has an act prepared, reads it, and signs exactly that.
async fn sign(rig: &Rig, act: PrepareArgs) -> Result<Option<WithdrawalCard>> {
    let prepared = async || match rig.guest().await?.wallet(WalletRequest::Prepare(act.clone())).await? {
        WalletAnswer::Prepared { intent } => Ok(Some(intent)),
        other => bail!("{other:?}"),
    };
    let intent = wait_for("the act cannot be prepared", MONEY_LIMIT, prepared).await?;
    let confirmed = intent.warnings.iter().filter(|warning| warning.confirm).map(|warning| warning.hazard).collect();
    let args = SignArgs { intent: intent.id, password: Some(password()), previous_password: None, confirmed };
    match rig.guest().await?.wallet(WalletRequest::Sign(args)).await? {
        WalletAnswer::Signed { withdrawal } => Ok(withdrawal),
        other => bail!("the act was not signed: {other:?}"),
    }
}

fn password() -> Secret {
    Secret::new(PASSWORD.to_owned())
}

/// A customer shows that a wallet is his, deposits dollars and lets the operator spend them. Returns when they can be spent.
///
/// # Errors
/// What chain or coordinator did not do.
pub async fn fund(
    testbed: &Testbed,
    customer: &Customer,
    wallet: &PrivateKeySigner,
    place: &Place,
    amount: Micros,
) -> Result<()> {
    let http = Http {
        base: testbed.coordinator_url()?.as_str().trim_end_matches('/').to_owned(),
        key: customer.key.expose().to_owned(),
    };
    let now = TimestampMs::from_millis(i64::try_from(now_ms()).context("the clock is far off")?);
    let hash = WalletProof::hash(&testbed.coordinator.config().network.name, customer.id, wallet.address(), now);
    let proof = WalletProof { wallet: wallet.address(), issued_ms: now, signature: signed(wallet, hash)? };
    http.post("/v1/wallets", &proof).await?;
    let stable = place.profile.stable().context("the chain has no dollar")?;
    let units = U256::from(amount.get().unsigned_abs()) * U256::from(10).pow(U256::from(stable.decimals - 6));
    let market = place.profile.contracts.market;
    place.node.send(wallet, stable.address, &IERC20Metadata::approveCall { spender: market, value: units }).await?;
    let small = u128::try_from(units).context("more money than there is")?;
    place.node.send(wallet, market, &IMarket::depositCall { asset: stable.address, amount: small }).await?;
    let order = SignedOrder {
        chain_id: place.node.id(),
        order_id: B256::from(rand::random::<[u8; 32]>()),
        customer: wallet.address(),
        asset: stable.address,
        max_spend: units,
        max_fee_bps: stable.fee_bps,
        expiry: (now_ms() / 1_000) as u64 + ORDER_LIFE.as_secs(),
        signature: signed(wallet, B256::ZERO)?,
    };
    let hash = order.hash(market).context("more money than there is")?;
    http.post("/v1/orders", &SignedOrder { signature: signed(wallet, hash)?, ..order }).await?;
    let spendable = async || {
        let balance = testbed.client_of(customer)?.balance().await?;
        Ok((on_chain(&balance, place.node.id()) >= amount).then_some(()))
    };
    wait_for("the customer's money cannot be spent", MONEY_LIMIT, spendable).await
}

/// What a customer can spend of a chain's dollars.
#[must_use]
pub fn on_chain(balance: &Balance, chain: u64) -> Micros {
    let pots = balance.pots.iter().filter(|pot| pot.pot == Pot::Available && pot.chain_id == chain);
    pots.filter(|pot| pot.kind == AssetKind::Stable).map(|pot| pot.amount).sum()
}

fn signed(wallet: &PrivateKeySigner, hash: B256) -> Result<DeviceSignature> {
    Ok(DeviceSignature(wallet.sign_hash_sync(&hash).context("could not sign")?))
}

#[expect(clippy::disallowed_methods, reason = "a customer has a clock of his own")]
fn now_ms() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis()
}

struct Http {
    base: String,
    key: String,
}

impl Http {
    async fn post(&self, path: &str, body: &impl serde::Serialize) -> Result<()> {
        let asked = reqwest::Client::new().post(format!("{}{path}", self.base)).bearer_auth(&self.key).json(body);
        let answer = asked.send().await.context("the coordinator does not answer")?;
        let status = answer.status();
        let said = answer.text().await.unwrap_or_default();
        ensure!(status.is_success(), "{path} was answered {status}: {said}");
        Ok(())
    }
}
