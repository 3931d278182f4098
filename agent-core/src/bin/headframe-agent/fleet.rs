//! `headframe-agent fleet`: the owner's rigs, as the network tells them to each of them.

use headframe_control::{AgentPaths, Client, ClientError};
use headframe_protocol::{
    TimestampMs,
    control::{FleetArgs, FleetPage, FleetRigView, FleetSaid, FleetSums, FleetView},
    demand::MarketPlace,
    fleet::FleetAlone,
};
use jiff::{Timestamp, tz::TimeZone};

use crate::{Exit, commands::finish_with, words};

/// Pages asked for at most. Whoever has more rigs has a program that reads `--json`.
const PAGES_MAX: usize = 200;

pub(crate) async fn fleet(paths: &AgentPaths, args: &crate::FleetArgs) -> Exit {
    match all(paths).await {
        Ok(FleetView { said: FleetSaid::Listed { page }, .. }) => {
            let text =
                if args.json { serde_json::to_string(&page).unwrap_or_default() } else { text_of(&page, &TimeZone::system()) };
            words::say(&text);
            Exit::Done
        }
        Ok(FleetView { said: FleetSaid::Silent, .. }) => {
            words::say_error("The network does not answer. Which rigs are yours is its to say; try again in a minute.");
            Exit::Failed
        }
        Ok(FleetView { said: FleetSaid::ClockWrong, .. }) => {
            words::say_error("The network does not believe the time: the clock of this PC is wrong. Set it, and try again.");
            Exit::Failed
        }
        Ok(FleetView { said: FleetSaid::Refused { message }, .. }) => {
            words::say_error(&message);
            Exit::Failed
        }
        Err(error) => finish_with(Err(error)),
    }
}

/// All pages as one.
async fn all(paths: &AgentPaths) -> Result<FleetView, ClientError> {
    let mut client = Client::connect(paths).await?;
    let mut whole = client.fleet(FleetArgs::default()).await?;
    for _ in 1..PAGES_MAX {
        let FleetSaid::Listed { page } = &mut whole.said else { break };
        let Some(after) = page.next.take() else { break };
        match client.fleet(FleetArgs { after: Some(after) }).await?.said {
            FleetSaid::Listed { page: next } => {
                page.rigs.extend(next.rigs);
                page.next = next.next;
            }
            // Half a list would look like all of it.
            said @ (FleetSaid::Silent | FleetSaid::ClockWrong | FleetSaid::Refused { .. }) => whole.said = said,
        }
    }
    Ok(whole)
}

fn text_of(page: &FleetPage, zone: &TimeZone) -> String {
    let FleetPage { wallet, alone, rigs, total, next } = page;
    let widest = rigs.iter().map(|rig| name(rig).chars().count()).max().unwrap_or(0).max(4);
    let state = rigs.iter().map(|rig| state(rig, zone).chars().count()).max().unwrap_or(0).max(5);
    let row = |name: &str, does: &str, fu: &str, today: &str, days: &str, rest: &str| {
        format!("{name:<widest$}  {does:<state$}  {fu:>7}  {today:>10}  {days:>10}  {rest}").trim_end().to_owned()
    };
    let mut lines = vec![row("rig", "state", "FU", "today", "7 days", "standing, agent, cards")];
    lines.extend(rigs.iter().map(|rig| {
        let (today, days) = (rig.today.to_string(), rig.days.to_string());
        row(&name(rig), &self::state(rig, zone), &rig.fu.to_string(), &today, &days, &rest(rig))
    }));
    let FleetSums { rigs: count, connected, fu, today, days } = total;
    let sum = format!("{connected} of {count} connected");
    lines.push(row("all", &sum, &fu.to_string(), &today.to_string(), &days.to_string(), ""));
    lines.push("After the platform's fee; seven days with today.".to_owned());
    lines.extend(wallet.as_ref().map(|wallet| format!("These are the rigs that wallet {wallet} has signed for.")));
    lines.extend(next.as_ref().map(|_| "There are more; they are not listed.".to_owned()));
    lines.extend(alone.map(|alone| why_alone(alone).to_owned()));
    if alone.is_none() && *count == 1 {
        lines.push("To see other PCs here, import this wallet's phrase there and confirm the payout to it.".to_owned());
    }
    lines.join("\n")
}

/// Its name, and a mark for the one that is asked.
fn name(rig: &FleetRigView) -> String {
    let name: String = rig.name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if rig.here { format!("{name} (here)") } else { name }
}

fn rest(rig: &FleetRigView) -> String {
    let agent = rig.agent.as_deref().unwrap_or("unknown");
    let cards = rig.cards.iter().map(|card| card.model.as_str()).collect::<Vec<_>>().join(" + ");
    let cards = if cards.is_empty() { format!("{} cores, no card", rig.cpu_cores) } else { cards };
    let text = format!("{}, {agent}, {cards}", rig.tier);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn state(rig: &FleetRigView, zone: &TimeZone) -> String {
    if !rig.connected {
        return format!("not connected since {}", when(rig.seen_ms, zone));
    }
    match (rig.attempts, rig.place) {
        (1, _) => "working".to_owned(),
        (2.., _) => format!("working on {} jobs", rig.attempts),
        (0, Some(place)) => at_place(place).to_owned(),
        (0, None) => "connected".to_owned(),
    }
}

const fn at_place(place: MarketPlace) -> &'static str {
    match place {
        MarketPlace::Open => "ready",
        MarketPlace::Full => "working",
        MarketPlace::Closed => "waiting: it takes no work now",
        MarketPlace::Resting => "waiting: jobs went wrong on it",
        MarketPlace::KeptFree => "waiting: kept free for a large job",
        MarketPlace::Challenged => "proving a card",
        MarketPlace::Stopped => "waiting: the network is stopped",
        MarketPlace::Quarantined => "taken out of work by the operator",
        MarketPlace::Absent => "connected",
    }
}

const fn why_alone(alone: FleetAlone) -> &'static str {
    match alone {
        FleetAlone::NoAccount => {
            "Only this rig is listed: where its earnings go was not said yet. Make or import a wallet (`headframe-agent wallet`) and \
             confirm the payout to it."
        }
        FleetAlone::NotSigned => {
            "Only this rig is listed: its earnings go to an address whose wallet has not signed for it, and anybody can name an address. \
             Import that wallet's phrase (`headframe-agent wallet import`) and confirm the payout to it."
        }
        FleetAlone::Quarantined => {
            "Only this rig is listed: the operator has taken it out of work. Ask the network's support address for the reason."
        }
    }
}

fn when(at: TimestampMs, zone: &TimeZone) -> String {
    let at = Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
    at.to_zoned(zone.clone()).strftime("%F %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use headframe_protocol::{Micros, control::FleetCardView};

    use super::*;

    fn rig(name: &str) -> FleetRigView {
        FleetRigView {
            device: "0x0000000000000000000000000000000000000001".to_owned(),
            name: name.to_owned(),
            here: false,
            agent: Some("0.1.0".to_owned()),
            connected: true,
            seen_ms: TimestampMs::from_millis(0),
            attempts: 0,
            place: Some(MarketPlace::Open),
            cpu_model: "test".to_owned(),
            cpu_cores: 8,
            cards: vec![FleetCardView { model: "RTX 4090".to_owned(), vram_bytes: 24 << 30, fu: Some(1_000) }],
            fu: 1_000,
            today: Micros::new(1_500_000),
            days: Micros::new(9_000_000),
            tier: "good".to_owned(),
        }
    }

    fn page(rigs: Vec<FleetRigView>, alone: Option<FleetAlone>) -> FleetPage {
        let total = FleetSums { rigs: 2, connected: 1, fu: 1_000, today: Micros::new(1_500_000), days: Micros::new(9_000_000) };
        FleetPage { wallet: None, alone, rigs, total, next: None }
    }

    #[test]
    fn every_rig_is_a_line_and_the_sum_the_last() {
        let away = FleetRigView { connected: false, fu: 0, cards: Vec::new(), ..rig("attic") };
        let text = text_of(&page(vec![FleetRigView { here: true, ..rig("cellar") }, away], None), &TimeZone::UTC);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("cellar (here)  ready") && lines[1].contains("1000       $1.50       $9.00"), "{text}");
        assert!(lines[2].contains("not connected since 1970-01-01 00:00") && lines[2].ends_with("8 cores, no card"), "{text}");
        assert!(lines[3].starts_with("all") && lines[3].contains("1 of 2 connected"), "{text}");
    }

    #[test]
    fn a_rig_that_is_alone_says_why_and_the_way_out() {
        let text = text_of(&page(vec![rig("cellar")], Some(FleetAlone::NotSigned)), &TimeZone::UTC);
        assert!(text.contains("wallet has not signed") && text.contains("wallet import"), "{text}");
    }

    #[test]
    fn a_strangers_terminal_is_not_obeyed() {
        let text = text_of(&page(vec![rig("a\u{1b}[31mb")], None), &TimeZone::UTC);
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}
