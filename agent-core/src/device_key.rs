//! The rig's own key: it opens sessions, signs receipts and says where earnings go. It moves no money of a wallet, and it never
//! leaves this file's house.
//!
//! Others ask for an act, not for the key.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use headframe_protocol::{
    DeviceId,
    auth::{self, DeviceSignature, Handshake},
    fleet::{AskFleet, SignedAskFleet},
    payout::{PayoutTerms, SignedSpendEarnings, SpendEarnings},
    receipt::{Receipt, SignedReceipt},
};
use zeroize::Zeroizing;

use crate::owner_file::{self, Unread};

/// The key's name in the data directory.
pub const FILE_NAME: &str = "device.key";

/// A key in hex with its line end.
const FILE_BYTES: u64 = 65;

/// The device key. Prints nothing of itself and cannot be copied.
pub struct DeviceKey {
    signer: PrivateKeySigner,
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceKey").field("device", &self.device()).finish_non_exhaustive()
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum DeviceKeyError {
    /// The file is there and cannot be read.
    #[error("could not read the device key {file}")]
    Read {
        /// Where it is.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file holds something else. Its content is not repeated: it may be most of a key.
    #[error("{file} does not hold a device key; move it away and a new one is made, which makes this a new rig")]
    Damaged {
        /// Where it is.
        file: PathBuf,
    },
    /// Others on this PC could read it.
    #[error("other users can read {file}; only the owner may, as with `chmod 600`")]
    Exposed {
        /// Where it is.
        file: PathBuf,
    },
    /// The new key could not be written.
    #[error("could not write a new device key to {file}")]
    Write {
        /// Where it should be.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Why something was not signed.
#[derive(Debug, thiserror::Error)]
#[error("the device key could not sign")]
pub struct SignError(#[source] alloy::signers::Error);

impl DeviceKey {
    /// Reads the key in `data_dir`, or makes one. Half a key is never left behind.
    ///
    /// # Errors
    /// [`DeviceKeyError`] names the file; never its content.
    pub fn load_or_create(data_dir: &Path) -> Result<Self, DeviceKeyError> {
        let file = data_dir.join(FILE_NAME);
        match owner_file::read(&file, FILE_BYTES) {
            Ok(text) => Self::read(&text, &file),
            Err(Unread::Missing) => Self::create(&file),
            Err(Unread::Exposed) => Err(DeviceKeyError::Exposed { file }),
            Err(Unread::Failed(source)) => Err(DeviceKeyError::Read { file, source }),
        }
    }

    /// The rig's name on the network.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        DeviceId(self.signer.address())
    }

    /// Answers a coordinator's challenge.
    ///
    /// # Errors
    /// [`SignError`] if the key cannot sign.
    pub fn sign_handshake(&self, handshake: &Handshake) -> Result<DeviceSignature, SignError> {
        self.signer.sign_hash_sync(&auth::signing_hash(handshake)).map(DeviceSignature).map_err(SignError)
    }

    /// Vouches for usage.
    ///
    /// # Errors
    /// [`SignError`] if the key cannot sign.
    pub fn sign_receipt(&self, receipt: Receipt) -> Result<SignedReceipt, SignError> {
        let signature = self.signer.sign_hash_sync(&receipt.signing_hash()).map(DeviceSignature).map_err(SignError)?;
        Ok(SignedReceipt { receipt, signature })
    }

    /// Says where the rig's earnings go.
    ///
    /// # Errors
    /// [`SignError`] if the key cannot sign.
    pub fn sign_payout(&self, terms: &PayoutTerms) -> Result<DeviceSignature, SignError> {
        self.signer.sign_hash_sync(&terms.device_hash()).map(DeviceSignature).map_err(SignError)
    }

    /// Turns earnings into computing credit.
    ///
    /// # Errors
    /// [`SignError`] if the key cannot sign.
    pub fn sign_spend(&self, spend: SpendEarnings) -> Result<SignedSpendEarnings, SignError> {
        let signature = self.signer.sign_hash_sync(&spend.device_hash()).map(DeviceSignature).map_err(SignError)?;
        Ok(SignedSpendEarnings { spend, signature })
    }

    /// Asks which rigs are of one owner with this one.
    ///
    /// # Errors
    /// [`SignError`] if the key cannot sign.
    pub fn sign_fleet(&self, ask: AskFleet) -> Result<SignedAskFleet, SignError> {
        let signature = self.signer.sign_hash_sync(&ask.device_hash()).map(DeviceSignature).map_err(SignError)?;
        Ok(SignedAskFleet { ask, signature })
    }

    fn read(text: &[u8], file: &Path) -> Result<Self, DeviceKeyError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        hex::decode_to_slice(text.trim_ascii_end(), &mut *bytes)
            .ok()
            .and_then(|()| PrivateKeySigner::from_slice(&*bytes).ok())
            .map(|signer| Self { signer })
            .ok_or_else(|| DeviceKeyError::Damaged { file: file.to_owned() })
    }

    fn create(file: &Path) -> Result<Self, DeviceKeyError> {
        let signer = PrivateKeySigner::random();
        let bytes = Zeroizing::new(signer.to_bytes().0);
        let text = Zeroizing::new(hex::encode(*bytes) + "\n");
        owner_file::write(file, text.as_bytes()).map_err(|source| DeviceKeyError::Write { file: file.to_owned(), source })?;
        Ok(Self { signer })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use headframe_protocol::{AttemptId, JobId};

    use super::*;

    fn receipt(device: DeviceId) -> Receipt {
        let (job, attempt) = (JobId::generate(), AttemptId::generate());
        Receipt { network: "testbed".to_owned(), job, attempt, device, epoch: 1, sequence: 1, running_ms: 5 }
    }

    #[test]
    fn a_rig_keeps_its_name_across_restarts() {
        let dir = tempfile::tempdir().expect("a folder");
        let first = DeviceKey::load_or_create(dir.path()).expect("a new key");
        let second = DeviceKey::load_or_create(dir.path()).expect("the same key");
        assert_eq!(first.device(), second.device());
        let signed = second.sign_receipt(receipt(first.device())).expect("signed");
        assert_eq!(signed.verify(), Ok(()));
    }

    #[test]
    fn the_key_is_never_printed() {
        let dir = tempfile::tempdir().expect("a folder");
        let key = DeviceKey::load_or_create(dir.path()).expect("a new key");
        let secret = fs::read_to_string(dir.path().join(FILE_NAME)).expect("the file");
        assert!(!format!("{key:?}").contains(secret.trim()));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a folder");
        DeviceKey::load_or_create(dir.path()).expect("a new key");
        let file = dir.path().join(FILE_NAME);
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("changed");
        assert!(matches!(DeviceKey::load_or_create(dir.path()), Err(DeviceKeyError::Exposed { .. })));
    }

    #[test]
    fn a_damaged_key_is_not_replaced_silently() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join(FILE_NAME), "not a key").expect("written");
        #[cfg(unix)]
        fs::set_permissions(dir.path().join(FILE_NAME), std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("changed");
        assert!(matches!(DeviceKey::load_or_create(dir.path()), Err(DeviceKeyError::Damaged { .. })));
    }
}
