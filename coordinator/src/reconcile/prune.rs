//! Forgets answers kept for repeated requests, and who came from where.

use super::Run;
use crate::{
    App,
    store::{commit, idempotency, links},
};

/// After this long nobody repeats a request any more.
pub(super) async fn answers(app: App) -> Run {
    let mut tx = app.store.begin().await?;
    let pruned = idempotency::prune(&mut tx, app.store.now().before(app.config.timers.idempotency)).await?;
    let networks = links::prune(&mut tx, app.store.now()).await?;
    commit(tx, "forget old answers and networks").await?;
    Ok(pruned + networks)
}
