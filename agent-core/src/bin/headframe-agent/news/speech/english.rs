//! In English.

use super::{Entry, Money, MoneyNewsKind, Said};

const CANNOT: &str = "This PC cannot earn now";

pub(super) fn words(said: &Said) -> (&'static str, String) {
    match said {
        Said::JobDone { title, earned } => ("A job is done", format!("{title}: {earned}.")),
        Said::ResultRefused { title } => {
            ("A result was not accepted", format!("Other rigs that did the work of “{title}” agree on another result."))
        }
        Said::Money(news) => money(&Money::of(news)),
        Said::NoEngine => (CANNOT, "There is no container engine. Start it, or install one.".to_owned()),
        Said::EngineUnusable { message } => (CANNOT, message.clone()),
        Said::DiskFull => (CANNOT, "The disk that jobs work on is nearly full. Make some room.".to_owned()),
        Said::ClockWrong => {
            ("This PC’s clock seems wrong", "It keeps the PC from the network. The window says by how much.".to_owned())
        }
        Said::RulesBroken => (CANNOT, "Your rules cannot be understood. The window says which line.".to_owned()),
        Said::TooOld => ("A newer Headframe is needed", "The network does not take this version any more.".to_owned()),
        Said::NotLetIn { message } => {
            (CANNOT, format!("The network does not let this rig in: {message} Is this PC’s clock right?"))
        }
        Said::Quarantined { message } => (CANNOT, message.clone()),
        Said::StillPaused { days } => {
            let ago = if *days <= 1 { "a day".to_owned() } else { format!("{days} days") };
            let text = format!("You paused it {ago} ago, and it takes no work until you press Resume in its menu or its window.");
            ("Your rig is still paused", text)
        }
    }
}

pub(super) const fn label(entry: Entry) -> &'static str {
    match entry {
        Entry::Open => "Open Headframe",
        Entry::Why => "Why is it not earning?",
        Entry::Start => "Start",
        Entry::Resume => "Resume",
        Entry::Pause => "Pause",
        Entry::Snooze => "Snooze for 1 h",
        Entry::Tomorrow => "Snooze until tomorrow, 06:00",
        Entry::Finish => "Finish, then stop",
        Entry::Quit => "Quit",
    }
}

fn money(Money { what, amount, chain, to }: &Money<'_>) -> (&'static str, String) {
    match what {
        MoneyNewsKind::Arrived => ("Your money has arrived", format!("{amount} on {chain} is at {to} now, for good.")),
        MoneyNewsKind::Claimable => ("A payout is ready", format!("You can withdraw {amount} on {chain} now, in the wallet.")),
        MoneyNewsKind::Published => {
            ("A payout was published", format!("{amount} on {chain} is for {to}, whose key you keep elsewhere."))
        }
    }
}
