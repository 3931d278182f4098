//! What must hold after every fault, read from the coordinator's database and nothing else.
//!
//! Written apart from the coordinator's own audit, on purpose: a mistake in its SQL is not repeated here.

use anyhow::{Context as _, Result, ensure};
use headframe_coordinator::Config;
use sqlx::{AnyConnection, Connection as _};

/// Transfers whose entries do not sum to zero in some asset and chain.
const UNBALANCED: &str = "SELECT COUNT(*) FROM (SELECT transfer_id FROM entry GROUP BY transfer_id, asset, chain
    HAVING SUM(amount) <> 0) AS uneven";

/// Accounts whose kept balance is not the sum of their entries.
const DRIFTED: &str = "SELECT COUNT(*) FROM account WHERE balance <> (SELECT CAST(COALESCE(SUM(entry.amount), 0) AS BIGINT)
    FROM entry WHERE entry.account = account.account AND entry.asset = account.asset AND entry.chain = account.chain)";

/// Customers' accounts in the red.
const OVERDRAWN: &str = "SELECT COUNT(*) FROM account WHERE account LIKE 'customer:%' AND balance < 0";

/// Jobs with more than one accepted result.
const ACCEPTED_TWICE: &str = "SELECT COUNT(*) FROM (SELECT job_id FROM attempt WHERE state = 'succeeded' GROUP BY job_id
    HAVING COUNT(*) > 1) AS twice";

/// Jobs that succeeded without an accepted attempt, or have one without having succeeded.
const RESULT_WITHOUT_JOB: &str = "SELECT COUNT(*) FROM job WHERE (state = 'succeeded') <>
    EXISTS (SELECT 1 FROM attempt WHERE attempt.job_id = job.id AND attempt.state = 'succeeded' AND attempt.id = job.attempt_id)";

/// Files of results that no accepted attempt brought.
const STRAY_ARTIFACTS: &str = "SELECT COUNT(*) FROM artifact WHERE NOT EXISTS
    (SELECT 1 FROM attempt WHERE attempt.id = artifact.attempt_id AND attempt.state = 'succeeded')";

/// Attempts that still hold a lease although their job has ended.
const OPEN_OF_ENDED: &str = "SELECT COUNT(*) FROM attempt JOIN job ON job.id = attempt.job_id
    WHERE attempt.state IN ('offered', 'accepted', 'preparing', 'running', 'uploading')
      AND job.state IN ('succeeded', 'failed', 'cancelled')";

/// Jobs that have not ended.
const OPEN_JOBS: &str = "SELECT COUNT(*) FROM job WHERE state NOT IN ('succeeded', 'failed', 'cancelled')";

/// Money set aside.
const HELD: &str = "SELECT CAST(COALESCE(SUM(balance), 0) AS BIGINT) FROM account WHERE account LIKE 'customer:%:held'";

/// What jobs say they were charged, against what the ledger captured for them.
const CHARGE_MISMATCH: &str = "SELECT COUNT(*) FROM job WHERE charged <>
    (SELECT CAST(COALESCE(SUM(charged), 0) AS BIGINT) FROM attempt WHERE attempt.job_id = job.id)";

/// The statement of what must be none, in the order it is checked.
const NONE_OF: [(&str, &str); 8] = [
    ("transfers that do not sum to zero", UNBALANCED),
    ("accounts that drifted from their entries", DRIFTED),
    ("customers in the red", OVERDRAWN),
    ("jobs with two accepted results", ACCEPTED_TWICE),
    ("results without a job, or jobs without their result", RESULT_WITHOUT_JOB),
    ("files of results that were not accepted", STRAY_ARTIFACTS),
    ("leases of jobs that have ended", OPEN_OF_ENDED),
    ("jobs whose charge is not the sum of their attempts'", CHARGE_MISMATCH),
];

/// Fails unless the books are in order. When no job is open, nothing may be set aside either.
///
/// # Errors
/// Naming what is not in order.
pub async fn check(config: &Config) -> Result<()> {
    sqlx::any::install_default_drivers();
    let mut connection =
        AnyConnection::connect(&config.database_url()).await.context("could not open the coordinator's database")?;
    for (what, question) in NONE_OF {
        let found = ask(&mut connection, question).await?;
        ensure!(found == 0, "the books are not in order: {found} {what}");
    }
    let (open, held) = (ask(&mut connection, OPEN_JOBS).await?, ask(&mut connection, HELD).await?);
    ensure!(open > 0 || held == 0, "the books are not in order: {held} micros are held for no open job");
    connection.close().await.context("could not close the database")
}

async fn ask(connection: &mut AnyConnection, question: &'static str) -> Result<i64> {
    sqlx::query_scalar(question).fetch_one(connection).await.with_context(|| format!("could not ask: {question}"))
}
