//! Money, by double entry. The entries of a transfer sum to zero in each asset and chain, a transfer's id is the
//! idempotency key of its effect, and rows are only ever added. Balances are sums kept in the same transaction.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use headframe_protocol::{AttemptId, CustomerId, DeviceId, JobId, Micros, TimestampMs, chain::AssetKind};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Doing as _, Rows, StoreError, Tx, parsed};

mod audit;

pub use audit::{Audit, audit};

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
        super::as_i64(self.chain)
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
    /// A rig's earnings that wait for a check of its results.
    Withheld(DeviceId),
    /// What an account on the chain may claim, since ever.
    Payable(Address),
    /// The platform's fees.
    Fee,
    /// The operator's own in the Distributor: what a supplier is paid from who wants another coin than the customer paid.
    Inventory,
    /// Of that, what suppliers will get for jobs under way whose customers pay in HFR.
    Promised,
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
            Self::Withheld(device) => write!(f, "rig:{device}:withheld"),
            Self::Payable(account) => write!(f, "account:{account:#x}:payable"),
            Self::Fee => f.write_str("platform:fee"),
            Self::Inventory => f.write_str("operator:inventory"),
            Self::Promised => f.write_str("operator:promised"),
            Self::Grant => f.write_str("operator:grant"),
            Self::Outside => f.write_str("chain:outside"),
        }
    }
}

impl Account {
    /// From its column.
    fn parse(text: &str) -> Result<Self, StoreError> {
        let unknown = || StoreError::Corrupt { what: "account", value: text.to_owned() };
        match text.split(':').collect::<Vec<_>>()[..] {
            ["customer", customer, part] => {
                let customer = parsed(customer, "customer id")?;
                match part {
                    "free" => Ok(Self::Free(customer)),
                    "available" => Ok(Self::Available(customer)),
                    "fiat" => Ok(Self::Fiat(customer)),
                    "earned" => Ok(Self::Earned(customer)),
                    "held" => Ok(Self::Held(customer)),
                    "leaving" => Ok(Self::Leaving(customer)),
                    _ => Err(unknown()),
                }
            }
            ["wallet", wallet, "unclaimed"] => Ok(Self::Unclaimed(parsed(wallet, "wallet")?)),
            ["rig", device, "credit"] => Ok(Self::Credit(parsed(device, "device id")?)),
            ["rig", device, "maturing"] => Ok(Self::Maturing(parsed(device, "device id")?)),
            ["rig", device, "withheld"] => Ok(Self::Withheld(parsed(device, "device id")?)),
            ["account", account, "payable"] => Ok(Self::Payable(parsed(account, "account")?)),
            ["platform", "fee"] => Ok(Self::Fee),
            ["operator", "inventory"] => Ok(Self::Inventory),
            ["operator", "promised"] => Ok(Self::Promised),
            ["operator", "grant"] => Ok(Self::Grant),
            ["chain", "outside"] => Ok(Self::Outside),
            _ => Err(unknown()),
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
    /// The house pays for a check.
    Check,
    /// Earnings that waited for a check are safe now.
    Confirm,
    /// Earnings that waited are lost: a result was outvoted.
    Forfeit,
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
            Self::Check => "check",
            Self::Confirm => "confirm",
            Self::Forfeit => "forfeit",
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

/// Posts the opposite of a transfer of a kind, once: everybody has again what he had.
///
/// # Errors
/// [`StoreError`] if the database refuses, also if it was reversed before.
pub async fn reverse(connection: &mut AnyConnection, transfer: &str, kind: Kind, now: TimestampMs) -> Result<Posted, StoreError> {
    let rows: Vec<(String, String, i64, i64)> =
        sqlx::query_as("SELECT account, asset, chain, amount FROM entry WHERE transfer_id = $1 ORDER BY leg")
            .bind(transfer.to_owned())
            .fetch_all(&mut *connection)
            .await
            .doing("read the entries of a transfer")?;
    let legs = rows.into_iter().map(|(account, asset, chain, amount)| {
        Ok(Leg::new(Account::parse(&account)?, Coin::parse(&asset, chain)?, Micros::new(amount).negated()))
    });
    let legs = legs.collect::<Result<_, StoreError>>()?;
    let reversal = Transfer { id: format!("{transfer}:undone"), kind, job: None, attempt: None, memo: None, legs };
    post(connection, &[reversal], now).await
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
        | Account::Withheld(_)
        | Account::Payable(_)
        | Account::Inventory
        | Account::Promised => false,
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

/// What is on an account. Until the transaction ends nobody else takes of it.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn balance_to_use(tx: &mut Tx, account: Account, coin: Coin) -> Result<Micros, StoreError> {
    let row: Option<(i64,)> =
        sqlx::query_as("UPDATE account SET balance = balance WHERE account = $1 AND asset = $2 AND chain = $3 RETURNING balance")
            .bind(account.to_string())
            .bind(coin.asset())
            .bind(coin.chain_column())
            .fetch_optional(&mut **tx)
            .await
            .doing("read a balance to use it")?;
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
