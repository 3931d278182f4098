//! Merkle trees and proofs as `OpenZeppelin`'s `MerkleProof` verifies them: pairs are sorted before they are hashed.
//!
//! The layout is that of `@openzeppelin/merkle-tree`: a complete binary tree in an array, the root first, the leaves at the end in
//! reverse. Unlike there the leaves keep the order they are given in, so that accounts paid together can be neighbours and share
//! most of one multiproof; a verifier does not care. Written here because no crate that somebody keeps does exactly this: one has no
//! multiproofs, others hash unsorted pairs or lift odd nodes, `OpenZeppelin`'s own only verifies, and a port stopped at version 0.1.0.

use std::collections::VecDeque;

use alloy_primitives::{B256, keccak256};

/// A tree with at least one leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// `2n - 1` nodes; the children of `i` are `2i + 1` and `2i + 2`.
    nodes: Vec<B256>,
}

/// One proof for several leaves, with its parts in the order `MerkleProof.multiProofVerify` takes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multiproof {
    /// The proven leaves, in their order in the tree.
    pub leaves: Vec<B256>,
    /// Nodes that cannot be computed from the leaves.
    pub proof: Vec<B256>,
    /// For each step whether both of its inputs are computed already.
    pub flags: Vec<bool>,
}

/// Why there is no tree or no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MerkleError {
    /// A tree of nothing has no root; a proof of nothing proves nothing, though the contract's library accepts it.
    #[error("at least one leaf is needed")]
    NoLeaves,
    /// Not a leaf of this tree.
    #[error("leaf {index} of a tree with {leaves}")]
    NoSuchLeaf {
        /// Asked for.
        index: usize,
        /// There are.
        leaves: usize,
    },
    /// A leaf is proven once, and in the tree's order.
    #[error("leaves are proven in ascending order and once each; {0} is not")]
    OutOfOrder(usize),
}

impl Tree {
    /// Over `leaves` in this order.
    ///
    /// # Errors
    /// [`MerkleError::NoLeaves`] if there are none.
    pub fn new(leaves: &[B256]) -> Result<Self, MerkleError> {
        let inner = leaves.len().checked_sub(1).ok_or(MerkleError::NoLeaves)?;
        let mut nodes = vec![B256::ZERO; inner + leaves.len()];
        for (node, leaf) in nodes.iter_mut().rev().zip(leaves) {
            *node = *leaf;
        }
        for node in (0..inner).rev() {
            nodes[node] = parent_of(nodes[2 * node + 1], nodes[2 * node + 2]);
        }
        Ok(Self { nodes })
    }

    /// What goes on the chain.
    #[must_use]
    pub fn root(&self) -> B256 {
        self.nodes[0]
    }

    /// How many leaves it has.
    #[must_use]
    pub fn leaf_count(&self) -> usize {
        self.nodes.len().div_ceil(2)
    }

    /// The siblings from leaf `index` up to the root.
    ///
    /// # Errors
    /// [`MerkleError::NoSuchLeaf`].
    pub fn proof(&self, index: usize) -> Result<Vec<B256>, MerkleError> {
        let mut node = self.node_of(index)?;
        let mut proof = Vec::new();
        while node > 0 {
            proof.push(self.nodes[sibling(node)]);
            node = parent(node);
        }
        Ok(proof)
    }

    /// One proof for the leaves at `indices`.
    ///
    /// # Errors
    /// [`MerkleError`] if there are none, if one is not in the tree, or if they are not in ascending order.
    pub fn multiproof(&self, indices: &[usize]) -> Result<Multiproof, MerkleError> {
        if indices.is_empty() {
            return Err(MerkleError::NoLeaves);
        }
        if let Some(pair) = indices.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(MerkleError::OutOfOrder(pair[1]));
        }
        // Ascending leaves are descending nodes, so the deepest level comes first and every parent after all of its children.
        let known: Vec<usize> = indices.iter().map(|index| self.node_of(*index)).collect::<Result<_, _>>()?;
        let leaves = known.iter().map(|node| self.nodes[*node]).collect();
        let (mut proof, mut flags) = (Vec::new(), Vec::new());
        let mut known = VecDeque::from(known);
        while let Some(node) = known.pop_front().filter(|node| *node > 0) {
            let beside = sibling(node);
            let both_known = known.pop_front_if(|next| *next == beside).is_some();
            if !both_known {
                proof.push(self.nodes[beside]);
            }
            flags.push(both_known);
            known.push_back(parent(node));
        }
        Ok(Multiproof { leaves, proof, flags })
    }

    fn node_of(&self, index: usize) -> Result<usize, MerkleError> {
        let leaves = self.leaf_count();
        if index < leaves { Ok(self.nodes.len() - 1 - index) } else { Err(MerkleError::NoSuchLeaf { index, leaves }) }
    }
}

impl Multiproof {
    /// The root this leads to; `None` if the parts do not fit together, where the contract reverts. A proof of no leaves leads
    /// nowhere, though the contract would take any node for it.
    #[must_use]
    pub fn root(&self) -> Option<B256> {
        if self.leaves.len() + self.proof.len() != self.flags.len() + 1 {
            return None;
        }
        let mut known: VecDeque<B256> = self.leaves.iter().copied().collect();
        let mut proof = self.proof.iter();
        for both_known in &self.flags {
            let one = known.pop_front()?;
            let other = if *both_known { known.pop_front()? } else { *proof.next()? };
            known.push_back(parent_of(one, other));
        }
        // Of as many parts as fit nothing can be left now: every step took two and gave one.
        known.pop_front()
    }

    /// Whether all its leaves are in the tree with this root.
    #[must_use]
    pub fn proves(&self, root: B256) -> bool {
        self.root() == Some(root)
    }
}

/// Whether `proof` leads from `leaf` to `root`, as `MerkleProof.verify` computes it.
#[must_use]
pub fn verify(proof: &[B256], root: B256, leaf: B256) -> bool {
    proof.iter().fold(leaf, |node, beside| parent_of(node, *beside)) == root
}

/// The lower first, so that a proof need not say which is left.
fn parent_of(one: B256, other: B256) -> B256 {
    keccak256([one.min(other), one.max(other)].concat())
}

const fn parent(node: usize) -> usize {
    (node - 1) / 2
}

const fn sibling(node: usize) -> usize {
    if node % 2 == 1 { node + 1 } else { node - 1 }
}
