//! What each rig calls each customer by.
//!
//! A pseudonym is the customer's id, 128 bits, enciphered as one block with a key that belongs to one rig. So it says nothing to anybody
//! without the server's key; it is the same in every offer a customer makes to a rig, so that its owner can refuse him; two rigs have
//! different ones, so that their owners cannot put together whose customers are the same; and no two customers share one. A keyed hash would
//! do all that too, but could not be turned back: matching would have to hash each waiting customer for each rig that refuses somebody.
//! Enciphered, a rig's list is read once, when it is reported, and matching looks in a set of customers.

use std::{collections::HashSet, fmt, path::Path, sync::Arc};

use aws_lc_rs::{
    cipher::{AES_256, DecryptingKey, DecryptionContext, EncryptingKey, UnboundCipherKey},
    error::Unspecified,
};
use headframe_protocol::{CustomerId, DeviceId, Pseudonym};
use zeroize::Zeroizing;

use crate::webhooks::key::{KeyError, ServerKey};

/// The file in the data directory with the key of the pseudonyms. Replicas share it: a rig that moves to another must know its
/// customers by the same names.
const KEY_FILE: &str = "pseudonyms.key";

/// Why there are no pseudonyms.
#[derive(Debug, thiserror::Error)]
#[error("could not use the key of pseudonyms")]
pub struct PseudonymsError(#[source] KeyError);

/// Makes pseudonyms and reads them. Clones share the key.
#[derive(Clone)]
pub struct Pseudonyms(Arc<ServerKey>);

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms")
    }
}

impl Pseudonyms {
    /// Reads the key from `data_dir`, or makes one. With the key lost, every owner's list of refused customers is void.
    ///
    /// # Errors
    /// [`PseudonymsError`] if it cannot be used.
    pub fn open(data_dir: &Path) -> Result<Self, PseudonymsError> {
        ServerKey::open(&data_dir.join(KEY_FILE)).map(|key| Self(Arc::new(key))).map_err(PseudonymsError)
    }

    /// What `device` calls `customer` by.
    #[must_use]
    pub fn of(&self, device: DeviceId, customer: CustomerId) -> Option<Pseudonym> {
        let mut block = customer.to_bytes();
        let key = self.key_of(device).and_then(EncryptingKey::ecb);
        let enciphered = key.and_then(|key| key.encrypt(&mut block).map(drop));
        enciphered.is_ok().then(|| Pseudonym::from_bytes(block))
    }

    /// Whom `device` calls by these. One it has made up, or has from another network, is nobody's: what it turns into is no id that was
    /// ever given.
    #[must_use]
    pub fn read(&self, device: DeviceId, pseudonyms: &[Pseudonym]) -> HashSet<CustomerId> {
        if pseudonyms.is_empty() {
            return HashSet::new();
        }
        let Ok(key) = self.key_of(device).and_then(DecryptingKey::ecb) else { return HashSet::new() };
        let read = |pseudonym: &Pseudonym| {
            let mut block = pseudonym.to_bytes();
            key.decrypt(&mut block, DecryptionContext::None).ok()?;
            Some(CustomerId::from_bytes(block))
        };
        pseudonyms.iter().filter_map(read).collect()
    }

    fn key_of(&self, device: DeviceId) -> Result<UnboundCipherKey, Unspecified> {
        UnboundCipherKey::new(&AES_256, Zeroizing::new(self.0.key_for(&format!("pseudonyms of {device}"))).as_slice())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pseudonyms() -> (tempfile::TempDir, Pseudonyms) {
        let folder = tempfile::tempdir().expect("a folder");
        let pseudonyms = Pseudonyms::open(folder.path()).expect("a key");
        (folder, pseudonyms)
    }

    proptest! {
        #[test]
        fn one_rig_knows_a_customer_by_one_name_and_two_rigs_by_two(
            customers in proptest::array::uniform2(any::<[u8; 16]>()),
            devices in proptest::array::uniform2(any::<[u8; 20]>()),
        ) {
            let (folder, pseudonyms) = pseudonyms();
            let [ours, theirs] = devices.map(|bytes| DeviceId(bytes.into()));
            let [one, other] = customers.map(CustomerId::from_bytes);
            let name = pseudonyms.of(ours, one).expect("a name");
            let again = Pseudonyms::open(folder.path()).expect("the same key");
            prop_assert_eq!(again.of(ours, one), Some(name), "also after a restart");
            prop_assert_eq!(pseudonyms.read(ours, &[name]), HashSet::from([one]));
            prop_assert!(!name.to_string().contains(&one.to_string()[4..]));
            if ours != theirs {
                prop_assert_ne!(pseudonyms.of(theirs, one), Some(name));
                prop_assert!(!pseudonyms.read(theirs, &[name]).contains(&one), "another rig's name for him is nobody's");
            }
            if one != other {
                prop_assert_ne!(pseudonyms.of(ours, other), Some(name));
            }
        }
    }

    #[test]
    fn another_network_has_other_names() {
        let ((_ours, here), (_theirs, there)) = (pseudonyms(), pseudonyms());
        let (device, customer) = (DeviceId([1; 20].into()), CustomerId::generate());
        assert_ne!(here.of(device, customer), there.of(device, customer));
        assert!(here.read(device, &[]).is_empty());
    }

    #[test]
    fn the_key_is_not_printed() {
        let (folder, pseudonyms) = pseudonyms();
        let key = std::fs::read_to_string(folder.path().join(KEY_FILE)).expect("the key");
        assert!(!format!("{pseudonyms:?}").contains(key.trim()));
    }
}
