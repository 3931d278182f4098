//! The customer's own key: the wallet his money is in on a chain. It lies in a file that only he may read, and never leaves this
//! module.
//!
//! Others ask for an act, not for the key: to prove that the wallet is his, to sign an order, to sign a transaction.

use std::{
    fmt, io,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    eips::eip2718::{Decodable2718 as _, Encodable2718 as _},
    signers::{SignerSync as _, local::PrivateKeySigner},
};
use alloy_primitives::{Address, B256, Bytes, Signature, U256, hex};
use headframe_protocol::{
    CustomerId, TimestampMs,
    auth::DeviceSignature,
    spending::{SignedOrder, WalletProof},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A key in hex.
const KEY_DIGITS: usize = 64;

/// A key with the line ends an editor may leave.
const FILE_BYTES_MAX: u64 = KEY_DIGITS as u64 + 2;

/// Why there is no key, or nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// Nobody said which.
    #[error(
        "which wallet? Name its key's file with --wallet-key or HEADFRAME_WALLET_KEY_FILE; `headframe wallet new --out FILE` makes one"
    )]
    NotNamed,
    /// A key stands where a file is named. It is not repeated.
    #[error("this is a key and not the name of a file with one; a key on the command line can be read by every program here")]
    OnCommandLine,
    /// The file cannot be read.
    #[error("could not read the wallet key {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others may read it.
    #[error("others may read {path}; make it yours alone with `chmod 600`")]
    Exposed {
        /// Which.
        path: PathBuf,
    },
    /// The file holds something else. What it holds is not repeated: it may be most of a key.
    #[error("{path} does not hold a wallet key, which is 64 hex digits")]
    Malformed {
        /// Which.
        path: PathBuf,
    },
    /// A new key cannot be written.
    #[error("could not write a new wallet key to {path}")]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The key does not sign.
    #[error("the wallet key could not sign")]
    Sign(#[source] alloy::signers::Error),
    /// No contract of ours takes such an order.
    #[error("the sum of the order is more than the Market can hold")]
    OrderTooLarge,
}

/// A wallet's key. Prints nothing of itself and cannot be copied; the curve library overwrites it when it goes.
pub struct WalletKey(PrivateKeySigner);

impl fmt::Debug for WalletKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WalletKey").field(&self.address()).finish()
    }
}

/// A transaction that was signed: as often as it is sent, a chain takes it once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedTransaction {
    /// Its name on the chain.
    pub hash: B256,
    /// Its number among those of its wallet.
    pub nonce: u64,
    /// What is sent.
    pub raw: Bytes,
}

impl SignedTransaction {
    /// What was signed; nothing if it is not of the kind we make.
    #[must_use]
    pub fn decoded(&self) -> Option<TxEip1559> {
        match TxEnvelope::decode_2718(&mut self.raw.as_ref()).ok()? {
            TxEnvelope::Eip1559(signed) => Some(signed.into_parts().0),
            _ => None,
        }
    }
}

impl WalletKey {
    /// Reads a key's file.
    ///
    /// # Errors
    /// [`WalletError`] names the file; never its content.
    pub fn read(path: &Path) -> Result<Self, WalletError> {
        if is_key(&path.to_string_lossy()) {
            return Err(WalletError::OnCommandLine);
        }
        let failed = |source| WalletError::Read { path: path.to_owned(), source };
        let malformed = || WalletError::Malformed { path: path.to_owned() };
        let file = std::fs::File::open(path).map_err(failed)?;
        let found = file.metadata().map_err(failed)?;
        if is_exposed(&found) {
            return Err(WalletError::Exposed { path: path.to_owned() });
        }
        if !found.is_file() {
            return Err(malformed());
        }
        // As large as it may become: growing would leave copies behind.
        let mut text = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX as usize + 1));
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text).map_err(failed)?;
        let mut bytes = Zeroizing::new([0_u8; 32]);
        let digits = text.trim_ascii();
        let is_hex = digits.len() == KEY_DIGITS && hex::decode_to_slice(digits, bytes.as_mut_slice()).is_ok();
        // What the parser says could quote the key.
        let signer = is_hex.then(|| PrivateKeySigner::from_slice(bytes.as_slice()).ok()).flatten();
        signer.map(Self).ok_or_else(malformed)
    }

    /// Makes a new key in a file that must not be there yet.
    ///
    /// # Errors
    /// [`WalletError::Write`].
    pub fn create(path: &Path) -> Result<Self, WalletError> {
        if is_key(&path.to_string_lossy()) {
            return Err(WalletError::OnCommandLine);
        }
        let key = loop {
            let bytes = Zeroizing::new(rand::random::<[u8; 32]>());
            // Zero, or beyond the curve's order: less likely than anything that has ever happened.
            if let Ok(signer) = PrivateKeySigner::from_slice(bytes.as_slice()) {
                break Self::write(signer, &bytes, path);
            }
        };
        key.map_err(|source| WalletError::Write { path: path.to_owned(), source })
    }

    fn write(signer: PrivateKeySigner, bytes: &[u8; 32], path: &Path) -> io::Result<Self> {
        let mut digits = Zeroizing::new([0_u8; KEY_DIGITS + 1]);
        hex::encode_to_slice(bytes, &mut digits[..KEY_DIGITS]).map_err(io::Error::other)?;
        digits[KEY_DIGITS] = b'\n';
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        // A key whose money is on a chain must not be lost with the power.
        file.write_all(digits.as_slice()).and_then(|()| file.sync_all())?;
        Ok(Self(signer))
    }

    /// The account it moves.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.0.address()
    }

    /// Says to a network that the wallet belongs to an account there.
    ///
    /// # Errors
    /// [`WalletError::Sign`].
    pub fn prove(&self, network: &str, customer: CustomerId, now: TimestampMs) -> Result<WalletProof, WalletError> {
        let signature = self.sign(WalletProof::hash(network, customer, self.address(), now))?;
        Ok(WalletProof { wallet: self.address(), issued_ms: now, signature })
    }

    /// Lets the operator reserve what the order says, which `market` keeps for the wallet.
    ///
    /// # Errors
    /// [`WalletError::OrderTooLarge`], or [`WalletError::Sign`].
    pub fn order(&self, order: UnsignedOrder, market: Address) -> Result<SignedOrder, WalletError> {
        let UnsignedOrder { chain_id, order_id, asset, max_spend, max_fee_bps, expiry } = order;
        // Its place is not part of what is signed.
        let signature = DeviceSignature(Signature::new(U256::ZERO, U256::ZERO, false));
        let customer = self.address();
        let mut order = SignedOrder { chain_id, order_id, customer, asset, max_spend, max_fee_bps, expiry, signature };
        order.signature = self.sign(order.hash(market).ok_or(WalletError::OrderTooLarge)?)?;
        Ok(order)
    }

    /// Signs a transaction.
    ///
    /// # Errors
    /// [`WalletError::Sign`].
    pub fn transaction(&self, transaction: TxEip1559) -> Result<SignedTransaction, WalletError> {
        let nonce = transaction.nonce;
        let signature = self.sign(transaction.signature_hash())?;
        let envelope = TxEnvelope::from(transaction.into_signed(signature.0));
        Ok(SignedTransaction { hash: *envelope.tx_hash(), nonce, raw: envelope.encoded_2718().into() })
    }

    fn sign(&self, hash: B256) -> Result<DeviceSignature, WalletError> {
        self.0.sign_hash_sync(&hash).map(DeviceSignature).map_err(WalletError::Sign)
    }
}

/// What an order says before its wallet has signed it; see [`SignedOrder`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `SignedOrder`, explained there")]
pub struct UnsignedOrder {
    pub chain_id: u64,
    pub order_id: B256,
    pub asset: Address,
    pub max_spend: U256,
    pub max_fee_bps: u16,
    pub expiry: u64,
}

/// Whether a text is a key rather than the name of a file.
fn is_key(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    digits.len() == KEY_DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(unix)]
fn is_exposed(found: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    found.mode() & 0o077 != 0
}

/// On Windows the file inherits the access list of its owner's profile.
#[cfg(not(unix))]
const fn is_exposed(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests;
