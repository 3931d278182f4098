//! What a rig that holds an attempt may know of its job.

use headframe_protocol::{JobId, job::JobSpec};
use sqlx::AnyConnection;

use super::{Doing as _, StoreError, document};

/// What the job asks for.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn spec(connection: &mut AnyConnection, job: JobId) -> Result<Option<JobSpec>, StoreError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT spec FROM job WHERE id = $1")
        .bind(job.to_string())
        .fetch_optional(connection)
        .await
        .doing("read a job's specification")?;
    row.map(|(spec,)| document(&spec, "job specification")).transpose()
}
