use headframe_protocol::chain::{AssetKind, Authorization, Contracts, Features, Permit, Windows};

use super::*;

/// A chain such as tests have it.
pub(crate) fn profile() -> ChainProfile {
    let asset = |byte, symbol: &str, decimals, kind, fee_bps| Asset {
        address: Address::repeat_byte(byte),
        symbol: symbol.to_owned(),
        decimals,
        kind,
        fee_bps,
        eip712: None,
        permit: Permit::None,
        authorization: Authorization::None,
    };
    ChainProfile {
        version: 1,
        name: "Home".to_owned(),
        chain_id: 31_337,
        rpc: vec!["http://127.0.0.1:1".parse().expect("an address")],
        finality_blocks: 3,
        contracts: Contracts {
            access_manager: Address::repeat_byte(0xd1),
            timelock: Address::repeat_byte(0xd2),
            hfr: Some(Address::repeat_byte(0xa2)),
            market: Address::repeat_byte(0xd3),
            distributor: Address::repeat_byte(0xd4),
        },
        windows: Windows { dispute_seconds: 60, challenge_seconds: 60 },
        assets: vec![asset(0xa1, "USDC", 6, AssetKind::Stable, 1_000), asset(0xa2, "HFR", 18, AssetKind::Hfr, 600)],
        explorer: None,
        features: Features { rig_sales: false },
        deployed_at_block: 1,
    }
}

#[test]
fn who_has_nothing_for_gas_is_told_where_to_send_it() {
    let error = ChainError::NoGas {
        chain: "Home".to_owned(),
        wallet: Address::repeat_byte(0xab),
        has: U256::ZERO,
        needed: Some(U256::from(20_000_000_000_000_u64)),
    };
    let wallet = Address::repeat_byte(0xab).to_checksum(None);
    assert_eq!(
        error.to_string(),
        format!(
            "transactions on Home are paid in its own coin; {wallet} has 0.000000000000000000 of it, and up to \
             0.000020000000000000 is needed. Send some there and run the command again"
        )
    );
}
