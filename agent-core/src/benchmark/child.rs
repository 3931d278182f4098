//! The measuring program as the agent's child: started with nothing but what a graphics driver needs, listened to with limits, and gone when it is
//! not wanted.

use std::{
    env, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use futures_util::StreamExt as _;
use headframe_protocol::{
    benchmark::{Benchmark, Card, Figure, MeasureStage, Outcome, Progress, Subject},
    rig::GpuVendor,
};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    time::{Instant, sleep_until},
};
use tokio_util::{
    codec::{FramedRead, LinesCodec, LinesCodecError},
    sync::CancellationToken,
};
use tracing::{info, warn};

use super::line::{self, LineError, Says};
use crate::clock;

/// The program's name, without what the system puts behind it. It lies beside ours.
pub const PROGRAM: &str = "headframe-benchmark";

/// The longest one subject may take. A whole measurement is planned for 40 s.
const LIMIT: Duration = Duration::from_secs(60);

/// The longest a look at what cards there are may take. Drivers wake cards for it.
const LOOK_LIMIT: Duration = Duration::from_secs(15);

/// How long an abort may take before the program is killed; with what killing takes, the card is free within 100 ms.
pub(super) const ABORT_GRACE: Duration = Duration::from_millis(80);

/// The longest line of its standard error; what is longer is none that helps.
pub(super) const LOG_BYTES_MAX: usize = 4 * 1024;

/// What of our environment it gets: where drivers look for themselves and for their caches. Nothing in it is a secret.
const KEPT: [&str; 14] = [
    "HOME",
    "LD_LIBRARY_PATH",
    "LOCALAPPDATA",
    "ProgramData",
    "SystemDrive",
    "SystemRoot",
    "TEMP",
    "TMP",
    "USERPROFILE",
    "VK_DRIVER_FILES",
    "VK_ICD_FILENAMES",
    "XDG_CACHE_HOME",
    "XDG_DATA_DIRS",
    "XDG_RUNTIME_DIR",
];

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// It is not where it belongs, or may not be run.
    #[error("could not start {}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What it says is not understood.
    #[error("the measuring program cannot be understood")]
    Line(#[source] LineError),
    /// What it says cannot be read.
    #[error("the measuring program cannot be heard")]
    Read(#[source] io::Error),
    /// It ended, or was too slow, before it said which cards there are.
    #[error("the measuring program did not say which cards there are")]
    Silent,
}

/// Where the measuring program is.
#[derive(Debug, Clone)]
pub struct Measurer {
    program: PathBuf,
    limit: Duration,
}

impl Measurer {
    /// This program.
    #[must_use]
    pub fn at(program: &Path) -> Self {
        Self { program: program.to_owned(), limit: LIMIT }
    }

    /// The one beside the program that runs.
    ///
    /// # Errors
    /// If the system does not say where we are.
    pub fn beside_us() -> io::Result<Self> {
        Ok(Self::at(&beside_us()?))
    }

    /// The same, with less time for one subject.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { limit: limit.min(LIMIT), ..self }
    }

    /// Which cards there are, each once.
    ///
    /// # Errors
    /// [`ChildError`].
    pub async fn cards(&self) -> Result<Vec<Card>, ChildError> {
        let mut running = Running::start(&self.program, &["look"])?;
        let deadline = Instant::now() + LOOK_LIMIT;
        let stop = CancellationToken::new();
        loop {
            match running.next(deadline, &stop).await? {
                Heard::Says(Says::Cards { cards }) => return Ok(cards),
                Heard::Says(Says::Progress(_) | Says::Benchmark(_)) => {}
                Heard::Ended | Heard::TimeIsUp | Heard::Stopped => return Err(ChildError::Silent),
            }
        }
    }

    /// Measures one subject. However the program ends, that is a result; `tell` hears how far it is until then.
    ///
    /// A card whose driver does not survive its matrix units is measured once more, without them.
    ///
    /// # Errors
    /// [`ChildError`] if the program cannot be run or understood at all.
    pub async fn measure(
        &self,
        subject: &Subject,
        stop: &CancellationToken,
        tell: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Benchmark, ChildError> {
        let Subject::Card(card) = subject else { return self.measure_by(&["cpu"], subject, stop, tell).await };
        let found = self.measure_by(&["card", &card.id], subject, stop, tell).await?;
        if !died_of_matrix_units(card, &found) {
            return Ok(found);
        }
        warn!(card = %card.id, outcome = ?found.outcome, "A card is measured again without its matrix units");
        self.measure_by(&["card", &card.id, line::WITHOUT_MATRIX_UNITS], subject, stop, tell).await
    }

    async fn measure_by(
        &self,
        arguments: &[&str],
        subject: &Subject,
        stop: &CancellationToken,
        tell: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Benchmark, ChildError> {
        let (began_ms, began) = (clock::wall(), Instant::now());
        let mut running = Running::start(&self.program, arguments)?;
        let mut deadline = began + self.limit;
        let (mut stop, mut last) = (stop.clone(), None);
        let mut is_aborted = false;
        let outcome = loop {
            match running.next(deadline, &stop).await? {
                Heard::Says(Says::Benchmark(benchmark)) => return Ok(*benchmark),
                Heard::Says(Says::Progress(progress)) => {
                    last = Some(progress.clone());
                    tell(progress);
                }
                Heard::Says(Says::Cards { .. }) => {}
                Heard::Stopped => {
                    running.abort().await;
                    // From here on only time can end it.
                    (stop, is_aborted, deadline) = (CancellationToken::new(), true, Instant::now() + ABORT_GRACE);
                }
                Heard::Ended | Heard::TimeIsUp if is_aborted => break Outcome::Aborted,
                Heard::TimeIsUp => break Outcome::TimedOut { during: during(last.as_ref()) },
                Heard::Ended => break Outcome::Crashed { during: during(last.as_ref()), message: running.end().await },
            }
        };
        Ok(Benchmark::without_figures(env!("CARGO_PKG_VERSION"), subject.clone(), outcome, (began_ms, began.elapsed())))
    }
}

/// Where the measuring program lies: beside the program that runs.
///
/// # Errors
/// If the system does not say where we are.
pub fn beside_us() -> io::Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name(format!("{PROGRAM}{}", env::consts::EXE_SUFFIX)))
}

/// Whether it may have ended early because of programs for matrix units. NVIDIA's cards are measured by their maker's own way, which is the same with
/// and without them.
fn died_of_matrix_units(card: &Card, found: &Benchmark) -> bool {
    let of_units = [Figure::TensorFp16, Figure::TensorInt8, Figure::GemmFp16, Figure::GemmInt8];
    let is_early = match &found.outcome {
        Outcome::Done | Outcome::InUse { .. } | Outcome::Aborted => false,
        Outcome::Crashed { during, .. } | Outcome::TimedOut { during } | Outcome::DriverReset { during, .. } => {
            // A card that was lost to them may be found to be so only by what was measured next.
            let had_failed = found.failed.iter().any(|failed| of_units.contains(&failed.figure));
            had_failed || of_units.iter().any(|figure| figure.words() == during)
        }
    };
    is_early && card.vendor != Some(GpuVendor::Nvidia)
}

/// This program, with nothing of our environment but what a driver needs.
pub(super) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(KEPT.iter().filter_map(|name| Some((name, env::var_os(name)?))));
    command
}

fn during(last: Option<&Progress>) -> String {
    let Some(Progress { stage, figure, .. }) = last else { return "the start".to_owned() };
    let words = match stage {
        MeasureStage::Memory => "taking memory",
        MeasureStage::Probe | MeasureStage::Burst | MeasureStage::Product | MeasureStage::Transfer | MeasureStage::Sustained => {
            figure.map_or("a look at the card", |figure| figure.words())
        }
    };
    words.to_owned()
}

/// What came next.
enum Heard {
    Says(Says),
    Ended,
    TimeIsUp,
    Stopped,
}

struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: FramedRead<ChildStdout, LinesCodec>,
    stderr: Option<FramedRead<ChildStderr, LinesCodec>>,
}

impl Running {
    fn start(program: &Path, arguments: &[&str]) -> Result<Self, ChildError> {
        let unstarted = |source| ChildError::Start { program: program.to_owned(), source };
        let mut command = command(program);
        command.args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(unstarted)?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(unstarted(io::Error::other("it has no output")));
        };
        Ok(Self {
            stdin: child.stdin.take(),
            stdout: FramedRead::new(stdout, LinesCodec::new_with_max_length(line::BYTES_MAX)),
            stderr: Some(FramedRead::new(stderr, LinesCodec::new_with_max_length(LOG_BYTES_MAX))),
            child,
        })
    }

    async fn next(&mut self, deadline: Instant, stop: &CancellationToken) -> Result<Heard, ChildError> {
        loop {
            let log = async {
                match &mut self.stderr {
                    Some(stderr) => stderr.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Heard::Stopped),
                () = sleep_until(deadline) => return Ok(Heard::TimeIsUp),
                said = self.stdout.next() => return match said {
                    Some(Ok(said)) => Says::parse(&said).map(Heard::Says).map_err(ChildError::Line),
                    Some(Err(LinesCodecError::MaxLineLengthExceeded)) => Err(ChildError::Line(LineError::TooLong)),
                    Some(Err(LinesCodecError::Io(error))) => Err(ChildError::Read(error)),
                    None => Ok(Heard::Ended),
                },
                logged = log => match logged {
                    Some(Ok(text)) => info!(said = %text, "The measuring program says something"),
                    Some(Err(LinesCodecError::MaxLineLengthExceeded)) => warn!("The measuring program says too much in one line"),
                    Some(Err(LinesCodecError::Io(_))) | None => self.stderr = None,
                },
            }
        }
    }

    async fn abort(&mut self) {
        if let Some(mut stdin) = self.stdin.take() {
            // One that is gone needs not be asked. Closing the input says the same.
            stdin.write_all(format!("{}\n", line::ABORT).as_bytes()).await.ok();
        }
    }

    /// How it ended, in the system's words.
    async fn end(&mut self) -> String {
        match tokio::time::timeout(ABORT_GRACE, self.child.wait()).await {
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it closed its output and stayed".to_owned(),
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
