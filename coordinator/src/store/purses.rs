//! Where a job's money comes from: one pot of its customer, in one coin.

use headframe_accounts::{epoch::Rate, price::UsdPerHfr};
use headframe_protocol::{
    CustomerId, Micros, TimestampMs,
    api::{Pot, PotBalance},
};
use sqlx::AnyConnection;

use super::{
    Doing as _, StoreError,
    ledger::{Account, Coin},
};

/// The pots jobs are paid from. What cannot be taken away is spent first.
const SPENDABLE: [Pot; 3] = [Pot::Earned, Pot::Fiat, Pot::Available];

/// The account behind a pot.
#[must_use]
pub const fn account_of(pot: Pot, customer: CustomerId) -> Account {
    match pot {
        Pot::Earned => Account::Earned(customer),
        Pot::Fiat => Account::Fiat(customer),
        Pot::Available => Account::Available(customer),
        Pot::Free => Account::Free(customer),
    }
}

/// A pot's text in the database.
#[must_use]
pub const fn pot_text(pot: Pot) -> &'static str {
    match pot {
        Pot::Earned => "earned",
        Pot::Fiat => "fiat",
        Pot::Available => "available",
        Pot::Free => "free",
    }
}

/// The pot a job is paid from, of its text.
pub(crate) fn pot_of(text: &str) -> Result<Pot, StoreError> {
    let known = SPENDABLE.into_iter().find(|known| pot_text(*known) == text);
    known.ok_or_else(|| StoreError::Corrupt { what: "pot", value: text.to_owned() })
}

/// Where one job's money was set aside from, frozen at its submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purse {
    /// Which account.
    pub pot: Pot,
    /// In what.
    pub coin: Coin,
    /// The platform's part; absent for jobs from before it was frozen.
    pub fee_bps: Option<u16>,
    /// The tab it is charged to; absent if no chain knows of it.
    pub tab: Option<String>,
    /// What HFR is worth for this job, if it is paid in HFR.
    pub rate: Option<Rate>,
}

/// A purse as a row of `job` has it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct PurseRow {
    pot: String,
    asset: String,
    chain: i64,
    job_fee_bps: Option<i64>,
    tab_id: Option<String>,
    hfr_picos: Option<i64>,
    hfr_seen_ms: Option<i64>,
}

/// The columns of [`PurseRow`].
pub(crate) const PURSE_COLUMNS: &str =
    "job.pot, job.asset, job.chain, job.fee_bps AS job_fee_bps, job.tab_id, job.hfr_picos, job.hfr_seen_ms";

impl Purse {
    /// What an operator has granted.
    #[must_use]
    pub const fn practice(fee_bps: u16) -> Self {
        Self { pot: Pot::Available, coin: Coin::PRACTICE, fee_bps: Some(fee_bps), tab: None, rate: None }
    }

    /// From a job's columns.
    pub(crate) fn parse(row: PurseRow) -> Result<Self, StoreError> {
        let PurseRow { pot, asset, chain, job_fee_bps, tab_id, hfr_picos, hfr_seen_ms } = row;
        let fee_bps = job_fee_bps.map(|bps| u16::try_from(bps).unwrap_or(u16::MAX));
        let rate = rate_of(hfr_picos, hfr_seen_ms)?;
        Ok(Self { pot: pot_of(&pot)?, coin: Coin::parse(&asset, chain)?, fee_bps, tab: tab_id, rate })
    }

    /// The account it is set aside from, and what is not used goes back to.
    #[must_use]
    pub const fn account(&self, customer: CustomerId) -> Account {
        account_of(self.pot, customer)
    }
}

/// The price of HFR that a job was submitted at, of its two columns.
pub(crate) fn rate_of(picos: Option<i64>, seen_ms: Option<i64>) -> Result<Option<Rate>, StoreError> {
    let (Some(picos), Some(seen_ms)) = (picos, seen_ms) else { return Ok(None) };
    let price = u64::try_from(picos).ok().and_then(UsdPerHfr::from_picos);
    let usd_per_hfr = price.ok_or_else(|| StoreError::Corrupt { what: "price of HFR", value: picos.to_string() })?;
    Ok(Some(Rate { usd_per_hfr, seen_ms: TimestampMs::from_millis(seen_ms) }))
}

/// Every pot of a customer that has something in it, in the order in which they are spent: practice money before real, what
/// cannot be taken away before what can. What is free to take away comes last; nothing is paid from it.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn filled(connection: &mut AnyConnection, customer: CustomerId) -> Result<Vec<PotBalance>, StoreError> {
    let mut found = Vec::new();
    for pot in SPENDABLE.into_iter().chain([Pot::Free]) {
        let rows: Vec<(String, i64, i64)> = sqlx::query_as(
            "SELECT asset, chain, balance FROM account WHERE account = $1 AND balance > 0 ORDER BY chain, asset DESC",
        )
        .bind(account_of(pot, customer).to_string())
        .fetch_all(&mut *connection)
        .await
        .doing("read a customer's pots")?;
        for (asset, chain, balance) in rows {
            let Coin { chain: chain_id, kind } = Coin::parse(&asset, chain)?;
            found.push(PotBalance { pot, chain_id, kind, amount: Micros::new(balance) });
        }
    }
    found.sort_by_key(|pot| pot.chain_id != Coin::PRACTICE.chain);
    Ok(found)
}
