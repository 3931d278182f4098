//! The owner's rules, shown and changed.

use std::path::Path;

use headframe_protocol::control::{Answer, ControlCode, ControlError, SetRulesArgs};

use super::{bad, unexpected};
use crate::{
    idle::rules::written::{self, ChangeError},
    tasks::apart,
};

pub(super) async fn page(data_dir: &Path) -> Result<Answer, ControlError> {
    let dir = data_dir.to_owned();
    let page = apart(move || written::page(&dir)).await.ok_or_else(broken_off)?;
    page.map(|page| Answer::Rules { page: Box::new(page) }).map_err(|error| unexpected(&error))
}

/// Writes the owner's file. The agent itself notices within seconds, as when he edits it by hand.
pub(super) async fn set(data_dir: &Path, SetRulesArgs { rules, revision }: SetRulesArgs) -> Result<Answer, ControlError> {
    let dir = data_dir.to_owned();
    match apart(move || written::change(&dir, &revision, &rules)).await.ok_or_else(broken_off)? {
        Ok(()) => page(data_dir).await,
        Err(error @ ChangeError::Changed) => {
            Err(ControlError { code: ControlCode::Changed, message: format!("Nothing was saved: {error}.") })
        }
        Err(error @ (ChangeError::Rules(_) | ChangeError::TooLong)) => Err(bad(&format!("Nothing was saved: {error}."))),
        Err(error @ ChangeError::Write(_)) => Err(unexpected(&error)),
    }
}

fn broken_off() -> ControlError {
    ControlError { code: ControlCode::Unexpected, message: "The agent could not look at the rules.".to_owned() }
}
