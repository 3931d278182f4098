//! Backup and restore of the database, portable between SQLite and PostgreSQL.
//!
//! A backup is JSON lines: a head, then per table its columns and one array per row, then an end with the number of
//! rows of each table. It is read in one transaction that sees one moment, while the coordinator goes on. A backup of
//! either database restores into either. The artifact store is not in it: copy its folder after the database, for what
//! the database refers to was written before.

use std::{collections::BTreeMap, path::Path};

use futures_util::TryStreamExt as _;
use headframe_protocol::TimestampMs;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{
    fs::File,
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, BufWriter},
};

use crate::store::{
    Store, StoreError, Tx, audit, commit, ledger,
    portable::{self, Column, TABLES},
};

/// The format's version. Readers refuse others.
const FORMAT: u32 = 1;

/// Rows per INSERT: with the widest table well below what either database takes.
const ROWS_MAX: usize = 200;

/// The longest line taken. The longest column is a job's specification, some 200 KiB at most.
const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file cannot be written or read.
    #[error("could not use the file {0}")]
    File(String, #[source] std::io::Error),
    /// The database refused.
    #[error("the database refused")]
    Store(#[source] StoreError),
    /// The file is not a backup, or not whole.
    #[error("line {line} of the backup is not right: {problem}")]
    Malformed {
        /// Which line, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// The backup is of another schema than this program's.
    #[error("the backup is of schema {found}, this program's is {expected}; restore with the version that made it, then migrate")]
    Schema {
        /// This program's.
        expected: i64,
        /// The backup's.
        found: i64,
    },
    /// There is something in the database already.
    #[error("the database is not empty: table {0} has rows; restore into a new one")]
    NotEmpty(&'static str),
    /// What was restored contradicts itself; nothing was kept.
    #[error("the backup contradicts itself: {0}; nothing was restored")]
    Inconsistent(String),
}

/// How many rows of each table were written or restored.
pub type Counts = BTreeMap<String, u64>;

/// One line of a backup.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Row(Vec<Value>),
    Head { headframe_backup: u32, schema: i64, database: String, taken_ms: TimestampMs },
    Table { table: String, columns: Vec<String> },
    End { end: Counts },
}

/// Writes everything in the database at one moment to `path`, which appears only when it is whole.
///
/// # Errors
/// [`BackupError`]; no file is left under `path` then, or the one that was there.
pub async fn backup(store: &Store, path: &Path) -> Result<Counts, BackupError> {
    let partial = path.with_extension("partial");
    let file_error = |source| BackupError::File(partial.display().to_string(), source);
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    // Keys are in it only as sums, but customers' jobs are in it whole.
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = BufWriter::new(options.open(&partial).await.map_err(file_error)?);
    let counts = write_all(store, &mut file, &file_error).await?;
    file.flush().await.map_err(file_error)?;
    file.get_ref().sync_all().await.map_err(file_error)?;
    tokio::fs::rename(&partial, path).await.map_err(file_error)?;
    Ok(counts)
}

async fn write_all(
    store: &Store,
    file: &mut BufWriter<File>,
    file_error: &impl Fn(std::io::Error) -> BackupError,
) -> Result<Counts, BackupError> {
    let mut tx = store.snapshot().await.map_err(BackupError::Store)?;
    let schema = portable::schema_version(&mut tx).await.map_err(BackupError::Store)?;
    let head = Line::Head { headframe_backup: FORMAT, schema, database: store.dialect().to_owned(), taken_ms: store.now() };
    write(file, &head).await.map_err(file_error)?;
    let mut counts = Counts::new();
    for table in TABLES {
        let columns = store.columns(&mut tx, table).await.map_err(BackupError::Store)?;
        let names = columns.iter().map(|column| column.name.clone()).collect();
        write(file, &Line::Table { table: table.to_owned(), columns: names }).await.map_err(file_error)?;
        let mut rows = portable::rows(&mut tx, table, &columns);
        let mut count = 0;
        while let Some(row) = rows.try_next().await.map_err(BackupError::Store)? {
            write(file, &Line::Row(row)).await.map_err(file_error)?;
            count += 1;
        }
        counts.insert(table.to_owned(), count);
    }
    write(file, &Line::End { end: counts.clone() }).await.map_err(file_error)?;
    Ok(counts)
}

async fn write(file: &mut BufWriter<File>, line: &Line) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    file.write_all(&text).await
}

/// Fills an empty database from the backup at `path`, looks whether the books are in order, and only then keeps it.
///
/// # Errors
/// [`BackupError`]; the database is then as empty as before.
pub async fn restore(store: &Store, path: &Path) -> Result<Counts, BackupError> {
    let file_error = |source| BackupError::File(path.display().to_string(), source);
    let file = File::open(path).await.map_err(file_error)?;
    let mut lines = Lines { file: BufReader::new(file), path: path.display().to_string(), line: 0 };
    let mut tx = store.begin().await.map_err(BackupError::Store)?;
    for table in TABLES {
        if portable::count(&mut tx, table).await.map_err(BackupError::Store)? > 0 {
            return Err(BackupError::NotEmpty(table));
        }
    }
    let schema = portable::schema_version(&mut tx).await.map_err(BackupError::Store)?;
    match lines.next().await? {
        Line::Head { headframe_backup: FORMAT, schema: found, .. } if found == schema => {}
        Line::Head { headframe_backup: FORMAT, schema: found, .. } => {
            return Err(BackupError::Schema { expected: schema, found });
        }
        Line::Head { .. } | Line::Row(_) | Line::Table { .. } | Line::End { .. } => {
            return Err(lines.malformed("is not the head of a backup"));
        }
    }
    let told = fill(store, &mut tx, &mut lines).await?;
    verify(&mut tx, &told).await?;
    commit(tx, "keep what was restored").await.map_err(BackupError::Store)?;
    Ok(told)
}

/// Inserts all rows; returns what the end says was written.
async fn fill(store: &Store, tx: &mut Tx, lines: &mut Lines) -> Result<Counts, BackupError> {
    let mut target: Option<(&'static str, Vec<Column>)> = None;
    let mut rows: Vec<Vec<Value>> = Vec::new();
    loop {
        let line = lines.next().await?;
        let full = rows.len() >= ROWS_MAX || !matches!(line, Line::Row(_));
        if full && let Some((table, columns)) = &target {
            portable::insert(tx, table, columns, &rows).await.map_err(BackupError::Store)?;
            rows.clear();
        }
        match (line, &target) {
            (Line::Row(row), Some((_, columns))) if row.len() == columns.len() => rows.push(row),
            (Line::Row(_), _) => return Err(lines.malformed("a row does not fit its table")),
            (Line::Table { table, columns }, _) => target = Some(matched(store, tx, lines, &table, &columns).await?),
            (Line::End { end }, _) => return Ok(end),
            (Line::Head { .. }, _) => return Err(lines.malformed("a second head")),
        }
    }
}

/// The table and its columns here, in the order the backup has them.
async fn matched(
    store: &Store,
    tx: &mut Tx,
    lines: &Lines,
    table: &str,
    names: &[String],
) -> Result<(&'static str, Vec<Column>), BackupError> {
    let table =
        TABLES.into_iter().find(|known| *known == table).ok_or_else(|| lines.malformed("names a table that is not ours"))?;
    let mut here = store.columns(tx, table).await.map_err(BackupError::Store)?;
    let mut ordered = Vec::new();
    for name in names {
        let at = here.iter().position(|column| column.name == *name);
        ordered.push(here.swap_remove(at.ok_or_else(|| lines.malformed("names a column that is not here, or twice"))?));
    }
    if here.is_empty() { Ok((table, ordered)) } else { Err(lines.malformed("lacks a column")) }
}

async fn verify(tx: &mut Tx, told: &Counts) -> Result<(), BackupError> {
    for table in TABLES {
        let here = portable::count(tx, table).await.map_err(BackupError::Store)?;
        if told.get(table) != Some(&here) {
            return Err(BackupError::Inconsistent(format!(
                "table {table} has {here} rows, the backup says {:?}",
                told.get(table)
            )));
        }
    }
    let books = ledger::audit(tx).await.map_err(BackupError::Store)?;
    if !books.is_clean() {
        return Err(BackupError::Inconsistent("the ledger does not add up".to_owned()));
    }
    let trail = audit::verify(tx).await.map_err(BackupError::Store)?;
    match trail.broken_at {
        Some(row) => Err(BackupError::Inconsistent(format!("the audit trail is broken at row {row}"))),
        None => Ok(()),
    }
}

/// A backup, line by line.
struct Lines {
    file: BufReader<File>,
    path: String,
    line: u64,
}

impl Lines {
    async fn next(&mut self) -> Result<Line, BackupError> {
        self.line += 1;
        let mut text = Vec::new();
        loop {
            let piece = self.file.fill_buf().await.map_err(|source| BackupError::File(self.path.clone(), source))?;
            if piece.is_empty() {
                return Err(self.malformed("the file ends before the backup does"));
            }
            let end = piece.iter().position(|byte| *byte == b'\n');
            text.extend_from_slice(&piece[..end.unwrap_or(piece.len())]);
            let taken = end.map_or(piece.len(), |end| end + 1);
            self.file.consume(taken);
            if text.len() > LINE_BYTES_MAX {
                return Err(self.malformed("is too long"));
            }
            if end.is_some() {
                return serde_json::from_slice(&text).map_err(|_| self.malformed("is not a line of a backup"));
            }
        }
    }

    fn malformed(&self, problem: &str) -> BackupError {
        BackupError::Malformed { line: self.line, problem: problem.to_owned() }
    }
}
