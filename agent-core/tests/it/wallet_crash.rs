//! Withdrawals of an agent that dies at the worst moments.

use std::path::Path;

use alloy::primitives::{Address, U256};
use headframe_protocol::control::{PrepareArgs, SignArgs, Source, WalletCode, WalletRequest, WithdrawalState};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    wallet::{FRIEND, account, home_of, life, secret, soon, take_earnings},
    wallet_chain::{CHAIN_ID, USDC},
    wallet_office::{Fault, Office},
};

fn friend() -> Address {
    FRIEND.parse().expect("an address")
}

fn send_from_wallet() -> PrepareArgs {
    PrepareArgs::Withdraw {
        chain_id: CHAIN_ID,
        asset: "USDC".to_owned(),
        from: Source::Wallet,
        to: Some(FRIEND.to_owned()),
        amount: Some("2".to_owned()),
        own_gas: true,
    }
}

/// What a crash leaves that came after an act and before it was written down.
async fn forget_last_step(home: &Path, step: &str) {
    let file = SqliteConnectOptions::new().filename(home.join("agent.db"));
    let mut database = SqliteConnection::connect_with(&file).await.expect("nobody else has it");
    let forget = "UPDATE withdrawal SET step = $1, block = NULL,
                  relay = CASE $1 WHEN 'signed' THEN NULL ELSE relay END, tx_hash = CASE $1 WHEN 'signed' THEN NULL ELSE tx_hash END";
    sqlx::query(forget).bind(step).execute(&mut database).await.expect("forgotten");
    database.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relayed_withdrawal_goes_on_after_a_crash_at_every_step() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    guest.import().await;
    office.owe(account(), USDC, 12_500_000);
    let intent = guest.prepared(take_earnings(Some(FRIEND))).await;
    // Signed, and the coordinator cannot be told.
    office.books().claims_fault = Fault::Before;
    guest.signed(&intent).await;
    rig.agent.abandon().await;
    // Told, and the answer is lost.
    office.books().claims_fault = Fault::After;
    let (rig, mut guest) = life(home.path()).await;
    soon("told", || !office.books().relays.is_empty()).await;
    assert_eq!(guest.newest().await.state, WithdrawalState::Signed);
    rig.agent.abandon().await;
    // Told, and no answer comes.
    office.books().claims_fault = Fault::Silent;
    let heard = office.books().claims_heard.len();
    let (rig, _) = life(home.path()).await;
    soon("told", || office.books().claims_heard.len() > heard).await;
    rig.agent.abandon().await;
    // Answered, and the answer is not written down; then it is.
    office.books().claims_fault = Fault::None;
    for crash in [true, false] {
        let (rig, mut guest) = life(home.path()).await;
        guest.until(|state| *state == WithdrawalState::Sent).await;
        rig.agent.abandon().await;
        if crash {
            forget_last_step(home.path(), "signed").await;
        }
    }
    office.relay_all();
    // Final on the chain, and the relayer does not say so yet; then it does, and that is not written down; then it is.
    office.chain.mine(5);
    for crash in [true, false] {
        let (rig, mut guest) = life(home.path()).await;
        guest.until(|state| matches!(state, WithdrawalState::Sent | WithdrawalState::Final { .. })).await;
        office.finish_all();
        guest.until(|state| matches!(state, WithdrawalState::Final { .. })).await;
        rig.agent.abandon().await;
        if crash {
            forget_last_step(home.path(), "sent").await;
        }
    }
    let books = office.books();
    assert!(books.claims_heard.len() >= 4 && books.claims_heard.iter().all(|claim| *claim == books.claims_heard[0]));
    assert_eq!(books.relays.len(), 1, "one act, however often it was said");
    assert_eq!(office.chain.ledger().balances[&(USDC, friend())], U256::from(12_480_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_with_own_gas_is_sent_as_the_same_bytes_after_every_crash() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    guest.import().await;
    office.chain.ledger().balances.insert((USDC, account()), U256::from(7_000_000));
    office.chain.ledger().coins.insert(account(), U256::from(10).pow(U256::from(18)));
    let intent = guest.prepared(send_from_wallet()).await;
    // Signed, and the chain cannot be reached.
    office.chain.ledger().is_down = true;
    guest.signed(&intent).await;
    rig.agent.abandon().await;
    // Taken, and the answer is lost, and no block has it.
    {
        let mut ledger = office.chain.ledger();
        (ledger.is_down, ledger.mute_after_send, ledger.stalls) = (false, true, true);
    }
    let (rig, mut guest) = life(home.path()).await;
    soon("sent", || !office.chain.ledger().sent.is_empty()).await;
    assert_eq!(guest.newest().await.state, WithdrawalState::Signed);
    rig.agent.abandon().await;
    // Sent and written down; no block has it, so it is sent again.
    office.chain.ledger().mute_after_send = false;
    let (rig, mut guest) = life(home.path()).await;
    guest.until(|state| *state == WithdrawalState::Sent).await;
    let sent = office.chain.ledger().sent.len();
    soon("sent again", || office.chain.ledger().sent.len() > sent).await;
    office.chain.ledger().stalls = false;
    soon("included", || !office.chain.ledger().receipts.is_empty()).await;
    rig.agent.abandon().await;
    // Included, and that it was sent is forgotten; then final, and that is forgotten too.
    for step in ["signed", "sent", ""] {
        if !step.is_empty() {
            forget_last_step(home.path(), step).await;
        }
        let (rig, mut guest) = life(home.path()).await;
        guest.until(|state| matches!(state, WithdrawalState::Sent | WithdrawalState::Final { .. })).await;
        office.chain.mine(5);
        guest.until(|state| matches!(state, WithdrawalState::Final { .. })).await;
        rig.agent.abandon().await;
    }
    let ledger = office.chain.ledger();
    assert!(ledger.sent.len() >= 4 && ledger.sent.iter().all(|hash| *hash == ledger.sent[0]), "the same bytes each time");
    assert_eq!(ledger.balances[&(USDC, friend())], U256::from(2_000_000), "moved once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_signed_when_the_agent_died_never_is() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    guest.import().await;
    office.owe(account(), USDC, 12_500_000);
    let intent = guest.prepared(take_earnings(None)).await;
    let args = SignArgs {
        intent: intent.id.clone(),
        password: Some(secret("a wrong password")),
        previous_password: None,
        confirmed: Vec::new(),
    };
    assert_eq!(guest.refused(WalletRequest::Sign(args)).await.code, WalletCode::WrongPassword);
    assert_eq!(guest.newest().await.state, WithdrawalState::Prepared);
    rig.agent.abandon().await;
    let (rig, mut guest) = life(home.path()).await;
    let card = guest.until(|state| matches!(state, WithdrawalState::Refused { .. })).await;
    assert_eq!(card.id, intent.id);
    assert!(
        matches!(guest.sign(&intent, &[]).await, headframe_protocol::control::WalletAnswer::Signed { withdrawal: Some(same) }
        if same.state == card.state),
        "an end is an end"
    );
    assert!(office.books().claims_heard.is_empty());
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_whose_number_another_took_is_given_up() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    guest.import().await;
    office.chain.ledger().balances.insert((USDC, account()), U256::from(7_000_000));
    office.chain.ledger().coins.insert(account(), U256::from(10).pow(U256::from(18)));
    office.chain.ledger().stalls = true;
    let intent = guest.prepared(send_from_wallet()).await;
    guest.signed(&intent).await;
    guest.until(|state| *state == WithdrawalState::Sent).await;
    office.chain.ledger().nonces.insert(account(), 1);
    let card = guest.until(|state| matches!(state, WithdrawalState::Refused { .. })).await;
    let WithdrawalState::Refused { message } = card.state else { unreachable!() };
    assert!(message.contains("took its place"), "{message}");
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relayers_word_is_believed_where_the_chain_says_it_too() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    guest.import().await;
    office.owe(account(), USDC, 12_500_000);
    let intent = guest.prepared(take_earnings(None)).await;
    guest.signed(&intent).await;
    guest.until(|state| *state == WithdrawalState::Sent).await;
    let lie = headframe_protocol::payout::ChainProgress::Final { transaction: alloy::primitives::B256::repeat_byte(9), block: 1 };
    for (_, progress) in office.books().relays.values_mut() {
        *progress = lie.clone();
    }
    let card = guest.until_card(|card| card.transaction.is_some()).await;
    assert_eq!(card.state, WithdrawalState::Sent, "the chain knows of nothing");
    let no = headframe_protocol::payout::ChainProgress::Refused { reason: "the root has changed".to_owned() };
    for (_, progress) in office.books().relays.values_mut() {
        *progress = no.clone();
    }
    guest.until(|state| *state == WithdrawalState::Refused { message: "the root has changed".to_owned() }).await;
    rig.agent.shutdown().await;
}
