//! The clock of the PC, where it is not right.

use serde::{Deserialize, Serialize};

/// What is wrong with this PC's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum ClockFault {
    /// It says something else than the coordinator's.
    Off {
        /// How far it is ahead, in milliseconds; less than nothing is behind.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        ahead_ms: i64,
    },
    /// It is behind: by it, the coordinator's certificate does not hold yet, and there is no connection.
    TooEarly {
        /// By how much at least, in milliseconds.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        by_ms: u64,
    },
    /// By it, the coordinator's certificate holds no more, and there is no connection: it is ahead, or the operator is late.
    TooLate {
        /// By how much, in milliseconds.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        by_ms: u64,
    },
}
