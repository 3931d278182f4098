//! What the rig has earned.

use headframe_protocol::control::{Answer, EarningsRequest};
use jiff::tz::TimeZone;

use super::{bad, unexpected};
use crate::{
    clock,
    earnings::{self, Asked, EarningsError},
    store::Store,
};

/// Adds up by the calendar of the PC, as it is set now.
pub(super) async fn answer(store: &Store, device: &str, ask: EarningsRequest) -> Answer {
    let Ok(device) = device.parse() else { return Answer::Failed { error: bad("The rig has no name.") } };
    let asked = Asked { device, now: clock::wall(), zone: TimeZone::system() };
    match earnings::answer(store, ask, &asked).await {
        Ok(answer) => Answer::Earnings { answer },
        Err(
            error @ (EarningsError::Count
            | EarningsError::Page
            | EarningsError::Year
            | EarningsError::After
            | EarningsError::Calendar),
        ) => Answer::Failed { error: bad(&format!("Nothing was added up: {error}.")) },
        Err(error @ EarningsError::Store(_)) => Answer::Failed { error: unexpected(&error) },
    }
}
