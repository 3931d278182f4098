//! What the wallet's commands print.

use headframe_control::Client;
use headframe_protocol::{
    Micros, TimestampMs,
    control::{
        AssetBalance, ChainBalances, Coins, Hazard, HistoryArgs, IntentCard, PayoutState, ReceiptCard, Secret, SpendState,
        Unpaid, WalletAnswer, WalletRequest, WalletState, WalletView, WithdrawalCard, WithdrawalState,
    },
};

use super::{Stopped, ask, garbled};
use crate::words;

/// Prints which wallet there is.
pub(super) async fn show(client: &mut Client, json: bool) -> Result<(), Stopped> {
    let WalletAnswer::Shown { wallet: shown } = ask(client, WalletRequest::Show).await? else { return Err(garbled()) };
    words::say(&if json { serde_json::to_string(&shown).unwrap_or_default() } else { wallet(&shown) });
    Ok(())
}

/// Prints lists.
pub(super) async fn answer(client: &mut Client, request: WalletRequest, json: bool) -> Result<(), Stopped> {
    let text = match ask(client, request).await? {
        WalletAnswer::Balances { chains, .. } if json => serde_json::to_string(&chains).unwrap_or_default(),
        WalletAnswer::Balances { chains, totals, unpaid } => {
            let all = (chains.len() > 1).then(|| words_of_totals(&totals)).flatten();
            let rest = unpaid.as_ref().and_then(words_of_unpaid);
            lines(chains.iter().map(balances).chain(all).chain(rest), "This network pays on no chain yet.")
        }
        WalletAnswer::History { page } if json => serde_json::to_string(&page).unwrap_or_default(),
        WalletAnswer::History { page } => lines(page.withdrawals.iter().map(withdrawal), "Nothing was withdrawn yet."),
        WalletAnswer::Receipts { page } if json => serde_json::to_string(&page).unwrap_or_default(),
        WalletAnswer::Receipts { page } => lines(page.receipts.iter().map(receipt), "No job has brought anything yet."),
        WalletAnswer::Shown { .. }
        | WalletAnswer::Created { .. }
        | WalletAnswer::Quiz { .. }
        | WalletAnswer::Prepared { .. }
        | WalletAnswer::Signed { .. }
        | WalletAnswer::Spent
        | WalletAnswer::Spending
        | WalletAnswer::News { .. }
        | WalletAnswer::Refused { .. } => return Err(garbled()),
    };
    words::say(&text);
    Ok(())
}

/// The first page of withdrawals, for whoever follows one.
pub(super) const fn newest(limit: u32) -> WalletRequest {
    WalletRequest::History(HistoryArgs { after: None, limit })
}

fn lines(lines: impl Iterator<Item = String>, none: &str) -> String {
    let text = lines.collect::<Vec<_>>().join("\n");
    if text.is_empty() { none.to_owned() } else { text }
}

/// Which wallet there is and where earnings go.
pub(super) fn wallet(wallet: &WalletView) -> String {
    let state = match &wallet.state {
        WalletState::None => "There is no wallet yet. Make one with `headframe-agent wallet create`.".to_owned(),
        WalletState::Watching { address } => format!("Address {address}; its key is elsewhere."),
        WalletState::Local { address, backup_verified, remembered } => {
            let backup = if *backup_verified {
                "its phrase is verified"
            } else {
                "its phrase is NOT verified: do it with `headframe-agent wallet verify`, before that nothing is paid out"
            };
            let password = if *remembered { "the keyring has its password" } else { "its password is asked for each time" };
            format!("Wallet {address}: locked, {password}, {backup}.")
        }
    };
    let payout = match &wallet.payout {
        None => "Where earnings go was not said yet.".to_owned(),
        Some(payout) => {
            let asset = if payout.in_hfr { "HFR or stablecoin" } else { "stablecoin" };
            let how = match &payout.state {
                PayoutState::Sending => "the coordinator is being told".to_owned(),
                PayoutState::Accepted { confirmed: true } => "confirmed by the wallet".to_owned(),
                PayoutState::Accepted { confirmed: false } => "as the rig said; no wallet has confirmed it".to_owned(),
                PayoutState::Pending { from_ms } => format!("counts from {} on", when(*from_ms)),
                PayoutState::Refused { message } => format!("NOT accepted: {message}"),
            };
            format!("Earnings go to {} in {asset} on chain {}; {how}.", payout.account, payout.chain_id)
        }
    };
    let spend = wallet.spend.as_ref().map(|spend| match &spend.state {
        SpendState::Sending => {
            format!(
                "\n{} of earnings are to become computing credit of {}; the network is being told.",
                spend.amount, spend.customer
            )
        }
        SpendState::Refused { message } => {
            format!("\n{} of earnings did NOT become computing credit of {}: {message}", spend.amount, spend.customer)
        }
    });
    format!("{state}\n{payout}{}", spend.unwrap_or_default())
}

/// A new wallet's phrase, numbered for paper.
pub(super) fn phrase(wallet: &WalletView, phrase: &Secret) {
    if let WalletState::Local { address, .. } = &wallet.state {
        words::say(&format!("Your new wallet is {address}. These words are the only way to it if this PC is lost:\n"));
    }
    for (number, word) in (1..).zip(phrase.reveal().split(' ')) {
        words::say(&format!("{number:>4}  {word}"));
    }
    words::say("\nWrite them on paper. Whoever has them has the money; nobody from Headframe will ever ask for them.\n");
}

/// What would be signed, and what to think about first.
pub(super) fn intent(intent: &IntentCard) -> String {
    let mut lines: Vec<String> = intent.words.iter().map(|word| format!("  {word}")).collect();
    lines.extend(intent.warnings.iter().map(|warning| format!("  Caution: {}", warning.message)));
    lines.join("\n")
}

/// A hazard as `--accept` has it.
pub(super) const fn hazard(hazard: Hazard) -> &'static str {
    match hazard {
        Hazard::FirstUse => "first-use",
        Hazard::NoChecksum => "no-checksum",
        Hazard::Contract => "contract",
        Hazard::Token => "token",
        Hazard::HighFee => "high-fee",
    }
}

/// A moment as people here write it.
fn when(time: TimestampMs) -> String {
    let zoned = jiff::Timestamp::from_millisecond(time.as_millis()).map(|at| at.to_zoned(jiff::tz::TimeZone::system()));
    zoned.map_or_else(|_| time.to_string(), |at| at.strftime("%Y-%m-%d %H:%M").to_string())
}

fn balances(chain: &ChainBalances) -> String {
    let head = format!("{} ({})", chain.name, chain.chain_id);
    match &chain.problem {
        Some(problem) => format!("{head}: {problem}"),
        None => lines(std::iter::once(head).chain(chain.assets.iter().map(balance)), ""),
    }
}

fn balance(asset: &AssetBalance) -> String {
    let part = |coins: &Option<Coins>| coins.as_ref().map_or("unknown", |coins| &coins.text).to_owned();
    let problem = asset.problem.as_ref().map(|problem| format!("; {problem}")).unwrap_or_default();
    format!("  {}: {} ready to be taken, {} in the wallet{problem}", asset.symbol, part(&asset.claimable), part(&asset.in_wallet))
}

/// What there is on all chains together; nothing if nothing is known.
fn words_of_totals(totals: &[Coins]) -> Option<String> {
    let amounts: Vec<String> = totals.iter().map(|Coins { text, symbol, .. }| format!("{text} {symbol}")).collect();
    (!amounts.is_empty()).then(|| format!("In all: {}.", amounts.join(", ")))
}

/// What was earned and cannot be taken yet; nothing if there is none.
fn words_of_unpaid(unpaid: &Unpaid) -> Option<String> {
    let Unpaid { credited, on_its_way, held, held_until_ms, withheld, withheld_until_ms, given_back, practice, more } = unpaid;
    let first =
        |until: &Option<TimestampMs>| until.map(|until| format!(", the first of it until {}", when(until))).unwrap_or_default();
    let parts = [
        (*credited, "in the next payout".to_owned()),
        (*on_its_way, "in a payout that is not on the chain yet".to_owned()),
        (*held, format!("held{}", first(held_until_ms))),
        (*withheld, format!("waiting for a check or for this rig's first weeks to be over{}", first(withheld_until_ms))),
        (*given_back, "for time given back, waiting for a result that speaks for it".to_owned()),
        (*practice, "practice money, which is never paid out".to_owned()),
    ];
    let said: Vec<String> =
        parts.into_iter().filter(|(sum, _)| *sum > Micros::ZERO).map(|(sum, what)| format!("{sum} {what}")).collect();
    let rest = if *more { "; older attempts were not counted" } else { "" };
    (!said.is_empty()).then(|| format!("Not ready to be taken: {}{rest}.", said.join(", ")))
}

/// One withdrawal and how far it is.
pub(super) fn withdrawal(card: &WithdrawalCard) -> String {
    let state = match &card.state {
        WithdrawalState::Prepared => "about to be signed".to_owned(),
        WithdrawalState::Signed => "signed, about to be sent".to_owned(),
        WithdrawalState::Sent => "sent".to_owned(),
        WithdrawalState::Final { block } => format!("final in block {block}"),
        WithdrawalState::Refused { message } => format!("refused: {message}"),
    };
    let place = card.explorer.as_ref().or(card.transaction.as_ref()).map(|place| format!(" {place}")).unwrap_or_default();
    let when = when(card.created_ms);
    let arrives = card.arrives.as_ref().filter(|_| !matches!(card.state, WithdrawalState::Refused { .. }));
    let arrives =
        arrives.map(|Coins { text, symbol, .. }| format!(", of which at least {text} {symbol} arrives")).unwrap_or_default();
    format!("{when}  {} {} on {} to {}{arrives}: {state}.{place}", card.amount.text, card.amount.symbol, card.chain, card.to)
}

fn receipt(card: &ReceiptCard) -> String {
    if card.practice {
        return format!("{}  {} {}: practice, {}", when(card.settled_ms), card.attempt, card.title, card.share);
    }
    let place = match (&card.explorer, &card.transaction, card.payout_epoch, card.matures_ms) {
        (Some(place), _, _, _) | (None, Some(place), _, _) => place.clone(),
        (None, None, Some(epoch), _) => format!("in payout {epoch}"),
        (None, None, None, Some(until)) => format!("held until {}", when(until)),
        (None, None, None, None) => match card.waits_until_ms {
            Some(until) if card.lapses => format!("for time given back, waiting for a result until {}", when(until)),
            Some(until) => format!("waiting for a check until {} at the latest", when(until)),
            None => "in the next payout".to_owned(),
        },
    };
    let when = when(card.settled_ms);
    format!(
        "{when}  {} {}: customer paid {}, fee {}, yours {}; {place}",
        card.attempt, card.title, card.paid, card.fee, card.share
    )
}
