//! What HFR is worth, as two observers say who must agree.
//!
//! Neither is believed alone: the lower of the two counts, if both are fresh and near one another. Without that there is no price,
//! and everything that needs one is not offered.

use headframe_accounts::{
    price::{self, AGE_MAX_MS, Observation, UsdPerHfr},
    quote::VALID_MS,
};
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

/// The price `picos`, and when the older of the two observations was made, if a quote may have named it within the time a quote stands.
/// Nothing if none did, or if what it was seen by is too old now.
pub(crate) async fn agreed_lately(
    connection: &mut AnyConnection,
    picos: u64,
    now: TimestampMs,
) -> Result<Option<(UsdPerHfr, TimestampMs)>, StoreError> {
    let since = TimestampMs::from_millis(now.as_millis() - VALID_MS);
    let twap = prices::since(connection, prices::Source::Twap, since).await?;
    let oracle = prices::since(connection, prices::Source::Oracle, since).await?;
    // A price changes only when one of the two observes another.
    let changes = twap.iter().chain(&oracle).map(|seen| seen.at_ms.max(since));
    let found = changes.chain([now]).find_map(|at| {
        let newest = |all: &[Observation]| all.iter().filter(|seen| seen.at_ms <= at).max_by_key(|seen| seen.at_ms).copied();
        let (twap, oracle) = (newest(&twap), newest(&oracle));
        let seen = twap.iter().chain(&oracle).map(|seen| seen.at_ms).min()?;
        let price = price::agree(twap, oracle, at).ok().filter(|price| price.picos() == picos)?;
        Some((price, seen)).filter(|_| now.as_millis() - seen.as_millis() <= AGE_MAX_MS)
    });
    Ok(found)
}
