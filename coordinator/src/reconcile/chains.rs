//! Looks after the chains: books what happened there, and brings there what should be.

use super::Run;
use crate::{App, settlement};

pub(super) async fn look(app: App) -> Run {
    Ok(settlement::look(&app).await?)
}

/// Compares the chains with the books.
pub(super) async fn compare(app: App) -> Run {
    Ok(settlement::compare::compare(&app).await?)
}
