//! A chain: time, blocks, tokens, and the two contracts on it.
//!
//! Takes the calls that settlement records, in the form in which it records them, and says what happened in the form in which a node
//! does. What is refused changes nothing.

use std::collections::BTreeMap;

use alloy::{
    rpc::types::Log,
    sol_types::{SolEvent, SolInterface as _},
};
use alloy_primitives::{Address, B256, Bytes, LogData, U256, keccak256};
use headframe_contracts::{
    IDistributor::{self, IDistributorCalls},
    IERC20Metadata,
    IMarket::{self, IMarketCalls},
};
use headframe_protocol::chain::{AssetKind, ChainProfile};

use super::{
    distributor::Distributor,
    market::{Listing, Market},
};
use crate::chain::Role;

/// Why the chain would not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused(pub(super) String);

pub(super) fn refuse(why: &str) -> Refused {
    Refused(why.to_owned())
}

/// What a transaction sees and changes, besides the contract it calls.
pub(super) struct Transaction<'a> {
    pub(super) from: Address,
    /// In seconds.
    pub(super) now: u64,
    coins: &'a mut BTreeMap<(Address, Address), u128>,
    said: &'a mut Vec<(Address, LogData)>,
}

impl Transaction<'_> {
    pub(super) fn say(&mut self, who: Address, event: &impl SolEvent) {
        self.said.push((who, event.encode_log_data()));
    }

    pub(super) fn balance(&self, token: Address, holder: Address) -> u128 {
        self.coins.get(&(token, holder)).copied().unwrap_or_default()
    }

    pub(super) fn transfer(&mut self, token: Address, from: Address, to: Address, value: u128) -> Result<(), Refused> {
        let left = self.balance(token, from).checked_sub(value).ok_or_else(|| refuse("ERC20InsufficientBalance"))?;
        self.coins.insert((token, from), left);
        *self.coins.entry((token, to)).or_default() += value;
        self.say(token, &IERC20Metadata::Transfer { from, to, value: U256::from(value) });
        Ok(())
    }
}

/// What a chain remembers.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// By token and holder, in units.
    pub(super) coins: BTreeMap<(Address, Address), u128>,
    pub(super) market: Market,
    pub(super) distributor: Distributor,
}

/// Logs of one block, each with the transaction that made it.
type Block = Vec<(B256, Address, LogData)>;

/// A transaction of ours on its way.
#[derive(Debug, Clone)]
struct Sent {
    step: String,
    role: Role,
    to: Address,
    data: Bytes,
}

/// What became of a transaction of ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Receipt {
    pub(super) hash: B256,
    pub(super) block: u64,
    pub(super) succeeded: bool,
}

/// In which order a block takes the transactions that wait. Those of one role keep theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Sent,
    ByRole,
    ByRoleBackwards,
}

/// One chain.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) profile: ChainProfile,
    pub(super) state: State,
    /// In seconds.
    pub(super) now: u64,
    /// Fractions of a micro that the operator has sent to the Distributor, by token, in units.
    pub(super) dust: BTreeMap<Address, u128>,
    /// Block 1 is the first; the last is not closed yet.
    blocks: Vec<Block>,
    waiting: Vec<Sent>,
    receipts: BTreeMap<String, Receipt>,
    transactions: u64,
}

impl Node {
    /// With the contracts on it, and with more coins than anybody deposits in the hands of `rich`.
    pub(super) fn new(profile: ChainProfile, treasury: Address, rich: &[Address]) -> Self {
        const ENOUGH: u128 = 1 << 100;
        let (id, contracts, windows) = (profile.chain_id, &profile.contracts, &profile.windows);
        let mut market = Market::new(id, contracts.market, contracts.distributor, treasury, windows.dispute_seconds);
        let distributor = Distributor::new(id, contracts.distributor, windows.challenge_seconds);
        let mut coins = BTreeMap::new();
        for asset in &profile.assets {
            let (unit, is_hfr) = (10_u128.pow(u32::from(asset.decimals) - 6), asset.kind == AssetKind::Hfr);
            let listing = Listing { unit, fee_bps: asset.fee_bps, to_suppliers: 0, fee: 0, held: 0, is_hfr };
            market.listings.insert(asset.address, listing);
            coins.extend(rich.iter().map(|holder| ((asset.address, *holder), ENOUGH)));
        }
        let state = State { coins, market, distributor };
        let (blocks, waiting, receipts) = (vec![Block::new()], Vec::new(), BTreeMap::new());
        Self { profile, state, now: 0, dust: BTreeMap::new(), blocks, waiting, receipts, transactions: 0 }
    }

    pub(super) fn id(&self) -> u64 {
        self.profile.chain_id
    }

    pub(super) fn unit(&self, token: Address) -> u128 {
        self.state.market.listings.get(&token).map_or(1, |listing| listing.unit)
    }

    pub(super) fn balance(&self, token: Address, holder: Address) -> u128 {
        self.state.coins.get(&(token, holder)).copied().unwrap_or_default()
    }

    /// The last block nothing takes back; zero before there is one.
    pub(super) fn final_block(&self) -> u64 {
        (self.blocks.len() as u64 - 1).saturating_sub(self.profile.finality_blocks)
    }

    /// The role's own address.
    pub(super) fn address_of(role: Role) -> Address {
        Address::from_word(keccak256(role.as_str()))
    }

    /// Somebody's transaction, in the block that is open.
    pub(super) fn act(
        &mut self,
        from: Address,
        act: impl FnOnce(&mut State, &mut Transaction<'_>) -> Result<(), Refused>,
    ) -> Result<B256, Refused> {
        self.transactions += 1;
        let hash = keccak256([self.id().to_be_bytes(), self.transactions.to_be_bytes()].concat());
        let mut after = self.state.clone();
        let (mut coins, mut said) = (std::mem::take(&mut after.coins), Vec::new());
        act(&mut after, &mut Transaction { from, now: self.now, coins: &mut coins, said: &mut said })?;
        after.coins = coins;
        self.state = after;
        let block = self.blocks.last_mut().expect("one block is always open");
        block.extend(said.into_iter().map(|(who, said)| (hash, who, said)));
        Ok(hash)
    }

    /// Whether a call would be taken now.
    pub(super) fn estimate(&self, role: Role, to: Address, data: &Bytes) -> Result<(), Refused> {
        self.clone_for_a_try().execute(role, to, data).map(drop)
    }

    fn clone_for_a_try(&self) -> Self {
        let (profile, state, dust) = (self.profile.clone(), self.state.clone(), BTreeMap::new());
        let (blocks, waiting, receipts) = (vec![Block::new()], Vec::new(), BTreeMap::new());
        Self { profile, state, now: self.now, dust, blocks, waiting, receipts, transactions: self.transactions }
    }

    fn execute(&mut self, role: Role, to: Address, data: &Bytes) -> Result<B256, Refused> {
        let contracts = self.profile.contracts.clone();
        let from = Self::address_of(role);
        if to == contracts.market {
            let call = IMarketCalls::abi_decode(data).map_err(|_| refuse("no such call"))?;
            self.act(from, |state, on| market(state, on, role, &call))
        } else if to == contracts.distributor {
            let call = IDistributorCalls::abi_decode(data).map_err(|_| refuse("no such call"))?;
            self.act(from, |state, on| distributor(state, on, role, &call))
        } else {
            Err(refuse("nobody is there"))
        }
    }

    /// Takes a transaction of ours in, to be mined. The same again is the same.
    pub(super) fn send(&mut self, step: &str, role: Role, to: Address, data: &Bytes) {
        if !self.receipts.contains_key(step) && self.waiting.iter().all(|sent| sent.step != step) {
            self.waiting.push(Sent { step: step.to_owned(), role, to, data: data.clone() });
        }
    }

    /// Forgets the transactions that wait, as a node does that is started anew.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn receipt(&self, step: &str) -> Option<Receipt> {
        self.receipts.get(step).copied().filter(|receipt| receipt.block <= self.final_block())
    }

    pub(super) fn is_waiting(&self, step: &str) -> bool {
        self.receipts.contains_key(step) || self.waiting.iter().any(|sent| sent.step == step)
    }

    /// Mines what waits and closes the block.
    pub(super) fn mine(&mut self, order: Order) {
        let mut sent = std::mem::take(&mut self.waiting);
        match order {
            Order::Sent => {}
            Order::ByRole => sent.sort_by_key(|sent| sent.role),
            Order::ByRoleBackwards => sent.sort_by_key(|sent| std::cmp::Reverse(sent.role)),
        }
        let block = self.blocks.len() as u64;
        for Sent { step, role, to, data } in sent {
            let done = self.execute(role, to, &data);
            let hash = keccak256(step.as_bytes());
            self.receipts.insert(step, Receipt { hash, block, succeeded: done.is_ok() });
        }
        self.blocks.push(Block::new());
    }

    /// What a node answers to the two questions that settlement asks for events.
    pub(super) fn logs(&self, from: u64, to: u64) -> Vec<Log> {
        let mut found = Vec::new();
        for number in from..=to {
            let Some(block) = number.checked_sub(1).and_then(|at| self.blocks.get(usize::try_from(at).ok()?)) else { continue };
            for (index, (transaction, who, said)) in (0_u64..).zip(block) {
                if self.is_asked_for(*who, said) {
                    found.push(Log {
                        inner: alloy_primitives::Log { address: *who, data: said.clone() },
                        block_number: Some(number),
                        log_index: Some(index),
                        transaction_hash: Some(*transaction),
                        ..Log::default()
                    });
                }
            }
        }
        found
    }

    fn is_asked_for(&self, who: Address, said: &LogData) -> bool {
        let contracts = &self.profile.contracts;
        let into = said.topics().get(2) == Some(&contracts.distributor.into_word());
        who == contracts.market || who == contracts.distributor || (self.profile.asset(who).is_some() && into)
    }
}

fn only(role: Role, may: Role) -> Result<(), Refused> {
    if role == may { Ok(()) } else { Err(refuse("AccessManagedUnauthorized")) }
}

fn market(state: &mut State, on: &mut Transaction<'_>, role: Role, call: &IMarketCalls) -> Result<(), Refused> {
    let market = &mut state.market;
    match call {
        IMarketCalls::reserve(call) => only(role, Role::Matcher).and_then(|()| market.reserve(on, call)),
        IMarketCalls::reserveCredit(call) => only(role, Role::Matcher).and_then(|()| market.reserve_credit(on, call)),
        IMarketCalls::giveBack(IMarket::giveBackCall { session, amount }) => {
            only(role, Role::Settler).and_then(|()| market.give_back(on, *session, *amount))
        }
        IMarketCalls::propose(call) => only(role, Role::Settler).and_then(|()| market.propose(on, &call.settlement)),
        IMarketCalls::proposeBatch(call) => only(role, Role::Settler)
            .and_then(|()| call.settlements.iter().try_for_each(|settlement| market.propose(on, settlement))),
        IMarketCalls::creditFiat(call) => only(role, Role::Fiat).and_then(|()| market.credit_fiat(on, call)),
        IMarketCalls::reverseFiat(call) => only(role, Role::Fiat).and_then(|()| market.reverse_fiat(on, call)),
        IMarketCalls::finalize(call) => market.finalize(on, &call.sessions),
        IMarketCalls::release(call) => market.release(on, call.session),
        IMarketCalls::sweep(call) => market.sweep(on, call.asset),
        _ => Err(refuse("settlement does not call this")),
    }
}

fn distributor(state: &mut State, on: &mut Transaction<'_>, role: Role, call: &IDistributorCalls) -> Result<(), Refused> {
    match call {
        IDistributorCalls::proposeRoot(call) => only(role, Role::Proposer).and_then(|()| state.distributor.propose(on, call)),
        IDistributorCalls::activate(IDistributor::activateCall {}) => state.distributor.activate(on),
        IDistributorCalls::claimBatch(call) => state.distributor.claim_batch(on, call),
        _ => Err(refuse("settlement does not call this")),
    }
}
