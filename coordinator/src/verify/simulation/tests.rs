//! Does it hold, in a network small enough for every run of the tests?

use super::*;

const SMALL: Size = Size { providers: 200, cheats_percent: 5, days: 5 };
const SEED: u64 = 0x4865_6164_6672;

/// The purses of all rigs of one strategy, in a network where nobody else cheats.
fn purse(strategy: Strategy) -> Purse {
    let outcome = Simulation::of(strategy, SMALL, SEED).run(SMALL.days);
    outcome.purses.get(&Some(strategy)).copied().expect("there are such rigs")
}

#[test]
fn no_cheat_has_more_than_by_honest_work_and_whoever_mostly_cheats_has_nothing() {
    for strategy in Strategy::CHEATS {
        let purse = purse(strategy);
        assert!(purse.net() <= purse.honest, "{strategy:?}: {purse:?}");
        match strategy {
            // These work honestly nearly always, or one of two does.
            Strategy::Percent(2) | Strategy::Copies => {}
            _ => assert!(purse.net() <= 0.0, "{strategy:?}: {purse:?}"),
        }
    }
}

#[test]
fn checks_cost_honest_work_no_more_than_a_twentieth() {
    let outcome = Simulation::new(SMALL, SEED).run(SMALL.days);
    assert!(outcome.overhead() <= 0.05, "{}", outcome.overhead());
    assert!(outcome.overhead() >= 0.01, "somebody is checked: {}", outcome.overhead());
}

#[test]
fn an_honest_network_is_paid_what_it_worked_for() {
    let outcome = Simulation::new(Size { cheats_percent: 0, ..SMALL }, SEED).run(SMALL.days);
    let purse = outcome.purses[&Some(Strategy::Honest)];
    assert!(purse.net() >= purse.honest * 0.995, "{purse:?}");
}
