//! Does cheating pay, and what do checks cost? A thousand rigs, one in twenty of them a cheat, for thirty days, by the coordinator's own
//! rules. `cargo run --release -p headframe-coordinator --features testing --example cheats`

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use headframe_coordinator::verify::simulation::{Simulation, Size, Strategy};

/// Always the same network.
const SEED: u64 = 0x4865_6164_6672;

fn main() {
    let size = Size { providers: 1_000, cheats_percent: 5, days: 30 };
    println!("{} rigs, {} in 100 cheat, {} days; an hour pays 15 and costs 10", size.providers, size.cheats_percent, size.days);
    println!(
        "{:<17}{:>9}{:>11}{:>13}{:>11}{:>8}{:>13}{:>13}",
        "strategy", "net", "of honest", "by cheating", "forfeited", "lapsed", "checks/work", "wrong taken"
    );
    for strategy in Strategy::CHEATS.into_iter().chain(Strategy::INTERRUPTED) {
        let outcome = Simulation::of(strategy, size, SEED).run(size.days);
        let purse = outcome.purses.get(&Some(strategy)).copied().unwrap_or_default();
        println!(
            "{:<17}{:>9.0}{:>11.0}{:>13.0}{:>11.0}{:>8.0}{:>12.2}%{:>13}",
            format!("{strategy:?}"),
            purse.net(),
            purse.honest,
            purse.by_cheating(),
            purse.forfeited,
            purse.lapsed,
            outcome.overhead() * 100.0,
            outcome.accepted_wrong,
        );
    }
    let outcome = Simulation::new(size, SEED).run(size.days);
    println!("All together: checks cost {:.2} % of honest work.", outcome.overhead() * 100.0);
}
