//! What is said of money without moving any: wallets, quotes, submissions, balances.

use headframe_protocol::error::Code;
use serde_json::{Value, json};

use crate::{
    network::{quote, refusal},
    world::World,
};

const JOB: &[u8] = b"image: 127.0.0.1:5000/a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
max_price_per_hour: '500000'
timeout_s: 1800
";

#[tokio::test]
async fn a_quote_names_price_fee_discount_and_what_is_set_aside() {
    let world = World::start().await;
    let job = world.file("job.yaml", JOB);
    world.network(|network, _| network.said.insert("POST /v1/quotes".to_owned(), (200, quote().to_string().into_bytes())));
    let said = world.run(&["quote", "-f", job.to_str().expect("text")]).await;
    assert_eq!(said.code, 0, "{said:?}");
    expect_test::expect![[r#"
        Price       $0.12 an hour from the cheapest rig; 3 rigs are ready
        Of that     $0.108 for the rig's owner, $0.012 (10%) for the network
        In HFR      28.723404 HFR an hour: $0.005106 (4.25%) less, at $0.004 per HFR, seen 20.0 s ago
        Valid       for 1 min 0 s
        Set aside   $0.25 or 59.840375 HFR at submission; what is not used comes back when a job ends
    "#]]
    .assert_eq(&said.out);
    let said = world.run(&["--json", "quote", "-f", job.to_str().expect("text")]).await;
    let answer: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(
        (&answer["hold"], &answer["hold_hfr"], &answer["jobs"], &answer["kinds"][0]["quote"]["ready"]),
        (&json!("250000"), &json!("59840375"), &json!(1), &json!(3))
    );
}

#[tokio::test]
async fn who_has_too_little_is_told_the_estimate_and_what_is_missing() {
    let world = World::start().await;
    let job = world.file("job.yaml", JOB);
    let missing = "$0.25 is needed to set aside, $0.10 is available: $0.15 is missing.";
    world.network(|network, _| {
        network.said.insert("POST /v1/quotes".to_owned(), (200, quote().to_string().into_bytes()));
        network.said.insert("POST /v1/jobs".to_owned(), refusal(Code::InsufficientBalance, 402, missing));
    });
    let said = world.run(&["submit", "-f", job.to_str().expect("text")]).await;
    assert_eq!((said.code, said.out.as_str()), (5, ""), "{said:?}");
    assert!(said.err.contains("$0.12 an hour") && said.err.contains("Set aside   $0.25 at submission"), "{}", said.err);
    assert!(said.err.contains(missing) && said.err.contains("headframe deposit"), "{}", said.err);

    world.network(|network, _| network.said.remove("POST /v1/quotes"));
    let said = world.run(&["submit", "-f", job.to_str().expect("text")]).await;
    assert_eq!(said.code, 5, "a network without quotes takes jobs all the same: {said:?}");
}

#[tokio::test]
async fn a_wallet_is_made_shown_to_the_network_and_listed() {
    let world = World::start().await;
    let path = world.file("other", b"").with_file_name("second.key");
    let path = path.to_str().expect("text");
    let made = world.run_as_stranger(&["wallet", "new", "--out", path]).await;
    assert_eq!(made.code, 0, "a key needs no account: {made:?}");
    let address = made.out.trim().to_owned();
    let added = world.run(&["wallet", "add", "--wallet-key", path]).await;
    assert_eq!((added.code, added.out.trim()), (0, address.as_str()), "{added:?}");
    assert!(added.err.contains(&format!("{address} belongs to Acme")), "{}", added.err);
    let listed = world.run(&["wallet", "list"]).await;
    assert!(listed.out.contains(&address), "{listed:?}");
    let key = std::fs::read_to_string(path).expect("the key");
    for said in [&made, &added, &listed] {
        assert!(!format!("{said:?}").contains(key.trim()), "a key is never printed");
    }
}

#[tokio::test]
async fn a_key_on_the_command_line_is_refused_and_not_repeated() {
    let world = World::start().await;
    let key = "ab".repeat(32);
    let said = world.run(&["wallet", "add", "--wallet-key", &key]).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(!said.err.contains(&key), "{}", said.err);
    let unnamed = world.run(&["deposit", "1", "--yes", "--wallet-key", ""]).await;
    assert_ne!(unnamed.code, 0);
}

#[tokio::test]
async fn amounts_that_cannot_be_meant_are_refused_before_anything_is_asked() {
    let world = World::start().await;
    for amount in ["-1", "1e3", "0", "0.0000001", "12,5", "nan", "1_000", "all"] {
        let said = world.run(&["deposit", amount, "--yes"]).await;
        assert_eq!(said.code, 2, "{amount}: {said:?}");
    }
    assert!(world.network(|network, _| network.asked.is_empty()));
}

#[tokio::test]
async fn balance_and_tabs_show_what_was_paid_in() {
    let world = World::start().await;
    assert_eq!(world.run(&["--json", "deposit", "12.5", "--yes"]).await.code, 0);
    let balance = world.run(&["balance"]).await;
    assert!(balance.out.contains("reserved  Home   USDC   12.50"), "{}", balance.out);
    let tabs = world.run(&["tabs"]).await;
    assert!(tabs.out.contains("open") && tabs.out.contains("12.50"), "{}", tabs.out);
}
