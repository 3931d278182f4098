//! The end of the demo: the work is paid for on a chain, and both owners hold what it brought.

use alloy_primitives::{Address, U256};
use anyhow::{Context as _, Result, ensure};
use headframe_contracts::IERC20Metadata;
use headframe_protocol::{Micros, chain::Asset};

use crate::{
    Testbed,
    money::{HOME, Money, Place},
    process::wait_for,
    rig::Rig,
    say, wallets,
};

/// What the customer brings.
const DEPOSIT: Micros = Micros::dollars(5);

/// HFR the operator puts aside for owners who want it.
const STOCK: u64 = 10_000;

/// What HFR is worth in the demo, in millionths of a millionth of a dollar: a cent.
const PRICE_PICOS: u64 = 10_000_000_000;

/// How long until a payout can be claimed.
const PAYOUT_LIMIT: std::time::Duration = std::time::Duration::from_mins(2);

/// An owner and what he is paid in.
#[derive(Debug)]
struct Owner {
    name: &'static str,
    rig: usize,
    account: Address,
    asset: Asset,
    before: U256,
}

/// Everybody who is paid.
#[derive(Debug)]
pub(super) struct Owners(Vec<Owner>);

/// Makes the owners' wallets, stocks HFR, and has the customer pay in. Before any work is done.
pub(super) async fn prepare(testbed: &Testbed) -> Result<Owners> {
    let money = money(testbed)?;
    let home = &money.home;
    stock(testbed, money).await?;
    let stable = home.profile.stable().context("the chain has no dollar")?;
    let hfr = home.profile.hfr().context("the home chain has no HFR")?;
    let mut owners = Vec::new();
    for (rig, (name, asset)) in [("The owner", stable), ("The second owner, who chose HFR,", hfr)].into_iter().enumerate() {
        let account = wallets::make(rig_of(testbed, rig)?, asset.address == hfr.address).await?;
        let before = home.node.balance(asset.address, account).await?;
        owners.push(Owner { name, rig, account, asset: asset.clone(), before });
    }
    wallets::fund(testbed, &testbed.customer, &money.customer, home, DEPOSIT).await?;
    say(format_args!("The customer has deposited {DEPOSIT} on chain {HOME} and signed an order to spend it."))?;
    Ok(Owners(owners))
}

/// HFR of the operator's own in the Distributor, and a price two observers agree on: without both nobody is paid in it.
async fn stock(testbed: &Testbed, money: &Money) -> Result<()> {
    let home = &money.home;
    let hfr = home.profile.hfr().context("the home chain has no HFR")?;
    let value = U256::from(STOCK) * U256::from(10).pow(U256::from(hfr.decimals));
    let give = IERC20Metadata::transferCall { to: home.profile.contracts.distributor, value };
    home.node.send(&money.treasury, hfr.address, &give).await?;
    testbed.operator.observe_price(PRICE_PICOS).await
}

impl Owners {
    /// Waits until the payout can be claimed, has both owners take theirs, and says what that changed on the chain.
    pub(super) async fn are_paid(&self, testbed: &Testbed) -> Result<()> {
        let home = &money(testbed)?.home;
        for owner in &self.0 {
            // The price was observed before the work, and counts for ten minutes.
            testbed.operator.observe_price(PRICE_PICOS).await?;
            owner.is_paid(testbed, home).await?;
        }
        Ok(())
    }
}

impl Owner {
    async fn is_paid(&self, testbed: &Testbed, home: &Place) -> Result<()> {
        let Self { name, rig, account, asset, before } = self;
        let take = async || wallets::take_earnings(rig_of(testbed, *rig)?, HOME, &asset.symbol).await.map(Some);
        let card = wait_for("nothing can be claimed", PAYOUT_LIMIT, take).await?;
        let after = home.node.balance(asset.address, *account).await?;
        say(format_args!(
            "{name} has withdrawn {} {} (fee: {}), transaction {}",
            card.amount.text,
            card.amount.symbol,
            card.fee,
            card.transaction.as_deref().unwrap_or("unknown"),
        ))?;
        say(format_args!("balance on chain: before {} after {}", coins(*before, asset), coins(after, asset)))?;
        ensure!(after > *before, "the wallet of rig {} holds no more than before", rig + 1);
        Ok(())
    }
}

/// An amount as people write it.
fn coins(units: U256, asset: &Asset) -> String {
    let scale = U256::from(10).pow(U256::from(asset.decimals));
    let (whole, rest) = units.div_rem(scale);
    let digits = format!("{rest:0>width$}", width = usize::from(asset.decimals));
    let kept = digits.trim_end_matches('0');
    let fraction = if kept.is_empty() { String::new() } else { format!(".{kept}") };
    format!("{whole}{fraction} {}", asset.symbol)
}

fn money(testbed: &Testbed) -> Result<&Money> {
    testbed.money.as_deref().context("a demo has chains")
}

fn rig_of(testbed: &Testbed, rig: usize) -> Result<&Rig> {
    testbed.rigs.get(rig).context("a demo has two rigs")
}
