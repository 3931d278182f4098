//! Measures one card or the processor, and says so in lines of JSON (`headframe_agent::benchmark::line`). Started by the agent, for as long as it measures.
//!
//! Or answers challenges on a card (`headframe_agent::benchmark::ask`), for as long as it is asked.
//!
//! A program of its own, so that the agent never loads a graphics driver for computing, and outlives one that crashes.

mod answer;
mod gpu;
mod report;

use std::{
    io::{self, BufRead as _, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::Instant,
};

use clap::{Parser, Subcommand};
use headframe_agent::benchmark::{
    cpu::Cores,
    cuda::Cuda,
    device::{Device, Stop},
    driver,
    line::{self, Says},
    rank_correlation,
    round::this_processor,
    sensor::Watch,
    suite::{self, Findings, Length, World},
};
use headframe_protocol::{
    benchmark::{Card, CardClass, MeasureStage, Outcome, Subject},
    rig::GpuVendor,
};
use report::Report;

/// Measures what this PC can compute. The agent starts it; `headframe-agent benchmark` is what people use.
#[derive(Debug, Parser)]
#[command(name = "headframe-benchmark", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say which cards there are.
    Look,
    /// Measure the card of this name.
    Card {
        /// As `look` names it.
        id: String,
        /// A moment of each figure instead of half a minute. Cards that are programs are always measured so.
        #[arg(long)]
        brief: bool,
        /// Leave alone what only experimental parts of a driver offer (`line::WITHOUT_MATRIX_UNITS`). NVIDIA's own way is none of them.
        #[arg(long)]
        without_matrix_units: bool,
    },
    /// Say how well scores predict jobs: Spearman's rank correlation of lines `FU JOBS_PER_SECOND` on standard input.
    #[command(hide = true)]
    Rank,
    /// Answer challenges on the card of this name, as asked in lines on standard input.
    Prove {
        /// As `look` names it.
        #[arg(long)]
        card: String,
        /// Where openings are written.
        #[arg(long)]
        openings: PathBuf,
    },
    /// Measure the processor.
    Cpu {
        /// A moment of each figure.
        #[arg(long)]
        brief: bool,
    },
}

fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    match command {
        Command::Look => say(Says::Cards { cards: cards(&gpu::Gpus::look()) }),
        Command::Card { id, brief, without_matrix_units } => {
            let mut gpus = gpu::Gpus::look();
            let Some(card) = cards(&gpus).into_iter().find(|card| card.id == id) else {
                complain(&format!("there is no card {id}"));
                return ExitCode::FAILURE;
            };
            let stop = listen();
            let extent = if without_matrix_units { Extent::WithoutMatrixUnits } else { Extent::All };
            measure_card(&mut gpus, card, (length(brief), extent), &stop);
        }
        Command::Rank => return rank(),
        Command::Prove { card, openings } => return answer::answer(&card, &openings),
        Command::Cpu { brief } => {
            let stop = listen();
            let cpu = this_processor();
            let devices: Vec<Box<dyn Device>> = vec![Box::new(Cores::new(usize::from(cpu.cores), brief))];
            let report = Report::begin(Subject::Cpu(cpu));
            let findings = run(devices, length(brief), &stop, None);
            say(Says::Benchmark(Box::new(report.of(findings, None))));
        }
    }
    ExitCode::SUCCESS
}

const fn length(is_brief: bool) -> Length {
    if is_brief { Length::Brief } else { Length::Full }
}

/// Every card of the PC: those that the portable library shows, then those that only CUDA shows.
fn cards(gpus: &gpu::Gpus) -> Vec<Card> {
    let mut cards = gpus.cards();
    match Cuda::find().and_then(|cuda| cuda.map_or(Ok(Vec::new()), |cuda| cuda.more_cards(&cards))) {
        Ok(mut more) => {
            more.iter_mut().for_each(driver::complete);
            cards.extend(more);
        }
        Err(error) => complain(&format!("cards that only CUDA shows are not found: {error}")),
    }
    cards
}

/// How much of a card is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    All,
    WithoutMatrixUnits,
}

fn measure_card(gpus: &mut gpu::Gpus, card: Card, (length, extent): (Length, Extent), stop: &Stop) {
    let report = Report::begin(Subject::Card(card.clone()));
    if let Some(program) = driver::user(&card) {
        say(Says::Benchmark(Box::new(report.without_figures(Outcome::InUse { program: Some(program) }))));
        return;
    }
    // The maker's own way comes first: the suite takes each figure from the first device that offers it.
    let mut devices: Vec<Box<dyn Device>> = cuda(&card).into_iter().collect();
    // CUDA reaches more of a card's matrix units than the portable library does.
    let opened = match extent {
        Extent::All if devices.is_empty() => gpus.open_all(&card.id),
        Extent::All | Extent::WithoutMatrixUnits => gpus.open(&card.id),
    };
    match opened {
        Ok(device) => devices.push(Box::new(device)),
        Err(error) if !devices.is_empty() => complain(&format!("the card is measured by CUDA alone: {error}")),
        Err(error) => {
            let outcome = Outcome::Crashed { during: "opening the card".to_owned(), message: error.to_string() };
            say(Says::Benchmark(Box::new(report.without_figures(outcome))));
            return;
        }
    }
    let watch = driver::sensor(&card).map(Watch::begin);
    let length = if card.class == CardClass::Software { Length::Brief } else { length };
    let findings = run(devices, length, stop, watch.as_ref());
    say(Says::Benchmark(Box::new(report.of(findings, watch.map(Watch::finish)))));
}

/// An NVIDIA card by its maker's own driver. Without it, or with one that is too old, the portable kernels measure what they can.
fn cuda(card: &Card) -> Option<Box<dyn Device>> {
    if card.vendor != Some(GpuVendor::Nvidia) || card.class == CardClass::Software {
        return None;
    }
    let opened = Cuda::find().and_then(|cuda| cuda.map_or(Ok(None), |cuda| cuda.open(card)));
    match opened {
        Ok(Some(device)) => return Some(Box::new(device)),
        Ok(None) => complain("the card is measured without CUDA: there is no driver of it that shows the card"),
        Err(error) => complain(&format!("the card is measured without CUDA: {error}")),
    }
    None
}

fn run(mut devices: Vec<Box<dyn Device>>, length: Length, stop: &Stop, watch: Option<&Watch>) -> Findings {
    let began = Instant::now();
    let mut told = None;
    let mut tell = |progress: headframe_protocol::benchmark::Progress| {
        if progress.stage == MeasureStage::Sustained
            && let Some(watch) = watch
        {
            watch.mark_sustained();
        }
        // A hundredth is as fine as anybody draws; a line for each slice would keep two programs busy.
        let step = (progress.stage, progress.figure, progress.permille / 10);
        if told.replace(step) != Some(step) {
            say(Says::Progress(progress));
        }
    };
    let world = World { clock: &|| began.elapsed(), stop, tell: &mut tell, seed: report::seed() };
    suite::measure(&mut devices, length, world)
}

/// Ends the measurement when the agent says so, or is gone.
fn listen() -> Stop {
    let stop = Stop::default();
    let wanted = stop.clone();
    std::thread::spawn(move || {
        for word in io::stdin().lock().lines() {
            if word.map_or(true, |word| word.trim() == line::ABORT) {
                break;
            }
        }
        wanted.set();
    });
    stop
}

/// One line for the agent. If it is gone, its end of our input is closed as well, and that ends us.
fn say(says: Says) {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", says.to_line()).and_then(|()| out.flush()).ok();
}

fn rank() -> ExitCode {
    let pair = |line: &str| {
        let (fu, jobs) = line.trim().split_once(' ')?;
        Some((fu.parse().ok()?, jobs.trim().parse().ok()?))
    };
    let pairs: Option<Vec<(f64, f64)>> = io::stdin().lock().lines().map(|line| pair(&line.ok()?)).collect();
    let Some(correlation) = pairs.and_then(|pairs| rank_correlation(&pairs)) else {
        complain("it takes at least three lines `FU JOBS_PER_SECOND` that are not all the same");
        return ExitCode::FAILURE;
    };
    writeln!(io::stdout(), "{correlation:.3}").ok();
    ExitCode::SUCCESS
}

pub(crate) fn complain(text: &str) {
    writeln!(io::stderr(), "{text}").ok();
}
