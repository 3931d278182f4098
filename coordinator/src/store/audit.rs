//! Every act of the operator, with who and why. Append-only: this file knows no way to change or remove a row, and each
//! row carries the sum of the one before, and the length and the last sum are noted apart, so that a row changed or taken out
//! behind our back shows, the last ones too.

use headframe_protocol::{DeviceId, Sha256, TimestampMs};
use serde::Serialize;
use sqlx::AnyConnection;

use super::{Doing as _, StoreError, blobs::unsigned, line, parsed};

/// What the first row has in place of a row before.
const NOTHING_BEFORE: Sha256 = Sha256::from_bytes([0; 32]);

/// The longest text in a row: a reason a person has written, with room to spare.
const TEXT_CHARS_MAX: usize = 2_000;

/// Something the operator did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act<'a> {
    /// Who did it.
    pub actor: &'a str,
    /// What, such as `image.revoke`.
    pub act: &'a str,
    /// To what: an id, a digest, `network`.
    pub subject: &'a str,
    /// Why.
    pub reason: &'a str,
    /// What more belongs to it, such as an amount; may be empty.
    pub detail: &'a str,
}

/// A row of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRecord {
    /// 1, 2, 3 …
    pub sequence: u64,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub act: String,
    /// To what.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// What more belongs to it.
    pub detail: String,
    /// When.
    pub at_ms: TimestampMs,
    /// The sum of the row before.
    pub previous_sha256: Sha256,
    /// The sum of this row.
    pub sha256: Sha256,
}

impl AuditRecord {
    /// What this row's sum must be. Fields are joined by a byte that none of them can hold.
    fn computed(&self) -> Sha256 {
        let Self { sequence, actor, act, subject, reason, detail, at_ms, previous_sha256, sha256: _ } = self;
        let at_ms = at_ms.as_millis();
        let parts = [actor, act, subject, reason, detail].map(|text| text.replace('\0', " ")).join("\0");
        Sha256::of(format!("{sequence}\0{at_ms}\0{previous_sha256}\0{parts}").as_bytes())
    }
}

/// Whether anybody but `actor` has quarantined a rig since it was last let go.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn others_hold(connection: &mut AnyConnection, device: DeviceId, actor: &str) -> Result<bool, StoreError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT sequence FROM audit WHERE subject = $1 AND act = 'rig.quarantine' AND actor <> $2 AND sequence >
             COALESCE((SELECT MAX(sequence) FROM audit AS freed WHERE freed.subject = $3 AND freed.act = 'rig.release'), 0) LIMIT 1",
    )
    .bind(device.to_string())
    .bind(actor.to_owned())
    .bind(device.to_string())
    .fetch_optional(connection)
    .await
    .doing("look who holds a rig")?;
    Ok(row.is_some())
}

/// Adds a row, in the transaction of the act itself.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn append(connection: &mut AnyConnection, act: &Act<'_>, now: TimestampMs) -> Result<AuditRecord, StoreError> {
    // Two operators at once take turns on this row until they commit: each must see the other's row as the last.
    sqlx::query("INSERT INTO switch (name, value, changed_ms) VALUES ('audit.turn', '', $1) ON CONFLICT (name) DO UPDATE SET changed_ms = excluded.changed_ms")
        .bind(now.as_millis())
        .execute(&mut *connection)
        .await
        .doing("take a turn at the audit trail")?;
    let last: Option<(i64, String)> = sqlx::query_as("SELECT sequence, sha256 FROM audit ORDER BY sequence DESC LIMIT 1")
        .fetch_optional(&mut *connection)
        .await
        .doing("read the end of the audit trail")?;
    let (last, previous) = match last {
        Some((sequence, sum)) => (sequence, parsed(&sum, "sum of an audit row")?),
        None => (0, NOTHING_BEFORE),
    };
    // The sum must be that of what is stored.
    let clean = |text: &str| line(text, TEXT_CHARS_MAX);
    let mut row = AuditRecord {
        sequence: unsigned(last + 1),
        actor: clean(act.actor),
        act: clean(act.act),
        subject: clean(act.subject),
        reason: clean(act.reason),
        detail: clean(act.detail),
        at_ms: now,
        previous_sha256: previous,
        sha256: NOTHING_BEFORE,
    };
    row.sha256 = row.computed();
    sqlx::query(
        "INSERT INTO audit (sequence, actor, act, subject, reason, detail, at_ms, previous_sha256, sha256)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(last + 1)
    .bind(row.actor.clone())
    .bind(row.act.clone())
    .bind(row.subject.clone())
    .bind(row.reason.clone())
    .bind(row.detail.clone())
    .bind(row.at_ms.as_millis())
    .bind(row.previous_sha256.to_string())
    .bind(row.sha256.to_string())
    .execute(&mut *connection)
    .await
    .doing("append to the audit trail")?;
    write_head(connection, &row).await?;
    Ok(row)
}

/// Notes how many rows there are and the sum of the last: a trail whose end was cut off is otherwise a whole trail.
async fn write_head(connection: &mut AnyConnection, last: &AuditRecord) -> Result<(), StoreError> {
    sqlx::query("UPDATE switch SET value = $1 WHERE name = 'audit.turn'")
        .bind(format!("{} {}", last.sequence, last.sha256))
        .execute(connection)
        .await
        .map(drop)
        .doing("note the end of the audit trail")
}

/// How many rows there were when the last was written, and its sum.
async fn head(connection: &mut AnyConnection) -> Result<(u64, Sha256), StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT value FROM switch WHERE name = 'audit.turn'")
        .fetch_optional(connection)
        .await
        .doing("read where the audit trail ends")?;
    let Some((value,)) = row else { return Ok((0, NOTHING_BEFORE)) };
    let (rows, sum) = value.split_once(' ').unwrap_or((&value, ""));
    Ok((parsed(rows, "length of the audit trail")?, parsed(sum, "sum of an audit row")?))
}

/// The columns of an [`AuditRecord`], in its order.
type AuditRow = (i64, String, String, String, String, String, i64, String, String);

/// Rows after `after`, oldest first, at most `limit`.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn list(connection: &mut AnyConnection, after: u64, limit: u32) -> Result<Vec<AuditRecord>, StoreError> {
    let rows: Vec<AuditRow> = sqlx::query_as(
        "SELECT sequence, actor, act, subject, reason, detail, at_ms, previous_sha256, sha256
         FROM audit WHERE sequence > $1 ORDER BY sequence LIMIT $2",
    )
    .bind(super::blobs::signed(after))
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .doing("read the audit trail")?;
    rows.into_iter()
        .map(|(sequence, actor, act, subject, reason, detail, at_ms, previous, sum)| {
            Ok(AuditRecord {
                sequence: unsigned(sequence),
                actor,
                act,
                subject,
                reason,
                detail,
                at_ms: TimestampMs::from_millis(at_ms),
                previous_sha256: parsed(&previous, "sum of an audit row")?,
                sha256: parsed(&sum, "sum of an audit row")?,
            })
        })
        .collect()
}

/// What a look over the whole trail found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// How many rows are as they were written.
    pub rows: u64,
    /// The first row that is not, or that follows a missing one.
    pub broken_at: Option<u64>,
}

/// Looks over the whole trail, page by page.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn verify(connection: &mut AnyConnection) -> Result<Verdict, StoreError> {
    const PAGE: u32 = 500;
    // Read first: what is added during the look is beyond it.
    let (written, end) = head(connection).await?;
    let (mut rows, mut previous) = (0, NOTHING_BEFORE);
    loop {
        let page = list(connection, rows, PAGE).await?;
        for row in &page {
            if row.sequence != rows + 1 || row.previous_sha256 != previous || row.sha256 != row.computed() {
                return Ok(Verdict { rows, broken_at: Some(row.sequence) });
            }
            (rows, previous) = (row.sequence, row.sha256);
            if rows == written && previous != end {
                return Ok(Verdict { rows: rows - 1, broken_at: Some(rows) });
            }
        }
        if page.is_empty() {
            return Ok(Verdict { rows, broken_at: (rows < written).then_some(rows + 1) });
        }
    }
}
