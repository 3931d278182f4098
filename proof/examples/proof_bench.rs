//! What it costs a coordinator to check one challenge: time on one core, and memory.
//!
//! Prints one JSON line per figure, `{"id","value","unit","note"}`, and on standard error how both grow with the matrices. What is
//! checked passes: 64 rows of odd products are truly computed, from rows before them that are made up, and committed to in trees
//! that hold nothing else. To a verifier these are the rows of a whole chain, and no card is needed to make them.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "figures are this program's output")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use headframe_proof::{
    Lanes, Parameters, Refusal, Verifier,
    expand::{Matrix, Seed, requantised},
    opening::{Kind, header, name_row},
    question::ASKED,
    row,
    tree::{NO_LEAF, Tree, row_leaf},
};
use headframe_protocol::challenge::{Digest, RowAt};

/// Products of the chain.
const PRODUCTS: u32 = 20;
/// Checks of one size. The median of so many is told.
const CHECKS: usize = 5;
/// Openings arrive in pieces of what a body of HTTP usually brings at once.
const PIECE_BYTES: usize = 16 * 1_024;
/// The size that the figures are for.
const SIZE: u32 = 8_192;

/// Counts what is on the heap, and how much it was at most.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the promises of `dealloc`.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static HEAP: Counting = Counting;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for size in [1_024, 2_048, 4_096, 8_192, 16_384] {
        let parameters = Parameters::new(size, PRODUCTS)?;
        let answer = Answer::to(parameters)?;
        let (seconds, prepared, bytes) = answer.measured(Lanes::One)?;
        let (doubly, _, _) = answer.measured(Lanes::Two)?;
        let megabytes = bytes as f64 / 1e6;
        let opened = answer.openings.len() as f64 / 1e6;
        eprintln!(
            "n = {size:>6}: {seconds:.4} s (B·r {prepared:.4} s; two vectors {doubly:.4} s), {megabytes:.3} MB of heap, {opened:.2} MB of openings"
        );
        if size == SIZE {
            let note = format!(
                "n = {SIZE}, {ASKED} rows and those before them, {opened:.1} MB of openings; one core, median of {CHECKS}, of which \
                 {prepared:.3} s can be done before they arrive"
            );
            print("proof.verify_s", seconds, "s", &note);
            print("proof.verify_mb", megabytes, "MB", &format!("n = {SIZE}, peak of the heap, openings in pieces of 16 KiB"));
        }
    }
    Ok(())
}

fn print(id: &str, value: f64, unit: &str, note: &str) {
    println!("{}", serde_json::json!({ "id": id, "value": value, "unit": unit, "note": note }));
}

/// Openings that pass, and what they are openings of.
struct Answer {
    parameters: Parameters,
    seed: Digest,
    roots: Vec<Digest>,
    asked: Vec<RowAt>,
    openings: Vec<u8>,
}

impl Answer {
    fn to(parameters: Parameters) -> Result<Self, Box<dyn std::error::Error>> {
        let seed = Digest::from_bytes([42; 32]);
        // Odd products only: no row is both the one before and one that is asked for.
        let asked: Vec<RowAt> = (0..ASKED as u32)
            .map(|at| RowAt { product: 1 + 2 * (at % (PRODUCTS / 2)), row: at * (parameters.size() / ASKED as u32) })
            .collect();
        let rows = rows(&Seed::new(&seed), parameters, &asked)?;
        let mut leaves = vec![vec![NO_LEAF; parameters.rows()]; PRODUCTS as usize];
        for (at, packed) in &rows {
            leaves[at.product as usize][at.row as usize] = row_leaf(packed);
        }
        let trees: Vec<Tree> = leaves.into_iter().map(Tree::over).collect();
        let mut openings = header(Kind::Rows, parameters, asked.len());
        for at in &asked {
            name_row(*at, &mut openings);
            for product in [at.product - 1, at.product] {
                openings.extend_from_slice(&rows[&RowAt { product, row: at.row }]);
                trees[product as usize].path(at.row as usize, &mut openings);
            }
        }
        let roots = trees.iter().map(|tree| Digest::from_bytes(tree.root())).collect();
        Ok(Self { parameters, seed, roots, asked, openings })
    }

    /// Medians of seconds in all and for `B·r`, and the highest peak of the heap in bytes.
    fn measured(&self, lanes: Lanes) -> Result<(f64, f64, usize), Refusal> {
        let mut all = Vec::new();
        let mut prepared = Vec::new();
        let mut most = 0;
        for check in 0..CHECKS {
            let before = NOW.load(Ordering::Relaxed);
            PEAK.store(before, Ordering::Relaxed);
            let begun = Instant::now();
            let secret = Digest::from_bytes([check as u8; 32]);
            let verifier = Verifier::new(&self.seed, self.parameters, &secret, lanes);
            let ready = begun.elapsed().as_secs_f64();
            let mut openings = verifier.rows(&self.roots, &self.asked)?;
            for piece in self.openings.chunks(PIECE_BYTES) {
                openings.feed(piece)?;
            }
            openings.finish()?;
            let seconds = begun.elapsed().as_secs_f64();
            most = most.max(PEAK.load(Ordering::Relaxed) - before);
            all.push(seconds);
            prepared.push(ready);
        }
        Ok((median(all), median(prepared), most))
    }
}

/// The packed rows of an answer: made-up ones of even products, and what follows from them.
fn rows(seed: &Seed, parameters: Parameters, asked: &[RowAt]) -> Result<BTreeMap<RowAt, Vec<u8>>, row::TooLarge> {
    let size = parameters.rows();
    let edge = parameters.entry_max() as usize;
    let made_up = |at: usize| (0..size).map(|column| ((at * size + column) * 7_919 % (2 * edge)) as i32 - edge as i32).collect();
    let before: Vec<Vec<i32>> = (0..asked.len()).map(made_up).collect();
    let mut after = vec![vec![0_i32; size]; asked.len()];
    let mut line = vec![0_i8; size];
    for (index, number) in (0..parameters.size()).enumerate() {
        seed.fill_row(Matrix::Right, number, &mut line);
        for (before, after) in before.iter().zip(&mut after) {
            let entry = i32::from(requantised(before[index]));
            after.iter_mut().zip(&line).for_each(|(sum, other)| *sum += entry * i32::from(*other));
        }
    }
    let mut rows = BTreeMap::new();
    for (at, (before, after)) in asked.iter().zip(before.iter().zip(&after)) {
        for (product, entries) in [(at.product - 1, before), (at.product, after)] {
            let mut packed = Vec::new();
            row::pack(entries, &mut packed)?;
            rows.insert(RowAt { product, row: at.row }, packed);
        }
    }
    Ok(rows)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
