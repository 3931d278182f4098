//! Taking money out.

use alloy_primitives::{Address, B256, U256};

use crate::{
    chain::{MARKET, USDC},
    world::World,
};

const SOMEBODY: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

async fn with_free(units: u128) -> World {
    let world = World::start().await;
    world.chain(|chain| chain.free.insert((world.wallet, USDC), units));
    world
}

#[tokio::test]
async fn what_is_free_goes_where_it_is_sent() {
    let world = with_free(5_000_000).await;
    let said = world.run(&["--json", "withdraw", "1.25", "--to", SOMEBODY, "--yes"]).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert_eq!(said.events(), ["sent", "withdrawn"]);
    let somebody: Address = SOMEBODY.parse().expect("an address");
    assert_eq!(world.chain(|chain| chain.tokens[&(USDC, somebody)]), U256::from(1_250_000));
    let all = world.run(&["withdraw", "all", "--yes"]).await;
    assert_eq!(all.code, 0, "{all:?}");
    assert_eq!(all.out, format!("3.75 USDC are at {}.\n", world.wallet.to_checksum(None)));
    let done = ["withdraw 1250000 to another", "withdraw 3750000 to itself"];
    assert_eq!(world.chain(|chain| chain.done.clone()), done);
    let none = world.run(&["withdraw", "all", "--yes"]).await;
    assert_eq!(none.code, 5, "{none:?}");
    assert!(none.err.contains("has no USDC"), "{}", none.err);
}

#[tokio::test]
async fn nothing_is_sent_to_where_it_would_be_lost() {
    let world = with_free(5_000_000).await;
    let [market, token] = [MARKET, USDC].map(|address| address.to_checksum(None));
    let mistyped = SOMEBODY.replace("aAeb", "aAec");
    for to in [SOMEBODY.to_lowercase().as_str(), &mistyped, &Address::ZERO.to_string(), "alice.eth", &market, &token] {
        let said = world.run(&["withdraw", "1", "--to", to, "--yes"]).await;
        assert_eq!(said.code, 2, "{to}: {said:?}");
    }
    assert!(world.chain(|chain| chain.arrived.is_empty()));
}

#[tokio::test]
async fn what_is_reserved_comes_back_only_when_asked_for_and_is_not_reserved_anew() {
    let world = World::start().await;
    let deposited = world.run(&["--json", "deposit", "10", "--yes"]).await;
    assert_eq!(deposited.code, 0, "{deposited:?}");

    let refused = world.run(&["withdraw", "4", "--yes"]).await;
    assert_eq!(refused.code, 5, "{refused:?}");
    let hint = "10.00 USDC are reserved for your jobs and not used; --close-tabs has them given back first";
    assert!(refused.err.contains("4.00 USDC is missing") && refused.err.contains(hint), "{}", refused.err);

    world.network(|network, _| network.tabs[0].used = headframe_protocol::Micros::dollars(3));
    let said = world.run(&["--json", "withdraw", "all", "--close-tabs", "--yes"]).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert_eq!(said.events(), ["order_revoked", "tab_closing", "sent", "withdrawn"]);
    let done = world.chain(|chain| chain.done.clone());
    assert_eq!(done[2..], ["revoke an order", "withdraw 7000000 to itself"]);
}

#[tokio::test]
async fn tabs_of_others_and_of_money_by_card_are_left_alone() {
    let world = with_free(1_000_000).await;
    world.network(|network, chain| network.open_tab(chain, Address::repeat_byte(9), B256::repeat_byte(1), 5));
    let said = world.run(&["--json", "withdraw", "all", "--close-tabs", "--yes"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.events(), ["sent", "withdrawn"]);
    assert_eq!(world.network(|network, _| network.tabs[0].state.clone()), "open");
}

#[tokio::test]
async fn a_network_that_does_not_answer_cannot_keep_the_money() {
    let world = with_free(5_000_000).await;
    assert_eq!(world.run(&["withdraw", "1", "--yes"]).await.code, 0, "its chains are remembered from here on");
    world.network(|network, _| network.is_down = true);
    let said = world.run(&["withdraw", "all", "--yes"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("its chains are taken as this computer remembers them"), "{}", said.err);
    assert_eq!(world.chain(|chain| chain.free[&(world.wallet, USDC)]), 0);
}

#[tokio::test]
async fn another_market_than_before_is_told() {
    let world = with_free(5_000_000).await;
    assert_eq!(world.run(&["withdraw", "1", "--yes"]).await.code, 0);
    world.network(|network, _| {
        let (_, chains) = network.said.get_mut("GET /v1/chains").expect("it is said");
        let text = String::from_utf8(chains.clone()).expect("text");
        *chains = text.replace(&"d3".repeat(20), &"d9".repeat(20)).into_bytes();
    });
    let said = world.run(&["withdraw", "1", "--yes"]).await;
    assert_ne!(said.code, 0, "there is nothing at the other contract: {said:?}");
    world.network(|network, _| {
        let (_, chains) = network.said.get_mut("GET /v1/chains").expect("it is said");
        let text = String::from_utf8(chains.clone()).expect("text");
        *chains = text.replace(&"d9".repeat(20), &"d3".repeat(20)).into_bytes();
    });
    let said = world.run(&["withdraw", "1", "--yes"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("CAREFUL: the network named another Market"), "{}", said.err);
}
