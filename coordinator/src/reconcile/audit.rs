//! Compares the ledger with itself.

use super::Run;
use crate::{App, store::ledger};

/// A fault here is never repaired by a program: a person has to look.
pub(super) async fn books(app: App) -> Run {
    let mut connection = app.store.read().await?;
    let found = ledger::audit(&mut connection).await?;
    metrics::gauge!("headframe_ledger_clean").set(if found.is_clean() { 1.0 } else { 0.0 });
    if !found.is_clean() {
        tracing::error!(
            ledger.unbalanced = ?found.unbalanced, ledger.drifted = ?found.drifted, ledger.unreleased = ?found.unreleased,
            "The ledger does not add up; stop the network and compare it with the last backup",
        );
    }
    Ok(0)
}
