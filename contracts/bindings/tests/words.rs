//! What the generated words look like from outside. The hashes are also in `contracts/test`, computed there by the contracts.

use alloy_primitives::{Address, B256, U256, address, b256};
use alloy_sol_types::{SolCall as _, SolError as _, SolEvent as _, SolStruct as _, eip712_domain};
use headframe_contracts::{IDistributor, IMarket};

const CONTRACT: Address = address!("00000000000000000000000000000000000000c0");

fn order() -> IMarket::Order {
    IMarket::Order {
        orderId: B256::repeat_byte(1),
        customer: Address::repeat_byte(2),
        asset: Address::repeat_byte(3),
        maxSpend: 4,
        maxFeeBps: 5,
        expiry: 6,
    }
}

#[test]
fn an_order_hashes_as_the_market_does() {
    let domain = eip712_domain! { name: "Headframe Market", version: "1", chain_id: 31_337, verifying_contract: CONTRACT, };
    assert_eq!(
        IMarket::Order::eip712_encode_type(),
        "Order(bytes32 orderId,address customer,address asset,uint128 maxSpend,uint16 maxFeeBps,uint64 expiry)"
    );
    let hash = order().eip712_signing_hash(&domain);
    assert_eq!(hash, b256!("c16c2141026278a483569edd9b9c83b8f139c1294417386a8e6bc5c4124a3cba"));
}

#[test]
fn ids_travel_as_plain_words() {
    let call = IMarket::reserveCall {
        order: order(),
        signature: vec![7].into(),
        session: B256::repeat_byte(8),
        amount: 9,
        settleBy: 10,
    };
    assert_eq!(hex::encode(&call.abi_encode()[..4]), "81f808e5");
    let event =
        IMarket::Settled { session: B256::repeat_byte(8), used: U256::from(3), toSuppliers: U256::from(2), fee: U256::from(1) };
    let log = event.encode_log_data();
    assert_eq!(IMarket::Settled::decode_log_data(&log).expect("our own log"), event);
}

#[test]
fn a_refusal_says_what_was_wrong() {
    let refusal = IDistributor::BadEpoch { given: 3, expected: 2 };
    let bytes = refusal.abi_encode();
    assert_eq!(IDistributor::BadEpoch::abi_decode(&bytes).expect("our own error"), refusal);
}
