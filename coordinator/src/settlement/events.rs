//! Books what happened on a chain: every event of our contracts, each once, when nothing takes it back any more.
//!
//! The chain is the truth about what customers own there and what suppliers may claim. The ledger follows it here and nowhere
//! else: that we sent a transaction changes nothing in the books, that its event is final does.

use alloy::{
    providers::Provider as _,
    rpc::types::{Filter, Log},
    sol_types::SolEvent as _,
};
use alloy_primitives::{Address, B256};
use headframe_contracts::{IDistributor, IERC20Metadata, IMarket};

use super::{SettlementError, book};
use crate::{
    App,
    chain::Chain,
    store::{
        Tx,
        chain_events::{self, Place},
        commit,
    },
};

/// Blocks asked for at once. Public nodes refuse more than a few thousand.
const BLOCKS_MAX: u64 = 2_000;

/// Reads what is new on a chain. Returns how many events were booked.
pub(super) async fn read(app: &App, chain: &Chain) -> Result<u64, SettlementError> {
    let last = chain.final_block().await?;
    let from = {
        let mut connection = app.store.read().await?;
        let known = chain_events::cursor(&mut connection, chain.id()).await?;
        known.unwrap_or(chain.profile().deployed_at_block.saturating_sub(1)) + 1
    };
    if from > last {
        return Ok(0);
    }
    let to = last.min(from + BLOCKS_MAX - 1);
    take_all(app, chain, logs(chain, from, to).await?, to).await
}

/// Books what is new of `logs`, which are all there are up to the block `to`.
pub(super) async fn take_all(app: &App, chain: &Chain, mut logs: Vec<Log>, to: u64) -> Result<u64, SettlementError> {
    logs.sort_by_key(|log| (log.block_number, log.log_index));
    logs.dedup_by_key(|log| (log.block_number, log.log_index));
    let mut tx = app.store.begin().await?;
    let mut booked = 0;
    for log in &logs {
        let Some(place) = place(chain, log) else { continue };
        booked += u64::from(take(app, chain, &mut tx, place, log).await?);
    }
    chain_events::move_cursor(&mut tx, chain.id(), to).await?;
    crate::fail::point("events.booked");
    commit(tx, "book events of a chain").await?;
    Ok(booked)
}

/// Everything our contracts have said, and every transfer of a token of ours into the Distributor.
async fn logs(chain: &Chain, from: u64, to: u64) -> Result<Vec<Log>, SettlementError> {
    let profile = chain.profile();
    let ours = Filter::new().from_block(from).to_block(to);
    let ours = ours.address(vec![profile.contracts.market, profile.contracts.distributor]);
    let tokens: Vec<Address> = profile.assets.iter().map(|asset| asset.address).collect();
    let into = Filter::new().from_block(from).to_block(to).address(tokens);
    let into = into.event_signature(IERC20Metadata::Transfer::SIGNATURE_HASH).topic2(word(profile.contracts.distributor));
    let mut found = chain.provider().get_logs(&ours).await.map_err(|error| chain.failed("list events", error))?;
    found.extend(chain.provider().get_logs(&into).await.map_err(|error| chain.failed("list events", error))?);
    Ok(found)
}

fn word(address: Address) -> B256 {
    address.into_word()
}

fn place(chain: &Chain, log: &Log) -> Option<Place> {
    Some(Place { chain: chain.id(), block: log.block_number?, log: log.log_index?, transaction: log.transaction_hash? })
}

/// Books one event, unless it is booked. Events we do not know of change nothing.
async fn take(app: &App, chain: &Chain, tx: &mut Tx, place: Place, log: &Log) -> Result<bool, SettlementError> {
    let profile = chain.profile();
    let known = if log.address() == profile.contracts.market {
        market(log)
    } else if log.address() == profile.contracts.distributor {
        distributor(log)
    } else {
        inventory(chain, log)
    };
    let Some(event) = known else { return Ok(false) };
    if !chain_events::add(tx, place, event.name(), &format!("{event:?}")).await? {
        return Ok(false);
    }
    book::book(app, chain, tx, place, event).await?;
    Ok(true)
}

/// What can happen on a chain, as far as the books are concerned.
#[derive(Debug, Clone)]
pub(super) enum Event {
    Deposited(IMarket::Deposited),
    Withdrawn(IMarket::Withdrawn),
    FiatCredited(IMarket::FiatCredited),
    FiatReversed(IMarket::FiatReversed),
    OrderRevoked(IMarket::OrderRevoked),
    Reserved(IMarket::SessionReserved),
    GivenBack(IMarket::GivenBack),
    Resolved(IMarket::Resolved),
    Settled(IMarket::Settled),
    Released(IMarket::Released),
    RootProposed(IDistributor::RootProposed),
    RootActivated(IDistributor::RootActivated),
    RootVetoed(IDistributor::RootVetoed),
    Claimed(IDistributor::Claimed),
    /// Somebody but the Market has put money into the Distributor.
    Stocked {
        token: Address,
        transfer: IERC20Metadata::Transfer,
    },
}

impl Event {
    /// Its name in the database.
    const fn name(&self) -> &'static str {
        match self {
            Self::Deposited(_) => "Deposited",
            Self::Withdrawn(_) => "Withdrawn",
            Self::FiatCredited(_) => "FiatCredited",
            Self::FiatReversed(_) => "FiatReversed",
            Self::OrderRevoked(_) => "OrderRevoked",
            Self::Reserved(_) => "SessionReserved",
            Self::GivenBack(_) => "GivenBack",
            Self::Resolved(_) => "Resolved",
            Self::Settled(_) => "Settled",
            Self::Released(_) => "Released",
            Self::RootProposed(_) => "RootProposed",
            Self::RootActivated(_) => "RootActivated",
            Self::RootVetoed(_) => "RootVetoed",
            Self::Claimed(_) => "Claimed",
            Self::Stocked { .. } => "Stocked",
        }
    }
}

fn market(log: &Log) -> Option<Event> {
    let log = &log.inner;
    let known = [
        |log| IMarket::Deposited::decode_log(log).map(|log| Event::Deposited(log.data)),
        |log| IMarket::Withdrawn::decode_log(log).map(|log| Event::Withdrawn(log.data)),
        |log| IMarket::FiatCredited::decode_log(log).map(|log| Event::FiatCredited(log.data)),
        |log| IMarket::FiatReversed::decode_log(log).map(|log| Event::FiatReversed(log.data)),
        |log| IMarket::OrderRevoked::decode_log(log).map(|log| Event::OrderRevoked(log.data)),
        |log| IMarket::SessionReserved::decode_log(log).map(|log| Event::Reserved(log.data)),
        |log| IMarket::GivenBack::decode_log(log).map(|log| Event::GivenBack(log.data)),
        |log| IMarket::Resolved::decode_log(log).map(|log| Event::Resolved(log.data)),
        |log| IMarket::Settled::decode_log(log).map(|log| Event::Settled(log.data)),
        |log| IMarket::Released::decode_log(log).map(|log| Event::Released(log.data)),
    ];
    known.into_iter().find_map(|read| read(log).ok())
}

fn distributor(log: &Log) -> Option<Event> {
    let log = &log.inner;
    let known = [
        |log| IDistributor::RootProposed::decode_log(log).map(|log| Event::RootProposed(log.data)),
        |log| IDistributor::RootActivated::decode_log(log).map(|log| Event::RootActivated(log.data)),
        |log| IDistributor::RootVetoed::decode_log(log).map(|log| Event::RootVetoed(log.data)),
        |log| IDistributor::Claimed::decode_log(log).map(|log| Event::Claimed(log.data)),
    ];
    known.into_iter().find_map(|read| read(log).ok())
}

/// What comes from the Market is what suppliers have earned; anything else is the operator's.
fn inventory(chain: &Chain, log: &Log) -> Option<Event> {
    let transfer = IERC20Metadata::Transfer::decode_log(&log.inner).ok()?.data;
    let theirs = transfer.from != chain.profile().contracts.market && transfer.to == chain.profile().contracts.distributor;
    theirs.then_some(Event::Stocked { token: log.address(), transfer })
}
