//! Figures, as ratios of one run on one machine: a number without its baseline says more about the machine than about us.

mod dispatch;
mod gas;
mod gpu;
mod guest;
mod network;
mod proof;
mod window;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::story;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The area.
    #[arg(value_enum)]
    area: Area,
    /// Only this part of `guest`; may be given several times.
    #[arg(long, value_enum)]
    part: Vec<guest::Part>,
    /// One line of JSON per figure instead of a table. Nothing else is on standard output then.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Area {
    /// From submit to the first instruction in the container; assignments per second; cost of matching.
    Dispatch,
    /// What calls of the contracts cost.
    Gas,
    /// What our kernels reach of the vendor's on the card that is here, and how long measuring takes.
    Gpu,
    /// How fast the agent leaves, what it needs while it waits, what its sandbox costs. Takes half an hour.
    Guest,
    /// What checking a card's challenge costs the coordinator.
    Proof,
    /// What the window loads, how soon it draws, what it takes while nothing happens, how it bears long logs and days.
    Window,
}

/// One measured number.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Figure {
    /// Its name for ever: figures of different days are compared by it.
    id: String,
    /// The number.
    value: f64,
    /// What it counts.
    unit: String,
    /// What it should reach, or what it was compared with.
    baseline: f64,
    /// What a reader must know to believe it.
    note: String,
}

/// What a crate's own measurement prints: it knows what it measured, and not what is wanted.
#[derive(Deserialize)]
struct Measured {
    id: String,
    value: f64,
    unit: String,
    note: String,
}

/// A line of that, with what its figure should reach.
fn printed_figure(line: &str, goals: &[(&str, f64)]) -> Result<Figure> {
    let Measured { id, value, unit, note } = serde_json::from_str(line)?;
    let goal = goals.iter().find(|(name, _)| *name == id);
    let (_, baseline) = *goal.with_context(|| format!("nobody said what {id} should reach"))?;
    Ok(Figure { id, value, unit, baseline, note })
}

/// The command. With `--json` nothing but figures is on standard output: how it is going is told on standard error.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.json {
        story::aside();
    }
    let figures = match options.area {
        Area::Dispatch => dispatch::measure()?,
        Area::Gas => gas::measure()?,
        Area::Gpu => gpu::measure()?,
        Area::Proof => proof::measure()?,
        Area::Window => window::measure()?,
        // A part that fails takes no minutes of the others along.
        Area::Guest => {
            let (figures, failed) = guest::measure(&options.part)?;
            tell(options.json, &figures)?;
            return failed.map_or(Ok(()), Err);
        }
    };
    tell(options.json, &figures)
}

fn tell(json: bool, figures: &[Figure]) -> Result<()> {
    if !json {
        print!("{}", table(figures));
        return Ok(());
    }
    for figure in figures {
        println!("{}", serde_json::to_string(figure)?);
    }
    Ok(())
}

fn table(figures: &[Figure]) -> String {
    let mut table = format!("\n{:<32} {:>12} {:>12}  {:<16} {}\n", "figure", "value", "baseline", "unit", "note");
    for Figure { id, value, unit, baseline, note } in figures {
        table.push_str(&format!("{id:<32} {value:>12.2} {baseline:>12.2}  {unit:<16} {note}\n"));
    }
    table
}

/// The middle one: one slow start says something about the disk and nothing about us.
fn median(mut values: Vec<f64>) -> f64 {
    assert!(!values.is_empty(), "a median needs a value");
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) { f64::midpoint(values[middle - 1], values[middle]) } else { values[middle] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_few_and_of_an_even_number() {
        assert_eq!(median(vec![3.0, 1.0, 100.0]), 3.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn a_figure_is_a_line_with_these_names() {
        let figure = Figure { id: "a.b".to_owned(), value: 1.5, unit: "ratio".to_owned(), baseline: 1.25, note: String::new() };
        let line = serde_json::to_string(&figure).expect("it is plain");
        assert_eq!(line, r#"{"id":"a.b","value":1.5,"unit":"ratio","baseline":1.25,"note":""}"#);
    }
}
