//! The owner's rules, shown and changed.

use std::path::Path;

use headframe_protocol::{
    Pseudonym,
    control::{Answer, ControlCode, ControlError, SetRulesArgs, UnblockArgs},
};

use super::{bad, unexpected};
use crate::{
    clock,
    idle::rules::{
        jobs,
        written::{self, ChangeError},
    },
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
    changed(data_dir, apart(move || written::change(&dir, &revision, &rules)).await).await
}

/// Writes down that no more jobs of `customer` are taken, whom the owner knows by a job of this title.
pub(super) async fn block(data_dir: &Path, customer: Pseudonym, title: String) -> Result<Answer, ControlError> {
    let dir = data_dir.to_owned();
    changed(data_dir, apart(move || jobs::block(&dir, customer, &title, clock::wall())).await).await
}

/// Takes him out again.
pub(super) async fn unblock(data_dir: &Path, UnblockArgs { customer }: &UnblockArgs) -> Result<Answer, ControlError> {
    let customer: Pseudonym = customer.parse().map_err(|error| bad(&format!("Nothing was saved: {error}.")))?;
    let dir = data_dir.to_owned();
    changed(data_dir, apart(move || jobs::unblock(&dir, customer)).await).await
}

/// What holds after a change, or why there was none.
async fn changed(data_dir: &Path, changed: Option<Result<(), ChangeError>>) -> Result<Answer, ControlError> {
    match changed.ok_or_else(broken_off)? {
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
