//! The languages in which an owner is spoken to.

use serde::{Deserialize, Serialize};

/// A language that the agent has words in. The window has the same ones, under the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Language {
    /// Of whoever has chosen none of the others.
    #[default]
    #[serde(rename = "en")]
    English,
    /// With the forms of address and the words of Spain.
    #[serde(rename = "es")]
    Spanish,
    /// In simplified characters.
    #[serde(rename = "zh-Hans")]
    Chinese,
    /// Modern Standard Arabic, with Latin digits.
    #[serde(rename = "ar")]
    Arabic,
}

impl Language {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::English, Self::Spanish, Self::Chinese, Self::Arabic];
}
