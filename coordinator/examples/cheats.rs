//! Does cheating pay, and what do checks cost? A thousand rigs, one in twenty of them a cheat, for thirty days, by the coordinator's own
//! rules. `cargo run --release -p headframe-coordinator --example cheats`

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use headframe_coordinator::verify::simulation::{Simulation, Size, Strategy};

/// Always the same network.
const SEED: u64 = 0x4865_6164_6672;

fn main() {
    let size = Size { providers: 1_000, cheats_percent: 5, days: 30 };
    println!("{} rigs, {} in 100 cheat, {} days; an hour pays 15 and costs 10", size.providers, size.cheats_percent, size.days);
    println!("{:<16}{:>12}{:>12}{:>12}{:>14}{:>14}", "strategy", "net", "of honest", "forfeited", "checks/work", "wrong taken");
    for strategy in Strategy::CHEATS.into_iter().chain([Strategy::YieldsHalf]) {
        let outcome = Simulation::of(strategy, size, SEED).run(size.days);
        let purse = outcome.purses.get(&Some(strategy)).copied().unwrap_or_default();
        println!(
            "{:<16}{:>12.0}{:>12.0}{:>12.0}{:>13.2}%{:>14}",
            format!("{strategy:?}"),
            purse.net(),
            purse.honest,
            purse.forfeited,
            outcome.overhead() * 100.0,
            outcome.accepted_wrong,
        );
    }
    let outcome = Simulation::new(size, SEED).run(size.days);
    println!("All together: checks cost {:.2} % of honest work.", outcome.overhead() * 100.0);
}
