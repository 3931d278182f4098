//! Which wallet there is, where earnings go, and what of them became computing credit. What stands here is decided by `wallet`.

use alloy::primitives::{Address, B256};
use headframe_protocol::{
    TimestampMs,
    payout::{PayoutStanding, SignedPayoutTerms, SignedSpendEarnings},
};
use sqlx::{Row as _, sqlite::SqliteRow};

use super::{Store, StoreError};

/// Which wallet there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalletRow {
    /// An address whose key is elsewhere.
    Watching {
        /// It.
        address: Address,
    },
    /// A key in a keystore.
    Local {
        /// Its account.
        address: Address,
        /// Whether the owner has shown that he has the phrase.
        backup_verified: bool,
        /// Whether the keyring was given the password.
        remembered: bool,
    },
}

impl WalletRow {
    /// The account.
    #[must_use]
    pub const fn address(&self) -> Address {
        match self {
            Self::Watching { address } | Self::Local { address, .. } => *address,
        }
    }
}

/// Where earnings go, as last said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutRow {
    /// What was said.
    pub signed: SignedPayoutTerms,
    /// What the coordinator answered.
    pub standing: Option<PayoutStanding>,
    /// Why it does not take it.
    pub refused: Option<String>,
}

/// Earnings that are to become computing credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendRow {
    /// What was said.
    pub signed: SignedSpendEarnings,
    /// When the coordinator answered.
    pub done_ms: Option<TimestampMs>,
    /// Why it does not do it.
    pub refused: Option<String>,
}

impl Store {
    /// Which wallet there is.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn wallet(&self) -> Result<Option<WalletRow>, StoreError> {
        let row = sqlx::query("SELECT * FROM wallet").fetch_optional(&self.readers).await.map_err(read("the wallet"))?;
        row.map(|row| wallet_row(&row).ok_or_else(|| damaged("the wallet"))).transpose()
    }

    /// This is the wallet now.
    ///
    /// # Errors
    /// [`StoreError::WriteWallet`].
    pub async fn set_wallet(&self, wallet: &WalletRow, now: TimestampMs) -> Result<(), StoreError> {
        let (kind, verified, remembered) = match wallet {
            WalletRow::Watching { .. } => ("watching", false, false),
            WalletRow::Local { backup_verified, remembered, .. } => ("local", *backup_verified, *remembered),
        };
        sqlx::query(
            "INSERT INTO wallet (only_row, kind, address, since_ms, backup_verified_ms, remembered) VALUES (1, $1, $2, $3, $4, $5)
             ON CONFLICT (only_row) DO UPDATE SET kind = excluded.kind, address = excluded.address, since_ms = excluded.since_ms,
             backup_verified_ms = excluded.backup_verified_ms, remembered = excluded.remembered",
        )
        .bind(kind)
        .bind(wallet.address().to_string())
        .bind(now.as_millis())
        .bind(verified.then_some(now.as_millis()))
        .bind(i64::from(remembered))
        .execute(&self.writer)
        .await
        .map(drop)
        .map_err(StoreError::WriteWallet)
    }

    /// The owner of the wallet `account` has shown that he has its phrase.
    ///
    /// # Errors
    /// [`StoreError::WriteWallet`].
    pub async fn set_backup_verified(&self, account: Address, now: TimestampMs) -> Result<(), StoreError> {
        sqlx::query("UPDATE wallet SET backup_verified_ms = $1 WHERE address = $2 AND backup_verified_ms IS NULL")
            .bind(now.as_millis())
            .bind(account.to_string())
            .execute(&self.writer)
            .await
            .map(drop)
            .map_err(StoreError::WriteWallet)
    }

    /// Where earnings go, as last said.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn payout(&self) -> Result<Option<PayoutRow>, StoreError> {
        let row = sqlx::query("SELECT * FROM payout").fetch_optional(&self.readers).await.map_err(read("where earnings go"))?;
        row.map(|row| payout_row(&row).ok_or_else(|| damaged("the payout"))).transpose()
    }

    /// Says anew where earnings go; the coordinator has not heard it.
    ///
    /// # Errors
    /// [`StoreError::WriteWallet`].
    pub async fn set_payout(&self, signed: &SignedPayoutTerms) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO payout (only_row, signed) VALUES (1, $1)
             ON CONFLICT (only_row) DO UPDATE SET signed = excluded.signed, standing = NULL, refused = NULL",
        )
        .bind(json(signed))
        .execute(&self.writer)
        .await
        .map(drop)
        .map_err(StoreError::WriteWallet)
    }

    /// What the coordinator says to `signed`. Nothing, if something else was said meanwhile.
    ///
    /// # Errors
    /// [`StoreError::WriteWallet`].
    pub async fn answer_payout(&self, row: &PayoutRow) -> Result<(), StoreError> {
        sqlx::query("UPDATE payout SET standing = $1, refused = $2 WHERE signed = $3")
            .bind(row.standing.as_ref().map(json))
            .bind(&row.refused)
            .bind(json(&row.signed))
            .execute(&self.writer)
            .await
            .map(drop)
            .map_err(StoreError::WriteWallet)
    }

    /// Writes down that earnings are to become computing credit.
    ///
    /// # Errors
    /// [`StoreError::WriteWallet`].
    pub async fn set_spend(&self, signed: &SignedSpendEarnings) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO spend (nonce, signed, said_ms) VALUES ($1, $2, $3) ON CONFLICT (nonce) DO NOTHING")
            .bind(signed.spend.nonce.to_string())
            .bind(json(signed))
            .bind(signed.spend.issued_ms.as_millis())
            .execute(&self.writer)
            .await
            .map(drop)
            .map_err(StoreError::WriteWallet)
    }

    /// How that ended.
    ///
    /// # Errors
    /// [`StoreError::WriteWallet`].
    pub async fn end_spend(&self, nonce: B256, refused: Option<&str>, now: TimestampMs) -> Result<(), StoreError> {
        sqlx::query("UPDATE spend SET done_ms = $1, refused = $2 WHERE nonce = $3 AND done_ms IS NULL")
            .bind(now.as_millis())
            .bind(refused)
            .bind(nonce.to_string())
            .execute(&self.writer)
            .await
            .map(drop)
            .map_err(StoreError::WriteWallet)
    }

    /// What was said last, however it ended.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn last_spend(&self) -> Result<Option<SpendRow>, StoreError> {
        let query = sqlx::query("SELECT signed, done_ms, refused FROM spend ORDER BY said_ms DESC LIMIT 1");
        let row = query.fetch_optional(&self.readers).await.map_err(read("what is spent"))?;
        row.map(|row| {
            let signed = parse(row.get("signed")).ok_or_else(|| damaged("what is spent"))?;
            let done_ms = row.get::<Option<i64>, _>("done_ms").map(TimestampMs::from_millis);
            Ok(SpendRow { signed, done_ms, refused: row.get("refused") })
        })
        .transpose()
    }

    /// What the coordinator has not answered.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn open_spends(&self) -> Result<Vec<SignedSpendEarnings>, StoreError> {
        let query = sqlx::query("SELECT signed FROM spend WHERE done_ms IS NULL ORDER BY said_ms");
        let rows = query.fetch_all(&self.readers).await.map_err(read("what is spent"))?;
        rows.iter().map(|row| parse(row.get("signed")).ok_or_else(|| damaged("what is spent"))).collect()
    }
}

pub(super) fn read(what: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Read { what, source }
}

pub(super) fn damaged(what: &str) -> StoreError {
    StoreError::Damaged { attempt: what.to_owned() }
}

/// What we write is plain data and always has a JSON form.
pub(super) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

fn wallet_row(row: &SqliteRow) -> Option<WalletRow> {
    let address = row.get::<&str, _>("address").parse().ok()?;
    match row.get("kind") {
        "watching" => Some(WalletRow::Watching { address }),
        "local" => {
            let backup_verified = row.get::<Option<i64>, _>("backup_verified_ms").is_some();
            Some(WalletRow::Local { address, backup_verified, remembered: row.get::<i64, _>("remembered") != 0 })
        }
        _ => None,
    }
}

fn payout_row(row: &SqliteRow) -> Option<PayoutRow> {
    let standing: Option<&str> = row.get("standing");
    let standing = match standing {
        Some(text) => Some(parse(text)?),
        None => None,
    };
    Some(PayoutRow { signed: parse(row.get("signed"))?, standing, refused: row.get("refused") })
}
