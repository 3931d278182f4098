//! Where money may go: what an address must look like, and what an owner may not have meant by it.

use alloy::primitives::{Address, Bytes};
use headframe_protocol::{
    chain::ChainProfile,
    control::{Hazard, Warning},
};

/// The bytes that begin the code of an account that has lent itself to a contract (EIP-7702). It still obeys its key.
const DELEGATION: [u8; 3] = [0xEF, 0x01, 0x00];

/// Why a text is no destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not 0x and 40 digits.
    #[error("an address is 0x and 40 hex digits")]
    Malformed,
    /// A name. Whoever answers for names could send the money elsewhere.
    #[error("names such as alice.eth are not looked up; enter the address itself")]
    Name,
    /// A digit is wrong.
    #[error("the checksum of this address is wrong: a letter or digit was mistyped")]
    Checksum,
    /// Nobody's.
    #[error("this is the zero address; what goes there is lost")]
    Zero,
}

/// An address as an owner typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) address: Address,
    /// Whether its capitals vouch for it.
    pub(super) checksummed: bool,
}

impl Destination {
    /// The account itself, which nobody typed.
    pub(super) const fn own(address: Address) -> Self {
        Self { address, checksummed: true }
    }

    pub(super) fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let digits = text.strip_prefix("0x").filter(|hex| hex.len() == 40 && hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let Some(digits) = digits else {
            return Err(if text.contains('.') { AddressError::Name } else { AddressError::Malformed });
        };
        let address: Address = text.parse().map_err(|_| AddressError::Malformed)?;
        if address.is_zero() {
            return Err(AddressError::Zero);
        }
        // Capitals in both cases are a checksum; in one case only there is none.
        let lower = digits.bytes().any(|digit| digit.is_ascii_lowercase());
        let upper = digits.bytes().any(|digit| digit.is_ascii_uppercase());
        let right = address.to_checksum(None) == text;
        match (right, lower && upper) {
            (true, _) => Ok(Self { address, checksummed: true }),
            (false, true) => Err(AddressError::Checksum),
            (false, false) => Ok(Self { address, checksummed: false }),
        }
    }
}

/// What is known of a destination.
pub(super) struct Known<'a> {
    pub(super) profile: &'a ChainProfile,
    /// The code that lives there.
    pub(super) code: &'a Bytes,
    /// Whether something was sent there before.
    pub(super) used: bool,
    /// Whether it is the wallet itself.
    pub(super) own: bool,
}

/// What an owner may not have meant, worst first.
pub(super) fn warnings(to: Destination, known: &Known<'_>) -> Vec<Warning> {
    let Known { profile, code, used, own } = known;
    let contracts = &profile.contracts;
    let asset = profile.asset(to.address);
    let ours = [contracts.access_manager, contracts.timelock, contracts.market, contracts.distributor].contains(&to.address);
    let lent = code.starts_with(&DELEGATION) && code.len() == 23;
    let lives = !code.is_empty() && !lent;
    let mut found = Vec::new();
    let mut warn = |applies: bool, hazard: Hazard, confirm: bool, message: String| {
        if applies {
            found.push(Warning { hazard, message, confirm });
        }
    };
    let name = asset.map(|asset| asset.symbol.as_str()).unwrap_or_default();
    warn(asset.is_some(), Hazard::Token, true, format!("This is the contract of {name} itself. What is sent there is lost."));
    let contract = "A contract lives at this address. If it cannot pass the money on, the money is lost.".to_owned();
    warn((lives || ours) && asset.is_none(), Hazard::Contract, true, contract);
    let unchecked = "The address has no capitals that vouch for it. Compare every digit.".to_owned();
    warn(!to.checksummed, Hazard::NoChecksum, true, unchecked);
    let first = "Nothing was ever sent there from here. Compare the address with where you have it from.".to_owned();
    warn(!used && !own, Hazard::FirstUse, false, first);
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

    #[test]
    fn an_address_is_taken_as_it_was_meant_or_not_at_all() {
        assert_eq!(Destination::parse(GOOD).map(|to| to.checksummed), Ok(true));
        assert_eq!(Destination::parse(&GOOD.to_lowercase()).map(|to| to.checksummed), Ok(false));
        assert_eq!(Destination::parse(&format!("0x{}", GOOD[2..].to_uppercase())).map(|to| to.checksummed), Ok(false));
        assert_eq!(Destination::parse(&format!(" {GOOD}\n")).map(|to| to.checksummed), Ok(true));
        assert_eq!(Destination::parse(&GOOD.replace("Fd", "fd")), Err(AddressError::Checksum));
        assert_eq!(Destination::parse("0x0000000000000000000000000000000000000000"), Err(AddressError::Zero));
        assert_eq!(Destination::parse("vitalik.eth"), Err(AddressError::Name));
        for text in ["", "0x", &GOOD[2..], &GOOD[..41], "0xg39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "ether:0x12"] {
            assert_eq!(Destination::parse(text), Err(AddressError::Malformed), "{text}");
        }
    }

    proptest! {
        #[test]
        fn one_wrong_digit_never_passes_as_checked(bytes in any::<[u8; 20]>(), at in 2_usize..42, digit in 0_u8..16) {
            let right = Address::from(bytes).to_checksum(None);
            let mut wrong = right.clone().into_bytes();
            wrong[at] = char::from_digit(u32::from(digit), 16).map_or(b'0', |digit| digit as u8);
            let wrong = String::from_utf8(wrong).expect("ascii");
            prop_assume!(!wrong.eq_ignore_ascii_case(&right));
            // The checksum misses one slip in about 4,000 by design; it never lets one pass that it can see.
            if let Ok(to) = Destination::parse(&wrong) {
                prop_assert!(!to.checksummed || to.address.to_checksum(None) == wrong);
            }
        }
    }
}
