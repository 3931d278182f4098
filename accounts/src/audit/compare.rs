//! The file that is published, beside what was announced of it and beside what follows from the previous one and the credits.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256, keccak256};

use super::{Announced, Finding};
use crate::{
    EpochFile,
    epoch::{AssetTotal, Draft, assemble},
    leaf::Leaf,
};

/// Every difference between `file` and what is on the chain.
pub(super) fn announced(file: &EpochFile, bytes: &[u8], announced: &Announced) -> Vec<Finding> {
    let Announced { epoch, root, data_hash, totals: of_chain } = announced;
    let mut findings = Vec::new();
    let found = keccak256(bytes);
    if found != *data_hash {
        findings.push(Finding::DataHash { found, announced: *data_hash });
    }
    if file.epoch != *epoch {
        findings.push(Finding::AnnouncedEpoch { found: file.epoch, announced: *epoch });
    }
    if file.root != *root {
        findings.push(Finding::AnnouncedRoot { found: file.root, announced: *root });
    }
    let totals = differences(totals(file), of_chain.clone());
    findings.extend(totals.map(|(asset, found, announced)| Finding::AnnouncedTotal { asset, found, announced }));
    findings
}

/// Every difference between `file` and what follows from `previous` and its credits.
pub(super) fn rebuilt(file: &EpochFile, bytes: &[u8], previous: Option<&EpochFile>) -> Vec<Finding> {
    let expected = match assemble(Draft::of(file), previous) {
        Ok(expected) => expected,
        Err(error) => return vec![Finding::NotRebuilt(error)],
    };
    let mut findings = head(file, &expected);
    findings.extend(differences(owed(file), owed(&expected)).map(|((asset, account), stated, expected)| Finding::Owed {
        account,
        asset,
        stated,
        expected,
    }));
    findings.extend(differences(totals(file), totals(&expected)).map(|(asset, stated, expected)| Finding::Total {
        asset,
        stated,
        expected,
    }));
    if findings.is_empty() {
        findings.extend(expected.departure(bytes).map(Finding::NotReproduced));
    }
    findings
}

fn head(file: &EpochFile, expected: &EpochFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    if file.epoch != expected.epoch {
        findings.push(Finding::Epoch { stated: file.epoch, expected: expected.epoch });
    }
    if file.previous_root != expected.previous_root {
        findings.push(Finding::PreviousRoot { stated: file.previous_root, expected: expected.previous_root });
    }
    if file.previous_file != expected.previous_file {
        findings.push(Finding::PreviousFile { stated: file.previous_file, expected: expected.previous_file });
    }
    findings
}

fn owed(file: &EpochFile) -> BTreeMap<(Address, Address), U256> {
    file.leaves.iter().map(|Leaf { account, asset, cumulative }| ((*asset, *account), *cumulative)).collect()
}

fn totals(file: &EpochFile) -> BTreeMap<Address, U256> {
    let total = |AssetTotal { asset, kind: _, symbol: _, decimals: _, cumulative }: &AssetTotal| (*asset, *cumulative);
    file.assets.iter().map(total).collect()
}

/// Amounts that are not the same on both sides; what is missing is nothing.
fn differences<K: Ord + Copy>(stated: BTreeMap<K, U256>, expected: BTreeMap<K, U256>) -> impl Iterator<Item = (K, U256, U256)> {
    let keys: std::collections::BTreeSet<K> = stated.keys().chain(expected.keys()).copied().collect();
    keys.into_iter().filter_map(move |key| {
        let of = |side: &BTreeMap<K, U256>| side.get(&key).copied().unwrap_or_default();
        let (stated, expected) = (of(&stated), of(&expected));
        (stated != expected).then_some((key, stated, expected))
    })
}
