//! The owner's wallet: its key, what it signs, and where earnings go.
//!
//! Two keys live on a rig. The device key (`device_key`) speaks for the machine and is always at hand. The wallet's key moves money; it
//! lies encrypted in a keystore and is unlocked for one intent that its owner has read in plain words. Nothing here earns: daily work
//! needs no wallet, and none of it waits for one.
//!
//! ```text
//!  guest ─► Wallet ─ prepare ─► Intent ─ words ─► guest ─ sign ─► vault ─► store ─► courier ─► coordinator, chain
//!                      │                                    (key lives here, for one signature)
//!                      └── chain, payroll: read, compared, proven
//! ```
//!
//! Reading order: `phrase` → `key` → `keystore` → `quiz`, `keyring` (secrets); `intent` → `signing` → `vault` (what is signed);
//! `contracts`, `chain`, `payroll`, `claimable`, `cost` (what is known); `house`, `prepare`, `approve`, `past`, `news` (what guests ask);
//! `courier` (what is carried out, again and again, until it is done).

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use headframe_protocol::control::{WalletAnswer, WalletRequest};
use tokio::sync::{Mutex, Notify};
use url::Url;

use crate::{device_key::DeviceKey, settings::Timers, store::Store, tasks::Tasks};

mod amount;
mod approve;
mod balances;
mod chain;
mod claimable;
mod contracts;
mod cost;
mod courier;
mod destination;
mod error;
mod house;
mod intent;
mod key;
mod keyring;
mod keystore;
mod news;
mod past;
mod payroll;
mod phrase;
mod prepare;
mod quiz;
mod signing;
mod vault;

pub use amount::AmountError;
pub use chain::ChainError;
pub use destination::AddressError;
pub use error::WalletError;
pub use keyring::KeyringError;
pub use keystore::KeystoreError;
pub(crate) use payroll::Payroll;
pub use payroll::PayrollError;
pub use phrase::PhraseError;
pub use signing::SigningError;
pub use vault::VaultError;

/// The folder of keystores in the data directory.
const FOLDER: &str = "wallet";

/// How long a chain may take for one answer; several are asked for at once.
const CHAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// What a wallet needs.
pub struct WalletConfig {
    /// The agent's data directory.
    pub data_dir: PathBuf,
    /// The coordinator's public address.
    pub coordinator: Url,
    /// Says where this rig's earnings go.
    pub key: Arc<DeviceKey>,
    /// Keeps what is not secret.
    pub store: Store,
    /// The network's name, while the rig is connected to it.
    pub network: Box<dyn Fn() -> Option<String> + Send + Sync>,
    /// How much work a guess at a password is: 2^this.
    pub keystore_log_n: u8,
    /// Paces what is tried again.
    pub timers: Timers,
}

impl std::fmt::Debug for WalletConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WalletConfig").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

/// The wallet. A cheap handle.
#[derive(Clone)]
pub struct Wallet {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Wallet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wallet").finish_non_exhaustive()
    }
}

struct Inner {
    vault: vault::Vault,
    payroll: payroll::Payroll,
    http: reqwest::Client,
    key: Arc<DeviceKey>,
    store: Store,
    network: Box<dyn Fn() -> Option<String> + Send + Sync>,
    /// Held by whatever changes something: such acts come one after the other.
    acts: Mutex<()>,
    /// Locked for moments only, never across an `await`.
    quiz: std::sync::Mutex<Option<quiz::Quiz>>,
    /// The same.
    waiting: std::sync::Mutex<HashMap<String, prepare::Waiting>>,
    /// There is something to carry out.
    errand: Notify,
    /// When payouts were looked for.
    looks: news::Looks,
}

impl Wallet {
    /// Opens the wallet there is, if any, and goes on with what an earlier life left undone, until the tasks are stopped.
    ///
    /// # Errors
    /// If no HTTP client can be made.
    pub fn open(config: WalletConfig, tasks: &Tasks) -> Result<Self, reqwest::Error> {
        let WalletConfig { data_dir, coordinator, key, store, network, keystore_log_n, timers } = config;
        // A redirect would lead a signed text, or a question about an account, to somebody else.
        let http = reqwest::Client::builder().timeout(CHAIN_TIMEOUT).redirect(reqwest::redirect::Policy::none()).build()?;
        let inner = Inner {
            vault: vault::Vault::new(data_dir.join(FOLDER), keystore::Work(keystore_log_n)),
            payroll: payroll::Payroll::new(coordinator, http.clone()),
            http,
            key,
            store,
            network,
            acts: Mutex::new(()),
            quiz: std::sync::Mutex::new(None),
            waiting: std::sync::Mutex::new(HashMap::new()),
            errand: Notify::new(),
            looks: news::Looks::new(timers),
        };
        let wallet = Self { inner: Arc::new(inner) };
        tasks.spawn("courier", courier::run(wallet.clone(), timers, tasks.stopped()));
        Ok(wallet)
    }

    /// Answers a guest.
    ///
    /// # Errors
    /// [`WalletError`]: nothing was done, unless it says so.
    pub async fn ask(&self, request: WalletRequest) -> Result<WalletAnswer, WalletError> {
        match request {
            WalletRequest::Show => self.show().await.map(|wallet| WalletAnswer::Shown { wallet }),
            WalletRequest::Create(args) => self.create(args).await,
            WalletRequest::Quiz => self.ask_words().map(|positions| WalletAnswer::Quiz { positions }),
            WalletRequest::Verify(args) => self.verify(args).await,
            WalletRequest::Import(args) => self.import(args).await,
            WalletRequest::Watch(args) => self.watch(args).await,
            WalletRequest::Balances => self.balances().await,
            WalletRequest::Prepare(args) => self.prepare(args).await.map(|intent| WalletAnswer::Prepared { intent }),
            WalletRequest::Sign(args) => self.approve(args).await.map(|withdrawal| WalletAnswer::Signed { withdrawal }),
            WalletRequest::History(args) => self.history(args).await.map(|page| WalletAnswer::History { page }),
            WalletRequest::Receipts(args) => self.receipts(args).await.map(|page| WalletAnswer::Receipts { page }),
            WalletRequest::News => self.news().await.map(|news| WalletAnswer::News { news }),
            WalletRequest::Told(args) => self.told(&args.ids).await.map(|news| WalletAnswer::News { news }),
            WalletRequest::Spend(args) => self.spend(args).await,
        }
    }
}
