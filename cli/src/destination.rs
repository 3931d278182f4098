//! Where money may be sent: an address whose capitals vouch for it, and that is nobody's trap.

use std::str::FromStr;

use alloy_primitives::Address;
use headframe_protocol::chain::{Asset, ChainProfile};

/// An address as a person typed it, with a checksum that is right (EIP-55).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination(Address);

/// Why nothing is sent there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// Not 0x and 40 digits.
    #[error("an address is 0x and 40 hex digits")]
    Malformed,
    /// Nothing vouches for it, or something was mistyped.
    #[error("the capitals of this address do not vouch for it; write it as your wallet shows it, and compare every digit")]
    Checksum,
    /// Nobody's.
    #[error("this is the zero address; what goes there is lost")]
    Zero,
    /// The token's own contract.
    #[error("this is the contract of {symbol} itself; what goes there is lost")]
    Token {
        /// Of which token.
        symbol: String,
    },
    /// One of ours.
    #[error("this is the network's {contract}; what goes there in this way is lost")]
    Ours {
        /// Which.
        contract: &'static str,
    },
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let digits = text.strip_prefix("0x").filter(|hex| hex.len() == 40 && hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
        if digits.is_none() {
            return Err(DestinationError::Malformed);
        }
        let address: Address = text.parse().map_err(|_| DestinationError::Malformed)?;
        if address.is_zero() {
            return Err(DestinationError::Zero);
        }
        // An address of one case only carries no checksum at all: a slip in it would go unseen.
        if address.to_checksum(None) == text { Ok(Self(address)) } else { Err(DestinationError::Checksum) }
    }
}

impl Destination {
    /// The address, unless it is one of those that keep what they are sent.
    ///
    /// # Errors
    /// [`DestinationError`].
    pub fn on(self, chain: &ChainProfile) -> Result<Address, DestinationError> {
        let Self(address) = self;
        let contracts = &chain.contracts;
        let ours = [
            (contracts.market, "Market"),
            (contracts.distributor, "Distributor"),
            (contracts.access_manager, "table of roles"),
            (contracts.timelock, "timelock"),
        ];
        if let Some(Asset { symbol, .. }) = chain.asset(address) {
            return Err(DestinationError::Token { symbol: symbol.clone() });
        }
        if contracts.hfr == Some(address) {
            return Err(DestinationError::Token { symbol: "HFR".to_owned() });
        }
        match ours.iter().find(|(contract, _)| *contract == address) {
            Some((_, contract)) => Err(DestinationError::Ours { contract }),
            None => Ok(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::tests::profile;

    const RIGHT: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

    #[test]
    fn an_address_is_taken_only_with_a_right_checksum() {
        assert!(RIGHT.parse::<Destination>().is_ok());
        let lower = RIGHT.to_lowercase();
        let upper = format!("0x{}", RIGHT[2..].to_uppercase());
        let mistyped = RIGHT.replace("aAeb", "aAec");
        for text in [lower, upper, mistyped] {
            assert_eq!(text.parse::<Destination>(), Err(DestinationError::Checksum), "{text}");
        }
        for text in ["", "alice.eth", &RIGHT[2..], &RIGHT[..41], &format!("{RIGHT}0"), &format!(" {RIGHT}")] {
            assert_eq!(text.parse::<Destination>(), Err(DestinationError::Malformed), "{text}");
        }
        assert_eq!(Address::ZERO.to_checksum(None).parse::<Destination>(), Err(DestinationError::Zero));
    }

    #[test]
    fn what_would_keep_the_money_is_no_destination() {
        let chain = profile();
        let on = |address: Address| address.to_checksum(None).parse::<Destination>().expect("a checksum").on(&chain);
        for asset in &chain.assets {
            assert_eq!(on(asset.address), Err(DestinationError::Token { symbol: asset.symbol.clone() }));
        }
        let contracts = &chain.contracts;
        for ours in [contracts.market, contracts.distributor, contracts.access_manager, contracts.timelock] {
            assert!(matches!(on(ours), Err(DestinationError::Ours { .. })), "{ours}");
        }
        let somebody: Address = RIGHT.parse().expect("an address");
        assert_eq!(on(somebody), Ok(somebody));
    }
}
