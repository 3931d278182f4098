//! What the owner is told, in the language of his desktop. What comes from elsewhere, such as a coordinator's reason, stays as it came.

use std::env;

use headframe_protocol::control::{Language, MoneyNews, MoneyNewsKind};

use super::Item;

mod arabic;
mod chinese;
mod english;
mod spanish;

/// Where a desktop says which language it speaks, the strongest first (POSIX, "Internationalization Variables").
const VARIABLES: [&str; 3] = ["LC_ALL", "LC_MESSAGES", "LANG"];

/// One thing to tell, before it has words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// A job is done and has brought something.
    JobDone { title: String, earned: String },
    /// Other rigs agree on another result.
    ResultRefused { title: String },
    /// Money has moved.
    Money(MoneyNews),
    /// Nothing to work with.
    NoEngine,
    /// Something to work with that cannot be used, and why.
    EngineUnusable { message: String },
    /// No room.
    DiskFull,
    /// The clock of this PC keeps it from the network.
    ClockWrong,
    /// The owner's rules cannot be understood.
    RulesBroken,
    /// The network takes this version no more.
    TooOld,
    /// The network does not let the rig in, and why.
    NotLetIn { message: String },
    /// The operator has taken the rig out of work, and why.
    Quarantined { message: String },
    /// It has been paused for so many days.
    StillPaused { days: u64 },
}

/// What can be clicked in the tray.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The window.
    Open,
    /// The window as well: it says what stands in the way.
    Why,
    Start,
    Resume,
    Pause,
    /// For an hour.
    Snooze,
    /// Until tomorrow's morning.
    Tomorrow,
    Finish,
    Quit,
}

/// What it is called; what the window has as well is called as there.
pub(crate) const fn label(entry: Entry, language: Language) -> &'static str {
    match language {
        Language::English => english::label(entry),
        Language::Arabic => arabic::label(entry),
        Language::Chinese => chinese::label(entry),
        Language::Spanish => spanish::label(entry),
    }
}

/// The language the desktop speaks; English if it is none of ours.
pub(crate) fn of_desktop() -> Language {
    let said = VARIABLES.into_iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
    said.as_deref().map_or_else(Language::default, of_locale)
}

/// Of a locale such as `es_MX.UTF-8`.
fn of_locale(locale: &str) -> Language {
    match locale.split(['_', '.', '@', '-']).next().unwrap_or_default() {
        "ar" => Language::Arabic,
        "es" => Language::Spanish,
        "zh" => Language::Chinese,
        _ => Language::English,
    }
}

/// A title and a text.
pub(super) fn item(said: &Said, language: Language) -> Item {
    let (title, text) = match language {
        Language::English => english::words(said),
        Language::Arabic => arabic::words(said),
        Language::Chinese => chinese::words(said),
        Language::Spanish => spanish::words(said),
    };
    Item { title: title.to_owned(), text }
}

/// An amount, where it is and whose: what every language says of money.
struct Money<'a> {
    what: MoneyNewsKind,
    amount: String,
    chain: &'a str,
    to: String,
}

impl<'a> Money<'a> {
    fn of(news: &'a MoneyNews) -> Self {
        let MoneyNews { id: _, what, amount, chain, to } = news;
        Self { what: *what, amount: format!("{} {}", amount.text, amount.symbol), chain, to: short(to) }
    }
}

/// Enough of an address to know it by.
fn short(address: &str) -> String {
    match (address.get(..6), address.get(address.len().saturating_sub(4)..)) {
        (Some(first), Some(last)) if address.len() > 12 => format!("{first}…{last}"),
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use headframe_protocol::control::Coins;

    use super::*;

    fn money(what: MoneyNewsKind) -> Said {
        let amount = Coins { text: "12.50".to_owned(), symbol: "USDC".to_owned(), units: "12500000".to_owned() };
        let to = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266".to_owned();
        Said::Money(MoneyNews { id: "1".to_owned(), what, amount, chain: "Base".to_owned(), to })
    }

    #[test]
    fn the_desktop_says_which_language_it_speaks() {
        let of = |locales: [&str; 5]| locales.map(of_locale);
        let expected = [Language::Spanish, Language::Arabic, Language::Chinese, Language::English, Language::English];
        assert_eq!(of(["es_MX.UTF-8", "ar", "zh_CN.utf8", "C", "de_DE@euro"]), expected);
    }

    #[test]
    fn every_language_tells_of_money_with_its_amount_its_coin_and_its_chain() {
        for language in Language::ALL {
            for what in [MoneyNewsKind::Arrived, MoneyNewsKind::Claimable, MoneyNewsKind::Published] {
                let Item { title, text } = item(&money(what), language);
                assert!(!title.is_empty() && text.contains("12.50 USDC") && text.contains("Base"), "{language:?}: {text}");
                assert_eq!(text.contains("0xf39F…2266"), what != MoneyNewsKind::Claimable, "{language:?}: {text}");
            }
        }
    }

    #[test]
    fn the_tray_calls_each_act_what_the_window_calls_it() {
        for (language, words, hour, six) in [
            (Language::English, include_str!("../../../../../ui/messages/en.json"), "1 h", "06:00"),
            (Language::Arabic, include_str!("../../../../../ui/messages/ar.json"), "1 س", "06:00 ص"),
            (Language::Chinese, include_str!("../../../../../ui/messages/zh-Hans.json"), "1小时", "06:00"),
            (Language::Spanish, include_str!("../../../../../ui/messages/es.json"), "1 h", "06:00"),
        ] {
            let words: serde_json::Value = serde_json::from_str(words).expect("the window's words");
            for (entry, key) in [
                (Entry::Start, "action_start"),
                (Entry::Resume, "action_resume"),
                (Entry::Pause, "action_pause"),
                (Entry::Snooze, "action_snooze"),
                (Entry::Tomorrow, "action_tomorrow"),
                (Entry::Finish, "action_finish"),
            ] {
                let said = words[key].as_str().expect("a word").replace("{length}", hour).replace("{at}", six);
                assert_eq!(label(entry, language), said, "{language:?}");
            }
        }
    }

    #[test]
    fn no_language_is_a_copy_of_another() {
        let all = [
            Said::JobDone { title: "job".to_owned(), earned: "$1.00".to_owned() },
            Said::ResultRefused { title: "job".to_owned() },
            money(MoneyNewsKind::Arrived),
            money(MoneyNewsKind::Claimable),
            money(MoneyNewsKind::Published),
            Said::NoEngine,
            Said::DiskFull,
            Said::ClockWrong,
            Said::RulesBroken,
            Said::TooOld,
            Said::NotLetIn { message: "No.".to_owned() },
            Said::StillPaused { days: 1 },
            Said::StillPaused { days: 3 },
        ];
        for said in all {
            let told: std::collections::HashSet<String> = Language::ALL
                .into_iter()
                .map(|language| item(&said, language))
                .map(|item| item.title + "\n" + &item.text)
                .collect();
            assert_eq!(told.len(), Language::ALL.len(), "{said:?}");
        }
    }
}
