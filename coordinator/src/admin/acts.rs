//! What an operator can do, as functions: each one transaction with one row of the audit trail.

use alloy_primitives::Address;
use headframe_accounts::price::Observation;
use headframe_protocol::{ApiKeyId, CustomerId, JobId, Micros, Sha256, TimestampMs, job::Reason};
use serde::Serialize;

use crate::{
    auth,
    config::Limits,
    store::{
        Crossing, Store, StoreError, Tx,
        audit::{self, Act},
        commit,
        customers::{self, CustomerRecord, KeyRecord},
        grants::{self, Given},
        images, keys,
        ledger::Posted,
        lifecycle, line,
        payouts::{self, MATURITY_LEAST, Payout, PayoutState},
        prices,
        switches::{self, Switch},
        until_uncrossed,
    },
};

mod rigs;

pub use rigs::{Pardoned, attest, challenge, pardon, quarantine, release};

/// The longest text an operator may leave in the trail.
const TEXT_CHARS_MAX: usize = 1_000;

/// Who acts, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    actor: String,
    reason: String,
}

/// Why an act was not done.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// No reason.
    #[error("say why, with --reason \"…\"")]
    NoReason,
    /// No actor.
    #[error("say who acts, with --actor NAME")]
    NoActor,
    /// There is no such thing.
    #[error("there is no {0}")]
    Missing(String),
    /// It is so already, or cannot be so.
    #[error("{0}")]
    Refused(String),
    /// The database refused.
    #[error("the database refused")]
    Store(#[source] StoreError),
}

impl Crossing for ActError {
    fn has_crossed(&self) -> bool {
        match self {
            Self::Store(error) => error.has_crossed(),
            Self::NoReason | Self::NoActor | Self::Missing(_) | Self::Refused(_) => false,
        }
    }
}

impl From<StoreError> for ActError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl By {
    /// `actor` does something for `reason`.
    ///
    /// # Errors
    /// [`ActError`] if one of them is empty or too long.
    pub fn new(actor: impl Into<String>, reason: impl Into<String>) -> Result<Self, ActError> {
        let (actor, reason): (String, String) = (actor.into(), reason.into());
        if actor.trim().is_empty() {
            return Err(ActError::NoActor);
        }
        if reason.trim().is_empty() {
            return Err(ActError::NoReason);
        }
        if actor.chars().count() > TEXT_CHARS_MAX || reason.chars().count() > TEXT_CHARS_MAX {
            return Err(ActError::Refused(format!("actor and reason are at most {TEXT_CHARS_MAX} characters")));
        }
        Ok(Self { actor: line(&actor, TEXT_CHARS_MAX), reason: line(&reason, TEXT_CHARS_MAX) })
    }

    /// Appends the act to the trail and commits both.
    async fn sign(&self, mut tx: Tx, act: &str, subject: &str, detail: &str, now: TimestampMs) -> Result<(), ActError> {
        let act = Act { actor: &self.actor, act, subject, reason: &self.reason, detail };
        audit::append(&mut tx, &act, now).await?;
        Ok(commit(tx, "write down an act of the operator").await?)
    }
}

/// A new API key. The only place where its text ever is.
#[derive(Serialize)]
pub struct NewKey {
    /// Names the key in lists.
    pub id: ApiKeyId,
    /// The key.
    pub key: String,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Opens an account. Without a `namespace` one is made of the name.
///
/// # Errors
/// [`ActError`] if the name or the namespace cannot be used.
pub async fn create_customer(
    store: &Store,
    limits: &Limits,
    by: &By,
    name: &str,
    namespace: Option<&str>,
) -> Result<CustomerRecord, ActError> {
    if name.trim().is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control) {
        return Err(ActError::Refused("a name is 1 to 120 characters, no control characters".to_owned()));
    }
    let id = CustomerId::generate();
    let namespace = match namespace {
        Some(namespace) if is_namespace(namespace) => namespace.to_owned(),
        Some(_) => {
            return Err(ActError::Refused(
                "a namespace is 2 to 60 lower-case letters, digits and single dashes between them".to_owned(),
            ));
        }
        None => namespace_of(name, id),
    };
    let now = store.now();
    let customer = CustomerRecord {
        id,
        name: name.to_owned(),
        namespace,
        suspended_ms: None,
        open_jobs_max: u64::from(limits.open_jobs_max),
        storage_bytes_max: limits.storage_bytes_max,
        storage_bytes_used: 0,
        created_ms: now,
    };
    let mut tx = store.begin().await?;
    if !customers::insert(&mut tx, &customer).await? {
        return Err(ActError::Refused(format!(
            "the namespace `{}` is taken; choose another with --namespace",
            customer.namespace
        )));
    }
    by.sign(tx, "customer.create", &id.to_string(), &customer.namespace, now).await?;
    Ok(customer)
}

/// What registries allow in a path, kept simple.
fn is_namespace(text: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (2..=60).contains(&text.len()) && text.split('-').all(plain)
}

/// A namespace out of a name; the end of the id keeps two customers of one name apart.
fn namespace_of(name: &str, id: CustomerId) -> String {
    let lower = name.to_lowercase();
    let parts = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let slug: String = parts.collect::<Vec<_>>().join("-").chars().take(40).collect();
    let id = id.to_string();
    let tail = &id[id.len() - 6..];
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { format!("customer-{tail}") } else { format!("{slug}-{tail}") }
}

/// Makes an API key for a customer.
///
/// # Errors
/// [`ActError`] if there is no such customer.
pub async fn create_key(store: &Store, by: &By, customer: CustomerId, label: &str) -> Result<NewKey, ActError> {
    create_limited_key(store, by, customer, label, None).await
}

/// Makes an API key for a customer that may spend no more than `spend_max` in any 24 hours.
///
/// # Errors
/// [`ActError`] if there is no such customer.
pub async fn create_limited_key(
    store: &Store,
    by: &By,
    customer: CustomerId,
    label: &str,
    spend_max: Option<Micros>,
) -> Result<NewKey, ActError> {
    if label.chars().count() > 120 || label.chars().any(char::is_control) {
        return Err(ActError::Refused("a label is at most 120 characters, no control characters".to_owned()));
    }
    let (now, id) = (store.now(), ApiKeyId::generate());
    let key = format!("{}{}", auth::API_KEY_PREFIX, auth::random_hex());
    let mut tx = store.begin().await?;
    if customers::find(&mut tx, customer).await?.is_none() {
        return Err(ActError::Missing(format!("customer {customer}")));
    }
    let record = KeyRecord { id, label: label.to_owned(), created_ms: now, revoked_ms: None, spend_max };
    customers::insert_key(&mut tx, customer, &record, Sha256::of(key.as_bytes())).await?;
    let detail = spend_max.map_or_else(|| customer.to_string(), |limit| format!("{customer}, {limit} in 24 hours"));
    by.sign(tx, "key.create", &id.to_string(), &detail, now).await?;
    Ok(NewKey { id, key })
}

/// Sets what an API key may spend in any 24 hours; `None` takes the limit away.
///
/// # Errors
/// [`ActError`] if there is no such key, or it is no good.
pub async fn limit_key(store: &Store, by: &By, key: ApiKeyId, spend_max: Option<Micros>) -> Result<(), ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    if !keys::set_spend_max(&mut tx, key, spend_max).await? {
        return Err(ActError::Missing(format!("key {key} that is not revoked")));
    }
    let detail = spend_max.map_or_else(|| "no limit".to_owned(), |limit| format!("{limit} in 24 hours"));
    by.sign(tx, "key.limit", &key.to_string(), &detail, now).await
}

/// Makes an API key no good.
///
/// # Errors
/// [`ActError`] if there is no such key, or it is no good already.
pub async fn revoke_key(store: &Store, by: &By, key: ApiKeyId) -> Result<(), ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    if !customers::revoke_key(&mut tx, key, now).await? {
        return Err(ActError::Missing(format!("key {key} that is not revoked")));
    }
    by.sign(tx, "key.revoke", &key.to_string(), "", now).await
}

/// Gives a customer money. The same `key` again for the same customer and amount changes nothing.
///
/// # Errors
/// [`ActError`] if there is no such customer, or the key was used for something else.
pub async fn grant(store: &Store, by: &By, customer: CustomerId, amount: Micros, key: &str) -> Result<Given, ActError> {
    until_uncrossed(|| grant_once(store, by, customer, amount, key)).await
}

async fn grant_once(store: &Store, by: &By, customer: CustomerId, amount: Micros, key: &str) -> Result<Given, ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    if customers::find(&mut tx, customer).await?.is_none() {
        return Err(ActError::Missing(format!("customer {customer}")));
    }
    let scoped = format!("{customer}:{}", checked_key(key)?);
    let given = grants::grant(&mut tx, customer, amount, &scoped, &by.reason, now).await?;
    if given == Given::Now {
        by.sign(tx, "grant", &customer.to_string(), &format!("{amount} key {key}"), now).await?;
    }
    refuse_other(given)
}

/// Gives a customer back what a job was charged, or part of it.
///
/// # Errors
/// [`ActError`] if there is no such job, or it was charged less than what would be given back in all.
pub async fn refund(store: &Store, by: &By, job: JobId, amount: Micros, key: &str) -> Result<Given, ActError> {
    until_uncrossed(|| refund_once(store, by, job, amount, key)).await
}

async fn refund_once(store: &Store, by: &By, job: JobId, amount: Micros, key: &str) -> Result<Given, ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    let of = grants::refundable(&mut tx, job).await?.ok_or_else(|| ActError::Missing(format!("job {job}")))?;
    if let Some(safe) = of.by_card.map(|earned| earned.after(MATURITY_LEAST)).filter(|safe| *safe > now) {
        // What is given back can be spent at once, and a stolen card's money would be out of reach of its bank.
        let days = safe.since(now).as_secs().div_ceil(86_400);
        return Err(ActError::Refused(format!(
            "the job was paid by card, and for {days} more days its bank may take that back: use the card processor, or wait"
        )));
    }
    let key = format!("{job}:{}", checked_key(key)?);
    let given = grants::refund(&mut tx, (job, &of), amount, &key, &by.reason, now).await?;
    if given == Given::Now {
        let grants::Charged { customer, charged, back, .. } = of;
        let all = back.checked_add(amount).filter(|all| *all <= charged);
        if all.is_none() {
            return Err(ActError::Refused(format!("the job was charged {charged}, of which {back} was given back already")));
        }
        by.sign(tx, "refund", &job.to_string(), &format!("{amount} to {customer}"), now).await?;
    }
    refuse_other(given)
}

/// Pays an account nothing until it is released, or pays it again. The reason is shown to the owner.
///
/// # Errors
/// [`ActError`] if the database refuses.
pub async fn hold_payout(store: &Store, by: &By, account: Address, held: bool) -> Result<(), ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    payouts::set_hold(&mut tx, account, held.then_some(by.reason.as_str()), now).await?;
    let act = if held { "payout.hold" } else { "payout.release" };
    by.sign(tx, act, &account.to_string(), "", now).await
}

/// Takes the newest payout of a chain back, after a watcher has vetoed it: what it would have paid is owed as before, and the next look
/// makes it anew. Returns its number.
///
/// # Errors
/// [`ActError`] if it was not vetoed, or what it exchanged is used already.
pub async fn undo_payout(store: &Store, by: &By, chain: u64) -> Result<u64, ActError> {
    until_uncrossed(|| undo_payout_once(store, by, chain)).await
}

async fn undo_payout_once(store: &Store, by: &By, chain: u64) -> Result<u64, ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    let Some(newest) = payouts::newest(&mut tx, chain).await? else {
        return Err(ActError::Missing(format!("payout on chain {chain}")));
    };
    let Payout { epoch, state, .. } = newest;
    if state != PayoutState::Vetoed {
        let text = format!("payout {epoch} of chain {chain} is {}; only one that was vetoed can be undone", state.as_str());
        return Err(ActError::Refused(text));
    }
    match payouts::undo(&mut tx, &newest, now).await? {
        Posted::Yes => {}
        Posted::NotCovered(account) => {
            return Err(ActError::Refused(format!(
                "{account} has used what it got by payout {epoch}; put as much into the Distributor of chain {chain} first"
            )));
        }
    }
    by.sign(tx, "payout.undo", &newest.key(), &format!("root {}", newest.root), now).await?;
    Ok(epoch)
}

/// Says what HFR is worth now, in millionths of a millionth of a dollar, as one of the two observers.
///
/// # Errors
/// [`ActError`] if the database refuses.
pub async fn observe_price(store: &Store, by: &By, source: prices::Source, picos: u64) -> Result<(), ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    prices::observe(&mut tx, source, Observation { picos, at_ms: now }).await?;
    by.sign(tx, "price.observe", source.as_str(), &picos.to_string(), now).await
}

fn checked_key(key: &str) -> Result<String, ActError> {
    let plain = !key.is_empty() && key.len() <= 120 && key.bytes().all(|byte| byte.is_ascii_graphic());
    if plain { Ok(key.to_owned()) } else { Err(ActError::Refused("a key is 1 to 120 visible ASCII characters".to_owned())) }
}

fn refuse_other(given: Given) -> Result<Given, ActError> {
    match given {
        Given::Now | Given::Before => Ok(given),
        Given::Otherwise => Err(ActError::Refused("this --key was used before for another amount".to_owned())),
        Given::NotCovered => Err(ActError::Refused("the operator's own money in the Distributor does not cover it".to_owned())),
    }
}

/// Lets an image run.
///
/// # Errors
/// [`ActError`] if the database refuses.
pub async fn approve_image(store: &Store, by: &By, digest: Sha256) -> Result<(), ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    images::approve(&mut tx, digest, &by.reason, now).await?;
    by.sign(tx, "image.approve", &digest.to_string(), "", now).await
}

/// Lets an image run no more. The coordinators stop it on connected rigs and end its jobs.
///
/// # Errors
/// [`ActError`] if the database refuses.
pub async fn revoke_image(store: &Store, by: &By, digest: Sha256) -> Result<(), ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    images::revoke(&mut tx, digest, &by.reason, now).await?;
    by.sign(tx, "image.revoke", &digest.to_string(), "", now).await
}

/// Refuses an account's keys. The coordinators cancel its open jobs.
///
/// # Errors
/// [`ActError`] if there is no such account, or it is suspended already.
pub async fn suspend(store: &Store, by: &By, customer: CustomerId) -> Result<(), ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    if !customers::set_suspended(&mut tx, customer, Some(now)).await? {
        return Err(ActError::Missing(format!("account {customer} that is not suspended")));
    }
    by.sign(tx, "account.suspend", &customer.to_string(), "", now).await
}

/// Lets an account work again.
///
/// # Errors
/// [`ActError`] if there is no such account, or it is not suspended.
pub async fn resume(store: &Store, by: &By, customer: CustomerId) -> Result<(), ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    if !customers::set_suspended(&mut tx, customer, None).await? {
        return Err(ActError::Missing(format!("account {customer} that is suspended")));
    }
    by.sign(tx, "account.resume", &customer.to_string(), "", now).await
}

/// Ends a job. One that a rig has ends when the rig has ended it.
///
/// # Errors
/// [`ActError`] if there is no such job, or it is over.
pub async fn kill_job(store: &Store, rules: &lifecycle::Rules, by: &By, job: JobId) -> Result<(), ActError> {
    until_uncrossed(|| kill_once(store, rules, by, job)).await
}

async fn kill_once(store: &Store, rules: &lifecycle::Rules, by: &By, job: JobId) -> Result<(), ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    // The nudges are for the coordinator that has the rig; it also finds the wish in the database.
    let (asked, _nudges) = lifecycle::request_end(&mut tx, rules, job, Reason::KilledByOperator, now).await?;
    if !asked {
        return Err(ActError::Missing(format!("job {job} that is not over")));
    }
    by.sign(tx, "job.kill", &job.to_string(), "", now).await
}

/// Stops the network.
///
/// # Errors
/// [`ActError`] if the database refuses.
pub async fn stop_network(store: &Store, by: &By) -> Result<(), ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    switches::set(&mut tx, Switch::NetworkStopped, true, now).await?;
    by.sign(tx, "network.stop", "network", "", now).await
}

/// Lets the network go on.
///
/// # Errors
/// [`ActError`] if the database refuses.
pub async fn start_network(store: &Store, by: &By) -> Result<(), ActError> {
    let (now, mut tx) = (store.now(), store.begin().await?);
    switches::set(&mut tx, Switch::NetworkStopped, false, now).await?;
    by.sign(tx, "network.start", "network", "", now).await
}

/// Notes in the trail what is about to be done to the registry, or what came of it.
///
/// # Errors
/// [`ActError`] if the database refuses.
pub async fn note_registry_prune(store: &Store, by: &By, act: Prune, detail: &str) -> Result<(), ActError> {
    let (now, tx) = (store.now(), store.begin().await?);
    let act = match act {
        Prune::Begins => "registry.gc",
        Prune::Done => "registry.gc.done",
    };
    by.sign(tx, act, "registry", detail, now).await
}

/// Where a tidying up of the registry is. It changes another system, so that no transaction holds it together with its row:
/// the row is written first, and what came of it after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prune {
    /// Nothing was done yet.
    Begins,
    /// It is done.
    Done,
}
