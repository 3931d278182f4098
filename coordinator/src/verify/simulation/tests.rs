//! Does it hold, in a network small enough for every run of the tests?

use super::{super::hold::ALLOWANCE_PERMILLE_MAX, *};

const SMALL: Size = Size { providers: 200, cheats_percent: 5, days: 5 };
const SEED: u64 = 0x4865_6164_6672;

/// So many networks, that luck evens out.
const NETWORKS: u64 = 12;

/// The purses of all rigs of one strategy, in networks where nobody else cheats.
fn purse(strategy: Strategy) -> Purse {
    purse_allowing(strategy, 0)
}

fn purse_allowing(strategy: Strategy, permille: u16) -> Purse {
    let mut all = Purse::default();
    for network in 0..NETWORKS {
        let outcome = Simulation::of(strategy, SMALL, SEED + network).allowing(permille).run(SMALL.days);
        all.add(outcome.purses.get(&Some(strategy)).expect("there are such rigs"));
    }
    all
}

#[test]
fn cheating_itself_never_gains() {
    for strategy in Strategy::CHEATS {
        let purse = purse(strategy);
        assert!(purse.by_cheating() <= 0.0, "{strategy:?}: {purse:?}");
    }
}

#[test]
fn an_allowance_is_the_most_that_pretending_gains() {
    for strategy in Strategy::CHEATS.into_iter().filter(|strategy| strategy.works_otherwise()) {
        let purse = purse_allowing(strategy, ALLOWANCE_PERMILLE_MAX);
        let allowance = purse.delivered * f64::from(ALLOWANCE_PERMILLE_MAX) / 1_000.0;
        assert!(purse.by_cheating() <= allowance, "{strategy:?}: {purse:?}");
        assert!(purse.net() <= purse.honest * 1.4, "{strategy:?}: {purse:?}");
    }
}

#[test]
fn no_cheat_has_more_than_by_honest_work_and_whoever_mostly_cheats_has_nothing() {
    for strategy in Strategy::CHEATS {
        let purse = purse(strategy);
        assert!(purse.net() <= purse.honest, "{strategy:?}: {purse:?}");
        match strategy {
            // These work honestly nearly always, or one of two does, or every other hour.
            Strategy::Percent(2) | Strategy::Copies => {}
            _ if strategy.works_otherwise() => {}
            _ => assert!(purse.net() <= 0.0, "{strategy:?}: {purse:?}"),
        }
    }
}

#[test]
fn checks_cost_honest_work_about_a_twentieth() {
    let outcome = Simulation::new(SMALL, SEED).run(SMALL.days);
    assert!(outcome.overhead() <= 0.05, "{}", outcome.overhead());
    assert!(outcome.overhead() >= 0.01, "somebody is checked: {}", outcome.overhead());
    // Results that went through several hands come to be compared only after days.
    let outcome = Simulation::new(Size { days: 30, ..SMALL }, SEED).run(30);
    assert!(outcome.overhead() <= 0.05, "{}", outcome.overhead());
}

#[test]
fn an_honest_network_is_paid_what_it_worked_for() {
    let outcome = Simulation::new(Size { cheats_percent: 0, ..SMALL }, SEED).run(SMALL.days);
    for strategy in [Strategy::Honest, Strategy::InterruptedOften] {
        let purse = outcome.purses[&Some(strategy)];
        assert!(purse.net() >= purse.honest * 0.995, "{strategy:?}: {purse:?}");
    }
}

#[test]
fn who_is_interrupted_loses_nothing_with_checkpoints_and_little_without() {
    let often = purse(Strategy::InterruptedOften);
    assert!(often.net() >= often.honest * 0.995, "{often:?}");
    // One hour in five is what the largest allowance covers on average; in so few hours it is more for some and less for others.
    let fifth = purse_allowing(Strategy::InterruptedFifth, ALLOWANCE_PERMILLE_MAX);
    assert!(fifth.net() >= fifth.honest * 0.75 && fifth.lapsed <= fifth.paid * 0.1, "{fifth:?}");
    let without = purse(Strategy::InterruptedFifth);
    assert!(without.lapsed > 0.0 && without.net() < fifth.net(), "that is what it is for: {without:?}");
}
