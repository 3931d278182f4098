//! What one rig calls a customer by, so that its owner can refuse him without learning who he is.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A customer as one rig knows him: the same in every offer he makes to that rig, another for every other rig. Only the coordinator that
/// made it can tell whom it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pseudonym([u8; 16]);

/// Why a text is not a pseudonym.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pseudonym has the form psn_<32 hex digits>")]
pub struct ParsePseudonymError;

impl Pseudonym {
    /// Around these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes behind the text.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "psn_{:032x}", u128::from_be_bytes(self.0))
    }
}

impl FromStr for Pseudonym {
    type Err = ParsePseudonymError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = |hex: &&str| hex.len() == 32 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let hex = text.strip_prefix("psn_").filter(is_hex).ok_or(ParsePseudonymError)?;
        u128::from_str_radix(hex, 16).map(|number| Self(number.to_be_bytes())).map_err(|_| ParsePseudonymError)
    }
}

impl TryFrom<String> for Pseudonym {
    type Error = ParsePseudonymError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Pseudonym> for String {
    fn from(pseudonym: Pseudonym) -> Self {
        pseudonym.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_has_one_spelling_and_is_no_customers_id() {
        for bytes in [[0; 16], [0xab; 16], *b"0123456789abcdef"] {
            let pseudonym = Pseudonym::from_bytes(bytes);
            assert_eq!(pseudonym.to_string().parse(), Ok(pseudonym));
        }
        let text = Pseudonym::from_bytes([0xab; 16]).to_string();
        for wrong in [
            text.to_uppercase(),
            text.replace("psn", "cus"),
            text.replace("psn_", ""),
            format!("{text}0"),
            format!("psn_+{}", "0".repeat(31)),
        ] {
            assert_eq!(wrong.parse::<Pseudonym>(), Err(ParsePseudonymError), "{wrong}");
        }
    }
}
