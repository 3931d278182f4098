//! What cards are asked to prove.

use headframe_protocol::challenge::{SIZE_MAX, SIZE_MIN};
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// What cards are asked to prove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChallengeConfig {
    /// The largest matrix asked for, in rows. Smaller costs the coordinator less and proves less.
    pub size_max: u32,
    /// Multiplications and additions a second, in a chain of exact products, of a card worth 1,000 FU.
    pub ops_per_s_at_1000_fu: u64,
    /// Bytes a second that such a card reads in blocks of 4 KiB in random order, and hashes.
    pub read_bytes_per_s_at_1000_fu: u64,
}

impl Default for ChallengeConfig {
    fn default() -> Self {
        // Not measured yet: about half of what an RTX 4090's data sheet promises for 8-bit products, and for memory.
        Self { size_max: SIZE_MAX, ops_per_s_at_1000_fu: 300_000_000_000_000, read_bytes_per_s_at_1000_fu: 500_000_000_000 }
    }
}

impl ChallengeConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let value = |key, expected, found: u64| Err(ConfigError::Value { key, expected, found: found.to_string() });
        if !(SIZE_MIN..=SIZE_MAX).contains(&self.size_max) {
            return value("challenge.size_max", "64 to 16384", self.size_max.into());
        }
        if self.ops_per_s_at_1000_fu == 0 {
            return value("challenge.ops_per_s_at_1000_fu", "at least 1", 0);
        }
        if self.read_bytes_per_s_at_1000_fu == 0 {
            return value("challenge.read_bytes_per_s_at_1000_fu", "at least 1", 0);
        }
        Ok(())
    }
}
