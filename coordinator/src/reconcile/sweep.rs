//! Runs the [`crate::sweep`] from time to time.

use super::Run;
use crate::{App, sweep};

/// Throws away what nobody needs any more.
pub(super) async fn sweep(app: App) -> Run {
    let swept = sweep::sweep(&app.store, &app.blobs, &app.config.timers).await?;
    Ok(swept.uploads + swept.results + swept.objects + swept.recounted)
}
