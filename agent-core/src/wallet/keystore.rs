//! The file a wallet key is kept in: Web3 Secret Storage, version 3, with scrypt, as other wallets read and write it.
//!
//! Source: <https://ethereum.org/en/developers/docs/data-structures-and-encoding/web3-secret-storage/>. Written here because the one
//! Rust crate for it is years old, derives with a sixteenth of today's work, leaves its file readable to others and half-written
//! after a power cut, and does not overwrite what it decrypts.

use std::path::{Path, PathBuf};

use alloy::{
    primitives::{Address, keccak256},
    signers::local::PrivateKeySigner,
};
use aws_lc_rs::{
    cipher::{AES_128, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey},
    constant_time,
    iv::FixedLength,
};
use headframe_protocol::control::Secret;
use rand::Rng as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::key::WalletKey;
use crate::{
    owner_file::{self, Unread},
    settings::KEYSTORE_LOG_N,
};

/// A keystore has about 500 bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024;

/// scrypt's block size and lanes, as everybody has them.
const R: u32 = 8;
const P: u32 = 1;

/// The names in the file.
const CIPHER: &str = "aes-128-ctr";
const KDF: &str = "scrypt";
const VERSION: u32 = 3;

/// How much work one guess at the password is: 2^this steps of scrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Work(pub(crate) u8);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// Another password locks it.
    #[error("this is not the password of the wallet")]
    WrongPassword,
    /// There is no such file.
    #[error("the wallet's file {} is missing; import the phrase again", file.display())]
    Missing {
        /// Where it should be.
        file: PathBuf,
    },
    /// Others on this PC could read it.
    #[error("other users can read {}; only the owner may, as with `chmod 600`", file.display())]
    Exposed {
        /// Where it is.
        file: PathBuf,
    },
    /// It is no keystore, or one this program does not make. Its content is not repeated.
    #[error("{} is no keystore of this program", file.display())]
    Damaged {
        /// Where it is.
        file: PathBuf,
    },
    /// The system does not read or write it.
    #[error("could not read or write {}", file.display())]
    File {
        /// Where it is.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The cipher does not work.
    #[error("the wallet's key could not be locked")]
    Cipher,
}

/// As it is written.
#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    id: String,
    address: String,
    // As some programs write it.
    #[serde(alias = "Crypto")]
    crypto: Crypto,
}

#[derive(Serialize, Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: CipherParams,
    ciphertext: String,
    kdf: String,
    kdfparams: KdfParams,
    mac: String,
}

#[derive(Serialize, Deserialize)]
struct CipherParams {
    iv: String,
}

#[derive(Serialize, Deserialize)]
struct KdfParams {
    dklen: u32,
    n: u64,
    r: u32,
    p: u32,
    salt: String,
}

/// Where the keystore of an account is.
pub(super) fn path(folder: &Path, account: Address) -> PathBuf {
    folder.join(format!("{}.json", hex::encode(account)))
}

/// Locks the key into a file of its account's name.
pub(super) fn write(folder: &Path, key: &WalletKey, password: &Secret, work: Work) -> Result<(), KeystoreError> {
    let file = path(folder, key.address());
    let sealed = seal(key, password, work).ok_or(KeystoreError::Cipher)?;
    let text = serde_json::to_vec(&sealed).map_err(|_| KeystoreError::Cipher)?;
    std::fs::create_dir_all(folder)
        .and_then(|()| owner_file::write(&file, &text))
        .map_err(|source| KeystoreError::File { file, source })
}

/// Unlocks the key of an account.
pub(super) fn read(folder: &Path, account: Address, password: &Secret) -> Result<WalletKey, KeystoreError> {
    let file = path(folder, account);
    let text = owner_file::read(&file, FILE_BYTES_MAX).map_err(|unread| match unread {
        Unread::Missing => KeystoreError::Missing { file: file.clone() },
        Unread::Exposed => KeystoreError::Exposed { file: file.clone() },
        Unread::Failed(source) => KeystoreError::File { file: file.clone(), source },
    })?;
    let damaged = || KeystoreError::Damaged { file: file.clone() };
    let sealed: File = serde_json::from_slice(&text).map_err(|_| damaged())?;
    let Opened::Key(key) = open(&sealed, password).ok_or_else(damaged)? else { return Err(KeystoreError::WrongPassword) };
    if key.address() == account { Ok(key) } else { Err(damaged()) }
}

fn seal(key: &WalletKey, password: &Secret, work: Work) -> Option<File> {
    let (mut salt, mut iv, mut id) = ([0_u8; 32], [0_u8; 16], [0_u8; 16]);
    let mut random = rand::rng();
    random.fill_bytes(&mut salt);
    random.fill_bytes(&mut iv);
    random.fill_bytes(&mut id);
    let derived = derive(password, &salt, work)?;
    let mut text = key.to_bytes();
    let cipher = EncryptingKey::ctr(UnboundCipherKey::new(&AES_128, &derived[..16]).ok()?).ok()?;
    cipher.less_safe_encrypt(&mut *text, EncryptionContext::Iv128(FixedLength::from(iv))).ok()?;
    // What was the key is its ciphertext now.
    let mac = mac(&derived, &*text);
    Some(File {
        version: VERSION,
        id: uuid(id),
        address: hex::encode(key.address()),
        crypto: Crypto {
            cipher: CIPHER.to_owned(),
            cipherparams: CipherParams { iv: hex::encode(iv) },
            ciphertext: hex::encode(*text),
            kdf: KDF.to_owned(),
            kdfparams: KdfParams { dklen: 32, n: 1 << work.0, r: R, p: P, salt: hex::encode(salt) },
            mac: hex::encode(mac),
        },
    })
}

enum Opened {
    Key(WalletKey),
    WrongPassword,
}

/// Nothing, if the file is not one of ours.
fn open(file: &File, password: &Secret) -> Option<Opened> {
    let Crypto { cipher, cipherparams, ciphertext, kdf, kdfparams, mac: said } = &file.crypto;
    let ours = file.version == VERSION && cipher == CIPHER && kdf == KDF;
    let usual = kdfparams.dklen == 32 && kdfparams.r == R && kdfparams.p == P && kdfparams.n.is_power_of_two();
    let work = Work(u8::try_from(kdfparams.n.trailing_zeros()).ok()?);
    if !ours || !usual || !KEYSTORE_LOG_N.contains(&work.0) {
        return None;
    }
    let (salt, said) = (hex::decode(&kdfparams.salt).ok()?, hex::decode(said).ok()?);
    let iv: [u8; 16] = hex::decode(&cipherparams.iv).ok()?.try_into().ok()?;
    let mut text = Zeroizing::new(<[u8; 32]>::try_from(hex::decode(ciphertext).ok()?).ok()?);
    let derived = derive(password, &salt, work)?;
    if constant_time::verify_slices_are_equal(&mac(&derived, &*text), &said).is_err() {
        return Some(Opened::WrongPassword);
    }
    let cipher = DecryptingKey::ctr(UnboundCipherKey::new(&AES_128, &derived[..16]).ok()?).ok()?;
    cipher.decrypt(&mut *text, DecryptionContext::Iv128(FixedLength::from(iv))).ok()?;
    PrivateKeySigner::from_slice(&*text).ok().map(|signer| Opened::Key(WalletKey::new(signer)))
}

fn derive(password: &Secret, salt: &[u8], work: Work) -> Option<Zeroizing<[u8; 32]>> {
    let params = scrypt::Params::new(work.0, R, P).ok()?;
    let mut derived = Zeroizing::new([0_u8; 32]);
    scrypt::scrypt(password.reveal().as_bytes(), salt, &params, &mut *derived).ok()?;
    Some(derived)
}

fn mac(derived: &[u8; 32], ciphertext: &[u8]) -> [u8; 32] {
    let mut text = Zeroizing::new(Vec::with_capacity(16 + ciphertext.len()));
    text.extend_from_slice(&derived[16..]);
    text.extend_from_slice(ciphertext);
    keccak256(&*text).0
}

/// The text of a random id, as the standard has it.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let text = hex::encode(bytes);
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Work = Work(*KEYSTORE_LOG_N.start());

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_key_comes_back_with_its_password_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = WalletKey::new(PrivateKeySigner::random());
        write(folder.path(), &key, &secret("right"), WORK).expect("written");
        let back = read(folder.path(), key.address(), &secret("right")).expect("unlocked");
        assert_eq!(*back.to_bytes(), *key.to_bytes());
        let wrong = read(folder.path(), key.address(), &secret("wrong"));
        assert!(matches!(wrong, Err(KeystoreError::WrongPassword)));
        let nobody = read(folder.path(), Address::repeat_byte(1), &secret("right"));
        assert!(matches!(nobody, Err(KeystoreError::Missing { .. })));
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 1, "nothing else is left behind");
    }

    /// Written by ethers 6 for the first key of anvil, with the least work.
    #[test]
    fn a_keystore_of_another_program_opens() {
        let text = r#"{"address":"f39fd6e51aad88f6f4ce6ab8827279cfffb92266","id":"33333333-3333-4333-b333-333333333333","version":3,
            "Crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"11111111111111111111111111111111"},
            "ciphertext":"04ed0659d489c82e9a3c03bedeed6181120a72ca3c8d07dc75cdaf15f5b5fdbd","kdf":"scrypt",
            "kdfparams":{"salt":"2222222222222222222222222222222222222222222222222222222222222222","n":16384,"dklen":32,"p":1,"r":8},
            "mac":"b3c870bbd46b5293b60497479ed77de88bc2ea7f89078cdd49f915e2a5c4bc95"}}"#;
        let file: File = serde_json::from_str(text).expect("as ethers writes it");
        let Some(Opened::Key(key)) = open(&file, &secret("testpassword")) else { panic!("it opens") };
        assert_eq!(key.address().to_string(), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
    }

    #[test]
    fn a_crafted_file_does_not_take_the_pc_down() {
        let key = WalletKey::new(PrivateKeySigner::random());
        let mut file = seal(&key, &secret("x"), WORK).expect("sealed");
        for n in [0, 3, 1 << 13, 1 << 21, 1 << 40, u64::MAX] {
            file.crypto.kdfparams.n = n;
            assert!(open(&file, &secret("x")).is_none(), "{n}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_keystore_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let key = WalletKey::new(PrivateKeySigner::random());
        write(folder.path(), &key, &secret("right"), WORK).expect("written");
        let file = path(folder.path(), key.address());
        assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).expect("changed");
        assert!(matches!(read(folder.path(), key.address(), &secret("right")), Err(KeystoreError::Exposed { .. })));
    }

    #[test]
    fn neither_key_nor_password_stands_in_the_file_or_in_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = WalletKey::new(PrivateKeySigner::random());
        write(folder.path(), &key, &secret("a very secret password"), WORK).expect("written");
        let text = std::fs::read_to_string(path(folder.path(), key.address())).expect("the file").to_lowercase();
        assert!(!text.contains(&hex::encode(*key.to_bytes())) && !text.contains("secret password"));
        assert!(!format!("{key:?}").to_lowercase().contains(&hex::encode(*key.to_bytes())));
    }
}
