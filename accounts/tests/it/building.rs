//! What a file becomes: the same for everybody, whatever order its credits come in.

use alloy_primitives::{Address, U256};
use headframe_accounts::{
    Distributor, EpochFile,
    epoch::{BuildError, Cause, Credit, CreditFault, Draft, ParseError, Repeat, Token, Work, build},
};
use headframe_protocol::Micros;
use proptest::prelude::*;

use crate::support::{
    DISTRIBUTOR, HFR, HOUR_MS, USD, account, correction, credit, day, draft, due, first, job, next, spend, work,
};

fn owed(file: &EpochFile, to: Address, asset: Address) -> U256 {
    let leaf = file.leaves.iter().find(|leaf| leaf.account == to && leaf.asset == asset);
    leaf.map_or(U256::ZERO, |leaf| leaf.cumulative)
}

/// Credits of several accounts in two assets, each with an id of its own.
fn credits() -> impl Strategy<Value = Vec<Credit>> {
    let one = (1..6_u8, any::<bool>(), 1..10_000_000_i64, 1..100 * HOUR_MS, any::<bool>());
    prop::collection::vec(one, 1..24).prop_map(|list| {
        let make = |(n, (to, in_hfr, price, charged_ms, by_hand)): (usize, (u8, bool, i64, u64, bool))| {
            let asset = if in_hfr { HFR } else { USD };
            let work = work(n, price, charged_ms);
            let by_hand = by_hand || due(&work) == Micros::ZERO;
            if by_hand {
                correction(&format!("c:{n:02}"), account(to), asset, price)
            } else {
                job(&format!("j:{n:02}"), account(to), asset, work)
            }
        };
        list.into_iter().enumerate().map(make).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_order_of_the_credits_does_not_matter(credits in credits(), seed in any::<u64>()) {
        let mut shuffled = credits.clone();
        shuffled.sort_by_key(|credit| alloy_primitives::keccak256([credit.id.as_bytes(), &seed.to_le_bytes()].concat()));
        let (one, other) = (first(credits), first(shuffled));
        prop_assert_eq!(one.data_hash(), other.data_hash());
        prop_assert_eq!(EpochFile::parse(&one.to_bytes()).expect("what is built is in its one form"), other);
    }

    #[test]
    fn what_is_owed_is_what_was_credited(credits in credits(), later in 1..1_000_000_i64) {
        let sum = |asset| credits.iter().filter(|c| c.asset == asset).map(|c| c.amount.get()).sum::<i64>();
        let (usd, hfr) = (sum(USD) + later, sum(HFR));
        let one = first(credits);
        let two = next(&one, vec![correction("later", account(1), USD, later)]);
        for (total, micros, scale) in [(&two.assets[0], usd, 1), (&two.assets[1], hfr, 1_000_000_000_000_u64)] {
            let leaves: U256 = two.leaves.iter().filter(|leaf| leaf.asset == total.asset).map(|leaf| leaf.cumulative).sum();
            prop_assert_eq!(leaves, total.cumulative);
            prop_assert_eq!(leaves, U256::from(micros) * U256::from(scale));
        }
    }

    #[test]
    fn two_epochs_owe_what_one_would_have(credits in credits(), cut in any::<prop::sample::Index>()) {
        let cut = cut.index(credits.len());
        let whole = first(credits.clone());
        let (early, late) = credits.split_at(cut);
        if !early.is_empty() {
            let two = next(&first(early.to_vec()), late.to_vec());
            prop_assert_eq!((two.epoch, two.root, &two.leaves), (2, whole.root, &whole.leaves));
        }
    }

    #[test]
    fn an_attempt_paid_in_slices_gets_what_it_would_get_at_once(price in 1..10_000_000_i64, mut ends in prop::collection::vec(1..100 * HOUR_MS, 1..8)) {
        ends.sort_unstable();
        let whole = work(0, price, ends[ends.len() - 1]);
        let mut paid = 0;
        let mut slices = Vec::new();
        for (n, end) in ends.into_iter().enumerate() {
            let slice = Work { paid_before: (paid > 0).then_some(Micros::new(paid)), ..work(0, price, end) };
            let got = due(&slice).get();
            if got > 0 {
                // The ids run backwards: it is what was paid before that says which slice comes first.
                slices.push(job(&format!("j:{:02}", 50 - n), account(1), USD, slice));
            }
            paid += got;
        }
        if paid > 0 {
            prop_assert_eq!(owed(&first(slices), account(1), USD), U256::from(due(&whole).get()));
        }
    }
}

#[test]
fn what_was_owed_stays_owed_without_new_credits() {
    let one = first(vec![correction("c:1", account(1), USD, 5)]);
    let two = next(&one, vec![]);
    assert_eq!((two.epoch, two.previous_root, two.previous_file), (2, one.root, one.data_hash()));
    assert_eq!((two.leaves, two.root, two.assets), (one.leaves, one.root, one.assets));
}

#[test]
fn earnings_of_the_epoch_can_be_spent_and_earlier_ones_cannot() {
    let spent = |id: &str, amount: i64| credit(id, account(1), USD, -amount, Cause::Spent { signed_spend: spend(amount, 1) });
    let one = first(vec![correction("c:1", account(1), USD, 5), correction("c:2", account(2), USD, 1), spent("a:1", 5)]);
    assert_eq!(one.leaves.len(), 1, "who is owed nothing has no leaf");
    let two = next(&one, vec![correction("c:3", account(1), USD, 5)]);
    let three = build(draft(2, 3, vec![spent("a:2", 5)]), Some(&two));
    assert_eq!(three, Err(BuildError::Decrease { account: account(1), asset: USD }));
}

#[test]
fn nothing_is_paid_twice() {
    let twice = |credits, previous: Option<&EpochFile>| {
        let from = previous.map_or(0, |file| i64::try_from(file.epoch).expect("a small number"));
        match build(draft(from, from + 1, credits), previous) {
            Err(BuildError::Twice(repeat)) => repeat,
            other => panic!("{other:?}"),
        }
    };
    let paid = |id: &str| job(id, account(1), USD, work(0, 1_000_000, HOUR_MS));
    let fixed = |id: &str| correction(id, account(1), USD, 5);
    let attempt = work(0, 1, 1).signed_receipt.receipt.attempt;
    let of_attempt = |id: &str| Repeat::Attempt { id: id.to_owned(), attempt };
    assert_eq!(twice(vec![fixed("c:1"), fixed("c:1")], None), Repeat::Id("c:1".to_owned()));
    assert_eq!(twice(vec![paid("j:1"), paid("j:2")], None), of_attempt("j:2"));
    let one = first(vec![fixed("c:1"), paid("j:1")]);
    assert_eq!(twice(vec![fixed("c:1")], Some(&one)), Repeat::Id("c:1".to_owned()));
    assert_eq!(twice(vec![paid("j:2")], Some(&one)), of_attempt("j:2"));
    let behind = Work { paid_before: Some(Micros::new(899_999)), ..work(0, 1_000_000, 2 * HOUR_MS) };
    assert_eq!(twice(vec![job("j:2", account(1), USD, behind)], Some(&one)), of_attempt("j:2"));
    let onward = Work { paid_before: Some(Micros::new(900_000)), ..work(0, 1_000_000, 2 * HOUR_MS) };
    assert_eq!(owed(&next(&one, vec![job("j:2", account(1), USD, onward)]), account(1), USD), U256::from(1_800_005));
    let spent = |id: &str| credit(id, account(1), USD, -2, Cause::Spent { signed_spend: spend(5, 1) });
    assert_eq!(twice(vec![fixed("c:2"), spent("s:1"), spent("s:2")], None), Repeat::Spend { id: "s:2".to_owned() });
    let again = credit("s:2", account(1), USD, -2, Cause::Spent { signed_spend: spend(5, 2) });
    assert_eq!(owed(&first(vec![fixed("c:2"), spent("s:1"), again]), account(1), USD), U256::from(1), "another word");
}

#[test]
fn a_file_that_does_not_follow_is_refused() {
    let one = first(vec![correction("c:1", account(1), USD, 5)]);
    let after = |change: fn(&mut Draft)| {
        let mut draft = draft(1, 2, vec![]);
        change(&mut draft);
        build(draft, Some(&one)).expect_err("it must be refused")
    };
    assert_eq!(after(|d| d.network = "other".to_owned()), BuildError::OtherSeries);
    assert_eq!(after(|d| d.distributor = Distributor { chain_id: 1, ..DISTRIBUTOR }), BuildError::OtherSeries);
    assert_eq!(after(|d| d.distributor = Distributor { address: account(9), ..DISTRIBUTOR }), BuildError::OtherSeries);
    assert_eq!(after(|d| d.from_ms = day(0)), BuildError::Gap { ended: day(1), begins: day(0) });
    assert_eq!(after(|d| d.to_ms = d.from_ms), BuildError::NoTime);
    assert_eq!(after(|d| d.network = "a\nb".to_owned()), BuildError::Name("a\nb".to_owned()));
    assert_eq!(after(|d| d.tokens[0].symbol = String::new()), BuildError::Name(String::new()));
    assert_eq!(after(|d| d.tokens[0].decimals = d.tokens[1].decimals), BuildError::TwoTokens(USD));
    assert_eq!(after(|d| d.tokens[0].kind = d.tokens[1].kind), BuildError::TwoTokens(USD));
    assert_eq!(after(|d| d.tokens[1].symbol = "HFX".to_owned()), BuildError::TwoTokens(HFR));
    assert_eq!(after(|d| d.distributor.chain_id = 0), BuildError::NoChain);
    let last = EpochFile { epoch: u64::MAX, ..one.clone() };
    assert_eq!(build(draft(1, 2, vec![]), Some(&last)), Err(BuildError::LastEpoch));
    let mut full = one.clone();
    full.leaves[0].cumulative = U256::MAX;
    let more = build(draft(1, 2, vec![correction("c:2", account(1), USD, 1)]), Some(&full));
    assert_eq!(more, Err(BuildError::TooMuch(USD)), "an account's");
    full.leaves[0].cumulative = U256::MAX >> 160;
    assert!(build(draft(1, 2, vec![]), Some(&full)).is_ok(), "96 bits are full");
    let more = build(draft(1, 2, vec![correction("c:2", account(2), USD, 1)]), Some(&full));
    assert_eq!(more, Err(BuildError::TooMuch(USD)), "all accounts'");
    let many = after(|d| d.tokens = (1..=33).map(|n| Token { asset: account(n), ..d.tokens[0].clone() }).collect());
    assert_eq!(many, BuildError::TooManyAssets(35));
}

#[test]
fn credits_nobody_can_pay_are_refused() {
    let unknown = build(draft(0, 1, vec![correction("c:1", account(1), account(9), 5)]), None);
    assert_eq!(unknown, Err(BuildError::Credit { id: "c:1".to_owned(), fault: CreditFault::UnknownAsset(account(9)) }));
    assert_eq!(build(draft(0, 1, vec![]), None), Err(BuildError::NothingOwed));
    let fault = CreditFault::Sign(Micros::ZERO);
    let nothing = build(draft(0, 1, vec![correction("c:1", account(1), USD, 0)]), None);
    assert_eq!(nothing, Err(BuildError::Credit { id: "c:1".to_owned(), fault }));
}

#[test]
fn another_spelling_of_a_file_is_no_file() {
    let file = first(vec![correction("c:1", account(1), USD, 5), correction("c:2", account(2), USD, 5)]);
    let text = String::from_utf8(file.to_bytes()).expect("text");
    let refused = |text: String| EpochFile::parse(text.as_bytes()).expect_err("another spelling");
    assert!(matches!(refused(text.trim_end().to_owned()), ParseError::NotCanonical { at } if at == text.len() - 1));
    assert!(matches!(refused(format!("{text}\n")), ParseError::NotCanonical { at } if at == text.len()));
    assert!(matches!(refused(format!(" {text}")), ParseError::NotCanonical { at: 0 }));
    for (from, to) in [
        ("\"epoch\":1", "\"epoch\": 1"),
        ("\"amount\":\"5\"", "\"amount\":\"+5\""),
        ("\"amount\":\"5\"", "\"amount\":\"05\""),
        ("\"cumulative\":\"5\"", "\"cumulative\":\"05\""),
        ("0xc1c1", "0xC1c1"),
        ("USDC", "\\u0055SDC"),
        (
            "\"kind\":\"correction\",\"reason\":\"Paid to the wrong account.\"",
            "\"reason\":\"Paid to the wrong account.\",\"kind\":\"correction\"",
        ),
        ("\"kind\":\"correction\"", "\"kind\":\"correction\",\"note\":1"),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text, "{from} is in the file");
        assert!(matches!(refused(other), ParseError::NotCanonical { .. }), "{from} as {to}");
    }
    let fraction = text.replacen("\"epoch\":1", "\"epoch\":1.0", 1);
    assert!(matches!(refused(fraction), ParseError::Syntax(_)));
    let coarse = text.replacen("\"decimals\":6", "\"decimals\":5", 1);
    assert!(matches!(refused(coarse), ParseError::Syntax(_)));
    let version = text.replacen("\"version\":1", "\"version\":2", 1);
    assert!(matches!(refused(version), ParseError::Version(2)));
    let shuffle = |change: fn(&mut EpochFile)| {
        let mut file = file.clone();
        change(&mut file);
        EpochFile::parse(&file.to_bytes()).expect_err("another order")
    };
    assert!(matches!(shuffle(|f| f.credits.reverse()), ParseError::Disorder("credits")));
    assert!(matches!(shuffle(|f| f.leaves.reverse()), ParseError::Disorder("leaves")));
    assert!(matches!(shuffle(|f| f.assets.reverse()), ParseError::Disorder("assets")));
    assert!(matches!(shuffle(|f| f.leaves[1] = f.leaves[0]), ParseError::Disorder("leaves")));
    assert!(matches!(shuffle(|f| f.credits[1].id = f.credits[0].id.clone()), ParseError::Disorder("credits")));
    assert!(matches!(shuffle(|f| f.assets[1].asset = f.assets[0].asset), ParseError::Disorder("assets")));
}
