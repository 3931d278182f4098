//! The one place that reads the clock on the wall: for ages in lists and for the span of a usage report.

use std::time::{SystemTime, UNIX_EPOCH};

use headframe_protocol::TimestampMs;

/// Now, as this computer believes.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the module that reads the clock")]
pub fn now() -> TimestampMs {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampMs::from_millis(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}
