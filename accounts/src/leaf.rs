//! What one account is owed in one asset, as the Distributor hashes it.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolValue as _;
use serde::{Deserialize, Serialize};

/// Where a leaf is worth something: a leaf of one chain proves nothing on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Distributor {
    /// EIP-155 id of its chain.
    pub chain_id: u64,
    /// The contract.
    pub address: Address,
}

/// What an account is owed in an asset since ever, claimed or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Leaf {
    /// Whose.
    pub account: Address,
    /// In what.
    pub asset: Address,
    /// Token units. Never shrinks from one epoch to the next.
    #[serde(with = "decimal")]
    pub cumulative: U256,
}

impl Leaf {
    /// `keccak256(bytes.concat(keccak256(abi.encode(chainid, distributor, account, asset, cumulative))))`.
    ///
    /// Hashed twice, as `OpenZeppelin` does, so that no inner node of a tree can pass for a leaf.
    #[must_use]
    pub fn hash(&self, distributor: &Distributor) -> B256 {
        let Self { account, asset, cumulative } = *self;
        let words = (U256::from(distributor.chain_id), distributor.address, account, asset, cumulative).abi_encode();
        keccak256(keccak256(words))
    }
}

/// Token units as decimal text, because JSON readers lose integers beyond 2⁵³.
pub(crate) mod decimal {
    use alloy_primitives::U256;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(units: &U256, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(units)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U256, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let units = digits.then(|| U256::from_str_radix(&text, 10).ok()).flatten();
        units.ok_or_else(|| D::Error::custom("token units are a whole number as text"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_leaf_is_hashed() {
        let leaf = Leaf { account: Address::repeat_byte(1), asset: Address::repeat_byte(2), cumulative: U256::from(3) };
        let distributor = Distributor { chain_id: 4, address: Address::repeat_byte(5) };
        let mut hashes = vec![
            leaf.hash(&distributor),
            Leaf { account: Address::repeat_byte(9), ..leaf }.hash(&distributor),
            Leaf { asset: Address::repeat_byte(9), ..leaf }.hash(&distributor),
            Leaf { cumulative: U256::from(9), ..leaf }.hash(&distributor),
            leaf.hash(&Distributor { chain_id: 9, ..distributor }),
            leaf.hash(&Distributor { address: Address::repeat_byte(9), ..distributor }),
            Leaf { account: leaf.asset, asset: leaf.account, ..leaf }.hash(&distributor),
        ];
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 7);
    }

    #[test]
    fn units_are_digits_and_nothing_else() {
        let of = |units: &str| {
            let zero = Address::ZERO;
            serde_json::from_str::<Leaf>(&format!(r#"{{"account":"{zero}","asset":"{zero}","cumulative":{units}}}"#))
                .map(|l| l.cumulative)
        };
        assert_eq!(of("\"17\"").ok(), Some(U256::from(17)));
        for wrong in ["17", "\"\"", "\"0x11\"", "\"1_7\"", "\"-1\"", "\"1.0\"", "\" 1\""] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
