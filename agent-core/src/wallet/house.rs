//! Which wallet there is: made, imported or watched, and whether its owner has its phrase.

use headframe_protocol::control::{
    CreateArgs, ImportArgs, PayoutState, PayoutView, VerifyArgs, WalletAnswer, WalletState, WalletView, WatchArgs,
};
use tracing::info;

use super::{
    Wallet,
    destination::Destination,
    error::WalletError,
    key::WalletKey,
    phrase::Phrase,
    quiz::{Quiz, Verdict},
};
use crate::{
    clock,
    store::{PayoutRow, WalletRow},
};

impl Wallet {
    /// The wallet as it is now.
    pub(super) async fn show(&self) -> Result<WalletView, WalletError> {
        let state = match self.inner.store.wallet().await? {
            None => WalletState::None,
            Some(WalletRow::Watching { address }) => WalletState::Watching { address: address.to_string() },
            Some(WalletRow::Local { address, backup_verified, remembered }) => {
                WalletState::Local { address: address.to_string(), backup_verified, remembered }
            }
        };
        let payout = self.inner.store.payout().await?.map(|row| payout_view(&row));
        let spend = self.last_spend().await?;
        Ok(WalletView { state, payout, spend })
    }

    /// The wallet there is.
    pub(super) async fn row(&self) -> Result<WalletRow, WalletError> {
        self.inner.store.wallet().await?.ok_or(WalletError::NoWallet)
    }

    pub(super) async fn create(&self, args: CreateArgs) -> Result<WalletAnswer, WalletError> {
        let CreateArgs { words, password, remember, replace } = args;
        let _act = self.inner.acts.lock().await;
        self.may_replace(replace).await?;
        let phrase = Phrase::generate(words).map_err(WalletError::Phrase)?;
        let key = phrase.key().map_err(WalletError::Phrase)?;
        let account = self.settle_in(key, password, remember, false).await?;
        let shown = phrase.reveal();
        *self.quiz() = Some(Quiz::new(account, phrase, clock::now().moment));
        // It is to be forgotten in time.
        self.inner.errand.notify_one();
        info!(wallet.account = %account, "A new wallet {account} was made; its phrase is not verified yet");
        Ok(WalletAnswer::Created { wallet: self.show().await?, phrase: shown })
    }

    pub(super) async fn import(&self, args: ImportArgs) -> Result<WalletAnswer, WalletError> {
        let ImportArgs { phrase, password, remember, replace } = args;
        let _act = self.inner.acts.lock().await;
        self.may_replace(replace).await?;
        let key = Phrase::parse(&phrase).and_then(|phrase| phrase.key()).map_err(WalletError::Phrase)?;
        // Whoever can type it has it.
        let account = self.settle_in(key, password, remember, true).await?;
        *self.quiz() = None;
        info!(wallet.account = %account, "The wallet {account} was imported");
        Ok(WalletAnswer::Shown { wallet: self.show().await? })
    }

    pub(super) async fn watch(&self, args: WatchArgs) -> Result<WalletAnswer, WalletError> {
        let to = Destination::parse(&args.address).map_err(WalletError::Address)?;
        if !to.checksummed {
            return Err(WalletError::Impossible(
                "An address for payouts needs its checksum: copy it as the wallet shows it, with its capitals".to_owned(),
            ));
        }
        let _act = self.inner.acts.lock().await;
        self.may_replace(args.replace).await?;
        self.inner.store.set_wallet(&WalletRow::Watching { address: to.address }, clock::wall()).await?;
        *self.quiz() = None;
        info!(wallet.account = %to.address, "The wallet is {}, whose key is elsewhere", to.address);
        Ok(WalletAnswer::Shown { wallet: self.show().await? })
    }

    /// Which words of the new phrase to enter.
    pub(super) fn ask_words(&self) -> Result<Vec<u8>, WalletError> {
        self.quiz().as_mut().map(Quiz::ask).ok_or(WalletError::PhraseNeeded)
    }

    pub(super) async fn verify(&self, args: VerifyArgs) -> Result<WalletAnswer, WalletError> {
        let _act = self.inner.acts.lock().await;
        let account = match self.row().await? {
            WalletRow::Local { address, backup_verified: false, .. } => address,
            WalletRow::Local { .. } => return Err(WalletError::AlreadyVerified),
            WalletRow::Watching { address } => return Err(WalletError::KeyElsewhere(address)),
        };
        match args {
            VerifyArgs::Words { words } => {
                let mut quiz = self.quiz();
                let open = quiz.as_mut().filter(|quiz| quiz.account() == account).ok_or(WalletError::PhraseNeeded)?;
                match open.judge(&words) {
                    Verdict::Right => {}
                    Verdict::Wrong => return Err(WalletError::WrongWords),
                    Verdict::Forgotten => {
                        *quiz = None;
                        return Err(WalletError::PhraseNeeded);
                    }
                }
            }
            VerifyArgs::Phrase { phrase } => {
                let key = Phrase::parse(&phrase).and_then(|phrase| phrase.key()).map_err(WalletError::Phrase)?;
                if key.address() != account {
                    return Err(WalletError::WrongWords);
                }
            }
        }
        self.inner.store.set_backup_verified(account, clock::wall()).await?;
        *self.quiz() = None;
        info!(wallet.account = %account, "The phrase of wallet {account} is verified");
        Ok(WalletAnswer::Shown { wallet: self.show().await? })
    }

    /// Locks a key away and makes it the wallet. In this order: a keystore without a row is an unused file, a row without a
    /// keystore would be a wallet without a key.
    async fn settle_in(
        &self,
        key: WalletKey,
        password: headframe_protocol::control::Secret,
        remember: bool,
        backup_verified: bool,
    ) -> Result<alloy::primitives::Address, WalletError> {
        let address = self.inner.vault.lock_away(key, password, remember).await.map_err(WalletError::Vault)?;
        let row = WalletRow::Local { address, backup_verified, remembered: remember };
        self.inner.store.set_wallet(&row, clock::wall()).await?;
        Ok(address)
    }

    async fn may_replace(&self, replace: bool) -> Result<(), WalletError> {
        match self.inner.store.wallet().await? {
            Some(row) if !replace => Err(WalletError::Exists(row.address())),
            Some(_) | None => Ok(()),
        }
    }

    /// The phrase that waits to be verified, unless its time is over.
    pub(super) fn quiz(&self) -> std::sync::MutexGuard<'_, Option<Quiz>> {
        let mut quiz = self.inner.quiz.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if quiz.as_ref().is_some_and(|quiz| quiz.is_over(clock::now().moment)) {
            *quiz = None;
        }
        quiz
    }
}

fn payout_view(row: &PayoutRow) -> PayoutView {
    let terms = &row.signed.terms;
    let state = match (&row.standing, &row.refused) {
        (_, Some(message)) => PayoutState::Refused { message: message.clone() },
        (Some(standing), None) => match standing.pending_from_ms {
            Some(from_ms) if standing.terms.as_ref() != Some(terms) => PayoutState::Pending { from_ms },
            Some(_) | None => PayoutState::Accepted { confirmed: standing.confirmed },
        },
        (None, None) => PayoutState::Sending,
    };
    let held_because = row.standing.as_ref().and_then(|standing| standing.held_because.clone());
    PayoutView { account: terms.account.to_string(), chain_id: terms.chain_id, in_hfr: terms.in_hfr, state, held_because }
}
