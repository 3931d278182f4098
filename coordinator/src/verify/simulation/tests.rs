//! Does it hold, in a network small enough for every run of the tests?

use super::*;

const SMALL: Size = Size { providers: 200, cheats_percent: 5, days: 5 };
const SEED: u64 = 0x4865_6164_6672;

/// So many networks, that luck evens out.
const NETWORKS: u64 = 12;

/// The purses of all rigs of one strategy, in networks where nobody else cheats.
fn purse(strategy: Strategy) -> Purse {
    let mut all = Purse::default();
    for network in 0..NETWORKS {
        let outcome = Simulation::of(strategy, SMALL, SEED + network).run(SMALL.days);
        all.add(outcome.purses.get(&Some(strategy)).expect("there are such rigs"));
    }
    all
}

/// Those that may be paid for time nothing speaks for.
fn is_within_the_allowance(strategy: Strategy) -> bool {
    strategy.works_otherwise()
}

#[test]
fn cheating_itself_never_gains_but_within_the_allowance() {
    for strategy in Strategy::CHEATS {
        let purse = purse(strategy);
        if is_within_the_allowance(strategy) {
            #[expect(clippy::cast_precision_loss, reason = "a quarter")]
            let allowance = purse.delivered / super::super::hold::ALLOWANCE_PARTS as f64;
            assert!(purse.by_cheating() <= allowance, "{strategy:?}: {purse:?}");
        } else {
            assert!(purse.by_cheating() <= 0.0, "{strategy:?}: {purse:?}");
        }
    }
}

#[test]
fn no_cheat_has_more_than_by_honest_work_and_whoever_mostly_cheats_has_nothing() {
    for strategy in Strategy::CHEATS {
        let purse = purse(strategy);
        match strategy {
            // He works four hours in five and pretends as long as the allowance pays: of five hours he has (4 + 4/4) · 15 − 4 · 10, honest
            // work 5 · (15 − 10).
            Strategy::YieldsFifth => assert!(purse.net() <= purse.honest * 1.4, "{purse:?}"),
            _ => assert!(purse.net() <= purse.honest, "{strategy:?}: {purse:?}"),
        }
        match strategy {
            // These work honestly nearly always, or one of two does, or every other hour.
            Strategy::Percent(2) | Strategy::Copies => {}
            _ if is_within_the_allowance(strategy) => {}
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
    // One hour in five is what the allowance covers on average; in so few hours it is more for some and less for others.
    let fifth = purse(Strategy::InterruptedFifth);
    assert!(fifth.net() >= fifth.honest * 0.75 && fifth.lapsed <= fifth.paid * 0.1, "{fifth:?}");
}
