//! An attempt and its job, read together: all that a decision about either looks at.

use sqlx::AssertSqlSafe;

use super::{
    Amount, AttemptId, AttemptRef, AttemptState, CustomerId, DeviceId, JobId, JobSpec, JobState, Micros, Reason, Settled,
    StoreError, TimestampMs, Tx, as_i64, document, parsed,
};
use crate::store::{
    Doing as _,
    purses::{PURSE_COLUMNS, Purse, PurseRow},
};

/// An attempt and its job.
#[derive(Debug, Clone)]
pub struct Case {
    pub(super) at: AttemptRef,
    pub(super) device: DeviceId,
    pub(super) state: AttemptState,
    pub(super) price_per_hour: Micros,
    /// The platform's part of what is paid.
    pub(super) fee_bps: u16,
    /// The platform's part of what is paid in dollars, when the attempt was assigned.
    pub(super) dollar_fee_bps: u16,
    pub(super) receipt_sequence: u64,
    pub(super) signed_ms: u64,
    pub(super) charged_ms: u64,
    /// What the rig got of what was charged.
    pub(super) credit: Micros,
    pub(super) reason: Option<Reason>,
    pub(super) end_reason: Option<Reason>,
    pub(super) started: Option<TimestampMs>,
    pub(super) deadline: TimestampMs,
    pub(super) job: JobId,
    pub(super) customer: CustomerId,
    pub(super) job_state: JobState,
    pub(super) spec: JobSpec,
    pub(super) failures: u32,
    pub(super) interruptions: u32,
    pub(super) held: Amount,
    pub(super) purse: Purse,
    pub(super) job_end_reason: Option<Reason>,
    pub(super) waiting: TimestampMs,
    pub(super) holder: Option<AttemptId>,
}

#[derive(sqlx::FromRow)]
struct CaseRow {
    device_id: String,
    state: String,
    price_per_hour: i64,
    fee_bps: i64,
    receipt_sequence: i64,
    signed_ms: i64,
    charged_ms: i64,
    charged: i64,
    credit: Option<i64>,
    reason: Option<String>,
    end_reason: Option<String>,
    started_ms: Option<i64>,
    deadline_ms: i64,
    job_id: String,
    customer_id: String,
    job_state: String,
    spec: String,
    failures: i64,
    interruptions: i64,
    held: i64,
    held_hfr: Option<i64>,
    #[sqlx(flatten)]
    purse: PurseRow,
    job_end_reason: Option<String>,
    waiting_ms: i64,
    holder: Option<String>,
}

impl Case {
    /// Whether the attempt holds its job.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !self.state.is_final() && self.holder == Some(self.at.attempt) && !self.job_state.is_final()
    }

    /// Whether its result is brought and waits to be compared.
    pub(super) fn is_parked(&self) -> bool {
        self.state == AttemptState::Succeeded && self.job_state == JobState::Verifying && self.holder == Some(self.at.attempt)
    }

    /// How it was written down, as the rig is told.
    pub(super) fn settled(&self) -> Settled {
        Settled {
            at: self.at,
            state: if self.state.is_final() { self.state } else { AttemptState::Lost },
            reason: self.reason,
            credit: self.credit,
            paid_ms: self.charged_ms,
        }
    }
}

/// The same, to change it: until the transaction ends nobody else changes the attempt or its job. Everybody takes the job's
/// row before the attempt's, so that no two wait for one another.
pub(super) async fn to_change(tx: &mut Tx, at: AttemptRef) -> Result<Option<Case>, StoreError> {
    sqlx::query("UPDATE job SET epoch = epoch WHERE id = (SELECT job_id FROM attempt WHERE id = $1 AND epoch = $2)")
        .bind(at.attempt.to_string())
        .bind(as_i64(at.epoch))
        .execute(&mut **tx)
        .await
        .doing("take a job's row")?;
    of(tx, at).await
}

/// Reads the attempt `at` names, in that epoch.
pub(super) async fn of(tx: &mut Tx, at: AttemptRef) -> Result<Option<Case>, StoreError> {
    let sql = format!(
        "SELECT attempt.device_id, attempt.state, attempt.price_per_hour, attempt.fee_bps, attempt.receipt_sequence, attempt.signed_ms,
                attempt.charged_ms, attempt.charged, attempt.credit, attempt.reason, attempt.end_reason, attempt.started_ms, attempt.deadline_ms,
                attempt.job_id, job.customer_id, job.state AS job_state, job.spec, job.failures, job.interruptions, job.held,
                job.held_hfr, {PURSE_COLUMNS}, job.end_reason AS job_end_reason, job.waiting_ms, job.attempt_id AS holder
         FROM attempt JOIN job ON job.id = attempt.job_id WHERE attempt.id = $1 AND attempt.epoch = $2"
    );
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(at.attempt.to_string()).bind(as_i64(at.epoch));
    let row: Option<CaseRow> = query.fetch_optional(&mut **tx).await.doing("read an attempt")?;
    row.map(|row| case(at, row)).transpose()
}

fn reason_of(text: Option<String>) -> Result<Option<Reason>, StoreError> {
    text.map(|text| parsed(&text, "reason")).transpose()
}

/// The fee that counts, and the rig's part: written down when the attempt ended, or for an old one counted anew.
fn split(purse: &Purse, fee_bps: i64, charged: Micros, credit: Option<i64>) -> (u16, Micros) {
    let fee_bps = purse.fee_bps.unwrap_or(u16::try_from(fee_bps).unwrap_or(u16::MAX));
    let counted = || charged.checked_sub(charged.fee(fee_bps)).unwrap_or(Micros::ZERO);
    (fee_bps, credit.map_or_else(counted, Micros::new))
}

fn case(at: AttemptRef, row: CaseRow) -> Result<Case, StoreError> {
    let CaseRow {
        device_id,
        state,
        price_per_hour,
        fee_bps,
        receipt_sequence,
        signed_ms,
        charged_ms,
        charged,
        credit,
        reason,
        end_reason,
        started_ms,
        deadline_ms,
        job_id,
        customer_id,
        job_state,
        spec,
        failures,
        interruptions,
        held,
        held_hfr,
        purse,
        job_end_reason,
        waiting_ms,
        holder,
    } = row;
    let purse = Purse::parse(purse)?;
    let dollar_fee_bps = u16::try_from(fee_bps).unwrap_or(u16::MAX);
    let (fee_bps, credit) = split(&purse, fee_bps, Micros::new(charged), credit);
    Ok(Case {
        at,
        device: parsed(&device_id, "device id")?,
        state: parsed(&state, "attempt state")?,
        price_per_hour: Micros::new(price_per_hour),
        fee_bps,
        dollar_fee_bps,
        receipt_sequence: receipt_sequence.unsigned_abs(),
        signed_ms: signed_ms.unsigned_abs(),
        charged_ms: charged_ms.unsigned_abs(),
        credit,
        reason: reason_of(reason)?,
        end_reason: reason_of(end_reason)?,
        started: started_ms.map(TimestampMs::from_millis),
        deadline: TimestampMs::from_millis(deadline_ms),
        job: parsed(&job_id, "job id")?,
        customer: parsed(&customer_id, "customer id")?,
        job_state: parsed(&job_state, "job state")?,
        spec: document(&spec, "job specification")?,
        failures: u32::try_from(failures).unwrap_or(u32::MAX),
        interruptions: u32::try_from(interruptions).unwrap_or(u32::MAX),
        held: Amount { dollars: Micros::new(held), hfr: held_hfr.map(Micros::new) },
        purse,
        job_end_reason: reason_of(job_end_reason)?,
        waiting: TimestampMs::from_millis(waiting_ms),
        holder: holder.map(|text| parsed(&text, "attempt id")).transpose()?,
    })
}
