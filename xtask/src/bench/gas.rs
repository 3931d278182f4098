//! What calls of the contracts cost, as the contracts' own tool measures it. Unlike times, it is the same on every machine.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use super::Figure;
use crate::{
    contracts,
    process::capture,
    setup::{self, Area},
    workspace,
};

/// What a call that is made again and again, for as long as there is work, may cost.
const GOALS: [(&str, f64); 3] = [("claim_later", 78_000.0), ("claim_batch_later", 22_000.0), ("settle_per_job", 38_000.0)];

/// What a reader must know of them, and of those whose name begins alike.
const NOTES: [(&str, &str); 6] = [
    (
        "claim_batch",
        "an account's part of 100 at once, in a tree of 131,072; the lower limit of a pushed payment, not measured here: 10,647 an account",
    ),
    ("claim_to", "an account that was paid before, in a tree of 16,384, with its signature and a carrier's fee"),
    ("claim", "one account, in a tree of 16,384"),
    ("settle_per_job", "a session's part of 50 at once: proposed and made final"),
    ("reserve_first", "the first session under an order"),
    ("reserve", "a later session under an order"),
];

/// Figures by name.
type Gas = BTreeMap<String, f64>;

/// All figures of the area.
pub(super) fn measure() -> Result<Vec<Figure>> {
    setup::ensure(&[Area::Contracts])?;
    contracts::build()?;
    let printed = capture(contracts::tool("gas").arg("--json")).context("the contracts' measurement failed")?;
    let measured: Gas =
        serde_json::from_str(&printed).context("the contracts' measurement printed something else than figures")?;
    let text =
        std::fs::read_to_string(workspace::root().join("contracts/gas.json")).context("could not read contracts/gas.json")?;
    let committed = serde_json::from_str(&text).context("contracts/gas.json is not a list of figures")?;
    measured.iter().map(|(name, &value)| figure(name, value, &committed)).collect()
}

/// Against its goal, or without one against what is committed.
fn figure(name: &str, value: f64, committed: &Gas) -> Result<Figure> {
    let goal = GOALS.into_iter().find_map(|(goal, most)| (goal == name).then_some(most));
    let compared = if goal.is_some() { "at most the baseline" } else { "baseline from contracts/gas.json" };
    let baseline = goal.or_else(|| committed.get(name).copied());
    let mut note = format!("{compared}; with a plain token");
    if let Some((_, more)) = NOTES.into_iter().find(|(beginning, _)| name.starts_with(beginning)) {
        note.push_str(&format!("; {more}"));
    }
    Ok(Figure {
        id: format!("gas.{name}"),
        value,
        unit: "gas".to_owned(),
        baseline: baseline.with_context(|| format!("contracts/gas.json has no {name}; run `bin/gas write` there"))?,
        note,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_without_a_goal_is_held_against_the_committed_one() {
        let committed = Gas::from([("claim_later".to_owned(), 70_269.0), ("sweep".to_owned(), 59_750.0)]);
        assert_eq!(figure("claim_later", 1.0, &committed).expect("a goal").baseline, 78_000.0);
        assert_eq!(figure("sweep", 1.0, &committed).expect("a committed figure").baseline, 59_750.0);
        assert!(figure("new", 1.0, &committed).is_err());
    }

    #[test]
    fn the_note_of_a_batch_is_not_the_one_of_a_claim() {
        let note = |name| figure(name, 1.0, &Gas::from([(String::from(name), 1.0)])).expect("committed").note;
        assert!(note("claim_batch_later").contains("10,647"));
        assert!(note("claim_later").ends_with("one account, in a tree of 16,384"));
    }

    #[test]
    fn each_goal_is_of_something_that_is_measured() {
        let text = std::fs::read_to_string(workspace::root().join("contracts/gas.json")).expect("figures");
        let committed: Gas = serde_json::from_str(&text).expect("figures");
        assert!(GOALS.iter().all(|(name, _)| committed.contains_key(*name)));
    }
}
