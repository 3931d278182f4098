//! The wallet's lock. A key is unlocked for one intent, on one thread, and is gone when that has been signed; nothing stays open in
//! between, so there is nothing to lock again.

use std::{path::PathBuf, time::Duration};

use alloy::primitives::Address;
use headframe_protocol::control::Secret;
use tokio::sync::Mutex;

use super::{
    intent::Intent,
    key::WalletKey,
    keyring::{self, KeyringError},
    keystore::{self, KeystoreError, Work},
    signing::{self, Signed, SigningError},
};
use crate::{
    clock::{self, Moment},
    tasks,
};

/// The shortest password that is taken.
pub(crate) const PASSWORD_CHARS_MIN: usize = 8;

/// Slips that cost nothing.
const FREE_SLIPS: u32 = 2;

/// The longest pause between two guesses.
const PAUSE_MAX: Duration = Duration::from_secs(15 * 60);

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The password is too easy to guess.
    #[error("a password has at least {PASSWORD_CHARS_MIN} characters")]
    WeakPassword,
    /// The keyring does not have it.
    #[error("the wallet's password is needed")]
    PasswordNeeded,
    /// It is another one.
    #[error("this is not the password of the wallet {account}")]
    WrongPassword {
        /// Whose.
        account: Address,
        /// How long to wait before the next.
        wait: Duration,
    },
    /// Too soon after a wrong one.
    #[error("too soon after a wrong password")]
    TooSoon {
        /// How long to wait.
        wait: Duration,
    },
    /// The keystore cannot be used.
    #[error("the wallet cannot be unlocked")]
    Keystore(#[source] KeystoreError),
    /// The keyring cannot be used.
    #[error("the keyring cannot be used")]
    Keyring(#[source] KeyringError),
    /// The intent was not signed.
    #[error("the wallet did not sign")]
    Signing(#[source] SigningError),
    /// The thread that should have done it has died.
    #[error("unlocking ended by a mistake in this program")]
    Died,
}

/// Passwords that unlock what an intent needs.
#[derive(Debug, Default)]
pub(super) struct Passwords {
    /// Of the intent's wallet.
    pub(super) own: Option<Secret>,
    /// Whether the keyring has it, and may be asked where it is not given.
    pub(super) remembered: bool,
    /// Of the wallet whose place is taken; absent if it does not agree.
    pub(super) previous: Option<Secret>,
}

/// Keystores, and what stands between them and a guess.
pub(super) struct Vault {
    folder: PathBuf,
    work: Work,
    /// Held during an attempt: guesses come one after the other.
    patience: Mutex<Patience>,
}

impl Vault {
    pub(super) fn new(folder: PathBuf, work: Work) -> Self {
        Self { folder, work, patience: Mutex::new(Patience::default()) }
    }

    /// Locks a new key away, with its password in the keyring first if that is wanted: a wallet whose keyring fails is not made.
    pub(super) async fn lock_away(&self, key: WalletKey, password: Secret, remember: bool) -> Result<Address, VaultError> {
        if password.reveal().chars().count() < PASSWORD_CHARS_MIN {
            return Err(VaultError::WeakPassword);
        }
        let account = key.address();
        if remember {
            keyring::keep(account, &password).await.map_err(VaultError::Keyring)?;
        }
        let (folder, work) = (self.folder.clone(), self.work);
        let written = tasks::apart(move || keystore::write(&folder, &key, &password, work)).await;
        written.ok_or(VaultError::Died)?.map_err(VaultError::Keystore)?;
        Ok(account)
    }

    /// Whether the key of `account` is here.
    pub(super) fn has(&self, account: Address) -> bool {
        keystore::path(&self.folder, account).is_file()
    }

    /// Unlocks what `intent` needs, signs it, and forgets the keys.
    pub(super) async fn sign(&self, intent: Intent, passwords: Passwords) -> Result<Signed, VaultError> {
        let mut patience = self.patience.lock().await;
        let wait = patience.wait(clock::now().moment);
        if !wait.is_zero() {
            return Err(VaultError::TooSoon { wait });
        }
        let own = match (intent.needs_key(), passwords.own) {
            (None, _) => None,
            (Some(account), Some(password)) => Some((account, password)),
            (Some(account), None) if passwords.remembered => Some((account, remembered(account).await?)),
            (Some(_), None) => return Err(VaultError::PasswordNeeded),
        };
        let previous = intent.previous().zip(passwords.previous);
        let folder = self.folder.clone();
        let signed = tasks::apart(move || -> Result<Signed, Failed> {
            let key = own.map(|(account, password)| unlock(&folder, account, &password)).transpose()?;
            let previous = previous.map(|(account, password)| unlock(&folder, account, &password)).transpose()?;
            signing::sign(&intent, key.as_ref(), previous.as_ref()).map_err(|error| Failed::Other(VaultError::Signing(error)))
        })
        .await;
        match signed.ok_or(VaultError::Died)? {
            Ok(signed) => {
                patience.forget();
                Ok(signed)
            }
            Err(Failed::WrongPassword(account)) => {
                let wait = patience.slip(clock::now().moment);
                Err(VaultError::WrongPassword { account, wait })
            }
            Err(Failed::Other(error)) => Err(error),
        }
    }
}

async fn remembered(account: Address) -> Result<Secret, VaultError> {
    match keyring::password(account).await {
        Ok(Some(password)) => Ok(password),
        // A keyring that is locked or gone is no reason to stop: the owner still knows his password.
        Ok(None) | Err(_) => Err(VaultError::PasswordNeeded),
    }
}

enum Failed {
    WrongPassword(Address),
    Other(VaultError),
}

fn unlock(folder: &std::path::Path, account: Address, password: &Secret) -> Result<WalletKey, Failed> {
    keystore::read(folder, account, password).map_err(|error| match error {
        KeystoreError::WrongPassword => Failed::WrongPassword(account),
        error @ (KeystoreError::Missing { .. }
        | KeystoreError::Exposed { .. }
        | KeystoreError::Damaged { .. }
        | KeystoreError::File { .. }
        | KeystoreError::Cipher) => Failed::Other(VaultError::Keystore(error)),
    })
}

/// Guesses take longer and longer.
#[derive(Debug, Default)]
struct Patience {
    slips: u32,
    until: Moment,
}

impl Patience {
    fn wait(&self, now: Moment) -> Duration {
        if self.slips == 0 { Duration::ZERO } else { self.until.since(now) }
    }

    /// One more; how long to wait now: 1 s, 2 s, 4 s, …
    fn slip(&mut self, now: Moment) -> Duration {
        self.slips = self.slips.saturating_add(1);
        let doubled = self.slips.saturating_sub(FREE_SLIPS);
        let pause = if doubled == 0 { Duration::ZERO } else { Duration::from_secs(1 << (doubled - 1).min(10)).min(PAUSE_MAX) };
        self.until = now + pause;
        pause
    }

    fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use alloy::{primitives::U256, signers::local::PrivateKeySigner};
    use headframe_protocol::chain::AssetKind;

    use super::*;
    use crate::{
        settings::KEYSTORE_LOG_N,
        store::{GasPlan, How, Plan},
    };

    fn send_from(account: Address) -> Intent {
        let gas = GasPlan { nonce: 0, limit: 50_000, max_fee_per_gas: 1, max_priority_fee_per_gas: 1, data_fee: 0 };
        Intent::Withdraw(Box::new(Plan {
            chain_id: 1,
            chain: "Ethereum".to_owned(),
            finality_blocks: 1,
            explorer: None,
            asset: Address::repeat_byte(3),
            symbol: "USDC".to_owned(),
            decimals: 6,
            kind: AssetKind::Stable,
            account,
            to: Address::repeat_byte(2),
            amount: U256::from(1),
            how: How::Transfer { gas },
        }))
    }

    fn with(password: Option<&str>) -> Passwords {
        Passwords { own: password.map(|text| Secret::new(text.to_owned())), ..Passwords::default() }
    }

    #[tokio::test]
    async fn a_wallet_is_open_for_one_signature_and_locked_before_and_after() {
        let folder = tempfile::tempdir().expect("a folder");
        let vault = Vault::new(folder.path().to_owned(), Work(*KEYSTORE_LOG_N.start()));
        let key = WalletKey::new(PrivateKeySigner::random());
        let weak = vault.lock_away(WalletKey::new(PrivateKeySigner::random()), Secret::new("seven77".to_owned()), false).await;
        assert!(matches!(weak, Err(VaultError::WeakPassword)));
        let account = vault.lock_away(key, Secret::new("long enough".to_owned()), false).await.expect("locked");
        let locked = vault.sign(send_from(account), with(None)).await;
        assert!(matches!(locked, Err(VaultError::PasswordNeeded)), "{locked:?}");
        let wrong = vault.sign(send_from(account), with(Some("something else"))).await;
        assert!(matches!(wrong, Err(VaultError::WrongPassword { .. })), "{wrong:?}");
        let open = vault.sign(send_from(account), with(Some("long enough"))).await;
        assert!(matches!(open, Ok(Signed::Act(_))), "{open:?}");
        let again = vault.sign(send_from(account), with(None)).await;
        assert!(matches!(again, Err(VaultError::PasswordNeeded)), "nothing stayed open: {again:?}");
        let stranger = vault.sign(send_from(Address::repeat_byte(7)), with(Some("long enough"))).await;
        assert!(matches!(stranger, Err(VaultError::Keystore(KeystoreError::Missing { .. }))), "{stranger:?}");
    }

    #[test]
    fn guesses_take_longer_and_longer_and_a_right_one_makes_up() {
        let now = Moment::default();
        let mut patience = Patience::default();
        let pauses: Vec<u64> = (0..14).map(|_| patience.slip(now).as_secs()).collect();
        assert_eq!(pauses, [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(patience.wait(now + Duration::from_secs(100)), Duration::from_secs(800));
        patience.forget();
        assert_eq!(patience.wait(now), Duration::ZERO);
    }
}
