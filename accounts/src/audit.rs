//! Whether an epoch file is true, as far as a stranger can tell.
//!
//! He needs the file, the previous one, and what is on the chain. He can tell that the file adds up, that it is the one whose
//! hash was announced, that every amount follows from a receipt some rig signed, and that nothing is paid twice. He cannot tell
//! that a rig worked when it signed, nor whose a rig is: an owner checks his own lines.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use headframe_protocol::TimestampMs;

use crate::{
    EpochFile,
    epoch::{BuildError, Counted, Credit, CreditFault, Paid, ParseError, Repeat, repeats},
};

mod compare;

use compare::rebuilt;

/// A file in which more than this is wrong is no better understood with the rest.
const FINDINGS_MAX: usize = 1_000;

/// What was announced on the chain: the Distributor's event `RootProposed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// The epoch.
    pub epoch: u64,
    /// The root.
    pub root: B256,
    /// The hash of the file's bytes.
    pub data_hash: B256,
    /// What all leaves of an asset come to, in token units.
    pub totals: BTreeMap<Address, U256>,
}

/// Something that is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum Finding {
    /// No epoch file at all; nothing else can be said about it.
    #[error("the file cannot be read")]
    Unreadable(#[source] ParseError),
    /// Its form is not the one form.
    #[error("the file's form is not the one form")]
    Form(#[source] ParseError),
    /// The previous file is no epoch file; it should have been audited first.
    #[error("the previous file cannot be read")]
    PreviousUnreadable(#[source] ParseError),
    /// The file is not a first one, and there is nothing to compare it with.
    #[error("the file of epoch {0} cannot be rebuilt without the one before it")]
    PreviousMissing(u64),
    /// The chain knows another file.
    #[error("the file's hash is {found}; announced is {announced}")]
    DataHash {
        /// Of these bytes.
        found: B256,
        /// On the chain.
        announced: B256,
    },
    /// The chain knows it as another epoch's.
    #[error("the file is of epoch {found}; announced is {announced}")]
    AnnouncedEpoch {
        /// In the file.
        found: u64,
        /// On the chain.
        announced: u64,
    },
    /// The chain lets all accounts together claim another amount: with more than the file owes, a false root could be paid.
    #[error("{found} units of {asset} are owed in all; announced are {announced}")]
    AnnouncedTotal {
        /// In what.
        asset: Address,
        /// In the file.
        found: U256,
        /// On the chain.
        announced: U256,
    },
    /// The chain knows another root.
    #[error("the file's root is {found}; announced is {announced}")]
    AnnouncedRoot {
        /// In the file.
        found: B256,
        /// On the chain.
        announced: B256,
    },
    /// The root is not that of the leaves.
    #[error("the file's root is {stated}; its leaves give {computed}")]
    Root {
        /// In the file.
        stated: B256,
        /// As computed; zero if there are no leaves.
        computed: B256,
    },
    /// Not the next epoch.
    #[error("the file is of epoch {stated}; {expected} comes next")]
    Epoch {
        /// In the file.
        stated: u64,
        /// The one after the previous.
        expected: u64,
    },
    /// It does not go on from the previous root.
    #[error("the file goes on from root {stated}; the previous one is {expected}")]
    PreviousRoot {
        /// In the file.
        stated: B256,
        /// Of the previous file.
        expected: B256,
    },
    /// It does not go on from the previous file.
    #[error("the file goes on from a file with the hash {stated}; the previous one has {expected}")]
    PreviousFile {
        /// In the file.
        stated: B256,
        /// Of the previous file.
        expected: B256,
    },
    /// A credit that must not be paid.
    #[error("credit `{id}` must not be paid")]
    Credit {
        /// Which.
        id: String,
        /// Why.
        #[source]
        fault: CreditFault,
    },
    /// Something that was paid already.
    #[error("something is paid twice")]
    Twice(#[source] Repeat),
    /// What an account is owed is not what it was owed before and its credits.
    #[error("{account} is owed {stated} units of {asset}; the previous file and the credits give {expected}")]
    Owed {
        /// Whose.
        account: Address,
        /// In what.
        asset: Address,
        /// In the file; zero if it has no such leaf.
        stated: U256,
        /// As it follows.
        expected: U256,
    },
    /// A total is not the sum of its leaves.
    #[error("{stated} units of {asset} are owed in all; the leaves give {expected}")]
    Total {
        /// In what.
        asset: Address,
        /// In the file.
        stated: U256,
        /// The sum.
        expected: U256,
    },
    /// No file can come of the previous one and these credits.
    #[error("the file cannot be rebuilt from the previous one and its credits")]
    NotRebuilt(#[source] BuildError),
    /// The rebuilt file has other bytes, first at this one.
    #[error("rebuilt from the previous one and its credits, the file differs at byte {0}")]
    NotReproduced(usize),
}

/// Everything that is wrong with the file `bytes`. `previous` are the bytes of the file before it, audited already; a first file has
/// none. With nothing `announced`, what can be said differently in a true file (an id, a reason, where the epoch ends) is not
/// checked. An empty list is good news; at most a thousand findings are listed. Whether something was paid twice is asked of these
/// two files only: see [`audit_history`].
#[must_use]
pub fn audit(bytes: &[u8], previous: Option<&[u8]>, announced: Option<Announced>) -> Vec<Finding> {
    let file = match EpochFile::parse_loosely(bytes) {
        Ok(file) => file,
        Err(error) => return vec![Finding::Unreadable(error)],
    };
    let mut findings = announced.map(|announced| compare::announced(&file, bytes, &announced)).unwrap_or_default();
    findings.extend(by_itself(&file, bytes));
    let previous = match previous.map(EpochFile::parse).transpose() {
        Ok(previous) => previous,
        Err(error) => {
            findings.push(Finding::PreviousUnreadable(error));
            return findings;
        }
    };
    let earlier = previous.as_ref().map_or(&[][..], |file| &file.credits);
    findings.extend(repeats(earlier, &file.credits).into_iter().map(Finding::Twice));
    if previous.is_some() || file.epoch == 1 {
        findings.extend(rebuilt(&file, bytes, previous.as_ref()));
    } else {
        findings.push(Finding::PreviousMissing(file.epoch));
    }
    findings.truncate(FINDINGS_MAX);
    findings
}

/// The same for all files a network ever had, also that nothing is paid twice however long ago or on whatever chain. The chains'
/// files may be mixed, each chain's from its first on. With each finding goes the place of its file in the list.
#[must_use]
pub fn audit_history(files: &[&[u8]]) -> Vec<(usize, Finding)> {
    let mut findings = Vec::new();
    let mut read: Vec<(usize, EpochFile)> = Vec::new();
    let mut newest: BTreeMap<(u64, Address), usize> = BTreeMap::new();
    for (place, bytes) in files.iter().enumerate() {
        let file = EpochFile::parse_loosely(bytes).ok();
        let series = file.as_ref().map(|file| (file.chain_id, file.distributor));
        let previous = series.and_then(|series| newest.insert(series, place));
        // Repetitions are left to one pass over everything, which finds those between neighbours too.
        let found = audit(bytes, previous.map(|place| files[place]), None);
        let found = found.into_iter().filter(|finding| !matches!(finding, Finding::Twice(_)));
        findings.extend(found.map(|finding| (place, finding)));
        read.extend(file.map(|file| (place, file)));
    }
    findings.extend(paid_twice(&read));
    findings.sort_by_key(|(place, _)| *place);
    findings
}

/// What one of `files`, each with its place, pays that it or an earlier one has paid already.
fn paid_twice(files: &[(usize, EpochFile)]) -> Vec<(usize, Finding)> {
    let mut credits: Vec<(usize, TimestampMs, &Credit)> =
        files.iter().flat_map(|(place, file)| file.credits.iter().map(|credit| (*place, file.to_ms, credit))).collect();
    // Epochs of several chains end together, and an attempt's slices may lie on any of them.
    credits.sort_by_key(|(_, to_ms, credit)| (*to_ms, credit.paid_before()));
    let mut paid = Paid::default();
    let repeats = credits.into_iter().flat_map(|(place, _, credit)| {
        let repeats = paid.count(credit, Counted::All);
        repeats.into_iter().map(move |repeat| (place, Finding::Twice(repeat)))
    });
    repeats.collect()
}

/// What can be said without the file before it.
fn by_itself(file: &EpochFile, bytes: &[u8]) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(file.disorder().map(|list| Finding::Form(ParseError::Disorder(list))));
    findings.extend(file.departure(bytes).map(|at| Finding::Form(ParseError::NotCanonical { at })));
    let computed = file.tree().map_or(B256::ZERO, |tree| tree.root());
    findings.extend((computed != file.root).then_some(Finding::Root { stated: file.root, computed }));
    let frame = file.frame();
    let faults = file.credits.iter().filter_map(|credit| Some((credit.id.clone(), credit.check(&frame).err()?)));
    findings.extend(faults.map(|(id, fault)| Finding::Credit { id, fault }));
    findings
}
