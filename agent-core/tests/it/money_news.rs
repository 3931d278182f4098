//! Money the owner is told of, once.

use std::time::Duration;

use headframe_protocol::control::{MoneyNews, MoneyNewsKind, ToldArgs, WalletAnswer, WalletRequest, WatchArgs, WithdrawalState};
use tokio::time::timeout;

use crate::{
    coordinator::PATIENCE,
    wallet::{ACCOUNT, FRIEND, Guest, account, home_of, life, take_earnings},
    wallet_chain::USDC,
    wallet_office::Office,
};

async fn news(guest: &mut Guest) -> Vec<MoneyNews> {
    match guest.ask(WalletRequest::News).await {
        WalletAnswer::News { news } => news,
        other => panic!("news were due, not {other:?}"),
    }
}

/// The next news; the network is asked for them now and then only.
async fn next(guest: &mut Guest) -> MoneyNews {
    let waiting = async {
        loop {
            if let Some(one) = news(guest).await.into_iter().next() {
                return one;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("in time")
}

async fn told(guest: &mut Guest, one: &MoneyNews) -> Vec<MoneyNews> {
    match guest.ask(WalletRequest::Told(ToldArgs { ids: vec![one.id.clone()] })).await {
        WalletAnswer::News { news } => news,
        other => panic!("news were due, not {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_that_has_arrived_is_told_once_also_by_a_later_life() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    assert_eq!(news(&mut guest).await, [], "there is no wallet");
    guest.import().await;
    office.owe(account(), USDC, 12_500_000);
    let intent = guest.prepared(take_earnings(Some(FRIEND))).await;
    guest.signed(&intent).await;
    guest.until(|state| *state == WithdrawalState::Sent).await;
    assert_eq!(news(&mut guest).await, [], "what is on its way has not arrived; what was owed before is no news");
    office.relay_all();
    office.chain.mine(5);
    office.finish_all();
    guest.until(|state| matches!(state, WithdrawalState::Final { .. })).await;
    rig.agent.shutdown().await;

    let (rig, mut guest) = life(home.path()).await;
    let one = next(&mut guest).await;
    assert_eq!((one.what, one.to.as_str()), (MoneyNewsKind::Arrived, FRIEND));
    assert_eq!((one.amount.text.as_str(), one.amount.symbol.as_str(), one.chain.as_str()), ("12.48", "USDC", "Anvil"));
    assert_eq!(news(&mut guest).await, std::slice::from_ref(&one), "it is news until he was told");
    assert_eq!(told(&mut guest, &one).await, []);
    rig.agent.shutdown().await;
    let (rig, mut guest) = life(home.path()).await;
    assert_eq!(news(&mut guest).await, []);
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_is_told_once_the_chain_confirms_it_and_again_when_there_is_another() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    guest.import().await;
    office.owe(account(), USDC, 3_000_000);
    assert_eq!(news(&mut guest).await, [], "what was owed before the first look is no news");
    // Said to be more, on no chain.
    office.books().entitlements[0].cumulative += alloy::primitives::U256::from(9_000_000);
    rig.agent.shutdown().await;
    let (rig, mut guest) = life(home.path()).await;
    assert_eq!(news(&mut guest).await, [], "the chain does not confirm it");
    office.owe(account(), USDC, 5_500_000);
    rig.agent.shutdown().await;

    let (rig, mut guest) = life(home.path()).await;
    let first = next(&mut guest).await;
    assert_eq!((first.what, first.to.as_str()), (MoneyNewsKind::Claimable, ACCOUNT));
    assert_eq!((first.amount.text.as_str(), first.amount.symbol.as_str()), ("5.50", "USDC"), "what can be taken now, in all");
    assert_eq!(told(&mut guest, &first).await, []);
    office.owe(account(), USDC, 6_000_000);
    rig.agent.shutdown().await;

    let (rig, mut guest) = life(home.path()).await;
    let second = next(&mut guest).await;
    assert_eq!(second.amount.text, "6.00");
    assert_eq!(told(&mut guest, &first).await, std::slice::from_ref(&second), "who knows of the one does not know of the other");
    assert_eq!(told(&mut guest, &second).await, []);
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_whose_key_is_elsewhere_is_told_that_there_is_a_payout_and_not_to_take_it() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    let watch = WatchArgs { address: ACCOUNT.to_owned(), replace: false };
    assert!(matches!(guest.ask(WalletRequest::Watch(watch)).await, WalletAnswer::Shown { .. }));
    assert_eq!(news(&mut guest).await, []);
    office.owe(account(), USDC, 2_000_000);
    let one = next(&mut guest).await;
    assert_eq!((one.what, one.amount.text.as_str()), (MoneyNewsKind::Published, "2.00"));
    let many = ToldArgs { ids: vec!["x".to_owned(); 65] };
    assert!(matches!(guest.ask(WalletRequest::Told(many)).await, WalletAnswer::Refused { .. }));
    rig.agent.shutdown().await;
}
