//! Answers challenges on one card until nobody asks any more: a line for each question, and openings into a file.

use std::{
    fs,
    io::{self, BufRead as _, Read as _, Write as _},
    path::Path,
    process::ExitCode,
    sync::mpsc::{Receiver, sync_channel},
    thread,
};

use headframe_agent::benchmark::{
    ask::{self, Told, Want},
    device::{DeviceError, Stop},
    line,
};
use headframe_proof::{Parameters, Prover as _};
use headframe_protocol::challenge::ASKED_MAX;

use crate::gpu::{Gpus, prove::CardProver};

/// Whatever goes wrong is a line, and the end.
pub(crate) fn answer(card: &str, openings: &Path) -> ExitCode {
    match answer_all(card, openings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            tell(&Told::Failed { reason });
            ExitCode::FAILURE
        }
    }
}

fn answer_all(card: &str, openings: &Path) -> Result<(), String> {
    let stop = Stop::default();
    let asked = listen(stop.clone());
    let portable = Gpus::look().open(card).map_err(|error| error.to_string())?;
    let mut prover = CardProver::new(&portable, stop).map_err(|error| error.to_string())?;
    tell(&Told::Ready);
    for line in asked {
        let want = ask::parse(&line?).map_err(|error| error.to_string())?;
        tell(&one(&mut prover, want, openings)?);
    }
    Ok(())
}

fn one(prover: &mut CardProver<'_>, want: Want, openings: &Path) -> Result<Told, String> {
    let unable = |error: DeviceError| error.to_string();
    let few = |count: usize| if count <= ASKED_MAX { Ok(()) } else { Err(format!("{count} openings at once are too many")) };
    let write = |bytes: Vec<u8>| {
        fs::write(openings, &bytes).map_err(|error| format!("openings cannot be written: {error}"))?;
        Ok(Told::Opened { bytes: bytes.len() as u64 })
    };
    match want {
        Want::Prove { seed, size, products, resident } => {
            let parameters = Parameters::new(size, products).and_then(|all| all.keeping(resident));
            let roots = prover.compute(&seed, parameters.map_err(|error| error.to_string())?).map_err(unable)?;
            Ok(Told::Roots { roots })
        }
        Want::Open { rows } => few(rows.len()).and_then(|()| write(prover.open(&rows).map_err(unable)?)),
        Want::Remember { nonce, reads } => Ok(Told::Roots { roots: prover.remember(&nonce, reads).map_err(unable)? }),
        Want::OpenReads { reads } => few(reads.len()).and_then(|()| write(prover.open_reads(&reads).map_err(unable)?)),
    }
}

/// Questions as they come. The word to stop, or the end of the input, is heard while the card computes.
fn listen(stop: Stop) -> Receiver<Result<String, String>> {
    // Nobody asks before he was answered.
    let (ask, asked) = sync_channel(1);
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        loop {
            let mut line = String::new();
            let read = input.by_ref().take(line::BYTES_MAX as u64).read_line(&mut line);
            let said = match read {
                Ok(0) => break,
                Ok(_) if line.trim() == line::ABORT => break,
                Ok(_) if !line.ends_with('\n') => Err("a line has no end".to_owned()),
                Ok(_) => Ok(line),
                Err(error) => Err(error.to_string()),
            };
            let is_last = said.is_err();
            if ask.try_send(said).is_err() || is_last {
                break;
            }
        }
        stop.set();
    });
    asked
}

/// One line for the agent. If it is gone, its end of our input is closed as well, and that ends us.
fn tell(told: &Told) {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", ask::to_line(told)).and_then(|()| out.flush()).ok();
}
