//! The owner has read the words and says yes: what was prepared is unlocked, signed, written down, and from then on carried out.

use headframe_protocol::control::{Hazard, SignArgs, Warning, WithdrawalCard};
use tracing::info;

use super::{Wallet, error::WalletError, intent::Intent, past, prepare::Waiting, signing::Signed, vault::Passwords};
use crate::{
    clock,
    store::{Plan, StepName, WalletRow, WithdrawalRow},
};

impl Wallet {
    /// Signs an intent. Signed once, it is answered the same however often it is asked for.
    pub(super) async fn approve(&self, args: SignArgs) -> Result<Option<WithdrawalCard>, WalletError> {
        let SignArgs { intent: id, password, previous_password, confirmed } = args;
        let _act = self.inner.acts.lock().await;
        if let Some(row) = self.inner.store.withdrawal(&id).await?.filter(|row| row.step != StepName::Prepared) {
            return Ok(Some(past::card(&row)));
        }
        let Waiting { intent, warnings, expires: _ } = self.waiting().get(&id).cloned().ok_or(WalletError::IntentGone)?;
        all_confirmed(&warnings, &confirmed)?;
        let remembered = matches!(self.row().await?, WalletRow::Local { remembered: true, .. });
        let passwords = Passwords { own: password, remembered, previous: previous_password };
        let card = match &intent {
            Intent::ConfirmPayout(_) => {
                self.sign_payout(intent, passwords).await?;
                None
            }
            Intent::Withdraw(plan) => Some(self.sign_withdrawal(&id, Plan::clone(plan), passwords).await?),
        };
        self.waiting().remove(&id);
        self.inner.errand.notify_one();
        Ok(card)
    }

    async fn sign_payout(&self, intent: Intent, passwords: Passwords) -> Result<(), WalletError> {
        match self.inner.vault.sign(intent, passwords).await.map_err(WalletError::Vault)? {
            Signed::Payout(signed) => {
                self.inner.store.set_payout(&signed).await?;
                let account = signed.terms.account;
                info!(wallet.account = %account, "Earnings are to be paid to {account} on chain {}", signed.terms.chain_id);
                Ok(())
            }
            Signed::Act(_) => Err(WalletError::IntentGone),
        }
    }

    async fn sign_withdrawal(&self, id: &str, plan: Plan, passwords: Passwords) -> Result<WithdrawalCard, WalletError> {
        self.no_other(&plan).await?;
        let mut row = WithdrawalRow {
            id: id.to_owned(),
            step: StepName::Prepared,
            plan: plan.clone(),
            act: None,
            relay: None,
            tx_hash: None,
            block: None,
            reason: None,
            created_ms: clock::wall(),
        };
        self.inner.store.set_withdrawal(&row, clock::wall()).await?;
        let intent = Intent::Withdraw(Box::new(plan));
        let Signed::Act(act) = self.inner.vault.sign(intent, passwords).await.map_err(WalletError::Vault)? else {
            return Err(WalletError::IntentGone);
        };
        (row.step, row.act) = (StepName::Signed, Some(*act));
        // Before the first byte leaves: whatever happens from here on, these bytes are sent and no others.
        self.inner.store.set_withdrawal(&row, clock::wall()).await?;
        info!(withdrawal.id = id, "A withdrawal on {} is signed", row.plan.chain);
        Ok(past::card(&row))
    }
}

fn all_confirmed(warnings: &[Warning], confirmed: &[Hazard]) -> Result<(), WalletError> {
    let open = warnings.iter().filter(|warning| warning.confirm && !confirmed.contains(&warning.hazard));
    let words: Vec<&str> = open.map(|warning| warning.message.as_str()).collect();
    if words.is_empty() { Ok(()) } else { Err(WalletError::Unconfirmed(words.join(" "))) }
}
