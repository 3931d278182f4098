//! What the coordinator signs registry tokens with, and the secret the registry's notifications carry.
//!
//! The registry trusts a certificate, not a bare key, so a self-signed one lies beside the key; the file is given to
//! the registry as `rootcertbundle`. Replicas share the folder's content.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use rand::Rng as _;

use super::RegistryError;

const KEY_FILE: &str = "token.key";
const CERTIFICATE_FILE: &str = "token.crt";
const SECRET_FILE: &str = "events.secret";

/// Where the registry's files are inside the coordinator's data directory.
#[must_use]
pub fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("registry")
}

/// Signs and checks tokens.
#[derive(Clone)]
pub struct TokenKeys {
    signing: EncodingKey,
    checking: DecodingKey,
    certificate: String,
    events_secret: String,
    certificate_path: PathBuf,
}

impl std::fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKeys").field("certificate_path", &self.certificate_path).finish_non_exhaustive()
    }
}

impl TokenKeys {
    /// Reads key, certificate and secret from `folder`, or makes them if there are none.
    ///
    /// # Errors
    /// [`RegistryError`] if they cannot be read or made.
    pub fn open(folder: &Path) -> Result<Self, RegistryError> {
        std::fs::create_dir_all(folder).map_err(|source| RegistryError::File { path: folder.to_owned(), source })?;
        let (key_path, certificate_path) = (folder.join(KEY_FILE), folder.join(CERTIFICATE_FILE));
        if !key_path.exists() {
            // The certificate first: a crash in between leaves no key behind that has no certificate.
            let made = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(RegistryError::Generate)?;
            keep(&certificate_path, &certificate_of(&made)?)?;
            keep(&key_path, &made.serialize_pem())?;
        }
        let wrong = || RegistryError::Key { path: key_path.clone() };
        let pem = read(&key_path)?;
        let pair = rcgen::KeyPair::from_pem(&pem).map_err(|_| wrong())?;
        let signing = EncodingKey::from_ec_pem(pem.as_bytes()).map_err(|_| wrong())?;
        let checking = DecodingKey::from_ec_der(rcgen::PublicKeyData::der_bytes(&pair));
        let certificate = certificate_der_base64(&read(&certificate_path)?);
        let events_secret = secret(&folder.join(SECRET_FILE))?;
        Ok(Self { signing, checking, certificate, events_secret, certificate_path })
    }

    /// The header of every token: the registry finds the key through the certificate in it.
    pub(super) fn header(&self) -> Header {
        Header { x5c: Some(vec![self.certificate.clone()]), ..Header::new(Algorithm::ES256) }
    }

    pub(super) const fn signing(&self) -> &EncodingKey {
        &self.signing
    }

    pub(super) const fn checking(&self) -> &DecodingKey {
        &self.checking
    }

    /// What the registry's notifications carry.
    pub(super) fn events_secret(&self) -> &str {
        &self.events_secret
    }

    /// What the registry is given as `rootcertbundle`.
    pub(super) fn certificate_path(&self) -> &Path {
        &self.certificate_path
    }
}

fn certificate_of(key: &rcgen::KeyPair) -> Result<String, RegistryError> {
    let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).map_err(RegistryError::Generate)?;
    params.distinguished_name.push(rcgen::DnType::CommonName, "Headframe registry tokens");
    // Never renewed: whoever replaces the key replaces the certificate, and the registry trusts exactly this one file.
    params.not_after = rcgen::date_time_ymd(2099, 12, 31);
    Ok(params.self_signed(key).map_err(RegistryError::Generate)?.pem())
}

/// The middle of a PEM file is what `x5c` wants.
fn certificate_der_base64(pem: &str) -> String {
    let lines: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    // Through the bytes once, so that a damaged file does not end up in every token.
    STANDARD.decode(lines.as_bytes()).map(|der| STANDARD.encode(der)).unwrap_or_default()
}

fn secret(path: &Path) -> Result<String, RegistryError> {
    if !path.exists() {
        let mut bytes = [0_u8; 32];
        rand::rng().fill_bytes(&mut bytes);
        keep(path, &hex::encode(bytes))?;
    }
    Ok(read(path)?.trim().to_owned())
}

fn read(path: &Path) -> Result<String, RegistryError> {
    std::fs::read_to_string(path).map_err(|source| RegistryError::File { path: path.to_owned(), source })
}

/// Writes a file that only its owner can read.
pub(super) fn keep(path: &Path, text: &str) -> Result<(), RegistryError> {
    let write = || {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|source| RegistryError::File { path: path.to_owned(), source })
}
