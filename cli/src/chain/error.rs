//! Why a chain did not do what was asked.

use alloy::transports::TransportError;
use alloy_primitives::{Address, B256, U256, utils::format_ether};

use crate::error::Exit;

/// Why a chain did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// No endpoint of the profile answers for this chain.
    #[error("no node answers for {chain}")]
    Unreachable {
        /// As people call it.
        chain: String,
    },
    /// No client could be made, such as for lack of certificates.
    #[error("could not set up HTTP for {chain}")]
    Setup {
        /// As people call it.
        chain: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// It did not answer, or with an error.
    #[error("{chain} did not tell {what}")]
    Call {
        /// As people call it.
        chain: String,
        /// What was asked.
        what: &'static str,
        /// Why not.
        #[source]
        source: Box<TransportError>,
    },
    /// A contract answered something else than its interface says.
    #[error("a contract on {chain} does not tell {what} as it should")]
    Garbled {
        /// As people call it.
        chain: String,
        /// What was asked.
        what: &'static str,
    },
    /// The chain says otherwise than the profile the network publishes.
    #[error("{chain} is not what the network says: {problem}; nothing was sent")]
    Wrong {
        /// As people call it.
        chain: String,
        /// What differs.
        problem: String,
    },
    /// No deposits now.
    #[error("{symbol} cannot be paid in on {chain} now: {why}")]
    Closed {
        /// As people call it.
        chain: String,
        /// Of what.
        symbol: String,
        /// Why.
        why: &'static str,
    },
    /// Transactions cost the chain's own coin.
    #[error("{}", no_gas(.chain, *.wallet, *.has, *.needed))]
    NoGas {
        /// As people call it.
        chain: String,
        /// Whose.
        wallet: Address,
        /// What it has, in the smallest units of the chain's coin.
        has: U256,
        /// What the next transaction may cost.
        needed: Option<U256>,
    },
    /// The chain would revert it, or does not take it.
    #[error("{chain} refuses to {act}: {reason}")]
    Refused {
        /// As people call it.
        chain: String,
        /// What the transaction would do.
        act: &'static str,
        /// In the node's words.
        reason: String,
    },
    /// It is in a block and has done nothing.
    #[error("{chain} has reverted the transaction {transaction}, which was to {act}; no money has moved")]
    Reverted {
        /// As people call it.
        chain: String,
        /// What it was to do.
        act: &'static str,
        /// Which.
        transaction: B256,
    },
    /// Another transaction of the wallet has taken its number.
    #[error("another transaction of the wallet has taken the place of {transaction} on {chain}, which was to {act}")]
    Replaced {
        /// As people call it.
        chain: String,
        /// What it was to do.
        act: &'static str,
        /// Which.
        transaction: B256,
    },
    /// The wallet has sent something, from somewhere, that is in no block yet.
    #[error("{wallet} has a transaction on {chain} that is in no block yet; wait for it, or replace it where it was sent")]
    Busy {
        /// As people call it.
        chain: String,
        /// Whose.
        wallet: Address,
    },
}

fn no_gas(chain: &str, wallet: Address, has: U256, needed: Option<U256>) -> String {
    let needed = needed.map(|needed| format!(", and up to {} is needed", format_ether(needed))).unwrap_or_default();
    format!(
        "transactions on {chain} are paid in its own coin; {} has {} of it{needed}. Send some there and run the command again",
        wallet.to_checksum(None),
        format_ether(has),
    )
}

impl ChainError {
    /// Whether the same question may be answered a little later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Call { source, .. } => source.is_transport_error(),
            Self::Unreachable { .. } => true,
            Self::Setup { .. }
            | Self::Garbled { .. }
            | Self::Wrong { .. }
            | Self::Closed { .. }
            | Self::NoGas { .. }
            | Self::Refused { .. }
            | Self::Reverted { .. }
            | Self::Replaced { .. }
            | Self::Busy { .. } => false,
        }
    }

    /// The exit code that belongs to it.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { .. } | Self::Setup { .. } | Self::Call { .. } | Self::Garbled { .. } => Exit::Unavailable,
            Self::NoGas { .. } => Exit::Payment,
            Self::Wrong { .. }
            | Self::Closed { .. }
            | Self::Refused { .. }
            | Self::Reverted { .. }
            | Self::Replaced { .. }
            | Self::Busy { .. } => Exit::Refused,
        }
    }
}
