//! What it costs a coordinator to check a card's challenge.

use anyhow::{Context as _, Result, bail};

use super::{Figure, printed_figure};
use crate::process::{capture, cargo};

/// The crate's own measurement: it prints one figure per line, and how they grow on standard error.
const EXAMPLE: &str = "proof_bench";
/// What its figures should reach: seconds on one core, and megabytes of heap, for matrices of 8,192 rows.
const GOALS: [(&str, f64); 2] = [("proof.verify_s", 0.3), ("proof.verify_mb", 2.0)];

/// All figures of the area.
pub(super) fn measure() -> Result<Vec<Figure>> {
    let mut measure = cargo();
    measure.args(["run", "--quiet", "--release", "--package", "headframe-proof", "--example", EXAMPLE]);
    let printed = capture(&mut measure).context("the measurement failed")?;
    let figures = printed.lines().map(|line| printed_figure(line, &GOALS).with_context(|| format!("this is no figure: {line}")));
    let figures = figures.collect::<Result<Vec<_>>>()?;
    if figures.len() != GOALS.len() {
        bail!("{} figures instead of {}:\n{printed}", figures.len(), GOALS.len());
    }
    Ok(figures)
}
