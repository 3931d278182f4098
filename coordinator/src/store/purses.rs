//! Where a job's money comes from: one pot of its customer, in one coin.

use headframe_protocol::{
    CustomerId, Micros,
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
}

impl Purse {
    /// What an operator has granted.
    #[must_use]
    pub const fn practice(fee_bps: u16) -> Self {
        Self { pot: Pot::Available, coin: Coin::PRACTICE, fee_bps: Some(fee_bps), tab: None }
    }

    /// From a job's columns.
    pub(crate) fn parse(
        pot: &str,
        (asset, chain): (&str, i64),
        fee_bps: Option<i64>,
        tab: Option<String>,
    ) -> Result<Self, StoreError> {
        let fee_bps = fee_bps.map(|bps| u16::try_from(bps).unwrap_or(u16::MAX));
        Ok(Self { pot: pot_of(pot)?, coin: Coin::parse(asset, chain)?, fee_bps, tab })
    }

    /// The account it is set aside from, and what is not used goes back to.
    #[must_use]
    pub const fn account(&self, customer: CustomerId) -> Account {
        account_of(self.pot, customer)
    }
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
