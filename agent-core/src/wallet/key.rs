//! A wallet's private key while it is unlocked: for one signing, on one thread, and then gone.

use std::fmt;

use alloy::{
    primitives::{Address, B256},
    signers::{SignerSync as _, local::PrivateKeySigner},
};
use headframe_protocol::auth::DeviceSignature;
use zeroize::Zeroizing;

/// The key. Prints nothing of itself and cannot be copied; the curve library overwrites it when it goes.
pub(super) struct WalletKey(PrivateKeySigner);

impl fmt::Debug for WalletKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WalletKey").field(&self.address()).finish()
    }
}

impl WalletKey {
    pub(super) const fn new(signer: PrivateKeySigner) -> Self {
        Self(signer)
    }

    /// The account it moves.
    pub(super) const fn address(&self) -> Address {
        self.0.address()
    }

    /// For its keystore, and for nothing else.
    pub(super) fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes().0)
    }

    /// Signs 32 bytes. Only `vault` calls it, with what an intent says.
    pub(super) fn sign(&self, hash: B256) -> Result<DeviceSignature, alloy::signers::Error> {
        self.0.sign_hash_sync(&hash).map(DeviceSignature)
    }
}
