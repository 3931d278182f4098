//! Money, by double entry. The entries of a transfer sum to zero in each asset and chain, a transfer's id is the
//! idempotency key of its effect, and rows are only ever added. Balances are sums kept in the same transaction.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use headframe_protocol::{AttemptId, CustomerId, DeviceId, JobId, Micros, TimestampMs, chain::AssetKind};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Doing as _, Rows, StoreError};

/// Transfers in one INSERT.
const INSERT_ROWS_MAX: usize = 250;

/// Entries in one INSERT, of six columns each: well under the placeholders a statement may have. A payout has one for each
/// account it pays.
const ENTRIES_MAX: usize = 2_500;

/// What is counted, and on which chain it lies. Everything is counted in millionths, of a dollar or of an HFR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Coin {
    /// The chain; 0 is none.
    pub chain: u64,
    /// Dollars, as the chain's stablecoin, or our token.
    pub kind: AssetKind,
}

impl Coin {
    /// What an operator gives and no chain knows: good for practice, never paid out.
    pub const PRACTICE: Self = Self { chain: 0, kind: AssetKind::Stable };

    /// The stablecoin of a chain.
    #[must_use]
    pub const fn stable(chain: u64) -> Self {
        Self { chain, kind: AssetKind::Stable }
    }

    /// Whether a micro of it is a micro-dollar.
    #[must_use]
    pub const fn is_dollars(self) -> bool {
        match self.kind {
            AssetKind::Stable => true,
            AssetKind::Hfr => false,
        }
    }

    /// Its column `asset`.
    #[must_use]
    pub const fn asset(self) -> &'static str {
        match self.kind {
            AssetKind::Stable => "USD",
            AssetKind::Hfr => "HFR",
        }
    }

    /// Its column `chain`. Profiles name no chain beyond this.
    pub(crate) fn chain_column(self) -> i64 {
        super::attempts::as_i64(self.chain)
    }

    /// From its two columns.
    pub(crate) fn parse(asset: &str, chain: i64) -> Result<Self, StoreError> {
        let kind = match asset {
            "USD" => AssetKind::Stable,
            "HFR" => AssetKind::Hfr,
            _ => return Err(StoreError::Corrupt { what: "asset", value: asset.to_owned() }),
        };
        Ok(Self { chain: chain.unsigned_abs(), kind })
    }
}

/// Whose money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Account {
    /// A customer's on the chain, his alone: he may take it away at any time, so nothing is done for it.
    Free(CustomerId),
    /// A customer's, to spend: reserved for us in his tab on the chain, or granted.
    Available(CustomerId),
    /// A customer's, to spend and never to take away: paid by card.
    Fiat(CustomerId),
    /// A customer's, to spend and never to take away: what he earned with a rig.
    Earned(CustomerId),
    /// A customer's, set aside for open jobs.
    Held(CustomerId),
    /// A customer's, on its way from his tab back to what is his alone.
    Leaving(CustomerId),
    /// Deposited by a wallet nobody has shown to be his yet.
    Unclaimed(Address),
    /// A rig's earnings, not yet part of a payout.
    Credit(DeviceId),
    /// A rig's earnings that a card payment may still take back.
    Maturing(DeviceId),
    /// What an account on the chain may claim, since ever.
    Payable(Address),
    /// The platform's fees.
    Fee,
    /// The operator's own in the Distributor: what a supplier is paid from who wants another coin than the customer paid.
    Inventory,
    /// Where granted money comes from; negative by what was granted.
    Grant,
    /// Where money on the chain comes from; negative by what came in and did not leave.
    Outside,
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Free(customer) => write!(f, "customer:{customer}:free"),
            Self::Available(customer) => write!(f, "customer:{customer}:available"),
            Self::Fiat(customer) => write!(f, "customer:{customer}:fiat"),
            Self::Earned(customer) => write!(f, "customer:{customer}:earned"),
            Self::Held(customer) => write!(f, "customer:{customer}:held"),
            Self::Leaving(customer) => write!(f, "customer:{customer}:leaving"),
            Self::Unclaimed(wallet) => write!(f, "wallet:{wallet:#x}:unclaimed"),
            Self::Credit(device) => write!(f, "rig:{device}:credit"),
            Self::Maturing(device) => write!(f, "rig:{device}:maturing"),
            Self::Payable(account) => write!(f, "account:{account:#x}:payable"),
            Self::Fee => f.write_str("platform:fee"),
            Self::Inventory => f.write_str("operator:inventory"),
            Self::Grant => f.write_str("operator:grant"),
            Self::Outside => f.write_str("chain:outside"),
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
    /// A customer brought money to the chain.
    Deposit,
    /// A customer took money from the chain.
    Withdrawal,
    /// A customer's money was reserved in his tab, or given back from it.
    Tab,
    /// A card was charged, or charged back.
    Fiat,
    /// Earnings that a card payment could take back are safe now.
    Mature,
    /// Earnings became part of a payout.
    Payout,
    /// Earnings became computing credit.
    Spend,
    /// The operator put money into the Distributor, or takes it out.
    Inventory,
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
            Self::Deposit => "deposit",
            Self::Withdrawal => "withdrawal",
            Self::Tab => "tab",
            Self::Fiat => "fiat",
            Self::Mature => "mature",
            Self::Payout => "payout",
            Self::Spend => "spend",
            Self::Inventory => "inventory",
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
    /// What each account gets; negative for who gives. Sums to zero in each coin.
    pub legs: Vec<Leg>,
}

/// What one account gets of one transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// Whose.
    pub account: Account,
    /// Of what.
    pub coin: Coin,
    /// How much; negative is taken.
    pub amount: Micros,
}

impl Leg {
    /// `amount` for `account`.
    #[must_use]
    pub const fn new(account: Account, coin: Coin, amount: Micros) -> Self {
        Self { account, coin, amount }
    }
}

impl Transfer {
    /// `amount` from one account to another.
    #[must_use]
    pub fn between(kind: Kind, key: &str, from: Account, to: Account, (coin, amount): (Coin, Micros)) -> Self {
        Self {
            id: format!("{}:{key}", kind.as_str()),
            kind,
            job: None,
            attempt: None,
            memo: None,
            legs: vec![Leg::new(from, coin, amount.negated()), Leg::new(to, coin, amount)],
        }
    }

    /// The same, for a job.
    #[must_use]
    pub fn for_job(self, job: JobId) -> Self {
        Self { job: Some(job), ..self }
    }

    fn sums_to_zero(&self) -> bool {
        let mut sums: BTreeMap<Coin, i128> = BTreeMap::new();
        for leg in &self.legs {
            *sums.entry(leg.coin).or_default() += i128::from(leg.amount.get());
        }
        sums.values().all(|sum| *sum == 0)
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
    let mut change: BTreeMap<(Account, Coin), i64> = BTreeMap::new();
    for transfer in transfers {
        assert!(transfer.sums_to_zero(), "a transfer moves money, it never makes any");
        for leg in &transfer.legs {
            let sum = change.entry((leg.account, leg.coin)).or_default();
            *sum = sum.saturating_add(leg.amount.get());
        }
    }
    // In the order of the accounts' names, so that two transactions take their locks in the same order.
    for ((account, coin), amount) in change {
        if amount != 0 && !move_balance(connection, account, coin, amount).await? {
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
async fn move_balance(connection: &mut AnyConnection, account: Account, coin: Coin, amount: i64) -> Result<bool, StoreError> {
    let may_be_negative = match account {
        Account::Free(_)
        | Account::Available(_)
        | Account::Fiat(_)
        | Account::Earned(_)
        | Account::Held(_)
        | Account::Leaving(_)
        | Account::Unclaimed(_)
        | Account::Credit(_)
        | Account::Maturing(_)
        | Account::Payable(_)
        | Account::Inventory => false,
        Account::Fee | Account::Grant | Account::Outside => true,
    };
    if amount < 0 && !may_be_negative {
        let done = sqlx::query(
            "UPDATE account SET balance = balance + $1 WHERE account = $2 AND asset = $3 AND chain = $4 AND balance >= $5",
        )
        .bind(amount)
        .bind(account.to_string())
        .bind(coin.asset())
        .bind(coin.chain_column())
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
    .bind(coin.asset())
    .bind(coin.chain_column())
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
    let numbered =
        transfers.iter().flat_map(|transfer| transfer.legs.iter().zip(0_i64..).map(|(leg, number)| (&transfer.id, number, leg)));
    let entries: Vec<(&String, i64, &Leg)> = numbered.collect();
    for chunk in entries.chunks(ENTRIES_MAX) {
        let rows = Rows { first: 1, rows: chunk.len(), columns: 6 };
        let sql = format!("INSERT INTO entry (transfer_id, leg, account, asset, chain, amount) VALUES {rows}");
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (transfer, number, Leg { account, coin, amount }) in chunk {
            query = query.bind((*transfer).clone()).bind(*number).bind(account.to_string());
            query = query.bind(coin.asset()).bind(coin.chain_column()).bind(amount.get());
        }
        query.execute(&mut *connection).await.doing("book the entries of a transfer")?;
    }
    Ok(())
}

/// What is on an account.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn balance(connection: &mut AnyConnection, account: Account, coin: Coin) -> Result<Micros, StoreError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT balance FROM account WHERE account = $1 AND asset = $2 AND chain = $3")
        .bind(account.to_string())
        .bind(coin.asset())
        .bind(coin.chain_column())
        .fetch_optional(connection)
        .await
        .doing("read a balance")?;
    Ok(row.map_or(Micros::ZERO, |(balance,)| Micros::new(balance)))
}

/// Every coin an account has something of, by chain.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn coins_of(connection: &mut AnyConnection, account: Account) -> Result<Vec<(Coin, Micros)>, StoreError> {
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT asset, chain, balance FROM account WHERE account = $1 AND balance <> 0 ORDER BY chain, asset DESC",
    )
    .bind(account.to_string())
    .fetch_all(connection)
    .await
    .doing("list an account's coins")?;
    rows.into_iter().map(|(asset, chain, balance)| Ok((Coin::parse(&asset, chain)?, Micros::new(balance)))).collect()
}

/// What was noted on a transfer; nothing if there is no such transfer.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn memo(connection: &mut AnyConnection, kind: Kind, key: &str) -> Result<Option<String>, StoreError> {
    let row: Option<(Option<String>,)> = sqlx::query_as("SELECT memo FROM transfer WHERE id = $1")
        .bind(format!("{}:{key}", kind.as_str()))
        .fetch_optional(connection)
        .await
        .doing("read a transfer")?;
    Ok(row.map(|(memo,)| memo.unwrap_or_default()))
}

/// What is on an account in dollars, all chains together.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn dollars(connection: &mut AnyConnection, account: Account) -> Result<Micros, StoreError> {
    let (sum,): (i64,) =
        sqlx::query_as("SELECT CAST(COALESCE(SUM(balance), 0) AS BIGINT) FROM account WHERE account = $1 AND asset = 'USD'")
            .bind(account.to_string())
            .fetch_one(connection)
            .await
            .doing("sum up an account")?;
    Ok(Micros::new(sum))
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
         LEFT JOIN (SELECT account, CAST(SUM(balance) AS BIGINT) AS balance FROM account WHERE asset = 'USD' GROUP BY account) sums
         ON sums.account = 'customer:' || customer.id || ':held'
         LEFT JOIN (SELECT customer_id, CAST(SUM(held) AS BIGINT) AS total FROM job WHERE held <> 0 GROUP BY customer_id) jobs
         ON jobs.customer_id = customer.id WHERE COALESCE(sums.balance, 0) <> COALESCE(jobs.total, 0) LIMIT 100";
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
