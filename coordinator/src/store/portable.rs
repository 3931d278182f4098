//! Whole tables as JSON values, both ways: what backups are made of.

use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use serde_json::Value;
use sqlx::{
    Any, AnyConnection, AssertSqlSafe, Row as _, TypeInfo as _, ValueRef as _,
    any::{AnyRow, AnyTypeInfoKind},
};

use super::{Dialect, Doing as _, Rows, Store, StoreError, Tx, blobs::unsigned};

/// Every table, each after those it refers to. A test compares this with the schema.
pub const TABLES: [&str; 47] = [
    "customer",
    "api_key",
    "rig",
    "rig_history",
    "challenge",
    "challenge_wanted",
    "job",
    "attempt",
    "artifact",
    "checkpoint_file",
    "blob",
    "log_piece",
    "registry_content",
    "upload",
    "reservation",
    "transfer",
    "entry",
    "account",
    "idempotency",
    "image",
    "switch",
    "audit",
    "outbox",
    "wallet",
    "spend_order",
    "tab",
    "step",
    "signed_transaction",
    "chain_event",
    "deposit",
    "chain_cursor",
    "payout_terms",
    "payout_hold",
    "claimed",
    "payout",
    "price",
    "fiat_payment",
    "fiat_reversal",
    "maturing",
    "seen_at",
    "spent_for",
    "trial",
    "trial_run",
    "doubt",
    "rig_record",
    "unreproducible",
    "earning_hold",
];

/// What a column holds. The schema knows no more kinds than these two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number.
    Number,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

impl Store {
    /// A transaction that reads everything as it is at one moment, while others go on writing.
    ///
    /// # Errors
    /// [`StoreError`] if no connection is free in time.
    pub async fn snapshot(&self) -> Result<Tx, StoreError> {
        let begun = match self.dialect {
            // The first read fixes the moment, for as long as the transaction lives.
            Dialect::Sqlite => self.readers.begin_with("BEGIN DEFERRED").await,
            Dialect::Postgres => self.readers.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await,
        };
        begun.doing("begin a snapshot")
    }

    /// The columns of one of [`TABLES`].
    ///
    /// # Errors
    /// [`StoreError`] if the database refuses.
    pub async fn columns(&self, connection: &mut AnyConnection, table: &'static str) -> Result<Vec<Column>, StoreError> {
        // The databases describe themselves in different words.
        let text = match self.dialect {
            Dialect::Sqlite => "SELECT name, type FROM pragma_table_info($1) ORDER BY cid",
            Dialect::Postgres => {
                "SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT) FROM information_schema.columns
                 WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
            }
        };
        let rows: Vec<(String, String)> =
            sqlx::query_as(text).bind(table).fetch_all(connection).await.doing("describe a table")?;
        rows.into_iter()
            .map(|(name, kind)| match kind.to_ascii_lowercase().as_str() {
                "text" => Ok(Column { name, kind: Kind::Text }),
                "bigint" => Ok(Column { name, kind: Kind::Number }),
                _ => Err(StoreError::Corrupt { what: "column type", value: kind }),
            })
            .collect()
    }
}

/// The newest change of the schema that was applied.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn schema_version(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    let (version,): (i64,) = sqlx::query_as("SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) FROM _sqlx_migrations")
        .fetch_one(connection)
        .await
        .doing("read the version of the schema")?;
    Ok(version)
}

/// How many rows a table has.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn count(connection: &mut AnyConnection, table: &'static str) -> Result<u64, StoreError> {
    let text = format!("SELECT COUNT(*) FROM {table}");
    let (count,): (i64,) = sqlx::query_as(AssertSqlSafe(text)).fetch_one(connection).await.doing("count rows")?;
    Ok(unsigned(count))
}

/// All rows of a table, one at a time.
pub fn rows<'a>(
    connection: &'a mut AnyConnection,
    table: &'static str,
    columns: &[Column],
) -> BoxStream<'a, Result<Vec<Value>, StoreError>> {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let text = format!("SELECT {} FROM {table}", names.join(", "));
    let rows = sqlx::query::<Any>(AssertSqlSafe(text)).fetch(connection);
    rows.map_err(|source| StoreError::Database { act: "read a table", source })
        .and_then(|row| async move { values(&row) })
        .boxed()
}

fn values(row: &AnyRow) -> Result<Vec<Value>, StoreError> {
    let value = |at: usize| {
        let raw = row.try_get_raw(at).doing("read a column")?;
        let kind = raw.type_info().kind();
        match kind {
            _ if raw.is_null() => Ok(Value::Null),
            AnyTypeInfoKind::Text => row.try_get::<String, _>(at).map(Value::from).doing("read a text"),
            AnyTypeInfoKind::BigInt | AnyTypeInfoKind::Integer | AnyTypeInfoKind::SmallInt => {
                row.try_get::<i64, _>(at).map(Value::from).doing("read a number")
            }
            AnyTypeInfoKind::Null
            | AnyTypeInfoKind::Bool
            | AnyTypeInfoKind::Real
            | AnyTypeInfoKind::Double
            | AnyTypeInfoKind::Blob => Err(StoreError::Corrupt { what: "column", value: raw.type_info().name().to_owned() }),
        }
    };
    (0..row.len()).map(value).collect()
}

/// Inserts rows whose values are in the order of `columns`.
///
/// # Errors
/// [`StoreError`] if the database refuses, or a value is not of its column's kind.
pub async fn insert(
    connection: &mut AnyConnection,
    table: &'static str,
    columns: &[Column],
    rows: &[Vec<Value>],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let placeholders = Rows { first: 1, rows: rows.len(), columns: columns.len() };
    let text = format!("INSERT INTO {table} ({}) VALUES {placeholders}", names.join(", "));
    let mut query = sqlx::query(AssertSqlSafe(text));
    for (value, column) in rows.iter().flat_map(|row| row.iter().zip(columns)) {
        let wrong = || StoreError::Corrupt { what: "value", value: format!("{table}.{}", column.name) };
        query = match (column.kind, value) {
            (Kind::Text, Value::Null) => query.bind(None::<String>),
            (Kind::Number, Value::Null) => query.bind(None::<i64>),
            (Kind::Text, Value::String(text)) => query.bind(text.clone()),
            (Kind::Number, Value::Number(number)) => query.bind(number.as_i64().ok_or_else(wrong)?),
            (Kind::Text | Kind::Number, _) => return Err(wrong()),
        };
    }
    query.execute(connection).await.map(drop).doing("restore rows")
}
