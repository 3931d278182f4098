//! A card that answers challenges, in the measuring program as the agent's child: asked one thing after another, killed when it is dropped.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use futures_util::StreamExt as _;
use headframe_proof::Parameters;
use headframe_protocol::challenge::{Digest, ReadAt, RowAt};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, ChildStderr, ChildStdin, ChildStdout},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};
use tracing::{debug, info, warn};

use super::{
    ask::{self, Told, Want},
    child::{ABORT_GRACE, LOG_BYTES_MAX, command},
    line::{self, LineError},
};

/// The longest that opening a card and compiling for it may take.
const START_LIMIT: Duration = Duration::from_secs(30);

/// The longest that one answer may take, whatever the coordinator allows: nobody waits for a card that hangs.
const LIMIT: Duration = Duration::from_secs(300);

/// Why a card does not answer.
#[derive(Debug, thiserror::Error)]
pub enum ProverError {
    /// The program is not where it belongs, or may not be run.
    #[error("could not start {}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no place for openings.
    #[error("there is no folder for openings")]
    Folder(#[source] io::Error),
    /// What it says is not understood.
    #[error("the proving program cannot be understood")]
    Line(#[source] LineError),
    /// It cannot be heard, or does not hear.
    #[error("the proving program cannot be spoken to")]
    Pipe(#[source] io::Error),
    /// It says itself that it cannot.
    #[error("the card cannot: {0}")]
    Failed(String),
    /// It is gone.
    #[error("the proving program ended: {0}")]
    Ended(String),
    /// It took too long.
    #[error("the proving program did not answer in time")]
    Late,
    /// It answers something else.
    #[error("the proving program answers what was not asked")]
    Unasked,
    /// A question before this one was given up; what comes next would be its answer.
    #[error("a question to the proving program was given up")]
    GivenUp,
}

/// Openings in a file. It is overwritten by the next ones, and gone with the prover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Openings {
    /// Where they are.
    pub file: PathBuf,
    /// How many bytes they are.
    pub bytes: u64,
}

/// One card, ready to answer. Dropping it kills the program.
#[derive(Debug)]
pub struct ChildProver {
    child: Child,
    stdin: ChildStdin,
    stdout: FramedRead<ChildStdout, LinesCodec>,
    stderr: Option<FramedRead<ChildStderr, LinesCodec>>,
    openings: PathBuf,
    /// A question is under way, or was given up.
    is_asked: bool,
    // Goes last: whoever writes there is gone by then.
    _folder: Folder,
}

impl ChildProver {
    /// Starts `program` on the card of this name and waits until it is ready.
    ///
    /// # Errors
    /// [`ProverError`].
    pub async fn start(program: &Path, card: &str) -> Result<Self, ProverError> {
        let mut prover = Self::spawn(program, card)?;
        prover.ready().await?;
        Ok(prover)
    }

    /// Starts `program` on the card of this name. The first thing to ask is whether it is [ready](Self::ready).
    ///
    /// # Errors
    /// [`ProverError::Start`] and [`ProverError::Folder`].
    pub fn spawn(program: &Path, card: &str) -> Result<Self, ProverError> {
        let folder = Folder::new().map_err(ProverError::Folder)?;
        let openings = folder.0.join("openings");
        let unstarted = |source| ProverError::Start { program: program.to_owned(), source };
        let mut command = command(program);
        command.args(["prove", "--card", card, "--openings"]).arg(&openings);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(unstarted)?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err(unstarted(io::Error::other("it has no input or output")));
        };
        Ok(Self {
            child,
            stdin,
            stdout: FramedRead::new(stdout, LinesCodec::new_with_max_length(line::BYTES_MAX)),
            stderr: Some(FramedRead::new(stderr, LinesCodec::new_with_max_length(LOG_BYTES_MAX))),
            openings,
            is_asked: false,
            _folder: folder,
        })
    }

    /// Waits until it has opened the card.
    ///
    /// # Errors
    /// As [`Self::compute`].
    pub async fn ready(&mut self) -> Result<(), ProverError> {
        match self.hear(START_LIMIT).await? {
            Told::Ready => Ok(()),
            Told::Roots { .. } | Told::Opened { .. } | Told::Failed { .. } => Err(ProverError::Unasked),
        }
    }

    /// Computes the chain. Returns the root over the rows of each product.
    ///
    /// # Errors
    /// [`ProverError`]. After any the prover is of no more use.
    pub async fn compute(&mut self, seed: &Digest, parameters: Parameters) -> Result<Vec<Digest>, ProverError> {
        let (size, products, resident) = (parameters.size(), parameters.products(), parameters.resident());
        self.roots(&Want::Prove { seed: *seed, size, products, resident }).await
    }

    /// The openings of these rows.
    ///
    /// # Errors
    /// As [`Self::compute`].
    pub async fn open(&mut self, rows: &[RowAt]) -> Result<Openings, ProverError> {
        self.openings(&Want::Open { rows: rows.to_vec() }).await
    }

    /// Reads the card's memory in rounds. Returns the root of each.
    ///
    /// # Errors
    /// As [`Self::compute`].
    pub async fn remember(&mut self, nonce: &Digest, reads: u32) -> Result<Vec<Digest>, ProverError> {
        self.roots(&Want::Remember { nonce: *nonce, reads }).await
    }

    /// The openings of these reads.
    ///
    /// # Errors
    /// As [`Self::compute`].
    pub async fn open_reads(&mut self, reads: &[ReadAt]) -> Result<Openings, ProverError> {
        self.openings(&Want::OpenReads { reads: reads.to_vec() }).await
    }

    /// Gives the card back, whatever it does now; the program is gone when this returns.
    pub async fn abort(mut self) {
        // One that is gone needs not be asked.
        self.stdin.write_all(format!("{}\n", line::ABORT).as_bytes()).await.ok();
        if timeout(ABORT_GRACE, self.child.wait()).await.is_err()
            && let Err(error) = self.child.kill().await
        {
            debug!(%error, "The proving program was gone before it was killed");
        }
    }

    /// The program's number, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    async fn roots(&mut self, want: &Want) -> Result<Vec<Digest>, ProverError> {
        match self.ask(want).await? {
            Told::Roots { roots } => Ok(roots),
            Told::Ready | Told::Opened { .. } | Told::Failed { .. } => Err(ProverError::Unasked),
        }
    }

    async fn openings(&mut self, want: &Want) -> Result<Openings, ProverError> {
        match self.ask(want).await? {
            Told::Opened { bytes } => Ok(Openings { file: self.openings.clone(), bytes }),
            Told::Ready | Told::Roots { .. } | Told::Failed { .. } => Err(ProverError::Unasked),
        }
    }

    async fn ask(&mut self, want: &Want) -> Result<Told, ProverError> {
        if self.is_asked {
            return Err(ProverError::GivenUp);
        }
        self.is_asked = true;
        let line = format!("{}\n", ask::to_line(want));
        if self.stdin.write_all(line.as_bytes()).await.is_err() {
            // It says why, or how it ended, on its way out.
            self.hear(ABORT_GRACE).await?;
            return Err(ProverError::Unasked);
        }
        let told = self.hear(LIMIT).await?;
        self.is_asked = false;
        Ok(told)
    }

    async fn hear(&mut self, within: Duration) -> Result<Told, ProverError> {
        let deadline = Instant::now() + within;
        loop {
            let log = async {
                match &mut self.stderr {
                    Some(stderr) => stderr.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = sleep_until(deadline) => return Err(ProverError::Late),
                said = self.stdout.next() => return match said {
                    Some(Ok(said)) => match ask::parse(&said).map_err(ProverError::Line)? {
                        Told::Failed { reason } => Err(ProverError::Failed(reason)),
                        told => Ok(told),
                    },
                    Some(Err(LinesCodecError::MaxLineLengthExceeded)) => Err(ProverError::Line(LineError::TooLong)),
                    Some(Err(LinesCodecError::Io(error))) => Err(ProverError::Pipe(error)),
                    None => Err(ProverError::Ended(self.end().await)),
                },
                logged = log => match logged {
                    Some(Ok(text)) => info!(said = %text, "The proving program says something"),
                    Some(Err(LinesCodecError::MaxLineLengthExceeded)) => warn!("The proving program says too much in one line"),
                    Some(Err(LinesCodecError::Io(_))) | None => self.stderr = None,
                },
            }
        }
    }

    /// How it ended, in the system's words.
    async fn end(&mut self) -> String {
        match timeout(ABORT_GRACE, self.child.wait()).await {
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it closed its output and stayed".to_owned(),
        }
    }
}

/// A folder that only we may read, gone when dropped.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("headframe-proof-{:032x}", rand::random::<u128>()));
        let mut builder = fs::DirBuilder::new();
        // One that is there already is somebody else's.
        builder.recursive(false);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            warn!(folder = %self.0.display(), %error, "The folder of openings stays behind");
        }
    }
}
