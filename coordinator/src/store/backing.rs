//! What the Distributor has to answer for in one coin, by the books.

use sqlx::AnyConnection;

use super::{Doing as _, StoreError, ledger::Coin};

/// Everything that is paid from the Distributor, sooner or later. In millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backing {
    /// What accounts may claim, since ever.
    pub payable: i64,
    /// Rigs' earnings that are in no payout yet, those that a card payment may take back among them.
    pub earned: i64,
    /// Earnings that became computing credit, held for jobs or not.
    pub credit: i64,
    /// The operator's own, what is promised to suppliers of jobs under way among it.
    pub inventory: i64,
}

impl Backing {
    /// All of it.
    #[must_use]
    pub fn owed(&self) -> i128 {
        [self.payable, self.earned, self.credit, self.inventory].into_iter().map(i128::from).sum()
    }
}

/// Reads it.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn of(connection: &mut AnyConnection, coin: Coin) -> Result<Backing, StoreError> {
    let mut sum = async |like: &'static str| -> Result<i64, StoreError> {
        let (sum,): (i64,) = sqlx::query_as(
            "SELECT CAST(COALESCE(SUM(balance), 0) AS BIGINT) FROM account WHERE account LIKE $1 AND asset = $2 AND chain = $3",
        )
        .bind(like)
        .bind(coin.asset())
        .bind(coin.chain_column())
        .fetch_one(&mut *connection)
        .await
        .doing("sum up accounts")?;
        Ok(sum)
    };
    let payable = sum("account:%:payable").await?;
    let earned = sum("rig:%").await?;
    let free_credit = sum("customer:%:earned").await?;
    let inventory = sum("operator:inventory").await? + sum("operator:promised").await?;
    let (held,): (i64,) = sqlx::query_as(
        "SELECT CAST(COALESCE(SUM(held), 0) AS BIGINT) FROM job WHERE pot = 'earned' AND asset = $1 AND chain = $2 AND held <> 0",
    )
    .bind(coin.asset())
    .bind(coin.chain_column())
    .fetch_one(&mut *connection)
    .await
    .doing("sum up what jobs hold")?;
    Ok(Backing { payable, earned, credit: free_credit + held, inventory })
}
