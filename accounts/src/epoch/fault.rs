//! Whether a credit follows from what it gives as its cause.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use headframe_protocol::{Micros, TimestampMs, auth::SignatureError, chain::AssetKind, payout::SignedSpendEarnings};

use super::credit::{Cause, Conversion, Credit, Maturity, Rate, Source, Work};
use crate::{
    fee::{FeeBps, FeeError},
    price::{AGE_MAX_MS, AHEAD_MAX_MS, ConversionError},
};

/// How long earnings from fiat credit wait: as long as a card's payment is easily taken back.
pub const MATURITY_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// The longest id of a transfer, in bytes. Those of the ledger are a kind and an id of ours.
const ID_BYTES_MAX: usize = 128;

/// The longest reason, in bytes: two sentences.
const REASON_BYTES_MAX: usize = 400;

/// What a credit is judged against: the head of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The network.
    pub network: &'a str,
    /// EIP-155 id of the chain.
    pub chain_id: u64,
    /// Where the epoch ends.
    pub to_ms: TimestampMs,
    /// What is paid in.
    pub kinds: BTreeMap<Address, AssetKind>,
}

/// Why a credit must not be paid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreditFault {
    /// A file's order must be the same in every language.
    #[error("an id is 1 to 128 printable ASCII characters without spaces")]
    Id,
    /// Nobody's.
    #[error("the zero address can claim nothing")]
    NoAccount,
    /// Nobody described it.
    #[error("{0} is not among the file's assets")]
    UnknownAsset(Address),
    /// Granted for practice, or not money of any chain.
    #[error("what is on no chain is never paid out")]
    NoChain,
    /// A kind that only gives takes, a kind that only takes gives, or nothing is moved.
    #[error("a credit of this kind cannot be {0}")]
    Sign(Micros),
    /// Money below nothing, or more than the ledger can hold.
    #[error("an amount is negative or too large")]
    Range,
    /// Another one's ledger.
    #[error("signed for network `{0}`")]
    OtherNetwork(String),
    /// Not what was signed.
    #[error("the rig did not sign this")]
    Signature(#[source] SignatureError),
    /// More than 15 %.
    #[error("the fee is not allowed")]
    Fee(#[source] FeeError),
    /// More time is paid than the rig says it worked.
    #[error("{charged_ms} ms are paid, the rig signed for {running_ms}")]
    Time {
        /// Paid, in milliseconds.
        charged_ms: u64,
        /// Signed, in milliseconds.
        running_ms: u64,
    },
    /// Not price times time.
    #[error("{stated} is charged; time and price give {follows}")]
    Charge {
        /// As the file says.
        stated: Micros,
        /// As it must be.
        follows: Micros,
    },
    /// Not what the cause gives.
    #[error("the amount is {stated}; its cause gives {follows}")]
    Amount {
        /// As the file says.
        stated: Micros,
        /// As it must be; for spending, the most it may be.
        follows: Micros,
    },
    /// From something into itself.
    #[error("a conversion leads to another asset or chain")]
    NotConverted,
    /// HFR and dollars are exchanged at a rate, two of a kind are not; and an asset of this chain is what the file says it is.
    #[error("the rate does not fit what is converted")]
    Rate,
    /// The price was not seen within the ten minutes before, nor, as blocks are stamped, a minute after.
    #[error("converted {age_ms} ms after the price was seen")]
    PriceAge {
        /// In milliseconds.
        age_ms: i64,
    },
    /// Not expressible in the other asset.
    #[error("could not convert the amount")]
    Conversion(#[source] ConversionError),
    /// An owner says how many dollars he spends.
    #[error("only earnings in dollars can be spent")]
    NotDollars,
    /// The epoch was over before.
    #[error("happened at {0}, after the epoch")]
    AfterEpoch(TimestampMs),
    /// Less than thirty days.
    #[error("earned at {0} from fiat credit, which has not matured by the end of the epoch")]
    NotMature(TimestampMs),
    /// Nobody could tell why.
    #[error("a correction says why in 1 to 400 bytes without control characters")]
    Reason,
}

impl Credit {
    /// Whether it follows from what it gives as its cause. Whether it is paid once is for the whole file to say.
    ///
    /// # Errors
    /// [`CreditFault`], the first that is found.
    pub fn check(&self, frame: &Frame<'_>) -> Result<(), CreditFault> {
        self.check_form()?;
        let kind = *frame.kinds.get(&self.asset).ok_or(CreditFault::UnknownAsset(self.asset))?;
        let follows = match &self.cause {
            Cause::Job { work } => work.due(frame)?,
            Cause::Matured { maturity, work } => maturity.due(work.due(frame)?, frame)?,
            Cause::Conversion { conversion, work, maturity } => {
                let due = work.due(frame)?;
                let due = maturity.as_ref().map_or(Ok(due), |maturity| maturity.due(due, frame))?;
                conversion.due(due, Source { chain_id: frame.chain_id, asset: self.asset, kind }, frame)?
            }
            // The owner may have had less than he wanted to spend, or not all of it on this chain.
            Cause::Spent { signed_spend } => self.amount.max(most_spent(signed_spend, kind, frame)?),
            Cause::Correction { .. } | Cause::Inventory => self.amount,
        };
        if self.amount == follows { Ok(()) } else { Err(CreditFault::Amount { stated: self.amount, follows }) }
    }

    fn check_form(&self) -> Result<(), CreditFault> {
        if !is_id(&self.id) {
            return Err(CreditFault::Id);
        }
        if self.account == Address::ZERO {
            return Err(CreditFault::NoAccount);
        }
        let sign_fits = match &self.cause {
            Cause::Job { .. } | Cause::Conversion { .. } | Cause::Matured { .. } | Cause::Inventory => self.amount > Micros::ZERO,
            Cause::Spent { .. } => self.amount < Micros::ZERO,
            Cause::Correction { reason } => {
                if reason.is_empty() || reason.len() > REASON_BYTES_MAX || reason.chars().any(char::is_control) {
                    return Err(CreditFault::Reason);
                }
                self.amount != Micros::ZERO
            }
        };
        if sign_fits { Ok(()) } else { Err(CreditFault::Sign(self.amount)) }
    }
}

impl Work {
    /// What the supplier is to get now, in micros of the asset the customer paid in.
    fn due(&self, frame: &Frame<'_>) -> Result<Micros, CreditFault> {
        let receipt = &self.signed_receipt.receipt;
        of_network(&receipt.network, frame)?;
        self.signed_receipt.verify().map_err(CreditFault::Signature)?;
        if self.charged_ms > receipt.running_ms {
            return Err(CreditFault::Time { charged_ms: self.charged_ms, running_ms: receipt.running_ms });
        }
        let price = not_negative(self.price_per_hour)?;
        let cap = not_negative(self.capped_at.unwrap_or(Micros::new(i64::MAX)))?;
        let follows = price.per_hour_for(self.charged_ms).min(cap);
        if self.charged != follows {
            return Err(CreditFault::Charge { stated: self.charged, follows });
        }
        self.share()
    }

    /// The same without asking whether the receipt and the price bear it out.
    pub(super) fn share(&self) -> Result<Micros, CreditFault> {
        let fee = FeeBps::new(self.fee_bps).map_err(CreditFault::Fee)?;
        let before = self.used_before.unwrap_or(Micros::ZERO);
        let after = before.checked_add(not_negative(self.charged)?).ok_or(CreditFault::Range)?;
        let split = fee.split(before, after).map_err(CreditFault::Fee)?;
        less(split.supplier, self.paid_before)
    }
}

impl Maturity {
    /// What is left of `earned` after it has waited.
    fn due(&self, earned: Micros, frame: &Frame<'_>) -> Result<Micros, CreditFault> {
        if !is_id(&self.transfer) {
            return Err(CreditFault::Id);
        }
        if self.earned_ms.as_millis().saturating_add(MATURITY_MS) > frame.to_ms.as_millis() {
            return Err(CreditFault::NotMature(self.earned_ms));
        }
        less(earned, self.reversed)
    }
}

impl Conversion {
    /// What `due` of its source becomes in `target`.
    fn due(&self, due: Micros, target: Source, frame: &Frame<'_>) -> Result<Micros, CreditFault> {
        if (self.from.chain_id, self.from.asset) == (target.chain_id, target.asset) {
            return Err(CreditFault::NotConverted);
        }
        if self.from.chain_id == 0 {
            return Err(CreditFault::NoChain);
        }
        if self.from.chain_id == frame.chain_id && frame.kinds.get(&self.from.asset) != Some(&self.from.kind) {
            return Err(CreditFault::Rate);
        }
        if self.at_ms >= frame.to_ms {
            return Err(CreditFault::AfterEpoch(self.at_ms));
        }
        if self.amount != due {
            return Err(CreditFault::Amount { stated: self.amount, follows: due });
        }
        match (self.from.kind, target.kind, self.rate) {
            (AssetKind::Stable, AssetKind::Stable, None) | (AssetKind::Hfr, AssetKind::Hfr, None) => Ok(self.amount),
            (AssetKind::Stable, AssetKind::Hfr, Some(rate)) => {
                self.check_age(rate)?;
                rate.usd_per_hfr.hfr_for_supplier(self.amount).map_err(CreditFault::Conversion)
            }
            (AssetKind::Hfr, AssetKind::Stable, Some(rate)) => {
                self.check_age(rate)?;
                rate.usd_per_hfr.usd_for_supplier(self.amount).map_err(CreditFault::Conversion)
            }
            (AssetKind::Stable | AssetKind::Hfr, AssetKind::Stable | AssetKind::Hfr, None | Some(_)) => Err(CreditFault::Rate),
        }
    }

    fn check_age(&self, rate: Rate) -> Result<(), CreditFault> {
        let age_ms = self.at_ms.as_millis().saturating_sub(rate.seen_ms.as_millis());
        if (-AHEAD_MAX_MS..=AGE_MAX_MS).contains(&age_ms) { Ok(()) } else { Err(CreditFault::PriceAge { age_ms }) }
    }
}

/// The most that an owner's word takes of his earnings, as the amount of a credit.
fn most_spent(signed: &SignedSpendEarnings, kind: AssetKind, frame: &Frame<'_>) -> Result<Micros, CreditFault> {
    of_network(&signed.spend.network, frame)?;
    signed.verify().map_err(CreditFault::Signature)?;
    match kind {
        AssetKind::Stable => Ok(Micros::new(signed.spend.amount.get().saturating_neg())),
        AssetKind::Hfr => Err(CreditFault::NotDollars),
    }
}

fn of_network(network: &str, frame: &Frame<'_>) -> Result<(), CreditFault> {
    if network == frame.network { Ok(()) } else { Err(CreditFault::OtherNetwork(network.chars().take(80).collect())) }
}

fn not_negative(amount: Micros) -> Result<Micros, CreditFault> {
    if amount < Micros::ZERO { Err(CreditFault::Range) } else { Ok(amount) }
}

/// `whole` without `part`, both at least zero, and so is what is left.
fn less(whole: Micros, part: Option<Micros>) -> Result<Micros, CreditFault> {
    let part = not_negative(part.unwrap_or(Micros::ZERO))?;
    not_negative(whole.checked_sub(part).ok_or(CreditFault::Range)?)
}

fn is_id(text: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
