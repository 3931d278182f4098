//! Between what columns hold and what the program means: ids and states as text, documents as JSON, lists as rows of placeholders.

use std::{fmt::Display, str::FromStr};

use serde::{Serialize, de::DeserializeOwned};

use super::StoreError;

/// Reads an id, a state or a reason from its text.
pub(crate) fn parsed<T: FromStr>(text: &str, what: &'static str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt { what, value: text.chars().take(80).collect() })
}

/// Reads a JSON document.
pub(crate) fn document<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt { what, value: error.to_string() })
}

/// Writes a JSON document.
pub(crate) fn written<T: Serialize>(value: &T, what: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt { what, value: error.to_string() })
}

/// Epochs and counts are far below 2⁶³; the cast cannot lose anything that was ever written.
pub(crate) fn as_i64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// What somebody else wrote, fit for a column: one line of at most `chars_max` characters. Control characters become spaces:
/// PostgreSQL takes no zero byte, and nobody's terminal should obey a stranger.
pub(crate) fn line(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Rows of placeholders for a statement over many rows at once.
pub(crate) struct Rows {
    /// The number of the first placeholder.
    pub first: usize,
    /// How many rows.
    pub rows: usize,
    /// How many placeholders in each.
    pub columns: usize,
}

impl Display for Rows {
    /// `($1, $2), ($3, $4)`; with one column `($1), ($2)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for row in 0..self.rows {
            f.write_str(if row == 0 { "(" } else { ", (" })?;
            for column in 0..self.columns {
                let comma = if column == 0 { "" } else { ", " };
                write!(f, "{comma}${}", self.first + row * self.columns + column)?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl Rows {
    /// One column, without the brackets of each row: `$1, $2`, for `IN (…)`.
    pub(crate) fn list(first: usize, count: usize) -> String {
        (first..first + count).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ")
    }
}
