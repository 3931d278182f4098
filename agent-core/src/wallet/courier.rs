//! Carries out what is signed: looks at what is written down, takes each a step further, and may be killed between any two of them.
//!
//! Every step can be taken twice. What is sent is the same bytes each time, so a chain or a coordinator that has them already says so.

use std::time::Duration;

use headframe_protocol::payout::{ChainProgress, Relay, RelayedClaim};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    Wallet,
    chain::{Chain, Fate},
    error::WalletError,
    payroll::{CLOCK_WRONG, PayrollError},
};
use crate::{
    clock,
    settings::Timers,
    store::{Act, Chain as Causes, How, PayoutRow, StepName, WithdrawalRow},
};

/// How soon what is on its way is looked at again.
const LOOK_AFTER: Duration = Duration::from_secs(10);

/// How long that may become where nothing moves: a chain that is down for a day is not asked ten thousand times.
const LOOK_AFTER_MAX: Duration = Duration::from_secs(120);

/// Why a withdrawal that was not signed never will be.
const NOT_SIGNED: &str = "It was not signed in time. Nothing has moved.";

/// What a look has found.
#[derive(Debug, Clone, Copy, Default)]
struct Look {
    /// Something is still on its way.
    open: bool,
    /// Something has come further.
    moved: bool,
}

impl Look {
    const fn and(self, other: Self) -> Self {
        Self { open: self.open || other.open, moved: self.moved || other.moved }
    }
}

/// Goes round until it is told to stop.
pub(super) async fn run(wallet: Wallet, timers: Timers, stop: CancellationToken) {
    let mut pause = LOOK_AFTER;
    loop {
        let Look { open, moved } = wallet.carry_out().await;
        pause = if moved { LOOK_AFTER } else { (pause * 2).min(LOOK_AFTER_MAX) };
        let next = async {
            // With nothing on its way there is nothing to look at; the next errand wakes us.
            if open { tokio::time::sleep(timers.scaled(pause)).await } else { std::future::pending().await }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = wallet.inner.errand.notified() => pause = LOOK_AFTER / 2,
            () = next => {}
        }
    }
}

impl Wallet {
    /// Takes everything that is on its way a step further.
    async fn carry_out(&self) -> Look {
        // A phrase whose time is over is forgotten here too, and not only when somebody asks for it.
        let mut all = Look { open: self.quiz().is_some(), moved: false };
        for (what, done) in [
            ("where earnings go", self.tell_payout().await),
            ("what is spent", self.tell_spends().await),
            ("withdrawals", self.move_withdrawals().await),
        ] {
            all = all.and(done.unwrap_or_else(|error| {
                warn!("Could not go on with {what}: {}; it is tried again", Causes(&error));
                Look { open: true, moved: false }
            }));
        }
        all
    }

    /// Tells the coordinator where earnings go, and asks again when a change that waits should have come about.
    async fn tell_payout(&self) -> Result<Look, WalletError> {
        let Some(row) = self.inner.store.payout().await?.filter(|row| row.refused.is_none()) else { return Ok(Look::default()) };
        let answer = match &row.standing {
            None => self.inner.payroll.set_payout(&row.signed).await,
            Some(standing) => match standing.pending_from_ms {
                Some(from) if from <= clock::wall() => self.inner.payroll.payout(row.signed.terms.device).await,
                waits => return Ok(Look { open: waits.is_some(), moved: false }),
            },
        };
        let answered = match answer {
            Ok(standing) => PayoutRow { standing: Some(standing), ..row },
            Err(PayrollError::Refused(reason)) => PayoutRow { refused: Some(reason), ..row },
            Err(PayrollError::ClockWrong) => PayoutRow { refused: Some(CLOCK_WRONG.to_owned()), ..row },
            Err(error @ (PayrollError::Offline(_) | PayrollError::Garbled)) => return Err(error.into()),
        };
        self.inner.store.answer_payout(&answered).await?;
        let open = answered.standing.is_some_and(|standing| standing.pending_from_ms.is_some());
        Ok(Look { open, moved: true })
    }

    async fn tell_spends(&self) -> Result<Look, WalletError> {
        for signed in self.inner.store.open_spends().await? {
            let outcome = self.inner.payroll.spend(&signed).await;
            self.end_spend(&signed, &outcome).await?;
            if let Err(error @ (PayrollError::Offline(_) | PayrollError::Garbled)) = outcome {
                return Err(error.into());
            }
        }
        Ok(Look::default())
    }

    async fn move_withdrawals(&self) -> Result<Look, WalletError> {
        let mut all = Look::default();
        for row in self.inner.store.open_withdrawals().await? {
            let (id, step) = (row.id.clone(), row.step);
            match self.advance(row.clone()).await {
                Ok(next) => {
                    let moved = next != row;
                    if moved {
                        self.inner.store.set_withdrawal(&next, clock::wall()).await?;
                        info!(withdrawal.id = id, "Withdrawal {id}: {step:?} → {:?}", next.step);
                    }
                    let open = match next.step {
                        StepName::Prepared | StepName::Signed | StepName::Sent => true,
                        StepName::Final | StepName::Refused => false,
                    };
                    all = all.and(Look { open, moved });
                }
                Err(error) => {
                    warn!(withdrawal.id = id, "Could not go on with withdrawal {id}: {}; it is tried again", Causes(&error));
                    all.open = true;
                }
            }
        }
        Ok(all)
    }

    /// One step of one withdrawal.
    async fn advance(&self, row: WithdrawalRow) -> Result<WithdrawalRow, WalletError> {
        match (row.step, row.act.clone()) {
            (StepName::Prepared, _) | (StepName::Signed | StepName::Sent, None) => {
                let waits = self.waiting().contains_key(&row.id);
                Ok(if waits { row } else { refused(row, NOT_SIGNED) })
            }
            (StepName::Signed, Some(Act::Relay { claim })) => match self.inner.payroll.relay(&claim).await {
                Ok(relay) => self.follow(row, &claim, relay).await,
                Err(PayrollError::Refused(reason)) => Ok(refused(row, &reason)),
                Err(PayrollError::ClockWrong) => Ok(refused(row, CLOCK_WRONG)),
                Err(error @ (PayrollError::Offline(_) | PayrollError::Garbled)) => Err(error.into()),
            },
            (StepName::Sent, Some(Act::Relay { claim })) => {
                let relay = match &row.relay {
                    Some(id) => self.inner.payroll.relayed(id).await,
                    None => self.inner.payroll.relay(&claim).await,
                };
                self.follow(row, &claim, relay?).await
            }
            (StepName::Signed, Some(Act::Raw { raw, hash })) => {
                self.chain_of(&row).await?.send(&raw).await?;
                Ok(WithdrawalRow { step: StepName::Sent, tx_hash: Some(hash), ..row })
            }
            (StepName::Sent, Some(Act::Raw { raw, hash })) => {
                let chain = self.chain_of(&row).await?;
                match chain.fate(hash).await? {
                    Fate::Final { block, worked: true } => Ok(WithdrawalRow { step: StepName::Final, block: Some(block), ..row }),
                    Fate::Final { .. } => {
                        Ok(refused(row, "The chain took the gas and refused the transfer. No money has moved."))
                    }
                    Fate::Included => Ok(row),
                    Fate::Nowhere if self.is_overtaken(&chain, &row).await? => {
                        Ok(refused(row, "Another transaction of this wallet took its place. No money has moved."))
                    }
                    Fate::Nowhere => {
                        chain.send(&raw).await?;
                        Ok(row)
                    }
                }
            }
            (StepName::Final | StepName::Refused, _) => Ok(row),
        }
    }

    /// What the relayer says, believed where the chain says it too.
    async fn follow(&self, row: WithdrawalRow, claim: &RelayedClaim, relay: Relay) -> Result<WithdrawalRow, WalletError> {
        let sent = WithdrawalRow { step: StepName::Sent, relay: Some(relay.id), ..row };
        match relay.progress {
            ChainProgress::Recorded => Ok(sent),
            ChainProgress::Sent { transaction } => Ok(WithdrawalRow { tx_hash: Some(transaction), ..sent }),
            ChainProgress::Refused { reason } => Ok(refused(sent, &reason)),
            ChainProgress::Final { transaction, .. } => {
                let chain = self.chain_of(&sent).await?;
                let sent = WithdrawalRow { tx_hash: Some(transaction), ..sent };
                let paid = chain.pays(transaction, claim.account, claim.asset, claim.to).await?;
                Ok(match chain.fate(transaction).await? {
                    Fate::Final { block, worked: true } if paid => {
                        WithdrawalRow { step: StepName::Final, block: Some(block), ..sent }
                    }
                    Fate::Final { .. } | Fate::Included | Fate::Nowhere => sent,
                })
            }
        }
    }

    async fn chain_of(&self, row: &WithdrawalRow) -> Result<Chain, WalletError> {
        let profiles = self.inner.payroll.chains().await?;
        let profile = profiles.into_iter().find(|profile| profile.chain_id == row.plan.chain_id);
        let gone = || WalletError::Impossible(format!("The network does not name {} any more", row.plan.chain));
        Ok(Chain::connect(profile.ok_or_else(gone)?, &self.inner.http).await?)
    }

    /// Whether the number of its transaction has been used by another for good.
    async fn is_overtaken(&self, chain: &Chain, row: &WithdrawalRow) -> Result<bool, WalletError> {
        match &row.plan.how {
            How::OwnClaim { gas, .. } | How::Transfer { gas } => Ok(chain.final_nonce(row.plan.account).await? > gas.nonce),
            How::Relayed { .. } => Ok(false),
        }
    }
}

fn refused(row: WithdrawalRow, reason: &str) -> WithdrawalRow {
    WithdrawalRow { step: StepName::Refused, reason: Some(reason.to_owned()), ..row }
}
