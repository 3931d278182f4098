//! Money the owner is to be told of, and what he was told. What counts as news is decided by `wallet::news`.

use alloy::primitives::{Address, U256};
use headframe_protocol::TimestampMs;
use sqlx::{Row as _, sqlite::SqliteRow};

use super::{
    Store, StoreError, WithdrawalRow,
    wallet::{damaged, read},
    withdrawal::withdrawal_row,
};

/// The most that is told of at a time: of more, single ones are of no interest.
const NEWS_MAX: i64 = 8;

/// What payouts owe an account in one asset.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the columns, explained in the migration")]
pub struct PayoutNews {
    pub account: Address,
    pub chain_id: u64,
    pub asset: Address,
    pub owed: U256,
    pub takeable: U256,
    pub chain: String,
    pub symbol: String,
    pub decimals: u8,
    pub told: bool,
}

impl Store {
    /// Withdrawals that are final and that nobody was told of, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn untold_withdrawals(&self) -> Result<Vec<WithdrawalRow>, StoreError> {
        let query =
            sqlx::query("SELECT * FROM withdrawal WHERE step = 'final' AND told_ms IS NULL ORDER BY ordinal DESC LIMIT $1");
        let rows = query.bind(NEWS_MAX).fetch_all(&self.readers).await.map_err(read("withdrawals"))?;
        rows.iter().rev().map(withdrawal_row).collect()
    }

    /// The owner knows of a withdrawal.
    ///
    /// # Errors
    /// [`StoreError::WriteWallet`].
    pub async fn told_withdrawal(&self, id: &str, now: TimestampMs) -> Result<(), StoreError> {
        sqlx::query("UPDATE withdrawal SET told_ms = $1 WHERE id = $2 AND step = 'final' AND told_ms IS NULL")
            .bind(now.as_millis())
            .bind(id)
            .execute(&self.writer)
            .await
            .map(drop)
            .map_err(StoreError::WriteWallet)
    }

    /// Whether an account's payouts were looked at before.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn has_looked_at(&self, account: Address) -> Result<bool, StoreError> {
        let query = sqlx::query("SELECT 1 FROM payout_looked WHERE account = $1").bind(account.to_string());
        Ok(query.fetch_optional(&self.readers).await.map_err(read("payouts"))?.is_some())
    }

    /// Writes down what an account is owed, and that it was looked at.
    ///
    /// # Errors
    /// [`StoreError::WriteWallet`].
    pub async fn note_payouts(&self, account: Address, found: &[PayoutNews], now: TimestampMs) -> Result<(), StoreError> {
        let mut tx = self.writer.begin().await.map_err(StoreError::WriteWallet)?;
        for news in found {
            sqlx::query(
                "INSERT INTO payout_news (account, chain_id, asset, owed, takeable, chain, symbol, decimals, told_ms)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (account, chain_id, asset) DO UPDATE SET
                 owed = excluded.owed, takeable = excluded.takeable, chain = excluded.chain, symbol = excluded.symbol,
                 decimals = excluded.decimals, told_ms = excluded.told_ms",
            )
            .bind(news.account.to_string())
            .bind(i64::try_from(news.chain_id).unwrap_or(i64::MAX))
            .bind(news.asset.to_string())
            .bind(news.owed.to_string())
            .bind(news.takeable.to_string())
            .bind(&news.chain)
            .bind(&news.symbol)
            .bind(i64::from(news.decimals))
            .bind(news.told.then_some(now.as_millis()))
            .execute(&mut *tx)
            .await
            .map_err(StoreError::WriteWallet)?;
        }
        sqlx::query("INSERT INTO payout_looked (account, first_ms) VALUES ($1, $2) ON CONFLICT (account) DO NOTHING")
            .bind(account.to_string())
            .bind(now.as_millis())
            .execute(&mut *tx)
            .await
            .map_err(StoreError::WriteWallet)?;
        tx.commit().await.map_err(StoreError::WriteWallet)
    }

    /// What an account is known to be owed.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn payouts_of(&self, account: Address) -> Result<Vec<PayoutNews>, StoreError> {
        let query =
            sqlx::query("SELECT * FROM payout_news WHERE account = $1 ORDER BY chain_id, asset").bind(account.to_string());
        let rows = query.fetch_all(&self.readers).await.map_err(read("payouts"))?;
        rows.iter().map(|row| payout_news(row).ok_or_else(|| damaged("a payout"))).collect()
    }

    /// The owner knows what an account is owed, as far as that is still the newest.
    ///
    /// # Errors
    /// [`StoreError::WriteWallet`].
    pub async fn told_payout(&self, news: &PayoutNews, now: TimestampMs) -> Result<(), StoreError> {
        let chain_id = i64::try_from(news.chain_id).unwrap_or(i64::MAX);
        sqlx::query("UPDATE payout_news SET told_ms = $1 WHERE account = $2 AND chain_id = $3 AND asset = $4 AND owed = $5")
            .bind(now.as_millis())
            .bind(news.account.to_string())
            .bind(chain_id)
            .bind(news.asset.to_string())
            .bind(news.owed.to_string())
            .execute(&self.writer)
            .await
            .map(drop)
            .map_err(StoreError::WriteWallet)
    }
}

fn payout_news(row: &SqliteRow) -> Option<PayoutNews> {
    let number = |column: &str| row.get::<&str, _>(column).parse::<U256>().ok();
    Some(PayoutNews {
        account: row.get::<&str, _>("account").parse().ok()?,
        chain_id: u64::try_from(row.get::<i64, _>("chain_id")).ok()?,
        asset: row.get::<&str, _>("asset").parse().ok()?,
        owed: number("owed")?,
        takeable: number("takeable")?,
        chain: row.get("chain"),
        symbol: row.get("symbol"),
        decimals: u8::try_from(row.get::<i64, _>("decimals")).ok()?,
        told: row.get::<Option<i64>, _>("told_ms").is_some(),
    })
}
