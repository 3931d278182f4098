//! What an owner agrees to: the only things a wallet signs. Pure: an intent says in words what it does, and nothing else is signed.

use alloy::primitives::{Address, U256};
use headframe_protocol::{
    chain::AssetKind,
    control::{Fee, IntentFacts, Source, WithdrawFacts},
    payout::{PayoutTerms, SignedPayoutTerms},
};

use super::amount;
use crate::store::{GasPlan, How, Plan};

/// The chains whose own coin has a name everybody knows. On others it is called their own coin.
const COINS: &[(u64, &str)] =
    &[(1, "ETH"), (10, "ETH"), (56, "BNB"), (137, "POL"), (8_453, "ETH"), (31_337, "ETH"), (42_161, "ETH"), (84_532, "ETH")];

/// Digits of a chain's own coin, on every EVM chain.
pub(super) const COIN_DECIMALS: u8 = 18;

/// One act, with every fact of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Intent {
    /// Have this rig's earnings go to the wallet; names the rig's device key as the one that speaks for it.
    ConfirmPayout(Box<ConfirmPayout>),
    /// Take money.
    Withdraw(Box<Plan>),
}

/// Where earnings are to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConfirmPayout {
    /// What is signed; by the device key already.
    pub(super) signed: SignedPayoutTerms,
    /// Whether the account's own key confirms it; otherwise that key is elsewhere.
    pub(super) by_wallet: bool,
    /// The chain, as people call it.
    pub(super) chain: String,
    /// The wallet that has confirmed the present account, if its key is on this PC too.
    pub(super) previous: Option<Address>,
}

impl ConfirmPayout {
    pub(super) const fn terms(&self) -> &PayoutTerms {
        &self.signed.terms
    }
}

impl Intent {
    /// Whose key must be unlocked for it; nobody's, if the account's key is elsewhere.
    pub(super) fn needs_key(&self) -> Option<Address> {
        match self {
            Self::ConfirmPayout(confirm) => confirm.by_wallet.then(|| confirm.terms().account),
            Self::Withdraw(plan) => Some(plan.account),
        }
    }

    /// Whose key may agree to it.
    pub(super) fn previous(&self) -> Option<Address> {
        match self {
            Self::ConfirmPayout(confirm) => confirm.previous,
            Self::Withdraw(_) => None,
        }
    }

    /// What it comes to; `remains` are the token units that stay where the taken ones lie.
    pub(super) fn facts(&self, remains: U256) -> IntentFacts {
        match self {
            Self::ConfirmPayout(confirm) => IntentFacts::Payout {
                account: confirm.terms().account.to_string(),
                chain: confirm.chain.clone(),
                in_hfr: confirm.terms().in_hfr,
                by_wallet: confirm.by_wallet,
            },
            Self::Withdraw(plan) => plan_facts(plan, remains),
        }
    }

    /// What it does, one sentence each.
    pub(super) fn words(&self) -> Vec<String> {
        match self {
            Self::ConfirmPayout(confirm) => confirm_words(confirm),
            Self::Withdraw(plan) => plan_words(plan),
        }
    }
}

fn confirm_words(confirm: &ConfirmPayout) -> Vec<String> {
    let PayoutTerms { network, device, account, in_hfr, .. } = confirm.terms();
    let asset = if *in_hfr {
        "In HFR where the operator has some at a fresh price, otherwise in the stablecoin of that chain."
    } else {
        "In the stablecoin of that chain."
    };
    let whose = if confirm.by_wallet { "your wallet" } else { "the address" };
    let mut words = vec![
        format!("Pay what this rig earns on network {network} to {whose} {account} on {}.", confirm.chain),
        asset.to_owned(),
    ];
    if confirm.by_wallet {
        words.push(format!(
            "The rig {device} may speak for this wallet about its earnings. It cannot take money out of the wallet."
        ));
        words.push("From then on only this wallet can have its earnings go elsewhere at once.".to_owned());
    } else {
        words.push(
            "The key of this address is not on this PC. Make sure that it is yours: what is paid there cannot be called back."
                .to_owned(),
        );
    }
    words.push("This costs nothing and moves no money.".to_owned());
    if let Some(previous) = confirm.previous {
        words.push(format!(
            "Until now earnings go to {previous}. With its password too the change counts at once; without it, it waits."
        ));
    }
    words
}

fn plan_words(plan: &Plan) -> Vec<String> {
    let named = |units: U256| amount::named(units, &plan.symbol, plan.decimals);
    let Plan { chain, account, to, .. } = plan;
    let own = if to == account { " It is your own wallet." } else { "" };
    let mut words = Vec::with_capacity(5);
    match &plan.how {
        How::Relayed { claim, worth } => {
            words.push(format!(
                "Take all {} that is ready for {account} on {chain}{}.",
                named(plan.amount),
                worth_of(plan, plan.amount)
            ));
            words.push(format!("It goes to {to}.{own}"));
            words.push(format!("A relayer sends it and keeps at most {} ({worth}).", named(U256::from(claim.max_fee))));
            words.push(format!("At least {} arrives.", named(plan.arrives())));
            words.push(
                "You need no gas. If it has not been sent within the hour, it never will be, and the money stays yours."
                    .to_owned(),
            );
        }
        How::OwnClaim { gas, .. } => {
            words.push(format!(
                "Take all {} that is ready for {account} on {chain}{}.",
                named(plan.amount),
                worth_of(plan, plan.amount)
            ));
            words.push(format!("It goes to {to}, all of it.{own}"));
            words.push(gas_words(plan, gas));
        }
        How::Transfer { gas } => {
            words.push(format!(
                "Send {} from your wallet {account} on {chain}{}.",
                named(plan.amount),
                worth_of(plan, plan.amount)
            ));
            words.push(format!("It goes to {to}, all of it."));
            words.push(gas_words(plan, gas));
        }
    }
    words.push("Once it is in a block nobody can take it back.".to_owned());
    words
}

fn plan_facts(plan: &Plan, remains: U256) -> IntentFacts {
    let coins = |units: U256| amount::coins(units, &plan.symbol, plan.decimals);
    let gas = |gas: &GasPlan| {
        let symbol = coin_of(plan.chain_id).unwrap_or_default();
        Fee::Gas { most: amount::coins(rounded_up(gas_cost(gas)), symbol, COIN_DECIMALS) }
    };
    let (from, fee) = match &plan.how {
        How::Relayed { claim, worth } => {
            (Source::Earnings, Fee::Relayer { most: coins(U256::from(claim.max_fee)), worth: *worth })
        }
        How::OwnClaim { gas: own, .. } => (Source::Earnings, gas(own)),
        How::Transfer { gas: own } => (Source::Wallet, gas(own)),
    };
    IntentFacts::Withdraw(Box::new(WithdrawFacts {
        chain: plan.chain.clone(),
        from,
        amount: coins(plan.amount),
        to: plan.to.to_string(),
        own: plan.to == plan.account,
        fee,
        arrives: coins(plan.arrives()),
        remains: coins(remains),
    }))
}

fn worth_of(plan: &Plan, units: U256) -> String {
    match (amount::worth(units, plan.kind, plan.decimals), plan.kind) {
        (Some(worth), AssetKind::Stable | AssetKind::Hfr) => format!(" ({worth})"),
        (None, AssetKind::Stable | AssetKind::Hfr) => String::new(),
    }
}

/// What a transaction costs at most, in the smallest unit of the chain's own coin.
pub(super) fn gas_cost(gas: &GasPlan) -> U256 {
    U256::from(gas.limit).saturating_mul(U256::from(gas.max_fee_per_gas)).saturating_add(U256::from(gas.data_fee))
}

/// The same in words. What that is in dollars nobody here knows.
fn gas_text(plan: &Plan, gas: &GasPlan) -> String {
    let coin = coin_of(plan.chain_id).unwrap_or("of the chain's own coin");
    format!("{} {coin}", amount::text(rounded_up(gas_cost(gas)), COIN_DECIMALS))
}

/// To eight digits after the point: nobody reads eighteen, and it says "at most".
fn rounded_up(units: U256) -> U256 {
    let step = U256::from(10_000_000_000_u64);
    units.div_ceil(step).saturating_mul(step)
}

/// What a chain's own coin is called, where everybody knows.
fn coin_of(chain_id: u64) -> Option<&'static str> {
    COINS.iter().find(|(id, _)| *id == chain_id).map(|(_, name)| *name)
}

fn gas_words(plan: &Plan, gas: &GasPlan) -> String {
    format!("Your wallet pays for gas: at most {}.", gas_text(plan, gas))
}

/// The fee of a plan, in a few words.
pub(super) fn fee_text(plan: &Plan) -> String {
    match &plan.how {
        How::Relayed { claim, worth } => {
            format!("at most {} ({worth})", amount::named(U256::from(claim.max_fee), &plan.symbol, plan.decimals))
        }
        How::OwnClaim { gas, .. } | How::Transfer { gas } => {
            format!("gas, at most {}", gas_text(plan, gas))
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::U128;
    use expect_test::{Expect, expect};
    use headframe_protocol::{DeviceId, Micros, TimestampMs, auth::DeviceSignature};

    use super::*;
    use crate::store::ClaimPlan;

    fn plan(how: How) -> Plan {
        Plan {
            chain_id: 8_453,
            chain: "Base".to_owned(),
            finality_blocks: 1,
            explorer: None,
            asset: Address::repeat_byte(3),
            symbol: "USDC".to_owned(),
            decimals: 6,
            kind: AssetKind::Stable,
            account: Address::repeat_byte(1),
            to: Address::repeat_byte(2),
            amount: U256::from(12_500_000),
            how,
        }
    }

    fn claim() -> ClaimPlan {
        ClaimPlan {
            distributor: Address::repeat_byte(4),
            cumulative: U128::from(50_000_000),
            proof: Vec::new(),
            max_fee: U128::from(20_000),
            nonce: 0,
            deadline: 1,
        }
    }

    const GAS: GasPlan = GasPlan {
        nonce: 0,
        limit: 300_000,
        max_fee_per_gas: 1_000_000_000,
        max_priority_fee_per_gas: 1_000_000,
        data_fee: 5_000_000_000_000,
    };

    fn reads(intent: &Intent, expected: &Expect) {
        expected.assert_eq(&(intent.words().join("\n") + "\n"));
    }

    #[test]
    fn a_relayed_claim_in_words() {
        let how = How::Relayed { claim: claim(), worth: Micros::new(20_000) };
        reads(
            &Intent::Withdraw(Box::new(plan(how))),
            &expect![[r#"
            Take all 12.50 USDC that is ready for 0x0101010101010101010101010101010101010101 on Base ($12.50).
            It goes to 0x0202020202020202020202020202020202020202.
            A relayer sends it and keeps at most 0.02 USDC ($0.02).
            At least 12.48 USDC arrives.
            You need no gas. If it has not been sent within the hour, it never will be, and the money stays yours.
            Once it is in a block nobody can take it back.
        "#]],
        );
    }

    #[test]
    fn a_claim_with_own_gas_to_ones_own_wallet_in_words() {
        let own = Plan { to: Address::repeat_byte(1), ..plan(How::OwnClaim { claim: claim(), gas: GAS }) };
        reads(
            &Intent::Withdraw(Box::new(own)),
            &expect![[r#"
                Take all 12.50 USDC that is ready for 0x0101010101010101010101010101010101010101 on Base ($12.50).
                It goes to 0x0101010101010101010101010101010101010101, all of it. It is your own wallet.
                Your wallet pays for gas: at most 0.000305 ETH.
                Once it is in a block nobody can take it back.
            "#]],
        );
    }

    #[test]
    fn a_transfer_of_a_token_without_a_price_on_a_chain_without_a_name_in_words() {
        let hfr = Plan {
            chain_id: 7,
            symbol: "HFR".to_owned(),
            decimals: 18,
            kind: AssetKind::Hfr,
            amount: U256::from(1_500_000_000_000_000_000_u64),
            ..plan(How::Transfer { gas: GAS })
        };
        reads(
            &Intent::Withdraw(Box::new(hfr)),
            &expect![[r#"
            Send 1.50 HFR from your wallet 0x0101010101010101010101010101010101010101 on Base.
            It goes to 0x0202020202020202020202020202020202020202, all of it.
            Your wallet pays for gas: at most 0.000305 of the chain's own coin.
            Once it is in a block nobody can take it back.
        "#]],
        );
    }

    #[test]
    fn where_earnings_go_in_words() {
        let terms = PayoutTerms {
            network: "test".to_owned(),
            device: DeviceId(Address::repeat_byte(9)),
            account: Address::repeat_byte(1),
            chain_id: 8_453,
            in_hfr: false,
            issued_ms: TimestampMs::from_millis(1),
        };
        let signature = DeviceSignature(alloy::primitives::Signature::new(U256::ZERO, U256::ZERO, false));
        let signed = SignedPayoutTerms { terms, device_signature: signature, wallet_signature: None, previous_signature: None };
        let local = ConfirmPayout { signed, by_wallet: true, chain: "Base".to_owned(), previous: Some(Address::repeat_byte(8)) };
        reads(
            &Intent::ConfirmPayout(Box::new(local.clone())),
            &expect![[r#"
            Pay what this rig earns on network test to your wallet 0x0101010101010101010101010101010101010101 on Base.
            In the stablecoin of that chain.
            The rig 0x0909090909090909090909090909090909090909 may speak for this wallet about its earnings. It cannot take money out of the wallet.
            From then on only this wallet can have its earnings go elsewhere at once.
            This costs nothing and moves no money.
            Until now earnings go to 0x0808080808080808080808080808080808080808. With its password too the change counts at once; without it, it waits.
        "#]],
        );
        let elsewhere = ConfirmPayout { by_wallet: false, previous: None, ..local };
        reads(
            &Intent::ConfirmPayout(Box::new(elsewhere)),
            &expect![[r#"
            Pay what this rig earns on network test to the address 0x0101010101010101010101010101010101010101 on Base.
            In the stablecoin of that chain.
            The key of this address is not on this PC. Make sure that it is yours: what is paid there cannot be called back.
            This costs nothing and moves no money.
        "#]],
        );
    }
}
