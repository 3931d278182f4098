//! What HFR is worth, as two observers say who must agree.
//!
//! Neither is believed alone: the lower of the two counts, if both are fresh and near one another. Without that there is no price,
//! and everything that needs one is not offered.

use headframe_accounts::price::{self, UsdPerHfr};
use headframe_protocol::TimestampMs;

use sqlx::AnyConnection;

use crate::store::{StoreError, prices};

/// The price all may rely on at `now`, and when the older of the two observations was made; nothing if there is none.
pub(crate) async fn agreed(
    connection: &mut AnyConnection,
    now: TimestampMs,
) -> Result<Option<(UsdPerHfr, TimestampMs)>, StoreError> {
    let (twap, oracle) =
        (prices::newest(connection, prices::Source::Twap).await?, prices::newest(connection, prices::Source::Oracle).await?);
    let seen = twap.iter().chain(&oracle).map(|seen| seen.at_ms).min();
    Ok(price::agree(twap, oracle, now).ok().zip(seen))
}
