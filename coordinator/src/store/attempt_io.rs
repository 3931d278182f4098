//! What a rig that holds an attempt may know of its job.

use headframe_protocol::{CustomerId, JobId, job::JobSpec};
use sqlx::AnyConnection;

use super::{Doing as _, StoreError, document, parsed};

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

/// Whose files a job reads if it repeats another's work.
///
/// # Errors
/// [`StoreError`] if the database refuses.
pub async fn owner_of_inputs(connection: &mut AnyConnection, job: JobId) -> Result<Option<CustomerId>, StoreError> {
    let row: Option<(String,)> =
        sqlx::query_as("SELECT whole.customer_id FROM job JOIN job whole ON whole.id = job.copy_of WHERE job.id = $1")
            .bind(job.to_string())
            .fetch_optional(connection)
            .await
            .doing("read whose inputs a job has")?;
    row.map(|(customer,)| parsed(&customer, "customer id")).transpose()
}
