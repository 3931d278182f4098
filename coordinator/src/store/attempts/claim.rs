//! How attempts begin: queued jobs are given to rigs, many to one commit.

use std::collections::HashMap;

use headframe_protocol::{
    AttemptId, CustomerId, DeviceId, JobId, Micros, Sha256, TimestampMs,
    job::{AttemptState, JobSpec},
    session::OutputFile,
};
use sqlx::AssertSqlSafe;

use super::{Rows, StoreError, Tx, document, parsed};
use crate::store::{Doing as _, as_i64, checkpoints};

/// A job to be given to a rig.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The job.
    pub job: JobId,
    /// Its epoch before.
    pub epoch: u64,
    /// The attempt to be.
    pub attempt: AttemptId,
    /// The rig.
    pub device: DeviceId,
    /// The sum of the attempt's token.
    pub token: Sha256,
    /// What the customer pays.
    pub price_per_hour: Micros,
    /// What kind of rig it is.
    pub class: String,
    /// How long it was free before, in seconds.
    pub waited_s: u32,
}

/// What a claimed job is, for the offer.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// What to run.
    pub spec: JobSpec,
    /// Position in an array.
    pub array_index: Option<u32>,
    /// The files of the last accepted checkpoint.
    pub checkpoint: Vec<OutputFile>,
    /// Whose work it repeats, if it repeats another's: its rig knows it by him, or every check would be known by whose it is.
    pub repeats: Option<CustomerId>,
}

/// The terms all claims of one commit share.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// The platform's part.
    pub fee_bps: u16,
    /// The lease ends then if nothing is heard.
    pub lease_until: TimestampMs,
    /// The offer must be answered by then.
    pub answer_by: TimestampMs,
    /// Now.
    pub now: TimestampMs,
}

/// Assigns jobs to rigs, each only if it is still queued in the epoch its claim names. Returns those that were; the
/// others were cancelled or taken by another replica.
///
/// # Errors
/// [`StoreError`] if the database refuses; then no job was assigned.
pub async fn claim(
    tx: &mut Tx,
    claims: &[Claim],
    terms: Terms,
    skip_locked: &'static str,
) -> Result<HashMap<JobId, Claimed>, StoreError> {
    let mut won = win(tx, claims, terms.now, skip_locked).await?;
    let winners: Vec<&Claim> = claims.iter().filter(|claim| won.contains_key(&claim.job)).collect();
    if !winners.is_empty() {
        insert(tx, &winners, terms).await?;
    }
    for claim in claims {
        if let Some(claimed) = won.get_mut(&claim.job).filter(|claimed| claimed.spec.checkpoint.is_some()) {
            claimed.checkpoint = checkpoints::give(tx, claim.job, claim.attempt).await?;
        }
    }
    Ok(won)
}

/// One statement for all: the job rows change hands.
async fn win(
    tx: &mut Tx,
    claims: &[Claim],
    now: TimestampMs,
    skip_locked: &'static str,
) -> Result<HashMap<JobId, Claimed>, StoreError> {
    let claimed = Rows { first: 2, rows: claims.len(), columns: 3 };
    let free = Rows::list(2 + claims.len() * 3, claims.len());
    let sql = format!(
        "WITH claimed (job_id, epoch, attempt_id) AS (VALUES {claimed})
         UPDATE job SET state = 'assigned', epoch = job.epoch + 1, attempt_id = claimed.attempt_id, reason = NULL, detail = NULL,
                changed_ms = $1
         FROM claimed
         WHERE job.id = claimed.job_id AND job.epoch = claimed.epoch AND job.state = 'queued' AND job.end_reason IS NULL
           AND job.id IN (SELECT id FROM job WHERE state = 'queued' AND end_reason IS NULL AND id IN ({free}){skip_locked})
         RETURNING id, spec, array_index, CAST((SELECT whole.customer_id FROM job AS whole WHERE whole.id = job.copy_of) AS TEXT)"
    );
    let mut query = sqlx::query_as::<_, (String, String, Option<i64>, Option<String>)>(AssertSqlSafe(sql)).bind(now.as_millis());
    for claim in claims {
        query = query.bind(claim.job.to_string()).bind(as_i64(claim.epoch)).bind(claim.attempt.to_string());
    }
    for claim in claims {
        query = query.bind(claim.job.to_string());
    }
    let rows = query.fetch_all(&mut **tx).await.doing("claim jobs")?;
    rows.into_iter()
        .map(|(id, spec, array_index, repeats)| {
            let spec: JobSpec = document(&spec, "job specification")?;
            let array_index = array_index.and_then(|index| u32::try_from(index).ok());
            let repeats = repeats.map(|customer| parsed(&customer, "customer id")).transpose()?;
            Ok((parsed(&id, "job id")?, Claimed { spec, array_index, checkpoint: Vec::new(), repeats }))
        })
        .collect()
}

async fn insert(tx: &mut Tx, winners: &[&Claim], terms: Terms) -> Result<(), StoreError> {
    let rows = Rows { first: 1, rows: winners.len(), columns: 14 };
    let sql = format!(
        "INSERT INTO attempt (id, job_id, device_id, epoch, state, token_sha256, price_per_hour, fee_bps, lease_until_ms, deadline_ms,
                created_ms, changed_ms, class, waited_s) VALUES {rows}"
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for claim in winners {
        query = query
            .bind(claim.attempt.to_string())
            .bind(claim.job.to_string())
            .bind(claim.device.to_string())
            .bind(as_i64(claim.epoch) + 1)
            .bind(AttemptState::Offered.as_str())
            .bind(claim.token.to_string())
            .bind(claim.price_per_hour.get())
            .bind(i64::from(terms.fee_bps))
            .bind(terms.lease_until.as_millis())
            .bind(terms.answer_by.as_millis())
            .bind(terms.now.as_millis())
            .bind(terms.now.as_millis())
            .bind(&claim.class)
            .bind(i64::from(claim.waited_s));
    }
    query.execute(&mut **tx).await.doing("write attempts down")?;
    Ok(())
}
