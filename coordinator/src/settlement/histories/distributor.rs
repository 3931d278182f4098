//! `Distributor.sol` as arithmetic: roots, and the claims on them.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use headframe_accounts::{
    claim::{Batch, Claim},
    leaf::Distributor as Named,
};
use headframe_contracts::IDistributor;
use headframe_protocol::payout::Entitlement;

use super::node::{Refused, Transaction, refuse};

/// What all accounts may claim of an asset, in units.
#[derive(Debug, Clone, Default)]
pub(super) struct Payable {
    pub(super) announced: u128,
    pub(super) claimed: u128,
}

#[derive(Debug, Clone)]
struct Pending {
    epoch: u64,
    root: B256,
    ready_at: u64,
    totals: Vec<IDistributor::Total>,
}

/// The contract.
#[derive(Debug, Clone)]
pub(super) struct Distributor {
    chain: u64,
    address: Address,
    challenge_seconds: u64,
    pub(super) active: (u64, B256),
    pending: Option<Pending>,
    pub(super) payable: BTreeMap<Address, Payable>,
    /// By account and asset.
    pub(super) claimed: BTreeMap<(Address, Address), u128>,
}

impl Distributor {
    pub(super) fn new(chain: u64, address: Address, challenge_seconds: u64) -> Self {
        let (active, pending) = ((0, B256::ZERO), None);
        Self { chain, address, challenge_seconds, active, pending, payable: BTreeMap::new(), claimed: BTreeMap::new() }
    }

    pub(super) fn propose(&mut self, on: &mut Transaction<'_>, call: &IDistributor::proposeRootCall) -> Result<(), Refused> {
        let IDistributor::proposeRootCall { epoch, root, dataHash, totals } = call;
        if self.pending.is_some() {
            return Err(refuse("AlreadyPending"));
        }
        if *epoch != self.active.0 + 1 {
            return Err(refuse("BadEpoch"));
        }
        if !totals.is_sorted_by(|one, next| one.asset < next.asset) {
            return Err(refuse("BadTotals"));
        }
        let shrinks = |total: &IDistributor::Total| total.cumulative.to::<u128>() < self.announced(total.asset);
        if totals.iter().any(shrinks) {
            return Err(refuse("TotalsDecrease"));
        }
        let ready_at = on.now + self.challenge_seconds;
        self.pending = Some(Pending { epoch: *epoch, root: *root, ready_at, totals: totals.clone() });
        let (epoch, root, totals) = (*epoch, *root, totals.clone());
        on.say(self.address, &IDistributor::RootProposed { epoch, root, dataHash: *dataHash, totals, readyAt: ready_at });
        Ok(())
    }

    fn announced(&self, asset: Address) -> u128 {
        self.payable.get(&asset).map_or(0, |payable| payable.announced)
    }

    /// What has to be there for the root that waits to become active.
    pub(super) fn owed_when_active(&self, asset: Address) -> u128 {
        let waiting = self.pending.iter().flat_map(|pending| &pending.totals).find(|total| total.asset == asset);
        let claimed = self.payable.get(&asset).map_or(0, |payable| payable.claimed);
        waiting.map_or(0, |total| total.cumulative.to::<u128>() - claimed)
    }

    pub(super) fn veto(&mut self, on: &mut Transaction<'_>) -> Result<(), Refused> {
        let Pending { epoch, root, .. } = self.pending.take().ok_or_else(|| refuse("NoPending"))?;
        on.say(self.address, &IDistributor::RootVetoed { epoch, root, watcher: on.from, reason: "practice".to_owned() });
        Ok(())
    }

    pub(super) fn activate(&mut self, on: &mut Transaction<'_>) -> Result<(), Refused> {
        let Pending { epoch, root, ready_at, totals } = self.pending.clone().ok_or_else(|| refuse("NoPending"))?;
        if on.now < ready_at {
            return Err(refuse("Early"));
        }
        for total in &totals {
            let have = on.balance(total.asset, self.address);
            let payable = self.payable.entry(total.asset).or_default();
            let cumulative = total.cumulative.to::<u128>();
            if have < cumulative - payable.claimed {
                return Err(refuse("Unfunded"));
            }
            payable.announced = cumulative;
        }
        self.active = (epoch, root);
        self.pending = None;
        on.say(self.address, &IDistributor::RootActivated { epoch, root });
        Ok(())
    }

    pub(super) fn claim(&mut self, on: &mut Transaction<'_>, what: &Entitlement) -> Result<(), Refused> {
        let Entitlement { asset, account, cumulative, proof, .. } = what;
        let leaf = headframe_accounts::Leaf { account: *account, asset: *asset, cumulative: *cumulative };
        let named = Named { chain_id: self.chain, address: self.address };
        if !(Claim { leaf, proof: proof.clone() }).holds(&named, self.active.1) {
            return Err(refuse("BadProof"));
        }
        if self.pay(on, *asset, *account, cumulative.to())? { Ok(()) } else { Err(refuse("NothingToClaim")) }
    }

    /// Passes over whoever has nothing left.
    pub(super) fn claim_batch(&mut self, on: &mut Transaction<'_>, call: &IDistributor::claimBatchCall) -> Result<(), Refused> {
        let IDistributor::claimBatchCall { asset, accounts, cumulatives, proof, proofFlags } = call.clone();
        let batch = Batch {
            asset,
            cumulatives: cumulatives.iter().map(|units| U256::from(*units)).collect(),
            accounts: accounts.clone(),
            proof,
            flags: proofFlags,
        };
        if !batch.holds(&Named { chain_id: self.chain, address: self.address }, self.active.1) {
            return Err(refuse("BadProof"));
        }
        for (account, cumulative) in accounts.into_iter().zip(cumulatives) {
            self.pay(on, asset, account, cumulative)?;
        }
        Ok(())
    }

    /// False if the account has it all.
    fn pay(&mut self, on: &mut Transaction<'_>, asset: Address, account: Address, cumulative: u128) -> Result<bool, Refused> {
        let before = self.claimed.entry((account, asset)).or_default();
        if cumulative <= *before {
            return Ok(false);
        }
        let amount = cumulative - *before;
        *before = cumulative;
        let payable = self.payable.entry(asset).or_default();
        if amount > payable.announced - payable.claimed {
            return Err(refuse("OverTotals"));
        }
        payable.claimed += amount;
        on.say(self.address, &IDistributor::Claimed { account, asset, amount: U256::from(amount), to: account });
        on.transfer(asset, self.address, account, amount)?;
        Ok(true)
    }
}
