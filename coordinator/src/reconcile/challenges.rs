//! Cards that must prove what they can do.

use super::Run;
use crate::{App, challenge::rounds};

pub(super) async fn ask(app: App) -> Run {
    Ok(rounds::ask(&app).await?)
}

pub(super) async fn close_abandoned(app: App) -> Run {
    Ok(rounds::close_abandoned(&app).await?)
}

pub(super) async fn prune(app: App) -> Run {
    Ok(rounds::prune(&app).await?)
}
