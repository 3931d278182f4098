//! Cumulative usage of one attempt, signed by the rig's device key.

use alloy_primitives::{FixedBytes, U256};
use alloy_sol_types::sol;
use serde::{Deserialize, Serialize};

use crate::{
    AttemptId, DeviceId, JobId,
    auth::{self, DeviceSignature, SignatureError},
};

/// What one attempt has used so far. Cumulative: the newest replaces all before it, so losing one loses nothing. It may claim less than
/// one before it: a rig counts until its engine tells of the end, and then knows better.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Receipt {
    /// The network it is owed on.
    pub network: String,
    /// The job.
    pub job: JobId,
    /// The attempt.
    pub attempt: AttemptId,
    /// The rig.
    pub device: DeviceId,
    /// The job's epoch the attempt holds.
    pub epoch: u64,
    /// Grows by at least one per receipt of an attempt.
    pub sequence: u64,
    /// Time the container has run, in milliseconds, on a clock that stops counting while the rig sleeps.
    pub running_ms: u64,
}

/// A receipt with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedReceipt {
    /// What is claimed.
    pub receipt: Receipt,
    /// The device key's signature over it.
    pub signature: DeviceSignature,
}

mod eip712 {
    #![allow(missing_docs, reason = "the fields are those of `Receipt`, explained there")]
    use super::sol;

    sol! {
        struct Receipt {
            string network;
            bytes16 job;
            bytes16 attempt;
            address device;
            uint64 epoch;
            uint64 sequence;
            uint256 runningMs;
        }
    }
}

impl Receipt {
    /// The 32 bytes the device key signs.
    #[must_use]
    pub fn signing_hash(&self) -> alloy_primitives::B256 {
        auth::signing_hash(&self.typed())
    }

    fn typed(&self) -> eip712::Receipt {
        let Self { network, job, attempt, device, epoch, sequence, running_ms } = self;
        eip712::Receipt {
            network: network.clone(),
            job: FixedBytes(job.to_bytes()),
            attempt: FixedBytes(attempt.to_bytes()),
            device: device.0,
            epoch: *epoch,
            sequence: *sequence,
            runningMs: U256::from(*running_ms),
        }
    }
}

impl SignedReceipt {
    /// Whether the rig it names signed it.
    ///
    /// # Errors
    /// [`SignatureError::OtherKey`] if it did not.
    pub fn verify(&self) -> Result<(), SignatureError> {
        auth::verify(&self.receipt.typed(), &self.signature, self.receipt.device)
    }
}
