//! Which rigs may not do which work: nobody checks himself, or whoever may be the same person.

use std::collections::HashMap;

use headframe_protocol::{CustomerId, DeviceId, JobId, TimestampMs, job::JobSpec};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{StoreError, Trial, class_of, document, find, parsed};
use crate::{
    store::{Doing as _, Rows, links},
    verify::compare::are_comparable,
};

/// How long having come from the same network counts.
const SEEN_FOR: std::time::Duration = std::time::Duration::from_hours(30 * 24);

/// Of `jobs`, those that are compared, with their trials.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn barred(connection: &mut AnyConnection, jobs: &[JobId]) -> Result<HashMap<JobId, String>, StoreError> {
    let sql = format!("SELECT id, trial_id FROM job WHERE trial_id IS NOT NULL AND id IN ({})", Rows::list(1, jobs.len()));
    let mut query = sqlx::query_as::<_, (String, String)>(AssertSqlSafe(sql));
    for job in jobs {
        query = query.bind(job.to_string());
    }
    let rows = query.fetch_all(connection).await.doing("look which jobs are compared")?;
    rows.into_iter().map(|(job, trial)| Ok((parsed(&job, "job id")?, trial))).collect()
}

/// Whether a rig may do a job of a trial: it is of another owner than every other rig in it, none of the customer's, and its result
/// can be compared.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn may_take(
    connection: &mut AnyConnection,
    (trial, job): (&str, JobId),
    device: DeviceId,
    now: TimestampMs,
) -> Result<bool, StoreError> {
    let Some(trial) = find(connection, trial).await? else { return Ok(true) };
    let others = others(connection, &trial, job).await?;
    // The customer's own job goes to whom it went before, but for those who were wrong; a check of it to nobody who is his.
    if job != trial.job && links::are_linked(connection, trial.customer, device, now).await? {
        return Ok(false);
    }
    for other in &others {
        if are_one(connection, device, *other, now).await? {
            return Ok(false);
        }
    }
    is_comparable(connection, &trial, (job, device), others.first().copied()).await
}

/// Rigs whose owner must not do the job: all that did or do another run of the same work. Of a customer's job that is done anew,
/// those that were wrong.
async fn others(connection: &mut AnyConnection, trial: &Trial, job: JobId) -> Result<Vec<DeviceId>, StoreError> {
    const BROUGHT: &str = "SELECT device_id FROM trial_run WHERE trial_id = $1 AND device_id IS NOT NULL AND (state IN ('wrong', 'doubted') OR job_id <> $2)";
    const WRONG: &str = "SELECT device_id FROM trial_run WHERE trial_id = $1 AND device_id IS NOT NULL AND state IN ('wrong', 'doubted') AND job_id <> $2";
    const HOLDING: &str = "SELECT attempt.device_id FROM job JOIN attempt ON attempt.id = job.attempt_id
         WHERE job.trial_id = $1 AND job.id <> $2";
    let anew = trial.answer.is_some() && job == trial.job;
    let mut found = Vec::new();
    for sql in if anew { &[WRONG][..] } else { &[BROUGHT, HOLDING] } {
        let rows: Vec<(String,)> = sqlx::query_as(*sql)
            .bind(trial.id.clone())
            .bind(if anew { String::new() } else { job.to_string() })
            .fetch_all(&mut *connection)
            .await
            .doing("list the rigs of a trial")?;
        for (device,) in rows {
            found.push(parsed(&device, "device id")?);
        }
    }
    // Whoever made the answer of a canary knows it.
    if let Some(answer) = trial.answer.as_ref().filter(|_| !anew) {
        let row: Option<(String,)> = sqlx::query_as("SELECT device_id FROM attempt WHERE id = $1")
            .bind(answer.attempt.to_string())
            .fetch_optional(&mut *connection)
            .await
            .doing("read who made an answer")?;
        if let Some((device,)) = row {
            found.push(parsed(&device, "device id")?);
        }
    }
    Ok(found)
}

/// Whether one person may stand behind two rigs: the same one, the same payout account, the same network, or one customer both gave
/// earnings to or who has the wallet one is paid to.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn are_one(
    connection: &mut AnyConnection,
    one: DeviceId,
    other: DeviceId,
    now: TimestampMs,
) -> Result<bool, StoreError> {
    if one == other {
        return Ok(true);
    }
    const SHARED: &str = "SELECT 1 FROM payout_terms a JOIN payout_terms b ON a.account = b.account
             WHERE a.device_id = $1 AND b.device_id = $2
         UNION SELECT 1 FROM spent_for a JOIN spent_for b ON a.customer_id = b.customer_id WHERE a.device_id = $3 AND b.device_id = $4
         UNION SELECT 1 FROM seen_at a JOIN seen_at b ON a.network = b.network AND b.kind = 'rig'
             WHERE a.kind = 'rig' AND a.party = $5 AND b.party = $6 AND a.seen_ms > $7 AND b.seen_ms > $8
         UNION SELECT 1 FROM payout_terms a JOIN wallet ON wallet.address = a.account
             JOIN spent_for b ON b.customer_id = wallet.customer_id
             WHERE (a.device_id = $9 AND b.device_id = $10) OR (a.device_id = $11 AND b.device_id = $12)";
    let since = now.before(SEEN_FOR).as_millis();
    let (one, other) = (one.to_string(), other.to_string());
    let query = sqlx::query_as(SHARED).bind(one.clone()).bind(other.clone()).bind(one.clone()).bind(other.clone());
    let query = query.bind(one.clone()).bind(other.clone()).bind(since).bind(since);
    let query = query.bind(one.clone()).bind(other.clone()).bind(other).bind(one);
    let row: Option<(i64,)> = query.fetch_optional(connection).await.doing("look whether two rigs have one owner")?;
    Ok(row.is_some())
}

/// Bits are compared only among rigs of one kind.
async fn is_comparable(
    connection: &mut AnyConnection,
    trial: &Trial,
    (job, device): (JobId, DeviceId),
    before: Option<DeviceId>,
) -> Result<bool, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT spec FROM job WHERE id = $1")
        .bind(job.to_string())
        .fetch_optional(&mut *connection)
        .await
        .doing("read a job's specification")?;
    let Some((spec,)) = row else { return Ok(true) };
    let spec: JobSpec = document(&spec, "job specification")?;
    let wanted = match (&trial.answer, before) {
        (Some(answer), _) => answer.class.clone(),
        (None, Some(before)) => class_of(connection, before, &spec).await?,
        (None, None) => return Ok(true),
    };
    Ok(are_comparable(trial.compare, &class_of(connection, device, &spec).await?, &wanted))
}

/// Whether any rig that was seen since `since` may check what `device` has done for `customer`. Looks at few: in a network of any size
/// the first is enough.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn is_checker_there(
    connection: &mut AnyConnection,
    (device, customer): (DeviceId, CustomerId),
    (spec, compare): (&JobSpec, headframe_protocol::job::Compare),
    now: TimestampMs,
) -> Result<bool, StoreError> {
    const LOOKED_AT_MAX: i64 = 64;
    const SEEN_LATELY: std::time::Duration = std::time::Duration::from_hours(24);
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT device_id FROM rig WHERE quarantined_ms IS NULL AND last_seen_ms > $1 AND device_id <> $2
         ORDER BY last_seen_ms DESC LIMIT $3",
    )
    .bind(now.before(SEEN_LATELY).as_millis())
    .bind(device.to_string())
    .bind(LOOKED_AT_MAX)
    .fetch_all(&mut *connection)
    .await
    .doing("look for rigs that could check")?;
    let mine = class_of(connection, device, spec).await?;
    for (other,) in rows {
        let other: DeviceId = parsed(&other, "device id")?;
        let fits = are_comparable(compare, &class_of(connection, other, spec).await?, &mine)
            && !are_one(connection, device, other, now).await?
            && !links::are_linked(connection, customer, other, now).await?;
        if fits {
            return Ok(true);
        }
    }
    Ok(false)
}
