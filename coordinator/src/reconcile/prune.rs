//! Forgets answers kept for repeated requests.

use super::Run;
use crate::{
    App,
    store::{commit, idempotency},
};

/// After this long nobody repeats a request any more.
pub(super) async fn answers(app: App) -> Run {
    let mut tx = app.store.begin().await?;
    let pruned = idempotency::prune(&mut tx, app.store.now().before(app.config.timers.idempotency)).await?;
    commit(tx, "forget old answers").await?;
    Ok(pruned)
}
