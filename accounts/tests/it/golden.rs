//! Values that no code of ours computed: see `golden/make.mjs`, which uses `ethers` 6.17.0 and `@openzeppelin/merkle-tree` 1.0.8.

use alloy_primitives::{Address, B256, U256, keccak256};
use headframe_accounts::{
    Distributor, EpochFile, Leaf,
    audit::{audit, audit_history},
    claim::Claims,
    epoch::{AssetTotal, Draft, Token, build},
    merkle::{Multiproof, Tree, verify},
};
use serde::Deserialize;

use crate::support::announced;

const ONE: &[u8] = include_bytes!("../golden/epoch-1.json");
const TWO: &[u8] = include_bytes!("../golden/epoch-2.json");

#[derive(Deserialize)]
struct Merkle {
    leaves: Vec<LeafCase>,
    trees: Vec<TreeCase>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LeafCase {
    chain_id: u64,
    distributor: Address,
    account: Address,
    asset: Address,
    cumulative: String,
    hash: B256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TreeCase {
    count: usize,
    indices: Vec<usize>,
    root: B256,
    proof_of_first: Vec<B256>,
    leaves: Vec<B256>,
    proof: Vec<B256>,
    flags: Vec<bool>,
}

#[derive(Deserialize)]
struct Hashes {
    one: Hash,
    two: Hash,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hash {
    root: B256,
    data_hash: B256,
}

fn merkle() -> Merkle {
    serde_json::from_str(include_str!("../golden/merkle.json")).expect("the golden file")
}

#[test]
fn leaves_are_hashed_as_the_contract_hashes_them() {
    for LeafCase { chain_id, distributor, account, asset, cumulative, hash } in merkle().leaves {
        let leaf = Leaf { account, asset, cumulative: cumulative.parse::<U256>().expect("a number") };
        assert_eq!(leaf.hash(&Distributor { chain_id, address: distributor }), hash);
    }
}

#[test]
fn trees_and_proofs_are_those_of_the_library_the_contract_comes_with() {
    for case in merkle().trees {
        let leaves: Vec<B256> = (0..case.count).map(|place| keccak256(format!("leaf {place}"))).collect();
        let tree = Tree::new(&leaves).expect("there are leaves");
        assert_eq!(tree.root(), case.root, "{} leaves", case.count);
        assert_eq!(tree.proof(case.indices[0]), Ok(case.proof_of_first.clone()));
        assert!(verify(&case.proof_of_first, case.root, leaves[case.indices[0]]));
        let expected = Multiproof { leaves: case.leaves, proof: case.proof, flags: case.flags };
        assert!(expected.proves(case.root));
        assert_eq!(tree.multiproof(&case.indices), Ok(expected), "{:?} of {}", case.indices, case.count);
    }
}

#[test]
fn a_file_written_by_somebody_else_is_read_rebuilt_and_found_true() {
    let hashes: Hashes = serde_json::from_str(include_str!("../golden/epoch-hashes.json")).expect("the golden file");
    let [one, two] = [ONE, TWO].map(|bytes| EpochFile::parse(bytes).expect("in its one form"));
    for (file, bytes, hash) in [(&one, ONE, &hashes.one), (&two, TWO, &hashes.two)] {
        assert_eq!(file.to_bytes(), bytes);
        assert_eq!((file.root, file.data_hash()), (hash.root, hash.data_hash));
    }
    assert!(audit(ONE, None, Some(announced(&one))).is_empty());
    assert!(audit(TWO, Some(ONE), Some(announced(&two))).is_empty());
    assert!(audit_history(&[ONE, TWO]).is_empty());
}

#[test]
fn built_from_the_same_credits_it_has_the_same_bytes() {
    let [one, two] = [ONE, TWO].map(|bytes| EpochFile::parse(bytes).expect("in its one form"));
    let token = |total: &AssetTotal| {
        let AssetTotal { asset, kind, symbol, decimals, cumulative: _ } = total.clone();
        Token { asset, kind, symbol, decimals }
    };
    let draft = |file: &EpochFile| Draft {
        network: file.network.clone(),
        distributor: file.paid_by(),
        from_ms: file.from_ms,
        to_ms: file.to_ms,
        tokens: file.assets.iter().map(token).collect(),
        credits: file.credits.iter().rev().cloned().collect(),
    };
    assert_eq!(build(draft(&one), None).map(|file| file.to_bytes()), Ok(ONE.to_vec()));
    let without_tokens = Draft { tokens: Vec::new(), ..draft(&two) };
    assert_eq!(build(without_tokens, Some(&one)).map(|file| file.to_bytes()), Ok(TWO.to_vec()));
}

#[test]
fn every_claim_of_the_file_holds_alone_and_together() {
    let two = EpochFile::parse(TWO).expect("in its one form");
    let claims = Claims::new(&two).expect("there are leaves");
    for leaf in &two.leaves {
        let claim = claims.of(leaf.account, leaf.asset).expect("everybody with a leaf has a claim");
        assert!(claim.leaf == *leaf && claim.holds(&two.paid_by(), two.root));
    }
    let accounts: Vec<Address> = two.leaves.iter().map(|leaf| leaf.account).collect();
    for total in &two.assets {
        let batch = claims.batch(&accounts, total.asset).expect("somebody is owed something");
        assert!(batch.holds(&two.paid_by(), two.root));
        assert_eq!(batch.cumulatives.iter().sum::<U256>(), total.cumulative);
    }
}
