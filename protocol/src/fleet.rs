//! The rigs of one owner, as the network tells them to each of them.
//!
//! Anybody can have a rig paid to anybody's address, so being paid to one wallet makes nobody its owner. What does is the wallet's own
//! signature, which names the rig ([`crate::payout::SignedPayoutTerms::wallet_signature`]): a rig that has it sees, and is seen by, those
//! that have it from the same wallet. Any other sees itself.

use alloy_primitives::{Address, B256};
use alloy_sol_types::sol;
use serde::{Deserialize, Serialize};

use crate::{
    DeviceId, Micros, TimestampMs,
    auth::{self, DeviceSignature, SignatureError},
    demand::MarketPlace,
};

/// The most rigs on one page.
pub const FLEET_PAGE_MAX: u32 = 50;

/// Asks for a page of the rigs that are of one owner with this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AskFleet {
    /// The address of the coordinator that is asked. Signed, so that one network cannot ask another in a rig's name.
    pub origin: String,
    /// The rig that asks.
    pub device: DeviceId,
    /// The rig after which the page begins; absent for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<DeviceId>,
    /// How many, 1 to 50.
    pub limit: u32,
    /// Since when earnings are of today, which is the owner's to say: his clock knows when his day began. At most eight days ago.
    pub today_from_ms: TimestampMs,
    /// Since when earnings are of the last days. At most eight days ago.
    pub days_from_ms: TimestampMs,
    /// When it was asked. Old questions are not answered.
    pub issued_ms: TimestampMs,
}

/// The same with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedAskFleet {
    /// What is asked.
    pub ask: AskFleet,
    /// By the device key.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: DeviceSignature,
}

/// A page of an owner's rigs, and what all of them come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FleetList {
    /// The wallet whose they are; absent if none has signed for the rig that asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub wallet: Option<Address>,
    /// Why only the rig that asks is told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone: Option<FleetAlone>,
    /// In the order in which they first signed in.
    pub rigs: Vec<FleetRig>,
    /// Of all of them, on whichever page.
    pub total: FleetTotal,
    /// What to send as `after` for the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<DeviceId>,
}

/// Why a rig is told of itself only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FleetAlone {
    /// Nobody has said where its earnings go.
    NoAccount,
    /// They go to an address whose wallet has not signed for the rig: that it is its owner's is not shown.
    NotSigned,
    /// The operator has taken it out of work, perhaps because somebody else has its key.
    Quarantined,
}

/// One rig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FleetRig {
    /// Its device.
    pub device: DeviceId,
    /// What its owner calls it.
    pub name: String,
    /// The version of its agent; absent for one that has not signed in since that is noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Whether it is connected.
    pub connected: bool,
    /// When it was last seen: of one that is connected, a minute ago at most.
    pub seen_ms: TimestampMs,
    /// How many attempts it has.
    pub attempts: u32,
    /// Whether it would be given a job now; absent where that is not known, as of a rig that is connected to another replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<MarketPlace>,
    /// Its processor.
    pub cpu_model: String,
    /// Logical cores offered.
    pub cpu_cores: u16,
    /// Cards offered.
    pub cards: Vec<FleetCard>,
    /// Frame Units that are believed now, of all its cards.
    pub fu: u32,
    /// What it has earned today, after the fee.
    pub today: Micros,
    /// What it has earned in the last days, after the fee.
    pub days: Micros,
    /// How it stands: `new`, `good`, `watched`, `distrusted` or `excluded`.
    pub tier: String,
}

/// One card of a rig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FleetCard {
    /// Its model.
    pub model: String,
    /// Its memory, in bytes.
    pub vram_bytes: u64,
    /// Frame Units that are believed now; absent while none are, and where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fu: Option<u32>,
}

/// What all rigs of an owner come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FleetTotal {
    /// How many there are.
    pub rigs: u32,
    /// How many are connected.
    pub connected: u32,
    /// Frame Units that are believed now, of those that are connected.
    pub fu: u32,
    /// What they have earned today, after the fee.
    pub today: Micros,
    /// What they have earned in the last days, after the fee.
    pub days: Micros,
}

mod eip712 {
    #![allow(missing_docs, reason = "the fields are those of the type above, explained there")]
    use super::sol;

    sol! {
        struct AskFleet {
            string origin;
            address device;
            address after;
            uint32 limit;
            uint64 todayFromMs;
            uint64 daysFromMs;
            uint64 issuedMs;
        }
    }
}

impl AskFleet {
    fn typed(&self) -> eip712::AskFleet {
        let Self { origin, device, after, limit, today_from_ms, days_from_ms, issued_ms } = self;
        let unsigned = |time: &TimestampMs| u64::try_from(time.as_millis()).unwrap_or(0);
        eip712::AskFleet {
            origin: origin.clone(),
            device: device.0,
            // No rig has the address zero: nobody has its key.
            after: after.map_or(Address::ZERO, |after| after.0),
            limit: *limit,
            todayFromMs: unsigned(today_from_ms),
            daysFromMs: unsigned(days_from_ms),
            issuedMs: unsigned(issued_ms),
        }
    }

    /// The 32 bytes the device key signs.
    #[must_use]
    pub fn device_hash(&self) -> B256 {
        auth::signing_hash(&self.typed())
    }
}

impl SignedAskFleet {
    /// Whether the rig asked it.
    ///
    /// # Errors
    /// [`SignatureError::OtherKey`] if another key did.
    pub fn verify(&self) -> Result<(), SignatureError> {
        auth::verify(&self.ask.typed(), &self.signature, self.ask.device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_can_be_changed_under_a_signature() {
        let at = TimestampMs::from_millis;
        let ask = || AskFleet {
            origin: "https://one.example".to_owned(),
            device: DeviceId(Address::repeat_byte(1)),
            after: None,
            limit: 50,
            today_from_ms: at(3),
            days_from_ms: at(2),
            issued_ms: at(4),
        };
        let all = [
            ask(),
            AskFleet { origin: "https://other.example".to_owned(), ..ask() },
            AskFleet { device: DeviceId(Address::repeat_byte(2)), ..ask() },
            AskFleet { after: Some(DeviceId(Address::repeat_byte(3))), ..ask() },
            AskFleet { limit: 49, ..ask() },
            AskFleet { today_from_ms: at(5), ..ask() },
            AskFleet { days_from_ms: at(5), ..ask() },
            AskFleet { issued_ms: at(5), ..ask() },
        ];
        let mut hashes: Vec<B256> = all.iter().map(AskFleet::device_hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), all.len());
    }
}
