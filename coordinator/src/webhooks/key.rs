//! A key of the server that replicas share: from the one of webhooks every customer's secret is derived, so that none has to be stored.

use std::{
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::hmac;
use headframe_protocol::CustomerId;
use rand::Rng as _;

use super::signature::SigningSecret;

/// As long as what HMAC-SHA-256 gives: more would add nothing.
const KEY_BYTES: usize = 32;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("could not use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{path} does not hold a key of ours; remove it to have a new one made, and tell customers that their secrets change")]
    Content {
        /// Which.
        path: PathBuf,
    },
}

/// The key. Its `Debug` prints nothing of it.
#[derive(Debug)]
pub(crate) struct ServerKey(hmac::Key);

impl ServerKey {
    /// Reads the key from `path`, or makes one there that only its owner can read.
    pub(crate) fn open(path: &Path) -> Result<Self, KeyError> {
        let file = |source| KeyError::File { path: path.to_owned(), source };
        if !path.exists() {
            make(path).map_err(file)?;
        }
        let text = std::fs::read_to_string(path).map_err(file)?;
        let bytes = hex::decode(text.trim()).ok().filter(|bytes| bytes.len() == KEY_BYTES);
        let bytes = bytes.ok_or_else(|| KeyError::Content { path: path.to_owned() })?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// A key of its own for what `text` names, the same always.
    pub(crate) fn key_for(&self, text: &str) -> [u8; KEY_BYTES] {
        let mut key = [0; KEY_BYTES];
        key.copy_from_slice(hmac::sign(&self.0, text.as_bytes()).as_ref());
        key
    }

    /// The same for the same text, always; without the key nobody can tell which.
    pub(crate) fn sum_of(&self, text: &str) -> String {
        hex::encode(hmac::sign(&self.0, text.as_bytes()).as_ref())
    }

    /// The same for the same customer, always.
    pub(super) fn secret_of(&self, customer: CustomerId) -> SigningSecret {
        SigningSecret::new(hmac::sign(&self.0, customer.to_string().as_bytes()).as_ref())
    }
}

/// Writes a whole file under another name and links it to `path`, which fails if there is one: two replicas that start at
/// once in a new folder end up with the same key.
pub(crate) fn make(path: &Path) -> std::io::Result<()> {
    let mut bytes = [0_u8; KEY_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    let draft = path.with_extension(uuid::Uuid::new_v4().simple().to_string());
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(hex::encode(bytes).as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_every_customer_has_his_own_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("webhooks.key");
        let (ours, theirs) = (CustomerId::generate(), CustomerId::generate());
        let first = ServerKey::open(&path).expect("a key");
        let again = ServerKey::open(&path).expect("the same key");
        assert_eq!(first.secret_of(ours).reveal(), again.secret_of(ours).reveal());
        assert_ne!(first.secret_of(ours).reveal(), first.secret_of(theirs).reveal());
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_damaged_key_is_named_and_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("webhooks.key");
        std::fs::write(&path, "short").expect("written");
        let refused = ServerKey::open(&path).expect_err("not a key").to_string();
        assert!(refused.contains("webhooks.key"), "{refused}");
        assert_eq!(std::fs::read_to_string(&path).expect("the file"), "short");
    }
}
