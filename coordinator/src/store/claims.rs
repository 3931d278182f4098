//! What wallets had deposited before they were shown to be somebody's.

use alloy_primitives::Address;
use headframe_protocol::{CustomerId, TimestampMs};
use sqlx::AnyConnection;

use super::{
    Doing as _, StoreError, Tx,
    ledger::{self, Account, Kind, Leg, Posted, Transfer},
    parsed,
};

/// Makes what a wallet has deposited its owner's. Nothing is left of it to be claimed twice.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn claim(tx: &mut Tx, customer: CustomerId, wallet: Address, now: TimestampMs) -> Result<(), StoreError> {
    let unclaimed = Account::Unclaimed(wallet);
    let coins = ledger::coins_of(tx, unclaimed).await?;
    if coins.is_empty() {
        return Ok(());
    }
    let legs = coins.iter().flat_map(|(coin, amount)| {
        [Leg::new(unclaimed, *coin, amount.negated()), Leg::new(Account::Free(customer), *coin, *amount)]
    });
    let transfer = Transfer {
        id: format!("{}:claim:{wallet:#x}:{}", Kind::Deposit.as_str(), now.as_millis()),
        kind: Kind::Deposit,
        job: None,
        attempt: None,
        memo: Some("The wallet was shown to be this customer's.".to_owned()),
        legs: legs.collect(),
    };
    match ledger::post(tx, &[transfer], now).await? {
        Posted::Yes => Ok(()),
        Posted::NotCovered(account) => {
            Err(StoreError::Corrupt { what: "balance", value: format!("{account} changed in a claim") })
        }
    }
}

/// Wallets that are somebody's while something of theirs is written down as nobody's: a deposit was booked at the moment the wallet
/// was shown.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn overlooked(connection: &mut AnyConnection) -> Result<Vec<(CustomerId, Address)>, StoreError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT DISTINCT wallet.customer_id, wallet.address FROM account
         JOIN wallet ON account.account = 'wallet:' || wallet.address || ':unclaimed' WHERE account.balance > 0 LIMIT 1000",
    )
    .fetch_all(connection)
    .await
    .doing("look for deposits nobody has claimed")?;
    rows.into_iter().map(|(customer, wallet)| Ok((parsed(&customer, "customer id")?, parsed(&wallet, "address")?))).collect()
}
