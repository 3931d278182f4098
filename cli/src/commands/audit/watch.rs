//! Every payout root looked at before it counts, and thrown out if its file does not hold: what keeps a proposer honest.
//!
//! A root counts only after a window in which a watcher may veto it. A watcher trusts nothing but the chain: the file of the root in
//! force, by its hash, is where it begins, and the new file must follow from it and from the receipts in it.

use std::time::Duration;

use alloy_primitives::{B256, keccak256};
use headframe_contracts::IDistributor;
use serde::Serialize;

use super::{Evidence, Report, judge, profile, told};
use crate::{
    Client,
    args::money::WatchRootsArgs,
    chain::{Chain, pace::Pace},
    commands::{ask::until_interrupted, purse::key_of},
    credentials,
    error::{ClientError, Error, MoneyError},
    output::{Form, Output},
    wallet::WalletKey,
};

/// What a veto does, for a sentence about what a chain refuses.
const VERB: &str = "veto the payout";

/// The most that is written on the chain of what was found.
const REASON_CHARS_MAX: usize = 200;

/// One line of `--json` output.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    /// No root waits to count.
    NothingWaits { epoch_in_force: u64 },
    /// A root waits whose file is not to be had yet.
    FileMissing { epoch: u64, root: B256, counts_from_s: u64 },
    /// What was found.
    Judged { root: B256, counts_from_s: u64, report: &'a Report },
    /// It is thrown out.
    Vetoed { epoch: u64, root: B256, transaction: B256 },
}

/// Who watches, and what was looked at last.
struct Watcher<'a> {
    client: Client,
    chain: Chain,
    /// May veto; without it what is found is only told.
    key: Option<WalletKey>,
    judged: Option<(u64, B256)>,
    /// Whether it was said that nothing waits.
    is_quiet: bool,
    out: &'a Output,
}

/// What a look has come to.
enum Look {
    /// Nothing waits, or what waits was judged.
    Done,
    /// A file is missing, and there is time.
    Again,
    /// It does not add up.
    Found { epoch: u64, findings: usize },
}

pub(in crate::commands) async fn watch(url: Option<&str>, args: WatchRootsArgs, out: &Output) -> Result<(), Error> {
    let WatchRootsArgs { chain, rpc, veto, wallet, once, every } = args;
    let key = if veto { Some(key_of(&wallet)?) } else { None };
    let client =
        credentials::public_url(url).and_then(|url| Client::anonymous(url).map_err(credentials::CredentialsError::Rejected))?;
    let profile = profile(&client, chain.as_deref(), None).await?;
    let chain = Chain::connect(profile, rpc.as_ref()).await.map_err(MoneyError::Chain)?;
    if let Some(key) = &key {
        chain.check_gas(key.address()).await.map_err(MoneyError::Chain)?;
    }
    let mut watcher = Watcher { client, chain, key, judged: None, is_quiet: false, out };
    until_interrupted("A root that waits is looked at anew the next time.", watcher.run(once, Duration::from_secs(every))).await
}

impl Watcher<'_> {
    async fn run(&mut self, once: bool, every: Duration) -> Result<(), Error> {
        loop {
            match self.look().await {
                Ok(Look::Found { epoch, findings }) if once => return Err(MoneyError::DoesNotAddUp { epoch, findings }.into()),
                Ok(_) if once => return Ok(()),
                Err(error) if once => return Err(error),
                Ok(Look::Done | Look::Again | Look::Found { .. }) => {}
                // Whoever watches goes on watching.
                Err(error) => self.out.remark(error.sentence()),
            }
            tokio::time::sleep(every).await;
        }
    }

    async fn look(&mut self) -> Result<Look, Error> {
        let (active, pending, _) = self.chain.roots().await.map_err(MoneyError::Chain)?;
        let IDistributor::Root { epoch, root, readyAt: counts_from_s, .. } = pending;
        if counts_from_s == 0 {
            if !std::mem::replace(&mut self.is_quiet, true) {
                let line = Line::NothingWaits { epoch_in_force: active.epoch };
                self.say(&line, || format!("Nothing waits. Epoch {} is in force.", active.epoch))?;
            }
            return Ok(Look::Done);
        }
        self.is_quiet = false;
        if self.judged == Some((epoch, root)) {
            return Ok(Look::Done);
        }
        let Some(evidence) = self.evidence(&active, &pending).await? else {
            let line = Line::FileMissing { epoch, root, counts_from_s };
            self.say(&line, || format!("Epoch {epoch} waits, and its file is not to be had yet. Looking again."))?;
            return Ok(Look::Again);
        };
        let report = judge(epoch, &evidence);
        self.say(&Line::Judged { root, counts_from_s, report: &report }, || told(&report))?;
        if let Some(first) = report.findings.first() {
            self.veto(epoch, root, first).await?;
        }
        self.judged = Some((epoch, root));
        let findings = report.findings.len();
        Ok(if findings == 0 { Look::Done } else { Look::Found { epoch, findings } })
    }

    /// The files a root is judged by. Nothing while they are not to be had and there is time to wait: a coordinator may be away for an
    /// hour. In the second half of the window there is none, and what nobody shows is judged as nothing.
    async fn evidence(&self, active: &IDistributor::Root, pending: &IDistributor::Root) -> Result<Option<Evidence>, Error> {
        let is_late = {
            let now = self.chain.time().await.map_err(MoneyError::Chain)?;
            now.saturating_add(self.chain.profile().windows.challenge_seconds / 2) >= pending.readyAt
        };
        let files = async {
            let file = self.client.payout_file(self.chain.id(), pending.epoch).await?;
            let previous = match pending.epoch {
                0 | 1 => None,
                epoch => Some(self.client.payout_file(self.chain.id(), epoch - 1).await?),
            };
            Ok::<_, ClientError>((file, previous))
        };
        let (bytes, previous) = match files.await {
            Ok(files) => files,
            Err(_) if is_late => (Vec::new(), None),
            Err(_) => return Ok(None),
        };
        let announced = super::announced(&self.chain, pending.epoch, &bytes, self.out).await?;
        let distributor = Some(self.chain.profile().contracts.distributor);
        let strange =
            previous.as_deref().map(keccak256).filter(|hash| active.epoch + 1 == pending.epoch && *hash != active.dataHash);
        let found =
            strange.map(|hash| format!("the file before it has the hash {hash}, and the chain has {} in force", active.dataHash));
        Ok(Some(Evidence { bytes, previous, announced, distributor, found: found.into_iter().collect() }))
    }

    /// Throws a root out, if we may.
    async fn veto(&self, epoch: u64, root: B256, finding: &str) -> Result<(), Error> {
        let Some(key) = &self.key else { return Ok(()) };
        let (pace, watcher) = (Pace::PERSON, key.address());
        let reason = finding.chars().filter(|letter| !letter.is_control()).take(REASON_CHARS_MAX).collect();
        let call = IDistributor::vetoCall { reason };
        let distributor = self.chain.profile().contracts.distributor;
        pace.until_quiet(&self.chain, watcher).await.map_err(MoneyError::Chain)?;
        let unsigned = self.chain.prepare(watcher, distributor, &call, VERB).await.map_err(MoneyError::Chain)?;
        let signed = key.transaction(unsigned).map_err(MoneyError::Wallet)?;
        let transaction = pace.see_through(&self.chain, key, signed, VERB, |_| {}).await?;
        self.say(&Line::Vetoed { epoch, root, transaction }, || format!("Epoch {epoch} is vetoed: {transaction}"))
    }

    fn say(&self, line: &Line<'_>, text: impl FnOnce() -> String) -> Result<(), Error> {
        match self.out.form() {
            Form::Json => self.out.json(line),
            Form::Text => self.out.print(&format!("{}\n", text())),
        }
    }
}
