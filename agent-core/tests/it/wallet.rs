//! An owner and his wallet, from the first word to the money.

use std::{path::Path, time::Duration};

use alloy::primitives::{Address, U256};
use headframe_control::{AgentPaths, Client};
use headframe_protocol::{
    Micros,
    control::{
        CreateArgs, Fee, Hazard, HistoryArgs, ImportArgs, IntentCard, IntentFacts, PayoutState, PrepareArgs, ReceiptsArgs,
        Secret, SignArgs, Source, SpendArgs, SpendState, SpendView, VerifyArgs, WalletAnswer, WalletCode, WalletRefusal,
        WalletRequest, WalletState, WalletView, WatchArgs, WithdrawFacts, WithdrawalCard, WithdrawalState,
    },
};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::{
    coordinator::PATIENCE,
    rig::Rig,
    wallet_chain::{CHAIN_ID, HFR, SOME_CONTRACT, USDC},
    wallet_office::{Fault, Office},
};

pub(crate) const PASSWORD: &str = "correct horse battery";

/// Anvil's first account; the phrase belongs to everybody.
pub(crate) const PHRASE: &str = "test test test test test test test test test test test junk";
pub(crate) const ACCOUNT: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

/// Anvil's second, as somebody else.
pub(crate) const FRIEND: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

pub(crate) fn account() -> Address {
    ACCOUNT.parse().expect("an address")
}

/// A data directory for the office.
pub(crate) fn home_of(office: &Office) -> TempDir {
    let home = tempfile::tempdir().expect("a folder");
    let settings = format!(
        "[coordinator]\nurl = \"{}\"\n[timers]\ndivisor = 100\n[wallet]\nkeystore_log_n = 14\n[rig]\nname = \"cellar\"\n",
        office.url
    );
    std::fs::write(home.path().join("agent.toml"), settings).expect("written");
    home
}

/// A guest who talks about the wallet only.
pub(crate) struct Guest(pub(crate) Client);

impl Guest {
    pub(crate) async fn of(home: &Path) -> Self {
        let paths = AgentPaths::resolve(Some(home.to_owned())).expect("absolute");
        Self(Client::connect(&paths).await.expect("the agent listens"))
    }

    pub(crate) async fn ask(&mut self, request: WalletRequest) -> WalletAnswer {
        self.0.wallet(request).await.expect("an answer")
    }

    pub(crate) async fn refused(&mut self, request: WalletRequest) -> WalletRefusal {
        match self.ask(request).await {
            WalletAnswer::Refused { refusal } => refusal,
            other => panic!("a refusal was due, not {other:?}"),
        }
    }

    pub(crate) async fn shown(&mut self) -> WalletView {
        match self.ask(WalletRequest::Show).await {
            WalletAnswer::Shown { wallet } => wallet,
            other => panic!("the wallet was due, not {other:?}"),
        }
    }

    pub(crate) async fn import(&mut self) {
        let args = ImportArgs { phrase: secret(PHRASE), password: secret(PASSWORD), remember: false, replace: false };
        match self.ask(WalletRequest::Import(args)).await {
            WalletAnswer::Shown { .. } => {}
            other => panic!("the wallet was due, not {other:?}"),
        }
    }

    pub(crate) async fn prepared(&mut self, args: PrepareArgs) -> IntentCard {
        match self.ask(WalletRequest::Prepare(args)).await {
            WalletAnswer::Prepared { intent } => intent,
            other => panic!("an intent was due, not {other:?}"),
        }
    }

    pub(crate) async fn sign(&mut self, intent: &IntentCard, confirmed: &[Hazard]) -> WalletAnswer {
        let args = SignArgs {
            intent: intent.id.clone(),
            password: Some(secret(PASSWORD)),
            previous_password: None,
            confirmed: confirmed.to_vec(),
        };
        self.ask(WalletRequest::Sign(args)).await
    }

    pub(crate) async fn signed(&mut self, intent: &IntentCard) -> WithdrawalCard {
        match self.sign(intent, &[]).await {
            WalletAnswer::Signed { withdrawal: Some(card) } => card,
            other => panic!("a withdrawal was due, not {other:?}"),
        }
    }

    pub(crate) async fn newest(&mut self) -> WithdrawalCard {
        match self.ask(WalletRequest::History(HistoryArgs { after: None, limit: 1 })).await {
            WalletAnswer::History { page } => page.withdrawals.into_iter().next().expect("a withdrawal"),
            other => panic!("a page was due, not {other:?}"),
        }
    }

    /// Waits until the newest withdrawal is as `wanted`.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&WithdrawalState) -> bool) -> WithdrawalCard {
        self.until_card(|card| wanted(&card.state)).await
    }

    /// Waits until the newest withdrawal is as `wanted`, all of it.
    pub(crate) async fn until_card(&mut self, wanted: impl Fn(&WithdrawalCard) -> bool) -> WithdrawalCard {
        let waiting = async {
            loop {
                let card = self.newest().await;
                if wanted(&card) {
                    return card;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("in time")
    }

    /// Waits until the wallet is as `wanted`.
    pub(crate) async fn shows(&mut self, wanted: impl Fn(&WalletView) -> bool) {
        let waiting = async {
            while !wanted(&self.shown().await) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("in time");
    }
}

/// Waits until `happened`.
pub(crate) async fn soon(what: &str, happened: impl Fn() -> bool) {
    let waiting = async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// Begins a life of a rig that is connected.
pub(crate) async fn life(home: &Path) -> (Rig, Guest) {
    let rig = Rig::fresh(home).await;
    rig.shows(|now| matches!(now.link, headframe_protocol::control::Link::Connected { .. })).await;
    let guest = Guest::of(home).await;
    (rig, guest)
}

pub(crate) fn take_earnings(to: Option<&str>) -> PrepareArgs {
    PrepareArgs::Withdraw {
        chain_id: CHAIN_ID,
        asset: "usdc".to_owned(),
        from: Source::Earnings,
        to: to.map(str::to_owned),
        amount: None,
        own_gas: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_wallet_pays_out_only_once_its_phrase_is_verified() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    assert_eq!(guest.shown().await.state, WalletState::None);
    let create = |words| CreateArgs { words, password: secret(PASSWORD), remember: false, replace: false };
    let short = CreateArgs { password: secret("short"), ..create(12) };
    assert_eq!(guest.refused(WalletRequest::Create(short)).await.code, WalletCode::Refused);
    let WalletAnswer::Created { wallet, phrase } = guest.ask(WalletRequest::Create(create(24))).await else { panic!("a wallet") };
    let WalletState::Local { backup_verified: false, .. } = wallet.state else { panic!("not verified yet: {wallet:?}") };
    assert_eq!(guest.refused(WalletRequest::Create(create(12))).await.code, WalletCode::Exists);

    let confirm = PrepareArgs::ConfirmPayout { chain_id: None, in_hfr: false };
    assert_eq!(guest.refused(WalletRequest::Prepare(confirm.clone())).await.code, WalletCode::Unverified);
    assert_eq!(guest.refused(WalletRequest::Prepare(take_earnings(None))).await.code, WalletCode::Unverified);

    let WalletAnswer::Quiz { positions } = guest.ask(WalletRequest::Quiz).await else { panic!("a quiz") };
    let all: Vec<&str> = phrase.reveal().split(' ').collect();
    let mut words: Vec<Secret> = positions.iter().map(|position| secret(all[usize::from(*position) - 1])).collect();
    let right = words.clone();
    words.reverse();
    let slip = VerifyArgs::Words { words };
    assert_eq!(guest.refused(WalletRequest::Verify(slip)).await.code, WalletCode::Refused);
    let stale = VerifyArgs::Words { words: right };
    assert_eq!(guest.refused(WalletRequest::Verify(stale)).await.code, WalletCode::Refused, "a question is answered once");
    let WalletAnswer::Quiz { positions } = guest.ask(WalletRequest::Quiz).await else { panic!("a quiz") };
    let words = positions.iter().map(|position| secret(all[usize::from(*position) - 1])).collect();
    let WalletAnswer::Shown { wallet } = guest.ask(WalletRequest::Verify(VerifyArgs::Words { words })).await else { panic!() };
    let WalletState::Local { backup_verified: true, address, .. } = wallet.state else { panic!("verified: {wallet:?}") };

    let intent = guest.prepared(confirm).await;
    assert!(intent.words[0].contains(&address) && intent.words[0].contains("Anvil"), "{:?}", intent.words);
    assert!(office.books().terms.is_empty(), "nothing is said before it is signed");
    assert_eq!(guest.sign(&intent, &[]).await, WalletAnswer::Signed { withdrawal: None });
    guest
        .shows(|wallet| wallet.payout.as_ref().is_some_and(|payout| payout.state == PayoutState::Accepted { confirmed: true }))
        .await;
    let told = office.books().terms.clone();
    assert_eq!((told.len(), told[0].terms.account.to_string()), (1, address));
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_phrase_is_verified_by_all_of_it() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    let create = CreateArgs { words: 12, password: secret(PASSWORD), remember: false, replace: false };
    let WalletAnswer::Created { phrase, .. } = guest.ask(WalletRequest::Create(create)).await else { panic!("a wallet") };
    rig.agent.shutdown().await;
    let (rig, mut guest) = life(home.path()).await;
    assert_eq!(guest.refused(WalletRequest::Quiz).await.code, WalletCode::PhraseNeeded);
    let other = VerifyArgs::Phrase { phrase: secret(PHRASE) };
    assert_eq!(guest.refused(WalletRequest::Verify(other)).await.code, WalletCode::Refused);
    let WalletAnswer::Shown { wallet } = guest.ask(WalletRequest::Verify(VerifyArgs::Phrase { phrase })).await else { panic!() };
    assert!(matches!(wallet.state, WalletState::Local { backup_verified: true, .. }));
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn earnings_are_proven_shown_and_taken_without_gas() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    guest.import().await;
    office.owe(account(), USDC, 12_500_000);
    office.chain.ledger().balances.insert((HFR, account()), U256::from(10).pow(U256::from(18)));
    let WalletAnswer::Balances { chains, .. } = guest.ask(WalletRequest::Balances).await else { panic!("balances") };
    let assets = &chains[0].assets;
    assert_eq!(assets[0].claimable.as_ref().map(|coins| coins.text.as_str()), Some("12.50"));
    assert_eq!(assets[1].in_wallet.as_ref().map(|coins| coins.text.as_str()), Some("1.00"));
    let proof = assets[0].proof.as_ref().expect("what can be taken is proven");
    assert_eq!((proof.owed.text.as_str(), proof.taken.text.as_str()), ("12.50", "0.00"));
    assert_eq!(proof.root, office.chain.ledger().root.to_string(), "the root is the chain's own");
    assert_eq!(assets[1].proof, None, "nothing to take, nothing to prove");

    let intent = guest.prepared(take_earnings(Some(FRIEND))).await;
    let words = intent.words.join(" ");
    for part in ["12.50 USDC", "$12.50", FRIEND, ACCOUNT, "0.02 USDC ($0.02)", "12.48 USDC arrives", "Anvil"] {
        assert!(words.contains(part), "{part} is missing in {words}");
    }
    assert_eq!(intent.warnings.iter().map(|warning| warning.hazard).collect::<Vec<_>>(), [Hazard::FirstUse]);
    let Some(IntentFacts::Withdraw(facts)) = &intent.facts else { panic!("the same in figures: {:?}", intent.facts) };
    let WithdrawFacts { from: Source::Earnings, amount, to, own: false, fee, arrives, remains, .. } = &**facts else {
        panic!("to the friend, from earnings: {facts:?}")
    };
    let figures = [amount, arrives, remains].map(|coins| coins.text.as_str());
    assert_eq!((to.as_str(), figures), (FRIEND, ["12.50", "12.48", "0.00"]));
    assert!(matches!(fee, Fee::Relayer { most, worth } if most.text == "0.02" && *worth == Micros::new(20_000)), "{fee:?}");
    let card = guest.signed(&intent).await;
    assert_eq!(card.state, WithdrawalState::Signed);
    guest.until(|state| *state == WithdrawalState::Sent).await;
    office.relay_all();
    let again = guest.refused(WalletRequest::Prepare(take_earnings(None))).await;
    assert!(again.message.contains("on its way") || again.message.contains("No USDC"), "{}", again.message);
    office.chain.mine(5);
    office.finish_all();
    let card = guest.until(|state| matches!(state, WithdrawalState::Final { .. })).await;
    assert_eq!(card.arrives.map(|coins| coins.text).as_deref(), Some("12.48"), "the rest is the relayer's");
    let transaction = card.transaction.expect("a transaction");
    assert_eq!(card.explorer, Some(format!("https://scan.test/tx/{transaction}")));
    let friend: Address = FRIEND.parse().expect("an address");
    assert_eq!(office.chain.ledger().balances[&(USDC, friend)], U256::from(12_480_000));
    assert_eq!(guest.sign(&intent, &[]).await, WalletAnswer::Signed { withdrawal: Some(guest.newest().await) }, "signed once");
    assert_eq!(office.books().relays.len(), 1);
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_coordinator_cannot_prove_is_neither_shown_nor_signed() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    guest.import().await;
    office.owe(account(), USDC, 12_500_000);
    office.books().entitlements[0].cumulative = U256::from(99_000_000);
    let WalletAnswer::Balances { chains, .. } = guest.ask(WalletRequest::Balances).await else { panic!("balances") };
    assert_eq!(chains[0].assets[0].claimable, None);
    assert!(chains[0].assets[0].problem.as_ref().is_some_and(|problem| problem.contains("does not confirm")));
    let refused = guest.refused(WalletRequest::Prepare(take_earnings(None))).await;
    assert!(refused.message.contains("does not confirm"), "{}", refused.message);
    office.owe(account(), USDC, 12_500_000);
    office.chain.ledger().paused_until = 2_000_000_000;
    let stopped = guest.refused(WalletRequest::Prepare(take_earnings(None))).await;
    assert!(stopped.message.contains("stopped") && stopped.message.contains("stays yours"), "{}", stopped.message);
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_as_its_profile_says_is_not_touched() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    guest.import().await;
    office.owe(account(), USDC, 12_500_000);
    office.chain.ledger().usdc_decimals = 18;
    let WalletAnswer::Balances { chains, .. } = guest.ask(WalletRequest::Balances).await else { panic!("balances") };
    let usdc = &chains[0].assets[0];
    assert_eq!((&usdc.in_wallet, &usdc.claimable), (&None, &None));
    assert!(usdc.problem.as_ref().is_some_and(|problem| problem.contains("18 digits")), "{usdc:?}");
    assert_eq!(chains[0].assets[1].problem, None, "the other asset is as good as before");
    let refused = guest.refused(WalletRequest::Prepare(take_earnings(None))).await;
    assert!(refused.message.contains("not touched"), "{}", refused.message);
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_is_looked_at_before_money_goes_there() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    guest.import().await;
    office.owe(account(), USDC, 12_500_000);
    let mistyped = FRIEND.replace("7099", "7098");
    let zero = Address::ZERO.to_string();
    for (to, part) in
        [("alice.eth", "not looked up"), (&mistyped, "checksum"), (&zero, "zero address"), ("0x12", "40 hex digits")]
    {
        let refused = guest.refused(WalletRequest::Prepare(take_earnings(Some(to)))).await;
        assert!(refused.message.contains(part), "{to}: {}", refused.message);
    }
    let lower = FRIEND.to_lowercase();
    let (token, contract) = (USDC.to_string(), SOME_CONTRACT.to_string());
    for (to, hazard) in [(&lower, Hazard::NoChecksum), (&token, Hazard::Token), (&contract, Hazard::Contract)] {
        let intent = guest.prepared(take_earnings(Some(to))).await;
        assert!(intent.warnings.iter().any(|warning| warning.hazard == hazard && warning.confirm), "{to}: {intent:?}");
        let WalletAnswer::Refused { refusal } = guest.sign(&intent, &[Hazard::FirstUse]).await else { panic!("not confirmed") };
        assert_eq!(refusal.code, WalletCode::Unconfirmed);
    }
    let intent = guest.prepared(take_earnings(None)).await;
    assert_eq!(intent.warnings, [], "nothing is to be said against one's own wallet");
    let to_contract = guest.prepared(take_earnings(Some(&contract))).await;
    assert!(matches!(guest.sign(&to_contract, &[Hazard::Contract]).await, WalletAnswer::Signed { withdrawal: Some(_) }));
    let WalletAnswer::Refused { refusal } = guest.sign(&intent, &[]).await else { panic!("that money is on its way") };
    assert!(refusal.message.contains("on its way"), "{}", refusal.message);
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_signed_without_an_intent_or_with_a_wrong_password() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    guest.import().await;
    office.owe(account(), USDC, 12_500_000);
    let sign = |intent: &str, password: Option<&str>| {
        let password = password.map(secret);
        let args = SignArgs { intent: intent.to_owned(), password, previous_password: None, confirmed: Vec::new() };
        WalletRequest::Sign(args)
    };
    assert_eq!(guest.refused(sign("made-up", Some(PASSWORD))).await.code, WalletCode::IntentGone);
    let intent = guest.prepared(take_earnings(None)).await;
    assert_eq!(guest.refused(sign(&intent.id, None)).await.code, WalletCode::PasswordNeeded);
    let slips: Vec<_> = [0, 0, 1_000].into_iter().collect();
    for wait in slips {
        let refusal = guest.refused(sign(&intent.id, Some("wrong password"))).await;
        assert_eq!((refusal.code, refusal.wait_ms), (WalletCode::WrongPassword, Some(wait)));
    }
    let too_soon = guest.refused(sign(&intent.id, Some(PASSWORD))).await;
    assert!(
        too_soon.code == WalletCode::WrongPassword && too_soon.wait_ms.is_some_and(|wait| wait > 0),
        "even the right one waits"
    );
    assert!(office.books().claims_heard.is_empty() && guest.newest().await.state == WithdrawalState::Prepared);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(guest.signed(&intent).await.state, WithdrawalState::Signed, "a slip does not cost the intent");
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_in_the_wallet_is_sent_with_its_own_gas() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    guest.import().await;
    office.chain.ledger().balances.insert((USDC, account()), U256::from(7_000_000));
    let wish = |amount: Option<&str>, own_gas| PrepareArgs::Withdraw {
        chain_id: CHAIN_ID,
        asset: USDC.to_string(),
        from: Source::Wallet,
        to: Some(FRIEND.to_owned()),
        amount: amount.map(str::to_owned),
        own_gas,
    };
    for (wish, part) in [
        (wish(None, false), "own gas"),
        (wish(Some("7.000001"), true), "7.00 USDC"),
        (wish(Some("1.0000001"), true), "6 digits"),
        (wish(Some("1"), true), "cannot pay for gas"),
    ] {
        let refused = guest.refused(WalletRequest::Prepare(wish)).await;
        assert!(refused.message.contains(part), "{part}: {}", refused.message);
    }
    office.chain.ledger().coins.insert(account(), U256::from(10).pow(U256::from(18)));
    let intent = guest.prepared(wish(Some("2.5"), true)).await;
    assert!(intent.words.iter().any(|word| word.contains("pays for gas: at most 0.0") && word.ends_with("ETH.")), "{intent:?}");
    guest.signed(&intent).await;
    guest.until(|state| *state == WithdrawalState::Sent).await;
    let other = guest.refused(WalletRequest::Prepare(wish(Some("1"), true))).await;
    assert!(other.message.contains("on its way"), "one number at a time: {}", other.message);
    office.chain.mine(5);
    guest.until(|state| matches!(state, WithdrawalState::Final { .. })).await;
    let friend: Address = FRIEND.parse().expect("an address");
    assert_eq!(office.chain.ledger().balances[&(USDC, friend)], U256::from(2_500_000));
    let second = guest.prepared(wish(None, true)).await;
    assert!(second.words[0].contains("4.50 USDC") && second.warnings.is_empty(), "the friend is known now: {second:?}");
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn earnings_are_taken_with_own_gas_where_relaying_is_too_dear() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    guest.import().await;
    office.owe(account(), USDC, 300_000);
    let refused = guest.refused(WalletRequest::Prepare(take_earnings(None))).await;
    assert!(refused.message.contains("--own-gas") && refused.message.contains("stays yours"), "{}", refused.message);
    office.books().fee = 10_000;
    let dear = guest.prepared(take_earnings(None)).await;
    assert!(dear.warnings.iter().any(|warning| warning.hazard == Hazard::HighFee && warning.confirm));
    office.chain.ledger().coins.insert(account(), U256::from(10).pow(U256::from(18)));
    let wish = |amount: Option<&str>| PrepareArgs::Withdraw {
        chain_id: CHAIN_ID,
        asset: "USDC".to_owned(),
        from: Source::Earnings,
        to: Some(FRIEND.to_owned()),
        amount: amount.map(str::to_owned),
        own_gas: true,
    };
    let part = guest.refused(WalletRequest::Prepare(wish(Some("0.1")))).await;
    assert!(part.message.contains("as a whole"), "{}", part.message);
    let intent = guest.prepared(wish(Some("0.3"))).await;
    guest.signed(&intent).await;
    guest.until(|state| *state == WithdrawalState::Sent).await;
    office.chain.mine(5);
    guest.until(|state| matches!(state, WithdrawalState::Final { .. })).await;
    let friend: Address = FRIEND.parse().expect("an address");
    assert_eq!(office.chain.ledger().balances[&(USDC, friend)], U256::from(300_000), "nobody keeps a fee");
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_whose_key_is_elsewhere_is_paid_and_signs_nothing() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    let watch = |address: &str, replace| WalletRequest::Watch(WatchArgs { address: address.to_owned(), replace });
    assert_eq!(guest.refused(watch(&FRIEND.to_lowercase(), false)).await.code, WalletCode::Refused);
    assert!(matches!(guest.ask(watch(FRIEND, false)).await, WalletAnswer::Shown { .. }));
    let intent = guest.prepared(PrepareArgs::ConfirmPayout { chain_id: Some(CHAIN_ID), in_hfr: true }).await;
    assert!(intent.words.iter().any(|word| word.contains("not on this PC")), "{:?}", intent.words);
    let args = SignArgs { intent: intent.id, password: None, previous_password: None, confirmed: Vec::new() };
    assert_eq!(guest.ask(WalletRequest::Sign(args)).await, WalletAnswer::Signed { withdrawal: None });
    guest
        .shows(|wallet| {
            wallet
                .payout
                .as_ref()
                .is_some_and(|payout| payout.state == PayoutState::Accepted { confirmed: false } && payout.in_hfr)
        })
        .await;
    assert_eq!(office.books().terms[0].wallet_signature, None);
    let refused = guest.refused(WalletRequest::Prepare(take_earnings(None))).await;
    assert!(refused.message.contains("not on this PC"), "{}", refused.message);
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wallet_before_agrees_with_its_password_or_the_change_waits() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    guest.import().await;
    let confirm = PrepareArgs::ConfirmPayout { chain_id: None, in_hfr: false };
    let first = guest.prepared(confirm.clone()).await;
    assert_eq!(first.previous, None);
    guest.sign(&first, &[]).await;
    guest.shows(|wallet| wallet.payout.as_ref().is_some_and(|payout| payout.state != PayoutState::Sending)).await;
    let watch = WatchArgs { address: FRIEND.to_owned(), replace: true };
    assert!(matches!(guest.ask(WalletRequest::Watch(watch)).await, WalletAnswer::Shown { .. }));
    office.books().pending_from = Some(headframe_agent::clock::wall().after(Duration::from_secs(2)));
    let second = guest.prepared(confirm.clone()).await;
    assert_eq!(second.previous.as_deref(), Some(ACCOUNT));
    let wrong = SignArgs {
        intent: second.id.clone(),
        password: None,
        previous_password: Some(secret("not this one")),
        confirmed: Vec::new(),
    };
    assert_eq!(guest.refused(WalletRequest::Sign(wrong.clone())).await.code, WalletCode::WrongPassword);
    let right = SignArgs { previous_password: Some(secret(PASSWORD)), ..wrong };
    assert_eq!(guest.ask(WalletRequest::Sign(right)).await, WalletAnswer::Signed { withdrawal: None });
    guest.shows(|wallet| wallet.payout.as_ref().is_some_and(|payout| matches!(payout.state, PayoutState::Pending { .. }))).await;
    let told = office.books().terms.last().cloned().expect("told");
    assert!(told.agreed_by(account()) && told.wallet_signature.is_none() && told.terms.account.to_string() == FRIEND);
    guest.shows(|wallet| wallet.payout.as_ref().is_some_and(|payout| matches!(payout.state, PayoutState::Accepted { .. }))).await;
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_and_spending_are_said_until_they_are_answered_and_act_once() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    guest.import().await;
    office.books().terms_fault = Fault::After;
    office.books().spend_fault = Fault::After;
    let intent = guest.prepared(PrepareArgs::ConfirmPayout { chain_id: None, in_hfr: false }).await;
    guest.sign(&intent, &[]).await;
    let customer = headframe_protocol::CustomerId::generate();
    let spend = WalletRequest::Spend(SpendArgs { amount: Micros::dollars(3), customer: customer.to_string() });
    for _ in 0..2 {
        assert_eq!(guest.ask(spend.clone()).await, WalletAnswer::Spending, "it is written down, once however often it is said");
    }
    let waits = guest.shown().await.spend.expect("it is under way");
    assert_eq!((waits.amount, waits.customer, waits.state), (Micros::dollars(3), customer.to_string(), SpendState::Sending));
    rig.agent.abandon().await;
    office.books().terms_fault = Fault::None;
    office.books().spend_fault = Fault::None;
    let (rig, mut guest) = life(home.path()).await;
    guest.shows(|wallet| wallet.payout.as_ref().is_some_and(|payout| payout.state != PayoutState::Sending)).await;
    let terms = office.books().terms.clone();
    assert!(terms.len() > 1 && terms.iter().all(|again| *again == terms[0]), "the same words each time");
    soon("spent", || office.books().spends.len() == 1).await;
    assert_eq!(office.books().spends[0].spend.customer, customer);
    office.books().spend_fault = Fault::Clock;
    let late = WalletRequest::Spend(SpendArgs { amount: Micros::dollars(3), customer: customer.to_string() });
    guest.shows(|wallet| wallet.spend.is_none()).await;
    assert_eq!(guest.refused(late).await.code, WalletCode::ClockWrong);
    assert!(matches!(guest.shown().await.spend, Some(SpendView { state: SpendState::Refused { .. }, .. })), "not done, and said");
    office.books().terms_fault = Fault::No;
    let intent = guest.prepared(PrepareArgs::ConfirmPayout { chain_id: None, in_hfr: true }).await;
    guest.sign(&intent, &[]).await;
    let no = PayoutState::Refused { message: "Not today.".to_owned() };
    guest.shows(|wallet| wallet.payout.as_ref().is_some_and(|payout| payout.state == no)).await;
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_tells_what_was_paid_and_where_the_money_is() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    let request = WalletRequest::Receipts(ReceiptsArgs { after: None, limit: 10 });
    let WalletAnswer::Receipts { page } = guest.ask(request).await else { panic!("receipts") };
    let receipt = &page.receipts[0];
    assert_eq!((receipt.paid, receipt.fee, receipt.share), (Micros::dollars(1), Micros::new(100_000), Micros::new(900_000)));
    assert!(receipt.explorer.as_ref().is_some_and(|link| link.starts_with("https://scan.test/tx/0x0505")));
    rig.agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_is_down_is_said_to_be_and_keeps_nobody_else_waiting() {
    let office = Office::open().await;
    let home = home_of(&office);
    let (rig, mut guest) = life(home.path()).await;
    guest.import().await;
    office.chain.ledger().is_down = true;
    let WalletAnswer::Balances { chains, .. } = guest.ask(WalletRequest::Balances).await else { panic!("balances") };
    assert!(chains[0].problem.as_ref().is_some_and(|problem| problem.contains("no endpoint of Anvil answers")), "{chains:?}");
    assert_eq!(guest.refused(WalletRequest::Prepare(take_earnings(None))).await.code, WalletCode::Offline);
    rig.agent.shutdown().await;
}
