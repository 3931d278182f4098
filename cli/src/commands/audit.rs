//! Whether a payout's public file is true, as far as a stranger can tell: no key, no account, no trust in the coordinator.

use std::{collections::BTreeMap, path::Path};

use alloy_primitives::{Address, B256, U256, keccak256};
use headframe_accounts::{
    EpochFile,
    audit::{Announced, Finding, audit},
    epoch::AssetTotal,
};
use headframe_protocol::chain::ChainProfile;
use serde::Serialize;

use crate::{
    Client, amount,
    args::money::AuditArgs,
    chain::{Chain, choice},
    credentials,
    error::{Error, MoneyError},
    output::Output,
};

pub(super) mod watch;

/// What an audit has found.
#[derive(Debug, Serialize)]
struct Report {
    epoch: u64,
    adds_up: bool,
    /// Whether the chain still tells what was announced: it does of the root in force and of the one that waits.
    compared_with_chain: bool,
    /// The Keccak-256 of the file's bytes.
    data_hash: B256,
    #[serde(flatten)]
    file: Option<Told>,
    findings: Vec<String>,
}

/// What a file says.
#[derive(Debug, Serialize)]
struct Told {
    network: String,
    chain_id: u64,
    distributor: Address,
    root: B256,
    credits: usize,
    leaves: usize,
    totals: Vec<Total>,
}

/// What all accounts together are owed in one asset.
#[derive(Debug, Serialize)]
struct Total {
    asset: Address,
    symbol: String,
    /// In token units.
    units: String,
    /// With its symbol, rounded down to millionths.
    amount: String,
}

/// What is audited, and what it is compared with.
struct Evidence {
    bytes: Vec<u8>,
    previous: Option<Vec<u8>>,
    announced: Option<Announced>,
    /// Who pays on the chain, as the network says; the file must name the same.
    distributor: Option<Address>,
    /// What was found before the file was read.
    found: Vec<String>,
}

pub(super) async fn epoch(url: Option<&str>, args: AuditArgs, out: &Output) -> Result<(), Error> {
    let epoch = args.epoch;
    let evidence = gather(url, &args, out).await?;
    let report = judge(epoch, &evidence);
    let findings = report.findings.len();
    out.answer(&report, told)?;
    if findings == 0 { Ok(()) } else { Err(MoneyError::DoesNotAddUp { epoch, findings }.into()) }
}

/// Fetches what is not given: the file, the one before it, and what the chain says of them.
async fn gather(url: Option<&str>, args: &AuditArgs, out: &Output) -> Result<Evidence, Error> {
    let AuditArgs { epoch, chain, file, previous, rpc } = args;
    let client =
        credentials::public_url(url).and_then(|url| Client::anonymous(url).map_err(credentials::CredentialsError::Rejected));
    let bytes = file.as_deref().map(read).transpose()?;
    let named = bytes.as_deref().and_then(|bytes| EpochFile::parse(bytes).ok()).map(|file| file.chain_id);
    let profile = match &client {
        Ok(client) => Some(profile(client, chain.as_deref(), named).await?),
        Err(_) => None,
    };
    let source = || match (&client, &profile) {
        (Ok(client), Some(profile)) => Ok((client, profile.chain_id)),
        (Err(error), _) => Err(Error::Usage(format!("the files of this payout are not all given: {error}"))),
        (Ok(_), None) => Err(MoneyError::Choice(choice::ChoiceError::NoChain).into()),
    };
    let bytes = match bytes {
        Some(bytes) => bytes,
        None => {
            let (client, chain_id) = source()?;
            client.payout_file(chain_id, *epoch).await?
        }
    };
    let previous = match previous.as_deref().map(read).transpose()? {
        Some(previous) => Some(previous),
        None if *epoch == 1 => None,
        None => {
            let (client, chain_id) = source()?;
            Some(client.payout_file(chain_id, epoch - 1).await?)
        }
    };
    let distributor = profile.as_ref().map(|profile| profile.contracts.distributor);
    let announced = match profile {
        Some(profile) => {
            let chain = Chain::connect(profile, rpc.as_ref()).await.map_err(MoneyError::Chain)?;
            announced(&chain, *epoch, &bytes, out).await?
        }
        None => None,
    };
    Ok(Evidence { bytes, previous, announced, distributor, found: Vec::new() })
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// The chain that is meant; of several the one the file names, or the home chain, which is the first.
async fn profile(client: &Client, wanted: Option<&str>, named: Option<u64>) -> Result<ChainProfile, Error> {
    let chains = client.chains().await?;
    let named = named.map(|id| id.to_string()).filter(|id| chains.iter().any(|chain| chain.chain_id.to_string() == *id));
    let home = chains.first().map(|chain| chain.chain_id.to_string());
    let wanted = wanted.map(str::to_owned).or(named).or(home);
    Ok(choice::chain(chains, wanted.as_deref()).map_err(MoneyError::Choice)?)
}

/// What the chain says of the epoch, if it still does.
async fn announced(chain: &Chain, epoch: u64, bytes: &[u8], out: &Output) -> Result<Option<Announced>, MoneyError> {
    let (active, pending, totals) = chain.roots().await?;
    if pending.readyAt != 0 && pending.epoch == epoch {
        let totals = totals.into_iter().map(|total| (total.asset, U256::from(total.cumulative))).collect();
        return Ok(Some(Announced { epoch, root: pending.root, data_hash: pending.dataHash, totals }));
    }
    if active.epoch != epoch || active.root.is_zero() {
        out.remark(match active.epoch {
            0 => format!("{} has no payout root in force yet.", chain.name()),
            now => format!("{} has the root of epoch {now} in force, and tells of no other.", chain.name()),
        });
        return Ok(None);
    }
    // The contract names no list of assets; those of the network and of the file are all there can be.
    let named = EpochFile::parse(bytes).map(|file| file.assets).unwrap_or_default();
    let assets = chain.profile().assets.iter().map(|asset| asset.address).chain(named.iter().map(|total| total.asset));
    let mut totals = BTreeMap::new();
    for asset in assets.collect::<std::collections::BTreeSet<_>>() {
        let total = U256::from(chain.announced(asset).await?);
        if !total.is_zero() || named.iter().any(|named| named.asset == asset) {
            totals.insert(asset, total);
        }
    }
    Ok(Some(Announced { epoch, root: active.root, data_hash: active.dataHash, totals }))
}

fn judge(epoch: u64, evidence: &Evidence) -> Report {
    let Evidence { bytes, previous, announced, distributor, found } = evidence;
    let compared_with_chain = announced.is_some();
    let mut findings: Vec<String> = audit(bytes, previous.as_deref(), announced.clone()).iter().map(sentence).collect();
    findings.extend(found.iter().cloned());
    let file = EpochFile::parse(bytes).ok();
    if let Some(file) = &file {
        if file.epoch != epoch {
            findings.push(format!("the file is of epoch {}, not {epoch}", file.epoch));
        }
        if let Some(distributor) = distributor.filter(|distributor| *distributor != file.distributor) {
            findings.push(format!("the file is paid by {}, and the network pays from {distributor}", file.distributor));
        }
    }
    let (adds_up, data_hash) = (findings.is_empty(), keccak256(bytes));
    Report { epoch, adds_up, compared_with_chain, data_hash, file: file.map(summed), findings }
}

fn summed(file: EpochFile) -> Told {
    let total = |total: AssetTotal| {
        let micros = total.decimals.micros_floor(total.cumulative);
        let amount = micros.map_or_else(|_| total.cumulative.to_string(), amount::plain);
        let (asset, units) = (total.asset, total.cumulative.to_string());
        Total { asset, units, amount: format!("{amount} {}", total.symbol), symbol: total.symbol }
    };
    Told {
        network: file.network,
        chain_id: file.chain_id,
        distributor: file.distributor,
        root: file.root,
        credits: file.credits.len(),
        leaves: file.leaves.len(),
        totals: file.assets.into_iter().map(total).collect(),
    }
}

/// A finding with its causes.
fn sentence(finding: &Finding) -> String {
    let mut text = finding.to_string();
    let mut cause = std::error::Error::source(finding);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

fn told(report: &Report) -> String {
    let Report { epoch, adds_up, compared_with_chain, data_hash, file, findings } = report;
    let mut lines = Vec::new();
    lines.push(match (adds_up, compared_with_chain) {
        (true, true) => format!("Epoch {epoch} adds up, and is what the chain has."),
        (true, false) => format!("Epoch {epoch} adds up. It was not compared with the chain."),
        (false, _) => format!("Epoch {epoch} does not add up:"),
    });
    lines.extend(findings.iter().map(|finding| format!("  - {finding}")));
    if let Some(Told { network, chain_id, distributor, root, credits, leaves, totals }) = file {
        lines.push(format!("Network      {network}, chain {chain_id}, distributor {}", distributor.to_checksum(None)));
        lines.push(format!("Credits      {credits} in this epoch"));
        lines.push(format!("Leaves       {leaves}"));
        lines.extend(totals.iter().map(|total| format!("Owed in all  {}", total.amount)));
        lines.push(format!("Root         {root}"));
    }
    lines.push(format!("File hash    {data_hash}"));
    lines.join("\n")
}

#[cfg(test)]
mod tests;
