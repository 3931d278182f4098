//! What was withdrawn, what attempts have brought, and earnings turned into computing credit.

use std::time::Duration;

use alloy::primitives::B256;
use headframe_protocol::{
    CustomerId, Micros, TimestampMs,
    control::{
        HistoryArgs, ReceiptCard, ReceiptPage, ReceiptsArgs, Source, SpendArgs, SpendState, SpendView, Unpaid, WalletAnswer,
        WithdrawalCard, WithdrawalPage, WithdrawalState,
    },
    payout::{Earning, EarningWaits, SpendEarnings},
};
use tracing::warn;
use url::Url;

use super::{
    Wallet, amount,
    error::WalletError,
    intent,
    payroll::{CLOCK_WRONG, PayrollError},
};
use crate::{
    clock,
    store::{Chain as Causes, How, SpendRow, StepName, WithdrawalRow},
};

/// The most on one page.
const PAGE_MAX: u32 = 100;

/// What attempts are paid on that were paid with practice money.
const PRACTICE: u64 = 0;

/// How many pages of attempts are looked at for what cannot be taken yet: what is older than so many is held by nothing any more.
const UNPAID_PAGES_MAX: u32 = 10;

/// How long it is said that something was not spent.
const REFUSAL_SHOWN: Duration = Duration::from_secs(24 * 3_600);

/// The longest name of a thing to begin after.
const NAME_BYTES_MAX: usize = 64;

impl Wallet {
    pub(super) async fn history(&self, args: HistoryArgs) -> Result<WithdrawalPage, WalletError> {
        check_page(args.limit, args.after.as_deref())?;
        let (rows, more) = self.inner.store.withdrawals_before(args.after.as_deref(), args.limit).await?;
        let next = rows.last().filter(|_| more).map(|row| row.id.clone());
        Ok(WithdrawalPage { withdrawals: rows.iter().map(card).collect(), next })
    }

    pub(super) async fn receipts(&self, args: ReceiptsArgs) -> Result<ReceiptPage, WalletError> {
        check_page(args.limit, args.after.as_deref())?;
        let device = self.inner.key.device();
        let (page, chains) = tokio::try_join!(
            self.inner.payroll.earnings(device, args.after.as_deref(), args.limit),
            self.inner.payroll.chains(),
        )?;
        let mut receipts = Vec::with_capacity(page.earnings.len());
        for earning in page.earnings {
            let title =
                self.inner.store.attempt(&earning.attempt.to_string()).await?.map(|known| known.title).unwrap_or_default();
            let profile = chains.iter().find(|profile| profile.chain_id == earning.chain_id);
            receipts.push(receipt(earning, title, profile.and_then(|profile| profile.explorer.as_ref())));
        }
        Ok(ReceiptPage { receipts, next: page.next })
    }

    /// What was earned and cannot be taken yet.
    pub(super) async fn unpaid(&self) -> Result<Unpaid, WalletError> {
        let device = self.inner.key.device();
        let (mut sums, mut after) = (Unpaid::default(), None);
        for _ in 0..UNPAID_PAGES_MAX {
            let page = self.inner.payroll.earnings(device, after.as_deref(), PAGE_MAX).await?;
            page.earnings.iter().for_each(|earning| count(&mut sums, earning));
            after = page.next;
            if after.is_none() {
                return Ok(sums);
            }
        }
        Ok(Unpaid { more: true, ..sums })
    }

    /// Written down before it is sent, and sent until it is answered: it happens once, or not at all. Whoever says the same again
    /// before that has not said a second thing.
    pub(super) async fn spend(&self, args: SpendArgs) -> Result<WalletAnswer, WalletError> {
        let customer: CustomerId =
            args.customer.parse().map_err(|_| WalletError::Impossible("A customer is cus_ and 32 hex digits".to_owned()))?;
        if args.amount <= Micros::ZERO {
            return Err(WalletError::Impossible("Nothing is spent with nothing".to_owned()));
        }
        let _act = self.inner.acts.lock().await;
        let network = (self.inner.network)().ok_or(WalletError::NotConnected)?;
        let open = self.inner.store.open_spends().await?;
        let wanted = (network.as_str(), customer, args.amount);
        let is_same = |waits: &SpendEarnings| (waits.network.as_str(), waits.customer, waits.amount) == wanted;
        let signed = match open.into_iter().find(|waits| is_same(&waits.spend)) {
            Some(waits) => waits,
            None => {
                let spend = SpendEarnings {
                    network,
                    device: self.inner.key.device(),
                    customer,
                    amount: args.amount,
                    nonce: B256::from(rand::random::<[u8; 32]>()),
                    issued_ms: clock::wall(),
                };
                let signed = self.inner.key.sign_spend(spend).map_err(WalletError::Device)?;
                self.inner.store.set_spend(&signed).await?;
                signed
            }
        };
        let outcome = self.inner.payroll.spend(&signed).await;
        self.end_spend(&signed, &outcome).await?;
        match outcome {
            Ok(()) => Ok(WalletAnswer::Spent),
            Err(error @ (PayrollError::Offline(_) | PayrollError::Garbled)) => {
                warn!("Nobody has answered that {} of earnings are spent: {}; it is tried again", args.amount, Causes(&error));
                self.inner.errand.notify_one();
                Ok(WalletAnswer::Spending)
            }
            Err(error @ (PayrollError::Refused(_) | PayrollError::ClockWrong)) => Err(error.into()),
        }
    }

    /// The last of what is spent, while an owner may wonder about it.
    pub(super) async fn last_spend(&self) -> Result<Option<SpendView>, WalletError> {
        let Some(SpendRow { signed, done_ms, refused }) = self.inner.store.last_spend().await? else { return Ok(None) };
        let state = match (done_ms, refused) {
            (None, _) => SpendState::Sending,
            (Some(done), Some(message)) if clock::wall().since(done) < REFUSAL_SHOWN => SpendState::Refused { message },
            (Some(_), _) => return Ok(None),
        };
        let SpendEarnings { amount, customer, issued_ms, .. } = signed.spend;
        Ok(Some(SpendView { amount, customer: customer.to_string(), said_ms: issued_ms, state }))
    }

    /// Writes down how it ended, if it has.
    pub(super) async fn end_spend(
        &self,
        signed: &headframe_protocol::payout::SignedSpendEarnings,
        outcome: &Result<(), PayrollError>,
    ) -> Result<(), WalletError> {
        let refused = match outcome {
            Ok(()) => None,
            Err(PayrollError::Refused(reason)) => Some(reason.as_str()),
            Err(PayrollError::Offline(_) | PayrollError::Garbled) => return Ok(()),
            Err(PayrollError::ClockWrong) => Some(CLOCK_WRONG),
        };
        Ok(self.inner.store.end_spend(signed.spend.nonce, refused, clock::wall()).await?)
    }
}

/// Adds an attempt where it belongs; what can be taken, or was, belongs nowhere here.
fn count(sums: &mut Unpaid, earning: &Earning) {
    let Earning { share, chain_id, matures_ms, waits, payout_epoch, transaction, .. } = earning;
    let now = clock::wall();
    let held = matures_ms.filter(|until| *until > now);
    let sooner = |first: Option<TimestampMs>, until: TimestampMs| Some(first.map_or(until, |first| first.min(until)));
    let sum = match (*chain_id, payout_epoch, transaction, held, waits) {
        (PRACTICE, ..) => &mut sums.practice,
        (_, Some(_), Some(_), ..) => return,
        (_, Some(_), None, ..) => &mut sums.on_its_way,
        (_, None, _, Some(until), _) => {
            sums.held_until_ms = sooner(sums.held_until_ms, until);
            &mut sums.held
        }
        (_, None, _, None, Some(EarningWaits { lapses: true, .. })) => &mut sums.given_back,
        (_, None, _, None, Some(EarningWaits { until_ms, lapses: false })) => {
            sums.withheld_until_ms = sooner(sums.withheld_until_ms, *until_ms);
            &mut sums.withheld
        }
        (_, None, _, None, None) => &mut sums.credited,
    };
    // More than all the money of the world is not added.
    *sum = sum.checked_add(*share).unwrap_or(*sum);
}

fn check_page(limit: u32, after: Option<&str>) -> Result<(), WalletError> {
    let fits = (1..=PAGE_MAX).contains(&limit) && after.unwrap_or_default().len() <= NAME_BYTES_MAX;
    if fits { Ok(()) } else { Err(WalletError::Impossible("A page has 1 to 100 lines".to_owned())) }
}

/// A withdrawal for a guest.
pub(super) fn card(row: &WithdrawalRow) -> WithdrawalCard {
    let plan = &row.plan;
    let state = match row.step {
        StepName::Prepared => WithdrawalState::Prepared,
        StepName::Signed => WithdrawalState::Signed,
        StepName::Sent => WithdrawalState::Sent,
        StepName::Final => WithdrawalState::Final { block: row.block.unwrap_or_default() },
        StepName::Refused => WithdrawalState::Refused { message: row.reason.clone().unwrap_or_default() },
    };
    let from = match plan.how {
        How::Relayed { .. } | How::OwnClaim { .. } => Source::Earnings,
        How::Transfer { .. } => Source::Wallet,
    };
    let coins = |units| amount::coins(units, &plan.symbol, plan.decimals);
    let arrives = matches!(plan.how, How::Relayed { .. }).then(|| coins(plan.arrives()));
    WithdrawalCard {
        id: row.id.clone(),
        chain_id: plan.chain_id,
        chain: plan.chain.clone(),
        amount: coins(plan.amount),
        fee: intent::fee_text(plan),
        arrives,
        to: plan.to.to_string(),
        from,
        state,
        transaction: row.tx_hash.map(|hash| hash.to_string()),
        explorer: row.tx_hash.and_then(|hash| link(plan.explorer.as_ref(), hash)),
        created_ms: row.created_ms,
    }
}

fn receipt(earning: Earning, title: String, explorer: Option<&Url>) -> ReceiptCard {
    let Earning { attempt, settled_ms, paid, fee, share, chain_id, matures_ms, waits, payout_epoch, transaction } = earning;
    ReceiptCard {
        attempt: attempt.to_string(),
        title,
        settled_ms,
        paid,
        fee,
        share,
        practice: chain_id == PRACTICE,
        matures_ms,
        waits_until_ms: waits.map(|waits| waits.until_ms),
        lapses: waits.is_some_and(|waits| waits.lapses),
        payout_epoch,
        transaction: transaction.map(|hash| hash.to_string()),
        explorer: transaction.and_then(|hash| link(explorer, hash)),
    }
}

/// Every explorer has it there.
fn link(explorer: Option<&Url>, transaction: B256) -> Option<String> {
    explorer.map(|explorer| format!("{}/tx/{transaction}", explorer.as_str().trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earning(share: i64) -> Earning {
        Earning {
            attempt: headframe_protocol::AttemptId::generate(),
            settled_ms: TimestampMs::from_millis(1_000),
            paid: Micros::new(share),
            fee: Micros::ZERO,
            share: Micros::new(share),
            chain_id: 8_453,
            matures_ms: None,
            waits: None,
            payout_epoch: None,
            transaction: None,
        }
    }

    const fn waits(until_ms: TimestampMs, lapses: bool) -> Option<EarningWaits> {
        Some(EarningWaits { until_ms, lapses })
    }

    #[test]
    fn each_attempt_counts_in_one_place_and_what_can_be_taken_in_none() {
        let (soon, later) = (clock::wall().after(DAY), clock::wall().after(DAY * 2));
        let all = [
            earning(1),
            Earning { matures_ms: Some(TimestampMs::from_millis(5)), ..earning(2) },
            Earning { matures_ms: Some(later), ..earning(40) },
            Earning { matures_ms: Some(soon), ..earning(50) },
            Earning { waits: waits(later, false), ..earning(100_000) },
            Earning { waits: waits(soon, false), ..earning(200_000) },
            Earning { waits: waits(soon, true), ..earning(1_000_000) },
            Earning { payout_epoch: Some(7), ..earning(600) },
            Earning { payout_epoch: Some(6), transaction: Some(B256::ZERO), ..earning(7_000) },
            Earning { chain_id: PRACTICE, payout_epoch: Some(6), ..earning(80_000) },
        ];
        let mut sums = Unpaid::default();
        all.iter().for_each(|one| count(&mut sums, one));
        let expected = Unpaid {
            credited: Micros::new(3),
            on_its_way: Micros::new(600),
            held: Micros::new(90),
            held_until_ms: Some(soon),
            withheld: Micros::new(300_000),
            withheld_until_ms: Some(soon),
            given_back: Micros::new(1_000_000),
            practice: Micros::new(80_000),
            more: false,
        };
        assert_eq!(sums, expected);
    }

    const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);
}
