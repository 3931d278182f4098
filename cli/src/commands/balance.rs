//! What a customer has, pot by pot, and what is reserved for him on chains.

use headframe_protocol::{
    api::{Balance, Pot, PotBalance},
    chain::{AssetKind, ChainProfile},
    spending::{OrderView, TabView},
};

use crate::{
    Client,
    amount::{self, percent, plain},
    clock,
    error::Error,
    output::{Output, duration, table},
};

pub(super) async fn balance(client: &Client, out: &Output) -> Result<(), Error> {
    let balance = client.balance().await?;
    let on_chains = balance.pots.iter().any(|pot| pot.chain_id != 0);
    let chains = names(client, on_chains).await;
    out.answer(&balance, |balance| told(balance, &chains))
}

pub(super) async fn tabs(client: &Client, out: &Output) -> Result<(), Error> {
    let tabs = client.tabs().await?;
    let chains = names(client, !tabs.is_empty()).await;
    out.answer(&tabs, |tabs| told_tabs(tabs, &chains))
}

pub(super) async fn orders(client: &Client, out: &Output) -> Result<(), Error> {
    let orders = client.orders().await?;
    let chains = names(client, !orders.is_empty()).await;
    out.answer(&orders, |orders| told_orders(orders, &chains))
}

/// The chains, for their names only: without them their ids do.
async fn names(client: &Client, needed: bool) -> Vec<ChainProfile> {
    if needed { client.chains().await.unwrap_or_default() } else { Vec::new() }
}

fn chain_name(id: u64, chains: &[ChainProfile]) -> String {
    let name = chains.iter().find(|chain| chain.chain_id == id).map(|chain| chain.name.clone());
    if id == 0 { "-".to_owned() } else { name.unwrap_or_else(|| format!("chain {id}")) }
}

fn symbol(id: u64, kind: AssetKind, chains: &[ChainProfile]) -> String {
    let chain = chains.iter().find(|chain| chain.chain_id == id);
    let asset = chain.and_then(|chain| chain.assets.iter().find(|asset| asset.kind == kind));
    asset.map_or_else(|| amount::kind(kind).to_owned(), |asset| asset.symbol.clone())
}

fn told(balance: &Balance, chains: &[ChainProfile]) -> String {
    let Balance { customer: _, available, held, spent, pots } = balance;
    let mut text = format!("Available  {available}\nHeld       {held}  for open jobs\nSpent      {spent}");
    if !pots.is_empty() {
        let row = |pot: &PotBalance| {
            let PotBalance { pot, chain_id, kind, amount } = pot;
            let (name, use_of) = words(*pot, *chain_id);
            let asset = symbol(*chain_id, *kind, chains);
            vec![name.to_owned(), chain_name(*chain_id, chains), asset, plain(*amount), use_of.to_owned()]
        };
        let rows = pots.iter().map(row).collect::<Vec<_>>();
        text.push_str(&format!("\n\n{}", table(&["POT", "CHAIN", "ASSET", "AMOUNT", ""], &rows)));
    }
    text
}

/// What a pot is called, and what its money is good for.
const fn words(pot: Pot, chain_id: u64) -> (&'static str, &'static str) {
    match (pot, chain_id) {
        (Pot::Earned, _) => ("earned", "to spend; earned with your rigs"),
        (Pot::Fiat, _) => ("card", "to spend; paid by card"),
        (Pot::Available, 0) => ("granted", "to spend; granted by the operator"),
        (Pot::Available, _) => ("reserved", "to spend; `headframe tabs` shows until when"),
        (Pot::Free, _) => ("free", "yours alone: `headframe spend` or `headframe withdraw`"),
    }
}

fn told_tabs(tabs: &[TabView], chains: &[ChainProfile]) -> String {
    if tabs.is_empty() {
        return "Nothing is reserved for your jobs on any chain.".to_owned();
    }
    let now = clock::now();
    let row = |tab: &TabView| {
        let TabView { id, chain_id, kind, wallet: _, order, state, reserved, used, fee_bps, settle_by_ms } = tab;
        let left = match settle_by_ms.since(now).as_millis() {
            0 => "over".to_owned(),
            left => format!("in {}", duration(left)),
        };
        let (chain, fee) = (chain_name(*chain_id, chains), percent(i64::from(*fee_bps)));
        let from = if order.is_some() { "deposit" } else { "card" };
        let coin = symbol(*chain_id, *kind, chains);
        vec![id.clone(), chain, coin, from.to_owned(), state.clone(), plain(*reserved), plain(*used), fee, left]
    };
    table(
        &["TAB", "CHAIN", "COIN", "FROM", "STATE", "RESERVED", "USED", "FEE", "ENDS"],
        &tabs.iter().map(row).collect::<Vec<_>>(),
    )
}

fn told_orders(orders: &[OrderView], chains: &[ChainProfile]) -> String {
    if orders.is_empty() {
        return "You have allowed nothing to be reserved. `headframe spend` does.".to_owned();
    }
    let now = clock::now();
    let row = |order: &OrderView| {
        let OrderView { id, chain_id, kind, wallet, max_spend, reserved, max_fee_bps, expires_ms, revoked_ms } = order;
        let ends = match (revoked_ms, expires_ms.since(now).as_millis()) {
            (Some(_), _) => "taken back".to_owned(),
            (None, 0) => "over".to_owned(),
            (None, left) => format!("in {}", duration(left)),
        };
        let (chain, coin, fee) =
            (chain_name(*chain_id, chains), symbol(*chain_id, *kind, chains), percent(i64::from(*max_fee_bps)));
        vec![id.clone(), chain, coin, wallet.clone(), plain(*max_spend), plain(*reserved), fee, ends]
    };
    let rows = orders.iter().map(row).collect::<Vec<_>>();
    let table = table(&["ORDER", "CHAIN", "COIN", "WALLET", "AT MOST", "RESERVED", "FEE AT MOST", "ENDS"], &rows);
    format!("{table}\n\nNothing is taken but for jobs. `headframe withdraw all --close-tabs` takes orders back on the chain.")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use headframe_protocol::Micros;

    use super::*;
    use crate::chain::tests::profile;

    fn balance_of(pots: Vec<PotBalance>) -> Balance {
        let customer = format!("cus_{:032x}", 1).parse().expect("an id");
        Balance { customer, available: Micros::dollars(20), held: Micros::dollars(1), spent: Micros::new(417), pots }
    }

    #[test]
    fn every_pot_is_listed_with_where_it_is_and_what_it_is_good_for() {
        let pot = |pot, chain_id, kind, micros| PotBalance { pot, chain_id, kind, amount: Micros::new(micros) };
        let balance = balance_of(vec![
            pot(Pot::Available, 0, AssetKind::Stable, 5_000_000),
            pot(Pot::Earned, 31_337, AssetKind::Stable, 1_500_000),
            pot(Pot::Fiat, 31_337, AssetKind::Stable, 1),
            pot(Pot::Available, 31_337, AssetKind::Stable, 12_500_000),
            pot(Pot::Available, 31_337, AssetKind::Hfr, 7_000_000),
            pot(Pot::Free, 5, AssetKind::Stable, 3_000_000),
        ]);
        expect![[r"
            Available  $20.00
            Held       $1.00  for open jobs
            Spent      $0.000417

            POT       CHAIN    ASSET  AMOUNT
            granted   -        USD    5.00      to spend; granted by the operator
            earned    Home     USDC   1.50      to spend; earned with your rigs
            card      Home     USDC   0.000001  to spend; paid by card
            reserved  Home     USDC   12.50     to spend; `headframe tabs` shows until when
            reserved  Home     HFR    7.00      to spend; `headframe tabs` shows until when
            free      chain 5  USD    3.00      yours alone: `headframe spend` or `headframe withdraw`"]]
        .assert_eq(&told(&balance, &[profile()]));
    }

    #[test]
    fn a_coordinator_without_pots_is_understood() {
        expect![[r"
            Available  $20.00
            Held       $1.00  for open jobs
            Spent      $0.000417"]]
        .assert_eq(&told(&balance_of(Vec::new()), &[]));
    }

    #[test]
    fn a_tab_is_told_with_its_end() {
        let tab = TabView {
            id: "0x0707".to_owned(),
            chain_id: 31_337,
            kind: AssetKind::Stable,
            wallet: "0x01".to_owned(),
            order: Some("0x02".to_owned()),
            state: "open".to_owned(),
            reserved: Micros::dollars(12),
            used: Micros::new(250_000),
            fee_bps: 1_000,
            settle_by_ms: headframe_protocol::TimestampMs::from_millis(0),
        };
        expect![[r"
            TAB     CHAIN  COIN  FROM     STATE  RESERVED  USED  FEE  ENDS
            0x0707  Home   USDC  deposit  open   12.00     0.25  10%  over"]]
        .assert_eq(&told_tabs(&[tab], &[profile()]));
        assert_eq!(told_tabs(&[], &[]), "Nothing is reserved for your jobs on any chain.");
    }

    #[test]
    fn an_order_is_told_with_how_much_of_it_is_used_up() {
        let order = |id: &str, kind, expires: i64, revoked: Option<i64>| OrderView {
            id: id.to_owned(),
            chain_id: 31_337,
            kind,
            wallet: "0x01".to_owned(),
            max_spend: Micros::dollars(100),
            reserved: Micros::new(12_500_000),
            max_fee_bps: 1_000,
            expires_ms: headframe_protocol::TimestampMs::from_millis(expires),
            revoked_ms: revoked.map(headframe_protocol::TimestampMs::from_millis),
        };
        let orders = [order("0x0a", AssetKind::Stable, 0, None), order("0x0b", AssetKind::Hfr, i64::MAX, Some(1))];
        expect![[r#"
            ORDER  CHAIN  COIN  WALLET  AT MOST  RESERVED  FEE AT MOST  ENDS
            0x0a   Home   USDC  0x01    100.00   12.50     10%          over
            0x0b   Home   HFR   0x01    100.00   12.50     10%          taken back

            Nothing is taken but for jobs. `headframe withdraw all --close-tabs` takes orders back on the chain."#]]
        .assert_eq(&told_orders(&orders, &[profile()]));
        assert_eq!(told_orders(&[], &[]), "You have allowed nothing to be reserved. `headframe spend` does.");
    }
}
