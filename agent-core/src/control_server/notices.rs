//! Of what the desktop tells the owner, shown and changed.

use std::path::Path;

use headframe_protocol::control::{Answer, ControlCode, ControlError, Notices};

use super::{bad, unexpected};
use crate::{
    settings::notices::{self, NoticesError},
    tasks::apart,
};

pub(super) async fn page(data_dir: &Path) -> Result<Answer, ControlError> {
    let dir = data_dir.to_owned();
    let page = apart(move || notices::page(&dir)).await.ok_or_else(broken_off)?;
    page.map(|page| Answer::Notices { page: Box::new(page) }).map_err(|error| unexpected(&error))
}

pub(super) async fn set(data_dir: &Path, wanted: Notices) -> Result<Answer, ControlError> {
    let dir = data_dir.to_owned();
    match apart(move || notices::change(&dir, wanted)).await.ok_or_else(broken_off)? {
        Ok(()) => page(data_dir).await,
        Err(error @ NoticesError::Parse { .. }) => Err(bad(&format!("Nothing was saved: {error}."))),
        Err(error @ (NoticesError::Read { .. } | NoticesError::Write(_))) => Err(unexpected(&error)),
    }
}

fn broken_off() -> ControlError {
    ControlError { code: ControlCode::Unexpected, message: "The agent could not look at what you want to be told.".to_owned() }
}
