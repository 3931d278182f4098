//! Keeps this replica's idea of the database's clock right.

use super::Run;
use crate::App;

/// Clocks drift by milliseconds an hour, and are set by jumps.
pub(super) async fn measure(app: App) -> Run {
    app.store.measure_clock().await?;
    Ok(0)
}
