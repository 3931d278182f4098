//! Paying in: a list of steps that may be broken off anywhere and gone on with, here or after a crash.
//!
//! [`Deposit`] is what is written down; [`Deposit::next`] says from that and from what the chain shows what to do next, and does
//! nothing. [`desk`] and [`ordering`] do it, [`shelf`] keeps what is not finished. Every transaction is written down before it is sent, so that the
//! same bytes are sent again and never others with the same effect.

use alloy_primitives::{Address, U256};
use headframe_protocol::{Micros, spending::SignedOrder};
use serde::{Deserialize, Serialize};

use crate::{chain::sending::Fate, wallet::SignedTransaction};

pub mod desk;
pub mod ordering;
pub mod shelf;

pub use desk::{Desk, Progress};

/// How long the network may spend what is paid in, unless the customer says otherwise.
pub const ORDER_DAYS: u32 = 30;

/// What a deposit is of, and where it goes. Another one of the same terms is the same deposit until it is finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// EIP-155 id of the chain.
    pub chain_id: u64,
    /// The contract that takes it.
    pub market: Address,
    /// Whose it is.
    pub wallet: Address,
    /// The token.
    pub asset: Address,
    /// How much.
    pub amount: Micros,
}

/// A deposit under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deposit {
    /// What it is.
    pub terms: Terms,
    /// Whether the network may spend it afterwards.
    pub spend: bool,
    /// Lets the Market take it. Several versions of one transaction, each for a higher fee.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approval: Vec<SignedTransaction>,
    /// Pays it in. The same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payment: Vec<SignedTransaction>,
    /// What the wallet had in the Market before, in token units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_before: Option<U256>,
    /// Lets the network spend it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<SignedOrder>,
    /// Whether the network has the order.
    #[serde(default)]
    pub ordered: bool,
}

/// A transaction of a deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Lets the Market take the tokens.
    Approval,
    /// Pays them in.
    Payment,
}

/// What the chain shows of a deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// What it comes to in token units.
    pub wanted: U256,
    /// What the Market may take of the wallet.
    pub allowance: U256,
    /// What became of the approval, if one was signed.
    pub approval: Option<Fate>,
    /// What became of the payment, if one was signed.
    pub payment: Option<Fate>,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Sign and send the approval.
    Approve,
    /// Sign and send the payment.
    PayIn,
    /// Wait for a transaction.
    Follow(Act, Fate),
    /// Sign the order that lets the network spend it.
    SignOrder,
    /// Give the order to the network.
    SendOrder,
    /// Wait until the network has reserved it.
    AwaitReservation,
    /// Nothing.
    Done,
}

/// A transaction that came to nothing. What it was to do can be begun anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setback {
    /// It is in a block and has done nothing.
    Reverted(Act),
    /// Another has taken its number.
    Replaced(Act),
    /// The approval was carried out, and the Market may not take the tokens all the same.
    Withdrawn,
}

impl Act {
    /// What it is called in a sentence about what a chain does.
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Approval => "let the Market take the tokens",
            Self::Payment => "pay the tokens in",
        }
    }
}

impl Deposit {
    /// One that has not begun.
    #[must_use]
    pub const fn new(terms: Terms, spend: bool) -> Self {
        Self { terms, spend, approval: Vec::new(), payment: Vec::new(), free_before: None, order: None, ordered: false }
    }

    /// What to do next.
    ///
    /// # Errors
    /// [`Setback`] if a transaction came to nothing.
    pub fn next(&self, seen: &Seen) -> Result<Step, Setback> {
        match (seen.payment, self.approves(seen)?) {
            (Some(Fate::Final { worked: true }), _) => Ok(self.after_payment()),
            (Some(Fate::Final { worked: false }), _) => Err(Setback::Reverted(Act::Payment)),
            (Some(Fate::Replaced), _) => Err(Setback::Replaced(Act::Payment)),
            (Some(fate @ (Fate::Waiting | Fate::Included { .. })), _) => Ok(Step::Follow(Act::Payment, fate)),
            (None, Some(step)) => Ok(step),
            (None, None) => Ok(Step::PayIn),
        }
    }

    /// What is to be done about the allowance; nothing if it is enough, or was.
    fn approves(&self, seen: &Seen) -> Result<Option<Step>, Setback> {
        if seen.payment.is_some() {
            return Ok(None);
        }
        let enough = seen.allowance >= seen.wanted;
        match seen.approval {
            Some(Fate::Waiting) => Ok(Some(Step::Follow(Act::Approval, Fate::Waiting))),
            // A node that has the block and tells the allowance of the one before must not make us approve twice.
            Some(fate @ Fate::Included { .. }) if !enough => Ok(Some(Step::Follow(Act::Approval, fate))),
            Some(Fate::Final { worked: false }) if !enough => Err(Setback::Reverted(Act::Approval)),
            Some(Fate::Replaced) if !enough => Err(Setback::Replaced(Act::Approval)),
            Some(Fate::Final { worked: true }) if !enough => Err(Setback::Withdrawn),
            None if !enough => Ok(Some(Step::Approve)),
            None | Some(Fate::Included { .. } | Fate::Final { .. } | Fate::Replaced) => Ok(None),
        }
    }

    fn after_payment(&self) -> Step {
        match (&self.order, self.ordered, self.spend) {
            (Some(_), true, _) => Step::AwaitReservation,
            (Some(_), false, _) => Step::SendOrder,
            (None, _, true) => Step::SignOrder,
            (None, _, false) => Step::Done,
        }
    }

    /// The versions of an act's transaction, the newest last.
    #[must_use]
    pub fn versions(&self, act: Act) -> &[SignedTransaction] {
        match act {
            Act::Approval => &self.approval,
            Act::Payment => &self.payment,
        }
    }

    /// The same, to add one or to forget them all.
    pub const fn versions_mut(&mut self, act: Act) -> &mut Vec<SignedTransaction> {
        match act {
            Act::Approval => &mut self.approval,
            Act::Payment => &mut self.payment,
        }
    }
}

#[cfg(test)]
mod tests;
