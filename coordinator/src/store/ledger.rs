//! Money, by double entry. The entries of a transfer sum to zero in each asset and chain, a transfer's id is the
//! idempotency key of its effect, and rows are only ever added. Balances are sums kept in the same transaction.

use std::collections::BTreeMap;

use headframe_protocol::{AttemptId, CustomerId, DeviceId, JobId, Micros, TimestampMs};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Doing as _, Rows, StoreError};

/// The only asset until money is real.
pub const ASSET: &str = "USD";

/// No chain.
pub const CHAIN: i64 = 0;

/// Transfers in one INSERT; each has up to three entries of six columns.
const INSERT_ROWS_MAX: usize = 250;

/// Whose money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Account {
    /// A customer's, free to spend.
    Available(CustomerId),
    /// A customer's, set aside for open jobs.
    Held(CustomerId),
    /// A rig's earnings.
    Credit(DeviceId),
    /// The platform's fees.
    Fee,
    /// Where granted money comes from; negative by what was granted.
    Grant,
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Available(customer) => write!(f, "customer:{customer}:available"),
            Self::Held(customer) => write!(f, "customer:{customer}:held"),
            Self::Credit(device) => write!(f, "rig:{device}:credit"),
            Self::Fee => f.write_str("platform:fee"),
            Self::Grant => f.write_str("operator:grant"),
        }
    }
}

/// Why money moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The operator gives.
    Grant,
    /// A job was submitted.
    Hold,
    /// An attempt ended and is paid.
    Capture,
    /// A job ended; what was not used goes back.
    Release,
    /// The operator gives back what was charged.
    Refund,
}

impl Kind {
    /// Its text in the database and in transfer ids.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Hold => "hold",
            Self::Capture => "capture",
            Self::Release => "release",
            Self::Refund => "refund",
        }
    }
}

/// One movement of money.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// The idempotency key of its effect, such as `hold:job_…`.
    pub id: String,
    /// Why.
    pub kind: Kind,
    /// For which job.
    pub job: Option<JobId>,
    /// For which attempt.
    pub attempt: Option<AttemptId>,
    /// For people.
    pub memo: Option<String>,
    /// What each account gets; negative for who gives. Sums to zero.
    pub legs: Vec<(Account, Micros)>,
}

impl Transfer {
    /// `amount` from one account to another.
    #[must_use]
    pub fn between(kind: Kind, key: &str, from: Account, to: Account, amount: Micros) -> Self {
        Self {
            id: format!("{}:{key}", kind.as_str()),
            kind,
            job: None,
            attempt: None,
            memo: None,
            legs: vec![(from, amount.negated()), (to, amount)],
        }
    }

    /// The same, for a job.
    #[must_use]
    pub fn for_job(self, job: JobId) -> Self {
        Self { job: Some(job), ..self }
    }

    fn sums_to_zero(&self) -> bool {
        self.legs.iter().map(|(_, amount)| i128::from(amount.get())).sum::<i128>() == 0
    }
}

/// What came of posting transfers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// All are in the books.
    Yes,
    /// An account that may not be negative would be. Roll the transaction back.
    NotCovered(Account),
}

/// Posts transfers. Their ids must be new: a repeated one is refused by the database, so that no effect is booked twice.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn post(connection: &mut AnyConnection, transfers: &[Transfer], now: TimestampMs) -> Result<Posted, StoreError> {
    let mut change: BTreeMap<Account, i64> = BTreeMap::new();
    for transfer in transfers {
        assert!(transfer.sums_to_zero(), "a transfer moves money, it never makes any");
        for (account, amount) in &transfer.legs {
            let sum = change.entry(*account).or_default();
            *sum = sum.saturating_add(amount.get());
        }
    }
    // In the order of the accounts' names, so that two transactions take their locks in the same order.
    for (account, amount) in change {
        if amount != 0 && !move_balance(connection, account, amount).await? {
            return Ok(Posted::NotCovered(account));
        }
    }
    for chunk in transfers.chunks(INSERT_ROWS_MAX) {
        insert_transfers(connection, chunk, now).await?;
        insert_entries(connection, chunk).await?;
    }
    Ok(Posted::Yes)
}

/// False if the account may not be negative and would be.
async fn move_balance(connection: &mut AnyConnection, account: Account, amount: i64) -> Result<bool, StoreError> {
    let may_be_negative = match account {
        Account::Available(_) | Account::Held(_) => false,
        Account::Credit(_) | Account::Fee | Account::Grant => true,
    };
    if amount < 0 && !may_be_negative {
        let done = sqlx::query(
            "UPDATE account SET balance = balance + $1 WHERE account = $2 AND asset = $3 AND chain = $4 AND balance >= $5",
        )
        .bind(amount)
        .bind(account.to_string())
        .bind(ASSET)
        .bind(CHAIN)
        .bind(amount.saturating_neg())
        .execute(connection)
        .await
        .doing("take from an account")?;
        return Ok(done.rows_affected() == 1);
    }
    sqlx::query(
        "INSERT INTO account (account, asset, chain, balance) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account, asset, chain) DO UPDATE SET balance = account.balance + excluded.balance",
    )
    .bind(account.to_string())
    .bind(ASSET)
    .bind(CHAIN)
    .bind(amount)
    .execute(connection)
    .await
    .doing("add to an account")?;
    Ok(true)
}

async fn insert_transfers(connection: &mut AnyConnection, transfers: &[Transfer], now: TimestampMs) -> Result<(), StoreError> {
    let rows = Rows { first: 1, rows: transfers.len(), columns: 6 };
    let sql = format!("INSERT INTO transfer (id, kind, job_id, attempt_id, memo, created_ms) VALUES {rows}");
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for Transfer { id, kind, job, attempt, memo, legs: _ } in transfers {
        query = query
            .bind(id)
            .bind(kind.as_str())
            .bind(job.map(|id| id.to_string()))
            .bind(attempt.map(|id| id.to_string()))
            .bind(memo.clone())
            .bind(now.as_millis());
    }
    query.execute(connection).await.doing("book a transfer")?;
    Ok(())
}

async fn insert_entries(connection: &mut AnyConnection, transfers: &[Transfer]) -> Result<(), StoreError> {
    let rows = Rows { first: 1, rows: transfers.iter().map(|transfer| transfer.legs.len()).sum(), columns: 6 };
    let sql = format!("INSERT INTO entry (transfer_id, leg, account, asset, chain, amount) VALUES {rows}");
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for transfer in transfers {
        for ((account, amount), leg) in transfer.legs.iter().zip(0_i64..) {
            query = query.bind(&transfer.id).bind(leg).bind(account.to_string()).bind(ASSET).bind(CHAIN).bind(amount.get());
        }
    }
    query.execute(connection).await.doing("book the entries of a transfer")?;
    Ok(())
}

/// What is on an account.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn balance(connection: &mut AnyConnection, account: Account) -> Result<Micros, StoreError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT balance FROM account WHERE account = $1 AND asset = $2 AND chain = $3")
        .bind(account.to_string())
        .bind(ASSET)
        .bind(CHAIN)
        .fetch_optional(connection)
        .await
        .doing("read a balance")?;
    Ok(row.map_or(Micros::ZERO, |(balance,)| Micros::new(balance)))
}

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
         LEFT JOIN account ON account.account = 'customer:' || customer.id || ':held' AND account.asset = 'USD' AND account.chain = 0
         LEFT JOIN (SELECT customer_id, CAST(SUM(held) AS BIGINT) AS total FROM job WHERE held <> 0 GROUP BY customer_id) jobs
         ON jobs.customer_id = customer.id WHERE COALESCE(account.balance, 0) <> COALESCE(jobs.total, 0) LIMIT 100";
    const SPENT: &str = "SELECT 'customer:' || customer.id || ':spent' FROM customer
         LEFT JOIN (SELECT customer_id, CAST(SUM(charged) AS BIGINT) AS total FROM job WHERE charged <> 0 GROUP BY customer_id) jobs
         ON jobs.customer_id = customer.id WHERE customer.charged <> COALESCE(jobs.total, 0) LIMIT 100";
    const UNRELEASED: &str = "SELECT id FROM job WHERE state IN ('succeeded', 'failed', 'cancelled') AND held <> 0 LIMIT 100";
    let mut named = async |sql: &'static str| -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = sqlx::query_as(sql).fetch_all(&mut *connection).await.doing("audit the ledger")?;
        Ok(rows.into_iter().map(|(name,)| name).collect())
    };
    let drifted = [named(DRIFTED).await?, named(HELD).await?, named(SPENT).await?].concat();
    Ok(Audit { unbalanced: named(UNBALANCED).await?, drifted, unreleased: named(UNRELEASED).await? })
}
