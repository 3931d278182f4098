//! Every kind of identifier is a type of its own, so that a job can never be asked for by an attempt's id.
//!
//! Ids are `<prefix>_<32 hex digits>` around a UUIDv7: the prefix tells a person what he is looking at,
//! the time in front keeps database pages warm and lists in the order things happened.

use std::{fmt, str::FromStr};

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct ParseIdError {
    text: String,
    expected: &'static str,
}

impl ParseIdError {
    /// Longer texts are cut: what a stranger sent must not fill a log.
    fn new(text: &str, expected: &'static str) -> Self {
        Self { text: text.chars().take(80).collect(), expected }
    }
}

/// Declares one id type. The name stands at the call, so that it can be found by searching for it.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
        pub struct $name(Uuid);

        impl $name {
            /// What every id of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A new id. The time inside is only for ordering; nothing may read it as a fact.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id of these 16 bytes. Whether anything is called so is another question.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes behind the text, as typed signatures carry them.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.into_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix(concat!($prefix, "_"))
                    .filter(|hex| hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
                    .and_then(|hex| Uuid::try_parse(hex).ok())
                    .map(Self)
                    .ok_or_else(|| ParseIdError::new(text, concat!("an id of the form ", $prefix, "_<32 hex digits>")))
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

id!(
    /// What a customer wants done.
    JobId, "job"
);
id!(
    /// One try of a job on one rig.
    AttemptId, "att"
);
id!(
    /// Who submits jobs and pays.
    CustomerId, "cus"
);
id!(
    /// One API key of a customer; names the key in lists without being the secret.
    ApiKeyId, "key"
);
id!(
    /// A file a customer has given us to use as an input.
    UploadId, "upl"
);
id!(
    /// One connection of one agent, from handshake to close.
    SessionId, "ses"
);

/// A rig, named by the address of its device key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
pub struct DeviceId(pub Address);

impl fmt::Display for DeviceId {
    /// Lower-case, so that the text is also a database key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl FromStr for DeviceId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = text.strip_prefix("0x").filter(|hex| hex.len() == 40);
        hex.and_then(|_| text.parse().ok())
            .map(Self)
            .ok_or_else(|| ParseIdError::new(text, "a device id of the form 0x<40 hex digits>"))
    }
}

impl Serialize for DeviceId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        let id = JobId::generate();
        assert_eq!(id.to_string().parse::<JobId>(), Ok(id));
    }

    #[test]
    fn an_attempt_is_not_a_job() {
        let attempt = AttemptId::generate().to_string();
        assert!(attempt.parse::<JobId>().is_err(), "kinds of ids must not mix");
    }

    #[test]
    fn upper_case_and_dashes_are_not_a_second_spelling() {
        let id = JobId::generate().to_string();
        assert!(id.to_uppercase().replace("JOB", "job").parse::<JobId>().is_err() || !id.contains(|c: char| c.is_alphabetic()));
        assert!("job_01890a5d-ac96-774b-bcce-b302099a8057".parse::<JobId>().is_err());
    }
}
