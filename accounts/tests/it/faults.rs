//! Every way in which a credit may not follow from its cause.

use alloy_primitives::Address;
use headframe_accounts::{
    UsdPerHfr,
    epoch::{Cause, Conversion, Credit, CreditFault, Frame, MATURITY_MS, Maturity, Rate, Source, Work},
    fee::FeeError,
    price::ConversionError,
};
use headframe_protocol::{Micros, TimestampMs, auth::SignatureError, chain::AssetKind};

use proptest::prelude::*;

use crate::support::{
    DISTRIBUTOR, HFR, HOUR_MS, NETWORK, USD, account, correction, credit, day, due, job, receipt_for, sign, spend, work,
};

fn check(credit: &Credit) -> Result<(), CreditFault> {
    let kinds = [(USD, AssetKind::Stable), (HFR, AssetKind::Hfr)].into();
    credit.check(&Frame { network: NETWORK, chain_id: DISTRIBUTOR.chain_id, to_ms: day(40), kinds })
}

/// A dollar an hour for ten hours, and something changed after the amount was computed.
fn changed(change: impl FnOnce(&mut Credit, &mut Work)) -> Result<(), CreditFault> {
    let mut work = work(0, 1_000_000, 10 * HOUR_MS);
    let mut credit = job("j:1", account(1), USD, work.clone());
    change(&mut credit, &mut work);
    credit.cause = Cause::Job { work };
    check(&credit)
}

fn amount(stated: i64, follows: i64) -> Result<(), CreditFault> {
    Err(CreditFault::Amount { stated: Micros::new(stated), follows: Micros::new(follows) })
}

#[test]
fn work_is_paid_as_signed_priced_and_charged() {
    assert_eq!(changed(|_, _| {}), Ok(()));
    assert_eq!(changed(|credit, _| credit.amount = Micros::new(9_000_001)), amount(9_000_001, 9_000_000));
    assert_eq!(changed(|_, work| work.fee_bps = 900), amount(9_000_000, 9_100_000));
    assert_eq!(changed(|_, work| work.fee_bps = 1_501), Err(CreditFault::Fee(FeeError::TooHigh(1_501))));
    let charge = |stated, follows| Err(CreditFault::Charge { stated: Micros::new(stated), follows: Micros::new(follows) });
    assert_eq!(changed(|_, work| work.charged = Micros::new(9_999_999)), charge(9_999_999, 10_000_000));
    assert_eq!(changed(|_, work| work.price_per_hour = Micros::new(2_000_000)), charge(10_000_000, 20_000_000));
    assert_eq!(changed(|_, work| work.charged_ms = 11 * HOUR_MS), charge(10_000_000, 11_000_000));
    assert_eq!(changed(|_, work| work.capped_at = Some(Micros::new(9_000_000))), charge(10_000_000, 9_000_000));
    assert_eq!(changed(|_, work| work.capped_at = Some(Micros::new(10_000_000))), Ok(()));
    let time = CreditFault::Time { charged_ms: 101 * HOUR_MS, running_ms: 100 * HOUR_MS };
    assert_eq!(changed(|_, work| work.charged_ms = 101 * HOUR_MS), Err(time));
}

#[test]
fn a_fee_goes_on_from_where_the_session_stood() {
    let after = |used_before, charged_ms, paid| {
        let work = Work { used_before: Some(Micros::new(used_before)), ..work(0, 3_600_000, charged_ms) };
        check(&credit("j:1", account(1), USD, paid, Cause::Job { work }))
    };
    // A micro per millisecond, ten percent of it the platform's: every tenth micro of the session.
    assert_eq!((after(0, 15, 14), after(4, 15, 14), after(5, 15, 13)), (Ok(()), Ok(()), Ok(())));
    assert_eq!(after(5, 15, 14), amount(14, 13));
    assert_eq!((after(9, 9, 8), after(0, 9, 9)), (Ok(()), Ok(())));
    assert!(matches!(after(-1, 15, 14), Err(CreditFault::Fee(FeeError::Backwards { .. }))));
    assert_eq!(after(i64::MAX, 15, 14), Err(CreditFault::Range));
}

proptest! {
    #[test]
    fn no_session_moves_more_than_a_micro(used in 0..=1_000_000_000_000_i64, charged_ms in 1..100 * HOUR_MS, fee_bps in 0..=1_500_u16) {
        let alone = Work { fee_bps, ..work(0, 3_600_000, charged_ms) };
        let within = Work { used_before: Some(Micros::new(used)), ..alone.clone() };
        let full = due(&alone).get();
        let paid = |paid, work: &Work| check(&job_paying(paid, work.clone()));
        prop_assert!([full, full - 1].into_iter().any(|amount| amount == 0 || paid(amount, &within).is_ok()));
    }
}

fn job_paying(paid: i64, work: Work) -> Credit {
    credit("j:1", account(1), USD, paid, Cause::Job { work })
}

#[test]
fn a_charge_is_capped_by_what_the_job_still_held() {
    let capped = |cap| {
        let mut work = work(0, 1_000_000, 10 * HOUR_MS);
        work.capped_at = Some(Micros::new(cap));
        work.charged = work.charged.min(Micros::new(cap));
        check(&job("j:1", account(1), USD, work))
    };
    assert_eq!(capped(1_500_001), Ok(()));
    assert_eq!(capped(20_000_000), Ok(()), "a cap that does not bind changes nothing");
    assert_eq!(capped(-1), Err(CreditFault::Sign(Micros::new(-1))));
}

#[test]
fn a_receipt_counts_only_as_it_was_signed_and_where() {
    let signature = |change: fn(&mut Work)| match changed(|_, work| change(work)) {
        Err(CreditFault::Signature(SignatureError::OtherKey(_))) => true,
        other => panic!("{other:?}"),
    };
    assert!(signature(|work| work.signed_receipt.receipt.running_ms += 1));
    assert!(signature(|work| work.signed_receipt.receipt.sequence += 1));
    assert!(signature(|work| work.signed_receipt.receipt.epoch += 1));
    assert!(signature(|work| work.signed_receipt.receipt.device.0 = account(7)));
    assert!(signature(|work| work.signed_receipt.receipt.attempt = receipt_for(NETWORK, 3).attempt));
    assert!(signature(|work| work.signed_receipt.receipt.job = receipt_for(NETWORK, 3).job));
    let elsewhere = changed(|_, work| work.signed_receipt = sign(receipt_for("other", 0)));
    assert_eq!(elsewhere, Err(CreditFault::OtherNetwork("other".to_owned())));
}

#[test]
fn amounts_below_nothing_are_refused_wherever_they_stand() {
    assert_eq!(changed(|_, work| work.price_per_hour = Micros::new(-1)), Err(CreditFault::Range));
    assert_eq!(changed(|_, work| work.paid_before = Some(Micros::new(-1))), Err(CreditFault::Range));
    assert_eq!(changed(|_, work| work.paid_before = Some(Micros::new(9_000_001))), Err(CreditFault::Range));
    assert_eq!(changed(|_, work| work.paid_before = Some(Micros::new(1))), amount(9_000_000, 8_999_999));
    assert_eq!(changed(|_, work| work.paid_before = Some(Micros::new(i64::MIN))), Err(CreditFault::Range));
    assert_eq!(changed(|credit, _| credit.amount = Micros::ZERO), Err(CreditFault::Sign(Micros::ZERO)));
    let lowest = Micros::new(i64::MIN);
    assert!(changed(|_, work| (work.price_per_hour, work.charged) = (lowest, lowest)).is_err());
    assert!(changed(|_, work| (work.capped_at, work.charged) = (Some(lowest), lowest)).is_err());
}

#[test]
fn ids_and_accounts_have_a_form() {
    for id in ["", "a b", "a\n", "ä", &"x".repeat(129)] {
        assert_eq!(changed(|credit, _| credit.id = id.to_owned()), Err(CreditFault::Id), "{id:?}");
    }
    assert_eq!(changed(|credit, _| credit.account = Address::ZERO), Err(CreditFault::NoAccount));
}

#[test]
fn fiat_earnings_wait_thirty_days() {
    let matured = |earned_ms, reversed: Option<i64>, paid| {
        let reversed = reversed.map(Micros::new);
        let maturity = Maturity { transfer: "capture:1".to_owned(), earned_ms, reversed };
        check(&credit("m:1", account(1), USD, paid, Cause::Matured { maturity, work: work(0, 1_000_000, HOUR_MS) }))
    };
    let nameless = Maturity { transfer: String::new(), earned_ms: day(1), reversed: None };
    let cause = Cause::Matured { maturity: nameless, work: work(0, 1_000_000, HOUR_MS) };
    assert_eq!(check(&credit("m:1", account(1), USD, 900_000, cause)), Err(CreditFault::Id));
    let in_time = TimestampMs::from_millis(day(40).as_millis() - MATURITY_MS);
    let late = TimestampMs::from_millis(in_time.as_millis() + 1);
    assert_eq!(matured(in_time, None, 900_000), Ok(()));
    assert_eq!(matured(in_time, Some(1), 899_999), Ok(()));
    assert_eq!(matured(in_time, Some(1), 900_000), amount(900_000, 899_999));
    assert_eq!(matured(in_time, Some(-1), 900_001), Err(CreditFault::Range));
    assert_eq!(matured(late, None, 900_000), Err(CreditFault::NotMature(late)));
    let never = TimestampMs::from_millis(i64::MAX);
    assert_eq!(matured(never, None, 900_000), Err(CreditFault::NotMature(never)));
}

/// The stablecoin of another chain.
const ELSEWHERE: Source = Source { chain_id: 10, asset: Address::repeat_byte(0xc2), kind: AssetKind::Stable };

/// Ninety cents of an hour's work, converted at the end of day 39.
fn converted(asset: Address, paid: i64, change: impl FnOnce(&mut Conversion)) -> Result<(), CreditFault> {
    let work = work(0, 1_000_000, HOUR_MS);
    let mut conversion = Conversion { from: ELSEWHERE, amount: due(&work), rate: None, at_ms: day(39) };
    change(&mut conversion);
    check(&credit("x:1", account(1), asset, paid, Cause::Conversion { conversion, work, maturity: None }))
}

/// Of a price seen so long before the end of day 39.
fn rate(picos: u64, age_ms: i64) -> Rate {
    let seen_ms = TimestampMs::from_millis(day(39).as_millis() - age_ms);
    Rate { usd_per_hfr: UsdPerHfr::from_picos(picos).expect("above zero"), seen_ms }
}

#[test]
fn a_conversion_leads_elsewhere_and_moves_what_is_due() {
    assert_eq!(converted(USD, 900_000, |_| {}), Ok(()));
    assert_eq!(converted(USD, 900_001, |_| {}), amount(900_001, 900_000));
    assert_eq!(converted(USD, 900_001, |c| c.amount = Micros::new(900_001)), amount(900_001, 900_000));
    let here = |asset, kind| Source { chain_id: DISTRIBUTOR.chain_id, asset, kind };
    assert_eq!(converted(USD, 900_000, |c| c.from = here(USD, AssetKind::Stable)), Err(CreditFault::NotConverted));
    assert_eq!(converted(USD, 900_000, |c| c.from = here(USD, AssetKind::Hfr)), Err(CreditFault::NotConverted));
    assert_eq!(converted(USD, 900_000, |c| c.from.chain_id = 0), Err(CreditFault::NoChain), "practice stays practice");
    assert_eq!(converted(USD, 900_000, |c| c.at_ms = day(40)), Err(CreditFault::AfterEpoch(day(40))));
    assert_eq!(converted(account(9), 900_000, |_| {}), Err(CreditFault::UnknownAsset(account(9))));
    assert_eq!(converted(USD, 900_000, |c| c.from = here(HFR, AssetKind::Stable)), Err(CreditFault::Rate), "it is HFR here");
    assert_eq!(converted(USD, 900_000, |c| c.from = here(account(9), AssetKind::Stable)), Err(CreditFault::Rate));
}

#[test]
fn hfr_and_dollars_meet_at_a_rate_and_two_of_a_kind_do_not() {
    let at = Some(rate(4_000_000_000, 0));
    assert_eq!(converted(HFR, 900_000, |_| {}), Err(CreditFault::Rate));
    assert_eq!(converted(USD, 900_000, |c| c.rate = at), Err(CreditFault::Rate));
    assert_eq!(converted(USD, 900_000, |c| c.from.kind = AssetKind::Hfr), Err(CreditFault::Rate));
    assert_eq!(converted(HFR, 900_000, |c| (c.from.kind, c.rate) = (AssetKind::Hfr, at)), Err(CreditFault::Rate));
    assert_eq!(converted(HFR, 900_000, |c| c.from.kind = AssetKind::Hfr), Ok(()), "HFR of another chain, if there ever is any");
    assert_eq!(converted(HFR, 225_000_000, |c| c.rate = at), Ok(()));
    assert_eq!(converted(HFR, 225_000_001, |c| c.rate = at), amount(225_000_001, 225_000_000));
    let out = |picos| move |c: &mut Conversion| (c.from.kind, c.rate) = (AssetKind::Hfr, Some(rate(picos, 0)));
    assert_eq!(converted(USD, 3_600, out(4_000_000_000)), Ok(()));
    assert_eq!(converted(USD, 3_600, out(4_000_000_001)), Ok(()), "rounded down");
    assert_eq!(converted(USD, 3_601, out(4_000_000_001)), amount(3_601, 3_600));
}

#[test]
fn a_rate_is_used_within_the_time_a_price_is_good() {
    let aged = |age_ms| converted(HFR, 225_000_000, |c| c.rate = Some(rate(4_000_000_000, age_ms)));
    for age_ms in [0, 600_000, -60_000] {
        assert_eq!(aged(age_ms), Ok(()), "{age_ms}");
    }
    for age_ms in [-60_001, 600_001] {
        assert_eq!(aged(age_ms), Err(CreditFault::PriceAge { age_ms }));
    }
    let ages_ago = Rate { seen_ms: TimestampMs::from_millis(i64::MIN), ..rate(1, 0) };
    assert_eq!(converted(HFR, 1, |c| c.rate = Some(ages_ago)), Err(CreditFault::PriceAge { age_ms: i64::MAX }));
}

#[test]
fn what_the_ledger_cannot_hold_is_not_converted() {
    assert_eq!(converted(HFR, 900_000_000_000_000_000, |c| c.rate = Some(rate(1, 0))), Ok(()), "this much it can");
    let work = work(0, 100_000_000, HOUR_MS);
    let conversion = Conversion { from: ELSEWHERE, amount: due(&work), rate: Some(rate(1, 0)), at_ms: day(39) };
    let cause = Cause::Conversion { conversion, work, maturity: None };
    let too_large = CreditFault::Conversion(ConversionError::TooLarge(Micros::new(90_000_000)));
    assert_eq!(check(&credit("x:1", account(1), HFR, 1, cause)), Err(too_large));
}

#[test]
fn converted_fiat_earnings_wait_as_well() {
    let work = work(0, 1_000_000, HOUR_MS);
    let of = |earned_ms, left: i64| {
        let conversion = Conversion { from: ELSEWHERE, amount: Micros::new(left), rate: None, at_ms: day(39) };
        let maturity = Some(Maturity { transfer: "capture:1".to_owned(), earned_ms, reversed: Some(Micros::new(1)) });
        check(&credit("x:1", account(1), USD, left, Cause::Conversion { conversion, work: work.clone(), maturity }))
    };
    assert_eq!(of(day(10), 899_999), Ok(()));
    assert_eq!(of(day(10), 900_000), amount(900_000, 899_999));
    assert_eq!(of(day(11), 899_999), Err(CreditFault::NotMature(day(11))));
}

#[test]
fn only_the_owner_spends_and_no_more_than_he_said() {
    let spent = |amount, signed_spend| check(&credit("s:1", account(1), USD, amount, Cause::Spent { signed_spend }));
    assert_eq!(spent(-5, spend(5, 1)), Ok(()));
    assert_eq!(spent(-4, spend(5, 1)), Ok(()), "there was no more");
    assert_eq!(spent(-6, spend(5, 1)), amount(-6, -5));
    assert_eq!(spent(5, spend(5, 1)), Err(CreditFault::Sign(Micros::new(5))));
    assert!(spent(-1, spend(-5, 1)).is_err());
    assert!(spent(-1, spend(i64::MIN, 1)).is_err());
    let mut more = spend(5, 1);
    more.spend.amount = Micros::new(6);
    assert!(matches!(spent(-6, more), Err(CreditFault::Signature(_))));
    let cause = Cause::Spent { signed_spend: spend(5, 1) };
    assert_eq!(check(&credit("s:1", account(1), HFR, -5, cause)), Err(CreditFault::NotDollars));
    let mut elsewhere = spend(5, 1);
    elsewhere.spend.network = "other".to_owned();
    assert_eq!(spent(-5, elsewhere), Err(CreditFault::OtherNetwork("other".to_owned())));
}

#[test]
fn the_operator_says_why_and_takes_inventory_only_out() {
    let of =
        |amount, reason: &str| check(&credit("c:1", account(1), USD, amount, Cause::Correction { reason: reason.to_owned() }));
    assert_eq!((of(1, "Because."), of(-1, "Because.")), (Ok(()), Ok(())));
    for reason in ["", "a\nb", &"x".repeat(401)] {
        assert_eq!(of(1, reason), Err(CreditFault::Reason), "{reason:?}");
    }
    assert_eq!(check(&correction("c:1", account(1), USD, 0)), Err(CreditFault::Sign(Micros::ZERO)));
    let inventory = |amount| check(&credit("i:1", account(1), USD, amount, Cause::Inventory));
    assert_eq!((inventory(5), inventory(-5)), (Ok(()), Err(CreditFault::Sign(Micros::new(-5)))));
}
