//! What an account can show the Distributor: its leaf, and the way from it to the root.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};

use crate::{
    epoch::EpochFile,
    leaf::{Distributor, Leaf},
    merkle::{self, MerkleError, Tree},
};

/// All claims of one epoch.
#[derive(Debug, Clone)]
pub struct Claims {
    tree: Tree,
    leaves: Vec<Leaf>,
    /// Where in the tree an account's leaf of an asset is.
    places: BTreeMap<(Address, Address), usize>,
}

/// One account's claim in one asset, as `claim` takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What is owed.
    pub leaf: Leaf,
    /// From the leaf to the root.
    pub proof: Vec<B256>,
}

/// Several accounts' claims in one asset, as `claimBatch` takes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// In what.
    pub asset: Address,
    /// Whose, ascending.
    pub accounts: Vec<Address>,
    /// Token units owed since ever, in the same order.
    pub cumulatives: Vec<U256>,
    /// Nodes that cannot be computed from the leaves.
    pub proof: Vec<B256>,
    /// For each step whether both of its inputs are computed already.
    pub flags: Vec<bool>,
}

impl Claims {
    /// Of the epoch that `file` describes.
    ///
    /// # Errors
    /// [`MerkleError::NoLeaves`] if nobody is owed anything.
    pub fn new(file: &EpochFile) -> Result<Self, MerkleError> {
        let leaves = file.leaves.clone();
        let places = leaves.iter().enumerate().map(|(place, leaf)| ((leaf.asset, leaf.account), place)).collect();
        Ok(Self { tree: file.tree()?, leaves, places })
    }

    /// The root they are claims on.
    #[must_use]
    pub fn root(&self) -> B256 {
        self.tree.root()
    }

    /// What `account` is owed in `asset`; `None` if nothing ever was.
    #[must_use]
    pub fn of(&self, account: Address, asset: Address) -> Option<Claim> {
        let place = *self.places.get(&(asset, account))?;
        Some(Claim { leaf: self.leaves[place], proof: self.tree.proof(place).ok()? })
    }

    /// What those of `accounts` that are owed something in `asset` are owed, with one proof for all; `None` if nobody is. Cheapest
    /// for accounts that are neighbours.
    #[must_use]
    pub fn batch(&self, accounts: &[Address], asset: Address) -> Option<Batch> {
        let mut places: Vec<usize> = accounts.iter().filter_map(|account| self.places.get(&(asset, *account)).copied()).collect();
        places.sort_unstable();
        places.dedup();
        let merkle::Multiproof { leaves: _, proof, flags } = self.tree.multiproof(&places).ok()?;
        let (accounts, cumulatives) =
            places.iter().map(|place| (self.leaves[*place].account, self.leaves[*place].cumulative)).unzip();
        Some(Batch { asset, accounts, cumulatives, proof, flags })
    }
}

impl Claim {
    /// Whether `distributor` would accept it under `root`: what an owner's agent asks before it shows anything as claimable.
    #[must_use]
    pub fn holds(&self, distributor: &Distributor, root: B256) -> bool {
        merkle::verify(&self.proof, root, self.leaf.hash(distributor))
    }
}

impl Batch {
    /// Whether `distributor` would accept it under `root`.
    #[must_use]
    pub fn holds(&self, distributor: &Distributor, root: B256) -> bool {
        let leaf = |(account, cumulative): (&Address, &U256)| {
            Leaf { account: *account, asset: self.asset, cumulative: *cumulative }.hash(distributor)
        };
        let leaves: Vec<B256> = self.accounts.iter().zip(&self.cumulatives).map(leaf).collect();
        let whole = self.accounts.len() == self.cumulatives.len();
        whole && merkle::Multiproof { leaves, proof: self.proof.clone(), flags: self.flags.clone() }.proves(root)
    }
}
