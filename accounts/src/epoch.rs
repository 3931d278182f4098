//! The public file of a payout epoch: what everybody was owed before, what has come since and why, and what everybody is owed now.
//!
//! From the previous file and the credits of this one the rest follows, byte for byte, so that anybody can rebuild it; the hash of
//! those bytes is published on the chain beside the root.
//!
//! **The one form.** JSON without white space, fields in the order of the types below, absent options left out; assets ascending by
//! address, credits by id, leaves by asset and then account; addresses and hashes in lower-case hex after `0x`, money and token
//! units as decimal text, no fractions; a line feed at the end. In JavaScript it is `JSON.stringify(file) + "\n"`. Another
//! spelling of the same content is refused.

use alloy_primitives::{Address, B256, U256, keccak256};
use headframe_protocol::{TimestampMs, chain::AssetKind};
use serde::{Deserialize, Serialize};

use crate::{
    leaf::{Distributor, Leaf, decimal},
    merkle::{MerkleError, Tree},
    units::Decimals,
};

mod credit;
mod fault;
mod once;
mod build;

pub use build::{BuildError, Draft, Token, build};
pub use credit::{Cause, Conversion, Credit, Maturity, Rate, Source, Work};
pub use fault::{CreditFault, Frame, MATURITY_MS};

pub(crate) use build::assemble;
pub use once::Repeat;

pub(crate) use once::{Counted, Paid, repeats};

/// The only version of the file there is.
pub const VERSION: u32 = 1;

/// Leaves and credits of one file: the size the contracts' gas was measured for, and a file of about a gigabyte at most.
pub const ENTRIES_MAX: usize = 1 << 20;

/// Assets of one file: as many totals as the Distributor takes with a root.
pub const ASSETS_MAX: usize = 32;

/// A payout epoch of one chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EpochFile {
    /// [`VERSION`].
    pub version: u32,
    /// The network whose ledger it is.
    pub network: String,
    /// EIP-155 id of the chain.
    pub chain_id: u64,
    /// Who pays it out.
    pub distributor: Address,
    /// Counts from 1, without gaps.
    pub epoch: u64,
    /// Where the epoch begins: where the previous one ended.
    pub from_ms: TimestampMs,
    /// Where it ends.
    pub to_ms: TimestampMs,
    /// The root of the previous file; zero in the first.
    pub previous_root: B256,
    /// The hash of the previous file's bytes; zero in the first.
    pub previous_file: B256,
    /// What is paid in, ascending by address.
    pub assets: Vec<AssetTotal>,
    /// What has come since the previous file, ascending by id.
    pub credits: Vec<Credit>,
    /// What everybody is owed since ever, ascending by asset and account.
    pub leaves: Vec<Leaf>,
    /// Of the tree over the leaves in this order.
    pub root: B256,
}

/// What all accounts together are owed in one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AssetTotal {
    /// Its contract.
    pub asset: Address,
    /// What it is to us.
    pub kind: AssetKind,
    /// As it calls itself.
    pub symbol: String,
    /// Digits after the point.
    pub decimals: Decimals,
    /// Token units: the sum of its leaves.
    #[serde(with = "decimal")]
    pub cumulative: U256,
}

/// Why bytes are not an epoch file.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Not JSON, or not of this kind.
    #[error("could not read the epoch file")]
    Syntax(#[source] serde_json::Error),
    /// Of another time.
    #[error("version {0} of the epoch file is not known here")]
    Version(u32),
    /// A list is not in its order, or has something twice.
    #[error("the {0} of the epoch file are not in ascending order, each once")]
    Disorder(&'static str),
    /// Another spelling, which has another hash.
    #[error("the epoch file departs from its one form at byte {at}")]
    NotCanonical {
        /// The first byte that is not what it should be.
        at: usize,
    },
}

impl EpochFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ParseError`] if it is no epoch file, or not in its one form. Whether what it says is true is for [`crate::audit`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let file = Self::parse_loosely(bytes)?;
        if let Some(list) = file.disorder() {
            return Err(ParseError::Disorder(list));
        }
        file.departure(bytes).map_or(Ok(file), |at| Err(ParseError::NotCanonical { at }))
    }

    /// In any form, for saying more about a file than that its form is wrong.
    pub(crate) fn parse_loosely(bytes: &[u8]) -> Result<Self, ParseError> {
        let file: Self = serde_json::from_slice(bytes).map_err(ParseError::Syntax)?;
        if file.version == VERSION { Ok(file) } else { Err(ParseError::Version(file.version)) }
    }

    /// The first byte at which `bytes` are not this file's one form.
    pub(crate) fn departure(&self, bytes: &[u8]) -> Option<usize> {
        let form = self.to_bytes();
        let same = form.iter().zip(bytes).take_while(|(one, other)| one == other).count();
        (same < form.len().max(bytes.len())).then_some(same)
    }

    /// The first list that is not ascending, or has something twice.
    pub(crate) fn disorder(&self) -> Option<&'static str> {
        let sorted = [
            ("assets", self.assets.is_sorted_by(|one, next| one.asset < next.asset)),
            ("credits", self.credits.is_sorted_by(|one, next| one.id < next.id)),
            ("leaves", self.leaves.is_sorted_by(|one, next| (one.asset, one.account) < (next.asset, next.account))),
        ];
        sorted.iter().find(|(_, sorted)| !sorted).map(|(list, _)| *list)
    }

    /// The file's one form. Lists are written as they stand: [`build`] sorts them.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("a file is made of texts, whole numbers and lists, which always print");
        bytes.push(b'\n');
        bytes
    }

    /// What goes on the chain beside the root: the Keccak-256 of the bytes.
    #[must_use]
    pub fn data_hash(&self) -> B256 {
        keccak256(self.to_bytes())
    }

    /// What its credits are judged against.
    #[must_use]
    pub fn frame(&self) -> Frame<'_> {
        let kinds = self.assets.iter().map(|total| (total.asset, total.kind)).collect();
        Frame { network: &self.network, chain_id: self.chain_id, to_ms: self.to_ms, kinds }
    }

    /// Who pays the leaves out.
    #[must_use]
    pub const fn paid_by(&self) -> Distributor {
        Distributor { chain_id: self.chain_id, address: self.distributor }
    }

    /// The tree over the leaves as they stand in the file.
    ///
    /// # Errors
    /// [`MerkleError::NoLeaves`] if there are none.
    pub fn tree(&self) -> Result<Tree, MerkleError> {
        let distributor = self.paid_by();
        Tree::new(&self.leaves.iter().map(|leaf| leaf.hash(&distributor)).collect::<Vec<_>>())
    }
}
