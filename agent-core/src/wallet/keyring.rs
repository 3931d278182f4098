//! The desktop's own keeper of passwords: Secret Service on Linux, Keychain on macOS, Credential Manager on Windows. A PC may have none;
//! then the password is asked for each time.
//!
//! Each call has a thread of its own: a keyring may ask its owner first, and nobody else waits for that.

use std::{sync::Arc, time::Duration};

use alloy::primitives::Address;
use headframe_protocol::control::Secret;
use keyring_core::{CredentialStore, Error};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// Under which name passwords are kept.
const SERVICE: &str = "headframe-wallet";

/// How long the keyring may take; long enough for its owner to unlock it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why the keyring did not help.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// There is none, or it does not let us in.
    #[error("there is no keyring here that can be used")]
    Unusable,
    /// It waits for somebody.
    #[error("the keyring does not answer; it may be waiting to be unlocked")]
    Silent,
}

/// Keeps a wallet's password.
pub(super) async fn keep(account: Address, password: &Secret) -> Result<(), KeyringError> {
    let password = password.clone();
    apart(account, move |entry| entry.set_password(password.reveal())).await
}

/// A wallet's password, if it is there.
pub(super) async fn password(account: Address) -> Result<Option<Secret>, KeyringError> {
    apart(account, |entry| match entry.get_secret() {
        Ok(bytes) => {
            let bytes = Zeroizing::new(bytes);
            Ok(std::str::from_utf8(&bytes).ok().map(|text| Secret::new(text.to_owned())))
        }
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    })
    .await
}

async fn apart<T, F>(account: Address, act: F) -> Result<T, KeyringError>
where
    T: Send + 'static,
    F: FnOnce(&keyring_core::Entry) -> keyring_core::Result<T> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let thread = std::thread::Builder::new().name("keyring".to_owned());
    let started = thread.spawn(move || {
        let entry = platform().and_then(|store| store.build(SERVICE, &account.to_string(), None));
        // Errors may hold what was stored; none is passed on.
        reply.send(entry.and_then(|entry| act(&entry)).map_err(drop)).ok();
    });
    started.map_err(|_| KeyringError::Unusable)?;
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(Ok(found))) => Ok(found),
        Ok(_) => Err(KeyringError::Unusable),
        Err(_) => Err(KeyringError::Silent),
    }
}

#[cfg(target_os = "linux")]
fn platform() -> keyring_core::Result<Arc<CredentialStore>> {
    zbus_secret_service_keyring_store::Store::new().map(|store| store as Arc<CredentialStore>)
}

#[cfg(target_os = "macos")]
fn platform() -> keyring_core::Result<Arc<CredentialStore>> {
    apple_native_keyring_store::keychain::Store::new().map(|store| store as Arc<CredentialStore>)
}

#[cfg(target_os = "windows")]
fn platform() -> keyring_core::Result<Arc<CredentialStore>> {
    windows_native_keyring_store::Store::new().map(|store| store as Arc<CredentialStore>)
}

#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "windows")))]
fn platform() -> keyring_core::Result<Arc<CredentialStore>> {
    Err(Error::NoDefaultStore)
}
