//! Whether the books agree with themselves.

use sqlx::AnyConnection;

use crate::store::{Doing as _, StoreError};

/// What an audit of the books found wrong. Empty lists are good news.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audit {
    /// Transfers whose entries do not sum to zero.
    pub unbalanced: Vec<String>,
    /// Accounts whose balance is not the sum of their entries, and held ones whose balance is not what their customer's jobs
    /// hold; `…:spent` where what a customer was told he spent is not what his jobs were charged.
    pub drifted: Vec<String>,
    /// Final jobs that still hold money.
    pub unreleased: Vec<String>,
}

impl Audit {
    /// Whether the books are in order.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.unbalanced.is_empty() && self.drifted.is_empty() && self.unreleased.is_empty()
    }
}

/// Compares the books with themselves. The most of each kind of fault reported is a hundred.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn audit(connection: &mut AnyConnection) -> Result<Audit, StoreError> {
    const UNBALANCED: &str = "SELECT transfer_id FROM entry GROUP BY transfer_id, asset, chain HAVING SUM(amount) <> 0 LIMIT 100";
    const DRIFTED: &str = "SELECT account.account FROM account
         LEFT JOIN (SELECT account, asset, chain, CAST(SUM(amount) AS BIGINT) AS total FROM entry GROUP BY account, asset, chain) booked
         ON booked.account = account.account AND booked.asset = account.asset AND booked.chain = account.chain
         WHERE account.balance <> COALESCE(booked.total, 0) LIMIT 100";
    const HELD: &str = "SELECT 'customer:' || customer.id || ':held' FROM customer
         LEFT JOIN (SELECT account, CAST(SUM(balance) AS BIGINT) AS balance FROM account GROUP BY account) sums
         ON sums.account = 'customer:' || customer.id || ':held'
         LEFT JOIN (SELECT customer_id, CAST(SUM(COALESCE(held_hfr, held)) AS BIGINT) AS total FROM job
                    WHERE held <> 0 OR held_hfr <> 0 GROUP BY customer_id) jobs
         ON jobs.customer_id = customer.id WHERE COALESCE(sums.balance, 0) <> COALESCE(jobs.total, 0) LIMIT 100";
    const SPENT: &str = "SELECT 'customer:' || customer.id || ':spent' FROM customer
         LEFT JOIN (SELECT customer_id, CAST(SUM(charged) AS BIGINT) AS total FROM job WHERE charged <> 0 GROUP BY customer_id) jobs
         ON jobs.customer_id = customer.id WHERE customer.charged <> COALESCE(jobs.total, 0) LIMIT 100";
    const UNRELEASED: &str =
        "SELECT id FROM job WHERE state IN ('succeeded', 'failed', 'cancelled') AND (held <> 0 OR held_hfr <> 0) LIMIT 100";
    let mut named = async |sql: &'static str| -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = sqlx::query_as(sql).fetch_all(&mut *connection).await.doing("audit the ledger")?;
        Ok(rows.into_iter().map(|(name,)| name).collect())
    };
    let drifted = [named(DRIFTED).await?, named(HELD).await?, named(SPENT).await?].concat();
    Ok(Audit { unbalanced: named(UNBALANCED).await?, drifted, unreleased: named(UNRELEASED).await? })
}
