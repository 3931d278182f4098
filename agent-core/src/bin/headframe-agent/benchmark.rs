//! `headframe-agent benchmark`: what the graphics cards and the processor of this PC can do.

mod tell;

use std::{
    io::{self, IsTerminal as _, Write as _},
    pin::pin,
};

use headframe_agent::benchmark::{
    child::Measurer,
    round::{RoundError, Wish, round},
};
use headframe_control::AgentPaths;
use headframe_protocol::benchmark::{Benchmark, Outcome, Progress, Subject};
use tokio_util::sync::CancellationToken;

use crate::{BenchmarkArgs, Exit, words};

/// Measures what is not known yet, and tells all of it. Ctrl-C gives the card back.
pub(crate) async fn benchmark(paths: &AgentPaths, args: &BenchmarkArgs) -> Exit {
    let stop = CancellationToken::new();
    match measure(paths, args, &stop).await {
        Ok(results) => {
            let exit = if results.iter().all(|result| result.outcome == Outcome::Done) { Exit::Done } else { Exit::Failed };
            if args.json {
                // Plain data; it always has a JSON form.
                words::say(&serde_json::to_string(&results).unwrap_or_default());
            } else {
                words::say(&tell::report(&results));
            }
            exit
        }
        Err(error) => words::fail(&error, Exit::Failed),
    }
}

async fn measure(paths: &AgentPaths, args: &BenchmarkArgs, stop: &CancellationToken) -> Result<Vec<Benchmark>, RoundError> {
    let measurer = Measurer::beside_us()?;
    let wish = Wish { again: args.again, software: args.software, ..Wish::default() };
    let mut line = ProgressLine::new(args.json);
    let results = {
        let mut tell = |subject: &Subject, progress: Progress| line.show(subject, &progress);
        let mut measuring = pin!(round(&measurer, paths.data_dir(), &wish, stop, &mut tell));
        tokio::select! {
            results = &mut measuring => results,
            _ = tokio::signal::ctrl_c() => {
                stop.cancel();
                measuring.await
            }
        }
    };
    line.clear();
    results
}

/// One line that is written over and over, where somebody looks at it.
struct ProgressLine {
    is_shown: bool,
    width: usize,
}

impl ProgressLine {
    fn new(is_json: bool) -> Self {
        Self { is_shown: !is_json && io::stderr().is_terminal(), width: 0 }
    }

    fn show(&mut self, subject: &Subject, progress: &Progress) {
        if self.is_shown {
            self.write(&tell::progress(subject, progress));
        }
    }

    fn clear(&mut self) {
        if self.width > 0 {
            self.write("");
            write!(io::stderr(), "\r").ok();
        }
    }

    fn write(&mut self, text: &str) {
        let width = text.chars().count();
        let behind = " ".repeat(self.width.saturating_sub(width));
        // A terminal that has gone away is no error of ours.
        write!(io::stderr(), "\r{text}{behind}").and_then(|()| io::stderr().flush()).ok();
        self.width = width;
    }
}
