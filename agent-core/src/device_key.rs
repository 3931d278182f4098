//! The rig's own key: it opens sessions and signs receipts. It moves no money, and it never leaves this file's house.
//!
//! Others ask for an act, not for the key.

use std::{
    fmt, fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use headframe_protocol::{
    DeviceId,
    auth::{self, DeviceSignature, Handshake},
    receipt::{Receipt, SignedReceipt},
};
use zeroize::Zeroizing;

/// The key's name in the data directory.
pub const FILE_NAME: &str = "device.key";

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
        match fs::File::open(&file) {
            Ok(open) => Self::read(open, &file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(&file),
            Err(source) => Err(DeviceKeyError::Read { file, source }),
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

    fn read(open: fs::File, file: &Path) -> Result<Self, DeviceKeyError> {
        let unreadable = |source| DeviceKeyError::Read { file: file.to_owned(), source };
        if is_exposed(&open.metadata().map_err(unreadable)?) {
            return Err(DeviceKeyError::Exposed { file: file.to_owned() });
        }
        // A key with its line end is 65 bytes. One more tells a longer file apart without reading it all.
        let mut text = Zeroizing::new(String::with_capacity(66));
        open.take(66).read_to_string(&mut text).map_err(unreadable)?;
        let mut bytes = Zeroizing::new([0_u8; 32]);
        hex::decode_to_slice(text.trim_end(), &mut *bytes)
            .ok()
            .and_then(|()| PrivateKeySigner::from_slice(&*bytes).ok())
            .map(|signer| Self { signer })
            .ok_or_else(|| DeviceKeyError::Damaged { file: file.to_owned() })
    }

    /// Written aside, flushed, then renamed: after a power cut there is a whole key or none. The lock on the data
    /// directory keeps a second agent from doing the same.
    fn create(file: &Path) -> Result<Self, DeviceKeyError> {
        let unwritable = |source| DeviceKeyError::Write { file: file.to_owned(), source };
        let signer = PrivateKeySigner::random();
        let bytes = Zeroizing::new(signer.to_bytes().0);
        let text = Zeroizing::new(hex::encode(*bytes) + "\n");
        let aside = file.with_extension("key.new");
        match fs::remove_file(&aside) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(unwritable(source)),
        }
        let mut open = owner_only().open(&aside).map_err(unwritable)?;
        open.write_all(text.as_bytes()).and_then(|()| open.sync_all()).map_err(unwritable)?;
        drop(open);
        fs::rename(&aside, file).map_err(unwritable)?;
        sync_folder(file).map_err(unwritable)?;
        Ok(Self { signer })
    }
}

#[cfg(unix)]
fn is_exposed(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.mode() & 0o077 != 0
}

/// On Windows the data directory lies in the owner's profile, whose access list the file inherits.
#[cfg(not(unix))]
const fn is_exposed(_: &fs::Metadata) -> bool {
    false
}

fn owner_only() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes the file's name last through a power cut.
#[cfg(unix)]
fn sync_folder(file: &Path) -> io::Result<()> {
    file.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}

#[cfg(not(unix))]
const fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
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
