use alloy_primitives::B256;
use expect_test::{Expect, expect};

use super::*;

fn deposit(spend: bool) -> Deposit {
    let [market, wallet, asset] = [1, 2, 3].map(Address::repeat_byte);
    Deposit::new(Terms { chain_id: 1, market, wallet, asset, amount: Micros::dollars(5) }, spend)
}

fn order() -> SignedOrder {
    SignedOrder {
        chain_id: 1,
        order_id: B256::repeat_byte(7),
        customer: Address::repeat_byte(2),
        asset: Address::repeat_byte(3),
        max_spend: U256::from(5),
        max_fee_bps: 1_000,
        expiry: 9,
        signature: headframe_protocol::auth::DeviceSignature(alloy_primitives::Signature::test_signature()),
    }
}

const FATES: [(&str, Option<Fate>); 6] = [
    ("not made", None),
    ("waiting", Some(Fate::Waiting)),
    ("included", Some(Fate::Included { left: 2 })),
    ("worked", Some(Fate::Final { worked: true })),
    ("reverted", Some(Fate::Final { worked: false })),
    ("replaced", Some(Fate::Replaced)),
];

/// What is next for every fate of the approval, by allowance.
fn approvals(allowance: u64) -> String {
    let seen = |approval| Seen { wanted: U256::from(5), allowance: U256::from(allowance), approval, payment: None };
    FATES.iter().map(|(name, fate)| format!("{name}: {:?}\n", deposit(true).next(&seen(*fate)))).collect()
}

fn check(told: &str, expected: &Expect) {
    expected.assert_eq(told);
}

#[test]
fn an_allowance_is_asked_for_only_where_it_is_too_small() {
    check(
        &approvals(4),
        &expect![[r"
        not made: Ok(Approve)
        waiting: Ok(Follow(Approval, Waiting))
        included: Ok(Follow(Approval, Included { left: 2 }))
        worked: Err(Withdrawn)
        reverted: Err(Reverted(Approval))
        replaced: Err(Replaced(Approval))
    "]],
    );
    check(
        &approvals(5),
        &expect![[r"
        not made: Ok(PayIn)
        waiting: Ok(Follow(Approval, Waiting))
        included: Ok(PayIn)
        worked: Ok(PayIn)
        reverted: Ok(PayIn)
        replaced: Ok(PayIn)
    "]],
    );
}

#[test]
fn a_payment_that_was_made_is_never_made_again() {
    let seen = |allowance: u64, payment| Seen {
        wanted: U256::from(5),
        allowance: U256::from(allowance),
        approval: Some(Fate::Final { worked: true }),
        payment,
    };
    // The payment itself uses the allowance up; that must not lead back to the beginning.
    for allowance in [0, 5, 50] {
        let told: String = FATES[1..]
            .iter()
            .map(|(name, fate)| format!("{name}: {:?}\n", deposit(true).next(&seen(allowance, *fate))))
            .collect();
        check(
            &told,
            &expect![[r"
            waiting: Ok(Follow(Payment, Waiting))
            included: Ok(Follow(Payment, Included { left: 2 }))
            worked: Ok(SignOrder)
            reverted: Err(Reverted(Payment))
            replaced: Err(Replaced(Payment))
        "]],
        );
    }
}

#[test]
fn what_is_paid_in_may_be_spent_only_if_that_was_wanted() {
    let paid = Seen { wanted: U256::from(5), allowance: U256::ZERO, approval: None, payment: Some(Fate::Final { worked: true }) };
    assert_eq!(deposit(false).next(&paid), Ok(Step::Done));
    let signed = Deposit { order: Some(order()), ..deposit(true) };
    assert_eq!(signed.next(&paid), Ok(Step::SendOrder));
    assert_eq!(Deposit { ordered: true, ..signed }.next(&paid), Ok(Step::AwaitReservation));
}

#[test]
fn what_is_written_down_is_read_again() {
    let transaction = |nonce| SignedTransaction { hash: B256::repeat_byte(5), nonce, raw: vec![1, 2].into() };
    let all = Deposit {
        approval: vec![transaction(1)],
        payment: vec![transaction(2), transaction(2)],
        free_before: Some(U256::from(9)),
        order: Some(order()),
        ordered: true,
        ..deposit(true)
    };
    for kept in [deposit(false), all] {
        let text = serde_json::to_string(&kept).expect("plain data");
        assert_eq!(serde_json::from_str::<Deposit>(&text).expect("what was written"), kept);
    }
}
