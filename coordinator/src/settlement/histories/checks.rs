//! What must hold: after each act, and when a history is over.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use anyhow::{Result, ensure};
use headframe_accounts::{EpochFile, audit, price::UsdPerHfr};
use headframe_protocol::Micros;

use super::{market, node::Node, scene::World};
use crate::{
    App,
    store::ledger::{self, Coin},
};

/// The books as they are at one moment.
struct Books {
    /// By account, of each coin.
    balances: BTreeMap<(String, Coin), i64>,
    tabs: Vec<Tab>,
    /// By the pot it comes from, what jobs hold.
    held: BTreeMap<(String, Coin), i64>,
    /// By chain, what rigs may still get at most for jobs under way that are paid in HFR.
    promised: BTreeMap<u64, i64>,
    /// By chain, what was taken back of unspent card payments, and of that, what has left the Market.
    cards: BTreeMap<u64, (i64, i64)>,
    /// Whether an arbiter has lowered a charge or somebody has closed a tab: then the platform may have lost something.
    losses: bool,
}

/// What the books know of a session.
#[derive(Debug, sqlx::FromRow)]
struct Tab {
    id: String,
    asset: String,
    chain: i64,
    order_id: Option<String>,
    fee_bps: i64,
    reserved: i64,
    used: i64,
    settled: i64,
}

impl Tab {
    fn coin(&self) -> Coin {
        Coin::parse(&self.asset, self.chain).expect("a coin")
    }
}

impl Books {
    async fn read(app: &App) -> Result<Self> {
        let mut connection = app.store.read().await?;
        let rows: Vec<(String, String, i64, i64)> =
            sqlx::query_as("SELECT account, asset, chain, balance FROM account").fetch_all(&mut *connection).await?;
        let balance =
            |(account, asset, chain, balance): (String, String, i64, i64)| Ok(((account, Coin::parse(&asset, chain)?), balance));
        let balances = rows.into_iter().map(balance).collect::<Result<_>>()?;
        let tabs = "SELECT id, asset, chain, order_id, fee_bps, reserved, used, settled FROM tab ORDER BY id";
        let tabs = sqlx::query_as(tabs).fetch_all(&mut *connection).await?;
        let rows: Vec<(String, String, i64, i64)> =
            sqlx::query_as("SELECT pot, asset, chain, SUM(COALESCE(held_hfr, held)) FROM job GROUP BY pot, asset, chain")
                .fetch_all(&mut *connection)
                .await?;
        let held = rows.into_iter().map(balance).collect::<Result<_>>()?;
        let rows: Vec<(i64, i64, i64)> =
            sqlx::query_as("SELECT chain, SUM(withdrawing), SUM(withdrawn) FROM fiat_payment GROUP BY chain")
                .fetch_all(&mut *connection)
                .await?;
        let cards =
            rows.into_iter().map(|(chain, withdrawing, withdrawn)| (chain.unsigned_abs(), (withdrawing, withdrawn))).collect();
        let rows: Vec<(i64, i64, i64)> =
            sqlx::query_as("SELECT chain, held_hfr, hfr_picos FROM job WHERE held_hfr > 0").fetch_all(&mut *connection).await?;
        let mut promised = BTreeMap::new();
        for (chain, held, picos) in rows {
            let price = UsdPerHfr::from_picos(picos.unsigned_abs()).expect("a price above nothing");
            *promised.entry(chain.unsigned_abs()).or_default() += price.usd_for_supplier(Micros::new(held))?.get();
        }
        let losses = "SELECT COUNT(*) FROM chain_event WHERE name IN ('Resolved', 'Released')";
        let (losses,): (i64,) = sqlx::query_as(losses).fetch_one(&mut *connection).await?;
        Ok(Self { balances, tabs, held, promised, cards, losses: losses > 0 })
    }

    fn held(&self, coin: Coin, pot: &str) -> i128 {
        i128::from(self.held.get(&(pot.to_owned(), coin)).copied().unwrap_or_default())
    }

    fn card(&self, coin: Coin) -> (i64, i64) {
        if coin.is_dollars() { self.cards.get(&coin.chain).copied().unwrap_or_default() } else { (0, 0) }
    }

    fn withdrawing(&self, coin: Coin) -> i128 {
        i128::from(self.card(coin).0)
    }

    fn withdrawn(&self, coin: Coin) -> i128 {
        i128::from(self.card(coin).1)
    }

    /// What all accounts with this ending hold of a coin.
    fn sum(&self, coin: Coin, ending: &str) -> i128 {
        let of = self.balances.iter().filter(|((account, of), _)| *of == coin && account.ends_with(ending));
        of.map(|(_, balance)| i128::from(*balance)).sum()
    }

    fn of(&self, account: &str, coin: Coin) -> i64 {
        self.balances.get(&(account.to_owned(), coin)).copied().unwrap_or_default()
    }
}

/// Everything settlement writes, as one text.
pub(super) async fn fingerprint(app: &App) -> Result<String> {
    let mut connection = app.store.read().await?;
    let mut text = String::new();
    for sql in [
        "SELECT account || ' ' || asset || chain || ' ' || balance FROM account ORDER BY account, asset, chain",
        "SELECT id FROM transfer ORDER BY id",
        "SELECT id || ' ' || reserved || ' ' || used || ' ' || settled || ' ' || state FROM tab ORDER BY id",
        "SELECT wallet || ' ' || asset || chain || ' ' || units FROM deposit ORDER BY wallet, asset, chain",
        "SELECT chain || ' ' || epoch || ' ' || take || ' ' || state FROM payout ORDER BY chain, epoch, take",
        "SELECT id || ' ' || state FROM step ORDER BY id",
    ] {
        let rows: Vec<(String,)> = sqlx::query_as(sql).fetch_all(&mut *connection).await?;
        text.extend(rows.into_iter().map(|(row,)| row + "\n"));
    }
    Ok(text)
}

/// Units, as what they come to at most and what is left over.
fn micros(units: u128, unit: u128) -> i128 {
    i128::try_from(units / unit).expect("a sum the ledger holds")
}

impl World {
    /// What holds between any two acts.
    pub(super) async fn check(&self) -> Result<()> {
        self.check_books().await?;
        for node in &self.nodes {
            check_chain(node)?;
        }
        Ok(())
    }

    async fn check_books(&self) -> Result<()> {
        let mut connection = self.app.store.read().await?;
        let found = ledger::audit(&mut connection).await?;
        ensure!(found.is_clean(), "the ledger does not add up: {found:?}");
        let debts: Vec<(String, i64)> = sqlx::query_as(
            "SELECT account, balance FROM account WHERE balance < 0
             AND account NOT IN ('platform:fee', 'operator:grant', 'chain:outside')",
        )
        .fetch_all(&mut *connection)
        .await?;
        ensure!(debts.is_empty(), "somebody owes: {debts:?}");
        let wrong: Vec<(String,)> = sqlx::query_as(
            "SELECT attempt.id FROM attempt
             LEFT JOIN (SELECT transfer.attempt_id, COUNT(DISTINCT transfer.id) AS times,
                               SUM(CASE WHEN entry.amount < 0 THEN -entry.amount ELSE 0 END) AS paid
                        FROM transfer JOIN entry ON entry.transfer_id = transfer.id
                        WHERE transfer.kind = 'capture' AND entry.account LIKE 'customer:%:held'
                        GROUP BY transfer.attempt_id) captured ON captured.attempt_id = attempt.id
             WHERE COALESCE(captured.paid, 0) <> COALESCE(attempt.charged_hfr, attempt.charged) OR COALESCE(captured.times, 0) > 1",
        )
        .fetch_all(&mut *connection)
        .await?;
        ensure!(wrong.is_empty(), "what was charged for an attempt was not captured once: {wrong:?}");
        let wrong: Vec<(String,)> = sqlx::query_as(
            "SELECT job.id FROM job LEFT JOIN (SELECT job_id, SUM(charged) AS charged FROM attempt GROUP BY job_id) tries
             ON tries.job_id = job.id WHERE COALESCE(tries.charged, 0) <> job.charged",
        )
        .fetch_all(&mut *connection)
        .await?;
        ensure!(wrong.is_empty(), "a job was not charged what its attempts were: {wrong:?}");
        let wrong: Vec<(String, i64, i64)> = sqlx::query_as(
            "SELECT account.account, account.balance, COALESCE(waits.amount, 0) FROM account
             LEFT JOIN (SELECT 'rig:' || device_id || ':withheld' AS account, asset, chain, SUM(amount) AS amount
                        FROM earning_hold WHERE state = 'waiting' GROUP BY device_id, asset, chain) waits
             ON waits.account = account.account AND waits.asset = account.asset AND waits.chain = account.chain
             WHERE account.account LIKE 'rig:%:withheld' AND account.balance <> COALESCE(waits.amount, 0)",
        )
        .fetch_all(&mut *connection)
        .await?;
        ensure!(wrong.is_empty(), "what waits is not what is withheld: {wrong:?}");
        Ok(())
    }

    /// What holds once everything that happened on the chains is in the books.
    pub(super) async fn check_agreement(&self) -> Result<()> {
        let books = Books::read(&self.app).await?;
        for node in &self.nodes {
            for asset in &node.profile.assets {
                let coin = Coin { chain: node.id(), kind: asset.kind };
                self.check_wallets(&books, node, coin, asset.address).await?;
                check_tabs(&books, node, coin)?;
                check_spendable(&books, node, coin, asset.address)?;
                check_totals(&books, node, coin, asset.address)?;
            }
        }
        self.check_payouts(&books).await
    }

    /// A wallet has in the books what it has on the chain, and its owner what his wallets have.
    async fn check_wallets(&self, books: &Books, node: &Node, coin: Coin, token: Address) -> Result<()> {
        let mut connection = self.app.store.read().await?;
        let unit = node.unit(token);
        for person in &self.people {
            let mut owned = 0;
            for wallet in person.wallets.iter().map(|wallet| wallet.address()) {
                let free = node.state.market.free.get(&(wallet, token)).copied().unwrap_or_default();
                let known = crate::store::wallets::units(&mut connection, wallet, coin).await?;
                ensure!(known == U256::from(free), "{wallet} has {free} units on chain {}, {known} in the books", coin.chain);
                let unclaimed = i128::from(books.of(&format!("wallet:{wallet:#x}:unclaimed"), coin));
                match crate::store::wallets::owner(&mut connection, wallet).await? {
                    Some(_) => {
                        ensure!(unclaimed == 0, "{unclaimed} of {wallet} are still nobody's");
                        owned += micros(free, unit);
                    }
                    None => ensure!(unclaimed == micros(free, unit), "{wallet}: {unclaimed} unclaimed, {free} units free"),
                }
            }
            let free = i128::from(books.of(&format!("customer:{}:free", person.account.id), coin));
            ensure!(free == owned, "{} has {free} free in the books, {owned} on chain {}", person.account.id, coin.chain);
        }
        Ok(())
    }

    /// Files that anybody can check, leaves that are the ledger, and claims that are no more than them.
    async fn check_payouts(&self, books: &Books) -> Result<()> {
        let mut connection = self.app.store.read().await?;
        let files: Vec<(i64, String)> =
            sqlx::query_as("SELECT chain, file FROM payout WHERE state <> 'undone' ORDER BY epoch, chain")
                .fetch_all(&mut *connection)
                .await?;
        let bytes: Vec<&[u8]> = files.iter().map(|(_, file)| file.as_bytes()).collect();
        let findings = audit::audit_history(&bytes);
        ensure!(findings.is_empty(), "a stranger objects to the payouts: {findings:?}");
        for node in &self.nodes {
            let newest = files.iter().rfind(|(chain, _)| chain.unsigned_abs() == node.id());
            let leaves = newest.map_or(Ok(Vec::new()), |(_, file)| EpochFile::parse(file.as_bytes()).map(|file| file.leaves))?;
            let mut owed: BTreeMap<(Address, Address), u128> = BTreeMap::new();
            for leaf in &leaves {
                owed.insert((leaf.account, leaf.asset), leaf.cumulative.to());
            }
            for asset in &node.profile.assets {
                let (coin, unit) = (Coin { chain: node.id(), kind: asset.kind }, node.unit(asset.address));
                let total: u128 = owed.iter().filter(|((_, of), _)| *of == asset.address).map(|(_, units)| units).sum();
                let payable = books.sum(coin, ":payable");
                ensure!(
                    total.is_multiple_of(unit) && micros(total, unit) == payable,
                    "leaves are {total} units, the ledger {payable}"
                );
                let booked = crate::store::payouts::claimed(&mut connection, node.id(), asset.address).await?;
                for owner in self.owners.iter().map(|owner| owner.address()) {
                    let leaf = owed.get(&(owner, asset.address)).copied().unwrap_or_default();
                    let payable = i128::from(books.of(&format!("account:{owner:#x}:payable"), coin));
                    let claimed = node.state.distributor.claimed.get(&(owner, asset.address)).copied().unwrap_or_default();
                    ensure!(micros(leaf, unit) == payable, "{owner}: leaf {leaf}, ledger {payable}");
                    ensure!(claimed <= leaf, "{owner} has claimed {claimed} of {leaf}");
                    let known = booked.get(&owner).copied().unwrap_or_default();
                    ensure!(known == U256::from(claimed), "{owner} has claimed {claimed}, {known} in the books");
                }
            }
        }
        Ok(())
    }
}

/// Nobody is owed more on a chain than there is.
fn check_chain(node: &Node) -> Result<()> {
    let contracts = &node.profile.contracts;
    for asset in &node.profile.assets {
        let token = asset.address;
        let (owed, has) = (node.state.market.liabilities(token), node.balance(token, contracts.market));
        let held = node.state.market.listings[&token].held;
        ensure!(owed == has && held == has, "the Market owes {owed}, counts {held} and has {has} of {token}");
        let payable = node.state.distributor.payable.get(&token).cloned().unwrap_or_default();
        let has = node.balance(token, contracts.distributor);
        ensure!(payable.claimed <= payable.announced, "more is claimed of {token} than was announced");
        ensure!(payable.announced - payable.claimed <= has, "the Distributor owes more of {token} than the {has} it has");
    }
    for session in node.state.market.sessions.values() {
        let market::Session { reserved, settled, proposed, .. } = session;
        ensure!(settled <= proposed && proposed <= reserved, "a session is out of order: {session:?}");
    }
    Ok(())
}

/// A tab is in the books what it is on the chain.
fn check_tabs(books: &Books, node: &Node, coin: Coin) -> Result<()> {
    for tab in books.tabs.iter().filter(|tab| tab.coin() == coin) {
        ensure!(tab.settled <= tab.used && tab.used <= tab.reserved, "a tab is out of order: {tab:?}");
        let session = node.state.market.sessions.get(&tab.id.parse::<B256>()?);
        let (reserved, settled) = session.map_or((0, 0), |session| (session.reserved, session.settled));
        let there = (i64::try_from(reserved)?, i64::try_from(settled)?);
        ensure!(
            (tab.reserved, tab.settled) == there,
            "tab {} is {there:?} there, {:?} here",
            tab.id,
            (tab.reserved, tab.settled)
        );
    }
    Ok(())
}

/// What customers may spend of tabs is what is left in them, and what they have by card is credit on the chain.
fn check_spendable(books: &Books, node: &Node, coin: Coin, token: Address) -> Result<()> {
    let left = |card: bool| -> i128 {
        let tabs = books.tabs.iter().filter(|tab| tab.coin() == coin && tab.order_id.is_none() == card);
        tabs.map(|tab| i128::from(tab.reserved - tab.used)).sum()
    };
    let by_order = books.sum(coin, ":available") + books.sum(coin, ":leaving") + books.held(coin, "available");
    ensure!(left(false) == by_order, "{coin:?}: {} left in tabs, {by_order} to spend of them", left(false));
    let of_token = node.state.market.credit.iter().filter(|((_, of), _)| *of == token);
    let credit = micros(of_token.map(|(_, units)| units).sum(), node.unit(token));
    let by_card = books.sum(coin, ":fiat") + books.held(coin, "fiat") + books.withdrawing(coin) - books.withdrawn(coin);
    ensure!(left(true) + credit == by_card, "{coin:?}: {credit} credit, {} in card tabs, {by_card} here", left(true));
    let held = books.sum(coin, ":held");
    let of_jobs: i128 = ["available", "fiat", "earned"].into_iter().map(|pot| books.held(coin, pot)).sum();
    ensure!(held == of_jobs, "{coin:?}: {held} are held, jobs hold {of_jobs}");
    let (kept, promised) = (books.of("operator:promised", coin), books.promised.get(&coin.chain).copied().unwrap_or_default());
    let promised = if coin.is_dollars() { promised } else { 0 };
    ensure!(kept == promised, "{coin:?}: {kept} are kept for rigs, jobs may need {promised}");
    Ok(())
}

/// All that is on a chain for us is somebody's in the books, to the last micro; and as long as nobody has taken anything back, the fees
/// and what suppliers are owed are where they belong.
fn check_totals(books: &Books, node: &Node, coin: Coin, token: Address) -> Result<()> {
    let (unit, market) = (node.unit(token), &node.state.market);
    let in_distributor = node.balance(token, market.distributor);
    let claimed = node.state.distributor.payable.get(&token).map_or(0, |payable| payable.claimed);
    let fees = node.balance(token, market.treasury) + node.balance(token, Address::ZERO);
    let free: u128 = market.free.iter().filter(|((_, of), _)| *of == token).map(|(_, units)| units % unit).sum();
    let dust = free + node.dust.get(&token).copied().unwrap_or_default();
    let there = node.balance(token, market.address) + in_distributor + claimed + fees - dust;
    let known = -books.sum(coin, "chain:outside") + books.withdrawing(coin);
    ensure!(
        there.is_multiple_of(unit) && micros(there, unit) == known,
        "{coin:?}: {there} units are there, {known} micros are in the books"
    );
    let listing = &market.listings[&token];
    let tabs = books.tabs.iter().filter(|tab| tab.coin() == coin);
    let fee =
        |tab: &Tab, of: i64| micros(market::fee_of(u128::from(of.unsigned_abs()), u16::try_from(tab.fee_bps).unwrap_or(0)), 1);
    let unsettled: i128 = tabs.clone().map(|tab| fee(tab, tab.used) - fee(tab, tab.settled)).sum();
    let kept = micros(fees, unit) - books.withdrawn(coin) + micros(listing.fee, 1) + unsettled;
    let known = books.sum(coin, "platform:fee");
    let lost = kept - known;
    ensure!(lost == 0 || books.losses, "{coin:?}: {kept} of fees are there, {known} in the books");
    let rest: i128 = tabs.map(|tab| i128::from(tab.used - tab.settled)).sum::<i128>() - unsettled;
    let dust = node.dust.get(&token).copied().unwrap_or_default();
    let backed = micros(in_distributor + claimed - dust, unit) + micros(listing.to_suppliers, 1) + rest;
    let owed: i128 = [":payable", ":credit", ":maturing", ":withheld", ":earned", "operator:inventory", "operator:promised"]
        .iter()
        .map(|ending| books.sum(coin, ending))
        .sum();
    let owed = owed + books.held(coin, "earned");
    ensure!(
        owed == backed + lost,
        "{coin:?}: suppliers and the operator are owed {owed}, of which {backed} are there and {lost} lost"
    );
    Ok(())
}
