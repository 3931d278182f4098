//! Random trees, random parts of them, and attempts to prove something else.

use alloy_primitives::{Address, B256, U256, keccak256};
use headframe_accounts::{
    Distributor,
    claim::Claims,
    merkle::{MerkleError, Multiproof, Tree, verify},
};
use proptest::{prelude::*, sample};

use crate::support::{HFR, USD, account, correction, first};

fn tree_of(count: usize) -> (Vec<B256>, Tree) {
    let leaves: Vec<B256> = (0..count).map(|place| keccak256(place.to_le_bytes())).collect();
    let tree = Tree::new(&leaves).expect("there are leaves");
    (leaves, tree)
}

/// A tree's size and some of its leaves, in order.
fn parts() -> impl Strategy<Value = (usize, Vec<usize>)> {
    (1_usize..150).prop_flat_map(|count| (Just(count), sample::subsequence((0..count).collect::<Vec<_>>(), 1..=count)))
}

#[test]
fn a_tree_of_nothing_and_a_proof_of_nothing_do_not_exist() {
    assert_eq!(Tree::new(&[]), Err(MerkleError::NoLeaves));
    let (_, tree) = tree_of(5);
    assert_eq!(tree.multiproof(&[]), Err(MerkleError::NoLeaves));
    // The contract's library takes this one: it must never be asked.
    let empty = Multiproof { leaves: vec![], proof: vec![tree.root()], flags: vec![] };
    assert!(!empty.proves(tree.root()));
}

#[test]
fn leaves_that_are_not_there_or_not_in_order_are_refused() {
    let (_, tree) = tree_of(5);
    assert_eq!(tree.proof(5), Err(MerkleError::NoSuchLeaf { index: 5, leaves: 5 }));
    assert_eq!(tree.multiproof(&[1, 5]), Err(MerkleError::NoSuchLeaf { index: 5, leaves: 5 }));
    assert_eq!(tree.multiproof(&[2, 1]), Err(MerkleError::OutOfOrder(1)));
    assert_eq!(tree.multiproof(&[2, 2]), Err(MerkleError::OutOfOrder(2)));
}

#[test]
fn neighbours_share_their_way() {
    let (_, tree) = tree_of(1 << 12);
    let near = tree.multiproof(&(1_000..1_100).collect::<Vec<_>>()).expect("they are there");
    let far = tree.multiproof(&(0..100).map(|n| n * 40).collect::<Vec<_>>()).expect("they are there");
    assert!(near.proof.len() < 20 && far.proof.len() > 500, "{} and {}", near.proof.len(), far.proof.len());
}

#[test]
fn leaves_of_one_asset_are_neighbours_ordered_by_account() {
    let credits = (1..40_u8).map(|n| {
        let asset = if n % 2 == 0 { USD } else { HFR };
        correction(&format!("c:{n}"), account(200 - n), asset, 1)
    });
    let file = first(credits.collect());
    assert!(file.leaves.is_sorted_by_key(|leaf| (leaf.asset, leaf.account)));
    let claims = Claims::new(&file).expect("there are leaves");
    let all: Vec<Address> = file.leaves.iter().rev().map(|leaf| leaf.account).collect();
    let batch = claims.batch(&all, USD).expect("somebody is owed something");
    assert_eq!((batch.accounts.len(), batch.proof.len()), (19, 5), "one half of the tree needs little of the other");
    assert!(batch.accounts.is_sorted());
}

#[test]
fn a_claim_is_worth_nothing_elsewhere() {
    let file = first(vec![correction("c:1", account(1), USD, 5), correction("c:2", account(2), USD, 7)]);
    let claims = Claims::new(&file).expect("there are leaves");
    let (here, claim) = (file.paid_by(), claims.of(account(1), USD).expect("it is owed"));
    assert!(claim.holds(&here, file.root) && claims.root() == file.root);
    assert!(!claim.holds(&Distributor { chain_id: 1, ..here }, file.root), "on another chain");
    assert!(!claim.holds(&Distributor { address: account(9), ..here }, file.root), "at another contract");
    let mut more = claim;
    more.leaf.cumulative += U256::from(1);
    assert!(!more.holds(&here, file.root), "for more");
    assert_eq!(claims.of(account(1), HFR), None);
    assert_eq!(claims.batch(&[account(3)], USD), None);
    let mut batch = claims.batch(&[account(2), account(1), account(1)], USD).expect("they are owed");
    assert!(batch.holds(&here, file.root));
    batch.cumulatives.swap(0, 1);
    assert!(!batch.holds(&here, file.root), "each for the other's");
    batch.cumulatives.swap(0, 1);
    batch.cumulatives.push(U256::from(1));
    assert!(!batch.holds(&here, file.root), "with an amount for nobody");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_leaf_is_proven_by_its_own_way_and_no_other((count, places) in parts(), other in any::<sample::Index>()) {
        let (leaves, tree) = tree_of(count);
        for place in places {
            let proof = tree.proof(place).expect("it is there");
            prop_assert!(verify(&proof, tree.root(), leaves[place]));
            let other = other.index(count);
            prop_assert_eq!(verify(&proof, tree.root(), leaves[other]), other == place);
            prop_assert!(!verify(&proof, tree.root(), keccak256(leaves[place])));
            if let Some((_, shorter)) = proof.split_last() {
                prop_assert!(!verify(shorter, tree.root(), leaves[place]));
            }
        }
    }

    #[test]
    fn any_part_of_a_tree_is_proven_at_once((count, places) in parts()) {
        let (leaves, tree) = tree_of(count);
        let multi = tree.multiproof(&places).expect("they are there");
        prop_assert_eq!(&multi.leaves, &places.iter().map(|place| leaves[*place]).collect::<Vec<_>>());
        prop_assert_eq!(multi.leaves.len() + multi.proof.len(), multi.flags.len() + 1);
        prop_assert!(multi.proves(tree.root()));
    }

    #[test]
    fn a_multiproof_with_anything_changed_proves_nothing((count, places) in parts(), at in any::<sample::Index>(), how in 0..7_u8) {
        let (_, tree) = tree_of(count);
        let mut multi = tree.multiproof(&places).expect("they are there");
        let wrong = B256::repeat_byte(7);
        match how {
            0 => { let at = at.index(multi.leaves.len()); multi.leaves[at] = wrong; }
            1 if !multi.proof.is_empty() => { let at = at.index(multi.proof.len()); multi.proof[at] = wrong; }
            2 if !multi.flags.is_empty() => { let at = at.index(multi.flags.len()); multi.flags[at] ^= true; }
            3 => { multi.leaves.pop(); }
            4 => multi.proof.push(wrong),
            5 => multi.leaves.push(wrong),
            _ => multi.flags.push(false),
        }
        prop_assert!(!multi.proves(tree.root()));
    }
}
