//! Why money did not move, or should not have.

use headframe_protocol::{Micros, chain::Asset};

use crate::{
    amount,
    chain::{ChainError, choice::ChoiceError},
    deposit::shelf::ShelfError,
    destination::DestinationError,
    error::Exit,
    wallet::WalletError,
};

/// Why an act with money did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum MoneyError {
    /// The chain did not do it.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// There is no key, or it does not sign.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// It is not clear on which chain, or in what.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// Nothing is sent there.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// What is not finished cannot be kept or found.
    #[error(transparent)]
    Shelf(ShelfError),
    /// There is less than is wanted.
    #[error("{}", lack(.place, *.has, *.wanted, .symbol, .hint))]
    NotEnough {
        /// Where it would be.
        place: String,
        /// What there is.
        has: Micros,
        /// What is wanted.
        wanted: Micros,
        /// Of which token.
        symbol: String,
        /// What can be done about it.
        hint: String,
    },
    /// There is nothing at all.
    #[error("{place} has no {symbol}{hint}")]
    Nothing {
        /// Where it would be.
        place: String,
        /// Of which token.
        symbol: String,
        /// What can be done about it.
        hint: String,
    },
    /// More than a contract can count.
    #[error("this is more than the Market can hold")]
    TooMuch,
    /// Another deposit of the same wallet is under way.
    #[error("a deposit of {unfinished} from this wallet is not finished. Finish it with `{again}`, or give it up with --anew")]
    Unfinished {
        /// What it is of.
        unfinished: String,
        /// The command that goes on with it.
        again: String,
    },
    /// It takes longer than somebody should have to watch.
    #[error("{what}. Nothing is lost: the same command goes on from here")]
    NotYet {
        /// What is waited for.
        what: String,
    },
    /// A transaction that cannot be gone on with stays out of blocks.
    #[error("{transaction} was sent and {chain} has not made it final yet; look it up before you send anything else")]
    Slow {
        /// As people call it.
        chain: String,
        /// Which.
        transaction: alloy_primitives::B256,
    },
    /// The person pressed Ctrl-C.
    #[error("stopped; what was sent goes its way. {again}")]
    Interrupted {
        /// How to come back.
        again: &'static str,
    },
    /// The person said no.
    #[error("nothing was done")]
    Declined,
    /// The coordinator is older than wallets.
    #[error("this coordinator does not tell the name of its network, without which a wallet cannot be shown to be yours")]
    NoNetwork,
    /// The file is not true.
    #[error("the payout file of epoch {epoch} does not add up: {findings} {}", if *.findings == 1 { "finding" } else { "findings" })]
    DoesNotAddUp {
        /// Which.
        epoch: u64,
        /// How much is wrong.
        findings: usize,
    },
}

fn lack(place: &str, has: Micros, wanted: Micros, symbol: &str, hint: &str) -> String {
    let missing = Micros::new(wanted.get().saturating_sub(has.get()));
    let [has, wanted, missing] = [has, wanted, missing].map(amount::plain);
    format!("{place} has {has} {symbol}, and {wanted} is wanted: {missing} {symbol} is missing{hint}")
}

impl MoneyError {
    /// Of a token.
    pub(crate) fn not_enough(place: String, has: Micros, wanted: Micros, asset: &Asset, hint: &str) -> Self {
        Self::NotEnough { place, has, wanted, symbol: asset.symbol.clone(), hint: hint.to_owned() }
    }

    /// Whether the same may work a little later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Chain(error) => error.may_pass(),
            Self::Wallet(_)
            | Self::Choice(_)
            | Self::Destination(_)
            | Self::Shelf(_)
            | Self::NotEnough { .. }
            | Self::Nothing { .. }
            | Self::TooMuch
            | Self::Unfinished { .. }
            | Self::NotYet { .. }
            | Self::Slow { .. }
            | Self::Interrupted { .. }
            | Self::Declined
            | Self::NoNetwork
            | Self::DoesNotAddUp { .. } => false,
        }
    }

    /// The exit code that belongs to it.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Chain(error) => error.exit(),
            Self::Wallet(WalletError::NotNamed | WalletError::OnCommandLine | WalletError::OrderTooLarge)
            | Self::Choice(_)
            | Self::Destination(_)
            | Self::TooMuch => Exit::Usage,
            Self::Wallet(_) | Self::Shelf(ShelfError::File { .. } | ShelfError::Garbled { .. }) => Exit::Files,
            Self::NotEnough { .. } | Self::Nothing { .. } => Exit::Payment,
            Self::Unfinished { .. } | Self::Shelf(ShelfError::Taken) => Exit::Refused,
            Self::NotYet { .. } | Self::Slow { .. } | Self::NoNetwork => Exit::Unavailable,
            Self::Interrupted { .. } | Self::Declined => Exit::Interrupted,
            Self::DoesNotAddUp { .. } => Exit::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_in_money() {
        let asset = &crate::chain::tests::profile().assets[0];
        let error = MoneyError::not_enough("the wallet".to_owned(), Micros::new(2_500_000), Micros::dollars(10), asset, "");
        assert_eq!(error.to_string(), "the wallet has 2.50 USDC, and 10.00 is wanted: 7.50 USDC is missing");
        assert_eq!(error.exit(), Exit::Payment);
    }
}
