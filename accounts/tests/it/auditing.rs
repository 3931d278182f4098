//! What a watcher finds: every lie that somebody could gain from, and with the announced hash every changed byte.

use std::sync::LazyLock;

use alloy_primitives::{B256, U256};
use headframe_accounts::{
    Distributor, EpochFile, FeeBps,
    audit::{Announced, Finding, audit, audit_history},
    epoch::{Cause, Credit, CreditFault, Draft, Repeat, Work, build},
};
use headframe_protocol::{Micros, TimestampMs};
use proptest::prelude::*;

use crate::support::{
    DISTRIBUTOR, HFR, HOUR_MS, USD, account, announced, correction, credit, day, draft, due, first, job, next, spend, work,
};

struct Pair {
    one: EpochFile,
    two: EpochFile,
}

static PAIR: LazyLock<Pair> = LazyLock::new(|| {
    let one = first(vec![
        job("j:1", account(1), USD, work(1, 1_234_567, 7 * HOUR_MS)),
        job("j:2", account(2), HFR, work(2, 239_361_750, HOUR_MS + 1)),
        correction("c:1", account(3), USD, 77),
    ]);
    let two = next(
        &one,
        vec![
            job("j:3", account(1), USD, work(3, 765_432, 3 * HOUR_MS)),
            credit("i:1", account(4), HFR, 1_000_000, Cause::Inventory),
            credit("s:1", account(1), USD, -1_000, Cause::Spent { signed_spend: spend(1_000, 1) }),
        ],
    );
    Pair { one, two }
});

/// What is found when the second file is changed and written down again.
fn after(change: impl FnOnce(&mut EpochFile)) -> Vec<Finding> {
    let mut two = PAIR.two.clone();
    change(&mut two);
    audit(&two.to_bytes(), Some(&PAIR.one.to_bytes()), None)
}

/// The same, with everything that follows from the change made to fit: what a cheat would do.
fn rooted(change: impl FnOnce(&mut EpochFile)) -> Vec<Finding> {
    after(|file| {
        change(file);
        for total in &mut file.assets {
            let leaves = file.leaves.iter().filter(|leaf| leaf.asset == total.asset);
            total.cumulative = leaves.map(|leaf| leaf.cumulative).sum();
        }
        file.root = file.tree().expect("there are leaves").root();
    })
}

macro_rules! finds {
    ($found:expr, $($kind:pat),+) => {{
        let found: Vec<Finding> = $found;
        $(assert!(found.iter().any(|finding| matches!(finding, $kind)), "{} is not in {found:?}", stringify!($kind));)+
    }};
}

fn job_of(file: &mut EpochFile) -> &mut Work {
    let job = file.credits.iter_mut().find_map(|credit| match &mut credit.cause {
        Cause::Job { work } => Some(work),
        Cause::Conversion { .. } | Cause::Matured { .. } | Cause::Spent { .. } | Cause::Correction { .. } | Cause::Inventory => {
            None
        }
    });
    job.expect("the file pays for a job")
}

#[test]
fn a_true_file_has_no_findings() {
    let Pair { one, two } = &*PAIR;
    assert!(after(|_| {}).is_empty(), "{:?}", after(|_| {}));
    for (file, previous) in [(one, None), (two, Some(one.to_bytes()))] {
        let found = audit(&file.to_bytes(), previous.as_deref(), Some(announced(file)));
        assert!(found.is_empty(), "{found:?}");
    }
}

#[test]
fn a_changed_head_is_found() {
    finds!(after(|f| f.epoch = 3), Finding::Epoch { stated: 3, expected: 2 });
    finds!(after(|f| f.previous_root = B256::ZERO), Finding::PreviousRoot { .. });
    finds!(after(|f| f.previous_file = B256::ZERO), Finding::PreviousFile { .. });
    finds!(after(|f| f.root = B256::ZERO), Finding::Root { .. });
    finds!(after(|f| f.version = 2), Finding::Unreadable(_));
    finds!(rooted(|f| f.network = "other".to_owned()), Finding::NotRebuilt(_), Finding::Credit { .. });
    finds!(rooted(|f| f.chain_id = 1), Finding::NotRebuilt(_));
    finds!(rooted(|f| f.distributor = account(9)), Finding::NotRebuilt(_));
    finds!(rooted(|f| f.from_ms = day(0)), Finding::NotRebuilt(_));
    finds!(rooted(|f| f.to_ms = f.from_ms), Finding::NotRebuilt(_));
    finds!(rooted(|f| f.assets[0].symbol = "USDT".to_owned()), Finding::NotRebuilt(_));
    finds!(rooted(|f| f.assets[0].kind = f.assets[1].kind), Finding::NotRebuilt(_));
    finds!(rooted(|f| f.assets[0].decimals = f.assets[1].decimals), Finding::NotRebuilt(_));
    finds!(rooted(|f| drop(f.assets.pop())), Finding::Total { .. });
    finds!(after(|f| f.assets[0].cumulative += U256::from(1)), Finding::Total { .. });
}

#[test]
fn a_changed_leaf_is_found_even_under_a_root_of_its_own() {
    let one_more = U256::from(1);
    finds!(after(|f| f.leaves[0].cumulative += one_more), Finding::Root { .. }, Finding::Owed { .. });
    finds!(rooted(|f| f.leaves[0].cumulative += one_more), Finding::Owed { .. }, Finding::Total { .. });
    finds!(rooted(|f| f.leaves[0].account = account(9)), Finding::Owed { .. });
    finds!(rooted(|f| f.leaves[0].asset = account(9)), Finding::Owed { .. });
    finds!(rooted(|f| f.leaves.retain(|leaf| leaf.account != account(1))), Finding::Owed { .. });
    finds!(rooted(|f| f.leaves.insert(0, f.leaves[0])), Finding::Form(_));
    finds!(rooted(|f| f.leaves.swap(0, 1)), Finding::Form(_), Finding::NotReproduced(_));
    finds!(rooted(|f| f.leaves.truncate(1)), Finding::Owed { .. });
    finds!(after(|f| f.leaves.clear()), Finding::Owed { .. }, Finding::Root { computed: B256::ZERO, .. });
}

#[test]
fn a_changed_credit_is_found() {
    finds!(after(|f| f.credits[0].amount = Micros::new(1)), Finding::Owed { .. });
    finds!(after(|f| f.credits[0].account = account(9)), Finding::Owed { .. });
    finds!(after(|f| f.credits[0].asset = USD), Finding::Owed { .. });
    finds!(after(|f| drop(f.credits.pop())), Finding::Owed { .. });
    finds!(after(|f| f.credits.swap(0, 1)), Finding::Form(_), Finding::NotReproduced(_));
    finds!(after(|f| f.credits[0].id = "j:1".to_owned()), Finding::Twice(Repeat::Id(_)));
    finds!(after(|f| f.credits[2].amount = Micros::new(1_000)), Finding::Credit { fault: CreditFault::Sign(_), .. });
    finds!(after(|f| f.credits[2].amount = Micros::new(-1_001)), Finding::Credit { fault: CreditFault::Amount { .. }, .. });
}

#[test]
fn a_changed_reason_to_pay_is_found() {
    let fault = |change: fn(&mut Work)| after(|file| change(job_of(file)));
    finds!(fault(|w| w.signed_receipt.receipt.running_ms += 1), Finding::Credit { fault: CreditFault::Signature(_), .. });
    finds!(fault(|w| w.price_per_hour = Micros::new(765_433)), Finding::Credit { fault: CreditFault::Charge { .. }, .. });
    finds!(fault(|w| w.charged_ms += 100_000), Finding::Credit { fault: CreditFault::Charge { .. }, .. });
    finds!(fault(|w| w.charged_ms = 101 * HOUR_MS), Finding::Credit { fault: CreditFault::Time { .. }, .. });
    finds!(fault(|w| w.charged = Micros::new(1)), Finding::Credit { fault: CreditFault::Charge { .. }, .. });
    finds!(fault(|w| w.capped_at = Some(Micros::new(1))), Finding::Credit { fault: CreditFault::Charge { .. }, .. });
    finds!(fault(|w| w.paid_before = Some(Micros::new(1))), Finding::Credit { fault: CreditFault::Amount { .. }, .. });
    finds!(fault(|w| w.fee_bps = FeeBps::HFR.get()), Finding::Credit { fault: CreditFault::Amount { .. }, .. });
    finds!(fault(|w| w.fee_bps = 1_501), Finding::Credit { fault: CreditFault::Fee(_), .. });
}

#[test]
fn another_file_than_the_announced_one_is_found() {
    let bytes = PAIR.two.to_bytes();
    let found = |change: fn(&mut Announced)| {
        let mut announced = announced(&PAIR.two);
        change(&mut announced);
        audit(&bytes, Some(&PAIR.one.to_bytes()), Some(announced))
    };
    finds!(found(|a| a.root = B256::ZERO), Finding::AnnouncedRoot { .. });
    finds!(found(|a| a.data_hash = B256::ZERO), Finding::DataHash { .. });
    finds!(found(|a| a.epoch = 3), Finding::AnnouncedEpoch { found: 2, announced: 3 });
    finds!(found(|a| *a.totals.entry(USD).or_default() += U256::from(1)), Finding::AnnouncedTotal { asset: USD, .. });
    finds!(
        found(|a| a.totals.retain(|asset, _| *asset != HFR)),
        Finding::AnnouncedTotal { asset: HFR, announced: U256::ZERO, .. }
    );
    finds!(found(|a| a.totals.extend([(account(9), U256::MAX)])), Finding::AnnouncedTotal { found: U256::ZERO, .. });
}

#[test]
fn what_cannot_be_compared_is_said() {
    let (one, two) = (PAIR.one.to_bytes(), PAIR.two.to_bytes());
    finds!(audit(&two, None, None), Finding::PreviousMissing(2));
    finds!(audit(&two, Some(b"{}"), None), Finding::PreviousUnreadable(_));
    finds!(audit(b"", None, None), Finding::Unreadable(_));
    finds!(audit(&one, Some(&two), None), Finding::NotRebuilt(_));
    finds!(audit(&[&two[..], b" "].concat(), Some(&one), None), Finding::Form(_), Finding::NotReproduced(_));
}

#[test]
fn findings_read_as_sentences() {
    let found = after(|file| file.credits[0].account = account(9));
    let text: Vec<String> = found.iter().map(ToString::to_string).collect();
    let asset = HFR;
    assert_eq!(
        text,
        [
            format!("{} is owed 1000000000000000000 units of {asset}; the previous file and the credits give 0", account(4)),
            format!("{} is owed 0 units of {asset}; the previous file and the credits give 1000000000000000000", account(9)),
        ]
    );
}

#[test]
fn a_file_wrong_in_every_line_is_not_listed_in_full() {
    let two = next(&PAIR.one, (0..1_100).map(|n| correction(&format!("c:{n}:"), account(1), USD, 1)).collect());
    let mut wrong = two;
    for credit in &mut wrong.credits {
        credit.amount = Micros::ZERO;
    }
    assert_eq!(audit(&wrong.to_bytes(), Some(&PAIR.one.to_bytes()), None).len(), 1_000);
}

#[test]
fn what_was_paid_long_ago_is_found_in_the_history() {
    let Pair { one, two } = &*PAIR;
    let again = |cheat: Vec<Credit>| {
        let three = next(two, cheat);
        let found = audit(&three.to_bytes(), Some(&two.to_bytes()), None);
        assert!(found.is_empty(), "the file before does not know: {found:?}");
        let files = [one.to_bytes(), two.to_bytes(), three.to_bytes()];
        audit_history(&[&files[0], &files[1], &files[2]])
    };
    let found = again(vec![correction("c:1", account(3), USD, 77)]);
    assert!(matches!(&found[..], [(2, Finding::Twice(Repeat::Id(_)))]), "{found:?}");
    let found = again(vec![job("j:9", account(1), USD, work(1, 1_234_567, 7 * HOUR_MS))]);
    assert!(matches!(&found[..], [(2, Finding::Twice(Repeat::Attempt { .. }))]), "{found:?}");
    let paid = due(&work(1, 1_234_567, 7 * HOUR_MS));
    let onward = Work { paid_before: Some(paid), ..work(1, 1_234_567, 8 * HOUR_MS) };
    assert!(again(vec![job("j:9", account(1), USD, onward)]).is_empty());
    let skipping = Work { paid_before: Some(Micros::new(paid.get() + 1)), ..work(1, 1_234_567, 8 * HOUR_MS) };
    let found = again(vec![job("j:9", account(1), USD, skipping)]);
    assert!(matches!(&found[..], [(2, Finding::Twice(Repeat::Attempt { .. }))]), "nobody paid him that micro: {found:?}");
}

#[test]
fn a_history_with_a_hole_is_found() {
    let Pair { one, two } = &*PAIR;
    let three = next(two, vec![]);
    let [one, two, three] = [one, two, &three].map(EpochFile::to_bytes);
    assert!(audit_history(&[&one, &two, &three]).is_empty());
    assert!(audit_history(&[]).is_empty());
    assert!(audit_history(&[&one, &three]).iter().all(|(place, _)| *place == 1));
    assert!(!audit_history(&[&one, &three]).is_empty() && !audit_history(&[&two, &three]).is_empty());
    let found = audit_history(&[&one, b"x", &three]);
    assert!(matches!(&found[..], [(1, Finding::Unreadable(_)), (2, Finding::NotRebuilt(_))]), "{found:?}");
}

#[test]
fn a_network_is_audited_with_all_its_chains() {
    let island = |chain_id, credits| {
        let distributor = Distributor { chain_id, ..DISTRIBUTOR };
        build(Draft { distributor, ..draft(0, 1, credits) }, None).expect("the credits are in order")
    };
    let hours = |hours: u64, paid_before| Work { paid_before, ..work(9, 1_000_000, hours * HOUR_MS) };
    let [first_hour, second, third] = [
        job("j:1", account(1), USD, hours(1, None)),
        job("j:2", account(1), USD, hours(2, Some(Micros::new(900_000)))),
        job("j:3", account(1), USD, hours(3, Some(Micros::new(1_800_000)))),
    ];
    let home = first(vec![first_hour]);
    let there = island(10, vec![second.clone()]);
    let back = next(&next(&home, vec![]), vec![third]);
    let twice = island(11, vec![Credit { id: "j:4".to_owned(), ..second }]);
    let [home_bytes, empty, there, back] = [&home, &next(&home, vec![]), &there, &back].map(EpochFile::to_bytes);
    let found = audit_history(&[&there, &home_bytes, &empty, &back]);
    assert!(found.is_empty(), "an attempt may be paid on one chain and go on on another: {found:?}");
    let found = audit_history(&[&home_bytes, &empty, &back]);
    assert!(matches!(&found[..], [(2, Finding::Twice(Repeat::Attempt { .. }))]), "a slice is missing: {found:?}");
    let found = audit_history(&[&there, &twice.to_bytes(), &home_bytes, &empty, &back]);
    assert!(matches!(&found[..], [(1, Finding::Twice(Repeat::Attempt { .. }))]), "on two chains: {found:?}");
}

const ONE: &[u8] = include_bytes!("../golden/epoch-1.json");
const TWO: &str = include_str!("../golden/epoch-2.json");

/// Every text and number in a file, with the name of its field.
fn values(text: &str) -> Vec<(&str, std::ops::Range<usize>)> {
    let (mut found, mut name, mut at) = (Vec::new(), "", 0);
    while at < text.len() {
        let rest = &text[at..];
        let (start, length) = match rest.as_bytes()[0] {
            b'"' => (at + 1, rest[1..].find('"').expect("a text ends")),
            digit if digit.is_ascii_digit() => (at, rest.find(|c: char| !c.is_ascii_digit()).expect("a number ends")),
            _ => {
                at += 1;
                continue;
            }
        };
        let end = start + length;
        at = end + usize::from(rest.starts_with('"'));
        if text[at..].starts_with(':') {
            name = &text[start..end];
        } else {
            found.push((name, start..end));
        }
    }
    found
}

/// The next digit or letter of the same kind.
fn turned(byte: u8) -> u8 {
    match byte {
        b'9' => b'8',
        b'f' => b'e',
        b'z' => b'y',
        other => other + 1,
    }
}

#[test]
fn one_by_one_every_value_is_changed_and_what_is_not_found_is_known() {
    let mut free = Vec::new();
    let announced = announced(&EpochFile::parse(TWO.as_bytes()).expect("in its one form"));
    for (name, range) in values(TWO) {
        let mut bytes = TWO.as_bytes().to_vec();
        let last = range.end - 1;
        bytes[last] = turned(bytes[last]);
        if audit(&bytes, Some(ONE), None).is_empty() {
            free.push(name);
            let found = audit(&bytes, Some(ONE), Some(announced.clone()));
            assert!(matches!(found[..], [Finding::DataHash { .. }]), "{name} at {range:?}: {found:?}");
        }
    }
    // None of these moves money, and the announced hash covers them all. In order: the end, where the next file must begin; of
    // each credit its name in the ledger; of a conversion where it came from and when, within the price's ten minutes, and a
    // price that rounds to the same; of fiat earnings the first transfer and when, long ago; a time that rounds to the same.
    let expected: [&[&str]; 6] = [
        &["toMs"],
        &["id"],
        &["id", "chainId", "asset", "atMs"],
        &["id", "chainId", "usdPerHfr", "seenMs", "transfer", "earnedMs"],
        &["id", "transfer", "earnedMs", "chargedMs"],
        &["id"],
    ];
    assert_eq!(free, expected.concat());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_byte_can_be_changed_unnoticed_under_an_announced_hash(at in 0..TWO.len(), to in any::<u8>()) {
        let file = EpochFile::parse(TWO.as_bytes()).expect("in its one form");
        let announced = announced(&file);
        let mut bytes = TWO.as_bytes().to_vec();
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(!audit(&bytes, Some(ONE), Some(announced)).is_empty());
    }

    #[test]
    fn money_moved_by_any_amount_is_found(by in any::<i64>(), at in any::<prop::sample::Index>()) {
        prop_assume!(by != 0);
        let at = at.index(PAIR.two.credits.len());
        let found = after(|file| file.credits[at].amount = Micros::new(file.credits[at].amount.get().wrapping_add(by)));
        prop_assert!(!found.is_empty());
    }

    #[test]
    fn absurd_times_and_amounts_are_findings_not_accidents(numbers in prop::array::uniform6(any::<i64>())) {
        let [price, charged, cap, before, amount, time] = numbers.map(Micros::new);
        let found = after(|file| {
            (file.from_ms, file.to_ms) = (TimestampMs::from_millis(time.get()), TimestampMs::from_millis(i64::MAX));
            let work = job_of(file);
            (work.price_per_hour, work.charged) = (price, charged);
            (work.capped_at, work.paid_before) = (Some(cap), Some(before));
            file.credits[0].amount = amount;
        });
        prop_assert!(!found.is_empty());
    }
}
