//! Who an agent is: the EIP-712 texts it signs to open a session.
//!
//! Source: EIP-712 <https://eips.ethereum.org/EIPS/eip-712>. The domain has neither chain nor contract, because
//! nothing here is worth anything on a chain; what binds a signature to one coordinator is the `network` in
//! every message, and what binds it to one moment is the nonce.

use alloy_primitives::{Address, B256, Signature};
use alloy_sol_types::{Eip712Domain, SolStruct, eip712_domain, sol};
use serde::{Deserialize, Serialize};

use crate::DeviceId;

/// The domain of everything an agent's device key signs.
#[must_use]
pub const fn domain() -> Eip712Domain {
    eip712_domain! { name: "Headframe Agent", version: "1", }
}

sol! {
    /// Opens a session. Signed by the device key over the coordinator's nonce.
    #[derive(Debug, PartialEq, Eq)]
    struct Handshake {
        bytes32 nonce;
        address device;
        string network;
        string origin;
        uint32 protocolVersion;
    }
}

/// A device's signature, 65 bytes `r ‖ s ‖ v`. On the wire: 0x and 130 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceSignature(pub Signature);

/// Why a signature proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not 65 bytes of hex.
    #[error("a signature is 0x and 130 hex digits")]
    Malformed,
    /// Signed by another key than the one that is claimed.
    #[error("the signature is not by device {0}")]
    OtherKey(DeviceId),
}

impl TryFrom<String> for DeviceSignature {
    type Error = SignatureError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = text.strip_prefix("0x").filter(|hex| hex.len() == 130).and_then(|hex| hex::decode(hex).ok());
        let signature = bytes.and_then(|bytes| Signature::try_from(bytes.as_slice()).ok());
        signature.map(Self).ok_or(SignatureError::Malformed)
    }
}

impl From<DeviceSignature> for String {
    fn from(signature: DeviceSignature) -> Self {
        format!("0x{}", hex::encode(signature.0.as_bytes()))
    }
}

/// The 32 bytes a device key signs for `message`.
#[must_use]
pub fn signing_hash(message: &impl SolStruct) -> B256 {
    message.eip712_signing_hash(&domain())
}

/// Whether `device` signed `message`.
///
/// # Errors
/// [`SignatureError::OtherKey`] if another key did, or none that can be recovered. A signature with a high
/// `s` is refused as well: each message has exactly one valid signature per key.
pub fn verify(message: &impl SolStruct, signature: &DeviceSignature, device: DeviceId) -> Result<(), SignatureError> {
    verify_hash(signing_hash(message), signature, device.0)
}

/// Whether the key of `signer` signed these 32 bytes.
///
/// # Errors
/// As [`verify`].
pub fn verify_hash(hash: B256, signature: &DeviceSignature, signer: Address) -> Result<(), SignatureError> {
    let plain = signature.0.normalize_s().is_none();
    let found: Option<Address> = signature.0.recover_address_from_prehash(&hash).ok();
    if plain && found == Some(signer) { Ok(()) } else { Err(SignatureError::OtherKey(DeviceId(signer))) }
}
