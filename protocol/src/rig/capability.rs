//! NVIDIA's number for what a GPU's instructions can do.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What the instructions of an NVIDIA GPU can do, such as 8.9 for an RTX 4090; a greater number can do all that a lesser one can.
/// Source: "CUDA GPU Compute Capability" of NVIDIA's developer pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ComputeCapability {
    major: u8,
    minor: u8,
}

/// Why a text is no compute capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a compute capability is two numbers with a point between them, such as `8.9`")]
pub struct ParseCapabilityError;

impl ComputeCapability {
    /// The greatest number of each part. The newest is 12.1, and the minor part has never had a second digit.
    const MAJOR_MAX: u8 = 99;
    const MINOR_MAX: u8 = 9;

    /// Nothing for numbers that no GPU has.
    #[must_use]
    pub fn new(major: u8, minor: u8) -> Option<Self> {
        ((1..=Self::MAJOR_MAX).contains(&major) && minor <= Self::MINOR_MAX).then_some(Self { major, minor })
    }

    /// The part before the point: the generation.
    #[must_use]
    pub const fn major(self) -> u8 {
        self.major
    }

    /// The part after the point.
    #[must_use]
    pub const fn minor(self) -> u8 {
        self.minor
    }
}

impl fmt::Display for ComputeCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for ComputeCapability {
    type Err = ParseCapabilityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (major, minor) = text.split_once('.').ok_or(ParseCapabilityError)?;
        let number = |part: &str| {
            let plain = (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            // `08` would be a second way to write 8.
            let plain = plain && (part.len() == 1 || !part.starts_with('0'));
            plain.then(|| part.parse().ok()).flatten().ok_or(ParseCapabilityError)
        };
        Self::new(number(major)?, number(minor)?).ok_or(ParseCapabilityError)
    }
}

impl TryFrom<String> for ComputeCapability {
    type Error = ParseCapabilityError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ComputeCapability> for String {
    fn from(capability: ComputeCapability) -> Self {
        capability.to_string()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for ComputeCapability {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for ComputeCapability {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_ordered_as_numbers_and_have_one_spelling() {
        let read = |text: &str| text.parse::<ComputeCapability>();
        let all: Vec<_> =
            ["5.2", "7.5", "8.0", "8.6", "8.9", "9.0", "10.0", "12.0", "12.1"].map(|text| read(text).expect(text)).into();
        assert!(all.is_sorted(), "10.0 comes after 9.0");
        assert!(all.iter().all(|one| read(&one.to_string()) == Ok(*one)));
        for wrong in ["", "8", "8.", ".9", "08.9", "8.90", "8.10", "0.1", "100.0", "-8.9", "8.9a", "8,9", " 8.9", "8.9.0", "٨.٩"]
        {
            assert_eq!(read(wrong), Err(ParseCapabilityError), "{wrong}");
        }
    }
}
