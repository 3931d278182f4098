//! Paying in, whole and in pieces.

use alloy_primitives::U256;
use headframe_protocol::Micros;

use crate::{
    chain::{Mood, USDC},
    world::World,
};

const DEPOSIT: [&str; 4] = ["--json", "deposit", "12.5", "--yes"];

fn deposit_of<'a>(amount: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    ["--json", "deposit", amount, "--yes"].into_iter().chain(more.iter().copied()).collect()
}

#[tokio::test]
async fn a_deposit_is_approved_to_the_cent_paid_in_and_reserved() {
    let world = World::start().await;
    let said = world.run(&DEPOSIT).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert_eq!(said.events(), ["sent", "sent", "paid_in", "ordered", "spendable"]);
    assert_eq!(world.chain(|chain| chain.done.clone()), ["approve 12500000", "deposit 12500000"]);
    let (orders, tabs) = world.network(|network, _| (network.orders.clone(), network.tabs.clone()));
    assert_eq!((orders.len(), orders[0].max_spend, orders[0].max_fee_bps), (1, U256::from(12_500_000), 1_000));
    assert_eq!((tabs.len(), tabs[0].reserved), (1, Micros::new(12_500_000)));
    assert_eq!(world.chain(|chain| chain.allowances[&(USDC, world.wallet)]), U256::ZERO, "nothing more can be taken");

    let told = world.run(&["deposit", "2", "--yes"]).await;
    assert_eq!((told.code, told.out.as_str()), (0, "2.00 USDC are paid in and can be spent.\n"), "{told:?}");
    assert!(told.err.contains("let the Market take 2.00 USDC from the wallet, and no more"), "{}", told.err);
    assert_eq!(world.chain(|chain| chain.done.len()), 4, "a finished deposit is not gone on with");
}

#[tokio::test]
async fn an_earlier_order_that_is_not_used_up_may_take_what_is_paid_in() {
    let world = World::start().await;
    assert_eq!(world.run(&["--json", "spend", "50", "--yes"]).await.code, 0);
    let said = world.run(&DEPOSIT).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.events().last().map(String::as_str), Some("spendable"));
    let orders = world.network(|network, _| network.orders.clone());
    let under = world.chain(|chain| chain.sessions.values().map(|session| session.order).collect::<Vec<_>>());
    assert_eq!((orders.len(), under), (2, vec![orders[0].order_id]));
}

#[tokio::test]
async fn an_allowance_that_is_there_is_used() {
    let world = World::start().await;
    world.chain(|chain| chain.allowances.insert((USDC, world.wallet), U256::from(50_000_000)));
    let said = world.run(&deposit_of("12.5", &["--no-spend"])).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.events(), ["sent", "paid_in"]);
    assert_eq!(world.chain(|chain| chain.done.clone()), ["deposit 12500000"]);
    assert!(world.network(|network, _| network.orders.is_empty()), "the network may not spend it");
}

#[tokio::test]
async fn a_line_that_breaks_while_a_transaction_is_sent_pays_nothing_twice() {
    for mood in [Mood::Loses, Mood::Mutes] {
        let world = World::start().await;
        world.chain(|chain| chain.mood = mood);
        // The approval, and where that arrived the payment too.
        for _ in 0..3 {
            let said = world.run(&DEPOSIT).await;
            if said.code == 0 {
                break;
            }
            assert_eq!(said.code, 6, "{mood:?}: {said:?}");
        }
        world.chain(|chain| chain.mood = Mood::Well);
        let said = world.run(&DEPOSIT).await;
        assert_eq!(said.code, 0, "{mood:?}: {said:?}");
        let deposits = if mood == Mood::Loses { 1 } else { 2 };
        let done = world.chain(|chain| chain.done.clone());
        assert_eq!(done.iter().filter(|done| done.starts_with("deposit")).count(), deposits, "{mood:?}: {done:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_deposit_that_was_broken_off_in_the_mempool_goes_on_with_the_same_bytes() {
    let world = World::start().await;
    world.chain(|chain| chain.mood = Mood::Stalls);
    let said = world.interrupt(&DEPOSIT, |_, chain| !chain.arrived.is_empty()).await;
    assert_eq!(said.code, 7, "{said:?}");
    assert!(said.err.contains("The same command goes on from there"), "{}", said.err);

    let other = world.run(&deposit_of("13", &[])).await;
    assert_eq!(other.code, 8, "another amount is another deposit: {other:?}");
    assert!(other.err.contains("a deposit of 12.50 USDC from this wallet is not finished"), "{}", other.err);
    let anew = world.run(&deposit_of("13", &["--anew"])).await;
    assert_eq!(anew.code, 6, "what may still happen is not given up: {anew:?}");

    world.chain(|chain| chain.recover());
    let said = world.run(&DEPOSIT).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(world.chain(|chain| chain.done.clone()), ["approve 12500000", "deposit 12500000"]);
    let mut arrived = world.chain(|chain| chain.arrived.clone());
    arrived.sort_unstable();
    arrived.dedup();
    assert_eq!(arrived.len(), 2, "one approval and one payment, however often they were sent");
}

#[cfg(unix)]
#[tokio::test]
async fn a_deposit_that_was_broken_off_after_the_payment_goes_on_with_the_same_order() {
    let world = World::start().await;
    world.network(|network, _| network.reserves = false);
    let said = world.interrupt(&DEPOSIT, |network, _| !network.orders.is_empty()).await;
    assert_eq!(said.code, 7, "{said:?}");
    world.network(|network, _| network.reserves = true);
    let said = world.run(&DEPOSIT).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.events().last().map(String::as_str), Some("spendable"));
    assert_eq!(world.chain(|chain| chain.done.len()), 2, "nothing was sent again");
    assert_eq!(world.network(|network, _| network.orders.len()), 1, "nothing was signed again");
}

#[tokio::test]
async fn a_transaction_that_came_to_nothing_is_told_and_can_be_made_anew() {
    let world = World::start().await;
    world.chain(|chain| chain.mood = Mood::Reverts);
    let said = world.run(&DEPOSIT).await;
    assert_eq!(said.code, 8, "{said:?}");
    assert!(said.err.contains("reverted") && said.err.contains("no money has moved"), "{}", said.err);
    world.chain(|chain| chain.mood = Mood::Well);
    assert_eq!(world.run(&DEPOSIT).await.code, 0);
    assert_eq!(world.chain(|chain| chain.done.clone()), ["approve 12500000", "deposit 12500000"]);
}

#[tokio::test]
async fn nothing_is_sent_where_something_is_wrong_beforehand() {
    let world = World::start().await;
    let nothing_sent = |why: &str| assert!(world.chain(|chain| chain.arrived.is_empty()), "{why}");

    let unasked = world.run(&["deposit", "1"]).await;
    assert_eq!(unasked.code, 2, "there is nobody to ask: {unasked:?}");
    nothing_sent("nobody agreed");

    let poor = world.run(&deposit_of("100.5", &[])).await;
    assert_eq!(poor.code, 5, "{poor:?}");
    assert!(poor.err.contains("has 100.00 USDC, and 100.50 is wanted: 0.50 USDC is missing"), "{}", poor.err);
    nothing_sent("there is not enough");

    let elsewhere = world.run(&deposit_of("1", &["--chain", "Base"])).await;
    assert_eq!(elsewhere.code, 2, "{elsewhere:?}");
    assert!(elsewhere.err.contains("but on Home (31337)"), "{}", elsewhere.err);

    world.network(|network, _| network.taken = true);
    let taken = world.run(&DEPOSIT).await;
    assert_eq!(taken.code, 8, "{taken:?}");
    nothing_sent("the wallet is another account's");

    world.chain(|chain| chain.usdc_decimals = 18);
    let odd = world.run(&DEPOSIT).await;
    assert_eq!(odd.code, 8, "{odd:?}");
    assert!(odd.err.contains("USDC has 18 decimals, not 6"), "{}", odd.err);
    nothing_sent("the token is not what the network says");
    world.chain(|chain| chain.usdc_decimals = 6);

    world.chain(|chain| chain.coins.clear());
    let empty = world.run(&DEPOSIT).await;
    assert_eq!(empty.code, 5, "{empty:?}");
    let wallet = world.wallet.to_checksum(None);
    assert!(empty.err.contains(&format!("transactions on Home are paid in its own coin; {wallet} has")), "{}", empty.err);
    nothing_sent("gas cannot be paid");
}

#[tokio::test]
async fn what_is_free_can_be_let_be_spent_later() {
    let world = World::start().await;
    assert_eq!(world.run(&deposit_of("5", &["--no-spend"])).await.code, 0);
    let said = world.run(&["--json", "spend", "3", "--days", "7", "--yes"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let orders = world.network(|network, _| network.orders.clone());
    assert_eq!((orders.len(), orders[0].max_spend), (1, U256::from(3_000_000)));
    let answer: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(answer["order"], serde_json::json!(orders[0].order_id));
}

#[tokio::test]
async fn a_transaction_that_pays_too_little_by_now_is_made_again_with_its_number() {
    let world = World::start().await;
    world.chain(|chain| chain.mood = Mood::Loses);
    assert_eq!(world.run(&DEPOSIT).await.code, 6, "it is written down and never arrives");
    world.chain(|chain| (chain.mood, chain.gas_price) = (Mood::Well, 9_000_000_000));
    let said = world.run(&DEPOSIT).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(world.chain(|chain| chain.done.clone()), ["approve 12500000", "deposit 12500000"]);
    assert_eq!(world.chain(|chain| chain.arrived.len()), 3, "the first version was refused for its fee");
}
