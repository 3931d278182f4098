//! The life of one attempt on this rig, from first to last: prepare, run, bring. Each step that fails says why; an order
//! to stop ends any of them.

use std::{future::Future, time::Duration};

use bollard::{
    errors::Error as EngineError,
    query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder},
};
use headframe_protocol::{
    job::Reason,
    session::{AttemptRef, OutputFile},
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    Assignment, Ending, RunEvent, RunEventKind,
    coordinator::Counter,
    crew::Site,
    egress::Way,
    failure::Failure,
    image, inputs,
    log::{self, LogFile},
    outputs, sandbox,
    watch_over::{self, Cause, Exit},
    work::{WorkError, WorkVolume},
};
use crate::fault;

/// How long the rest of a log may take to the coordinator once the job has ended.
const FLUSH_MAX: Duration = Duration::from_secs(30);
/// The same when somebody waits for the PC.
const FLUSH_MAX_STOPPED: Duration = Duration::from_secs(3);

/// What an attempt has been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Order {
    /// Go on.
    #[default]
    Run,
    /// End within this. A later order can only shorten it.
    Stop {
        /// From the order on.
        grace: Duration,
    },
    /// End at once and in silence: it is being discarded.
    LetGo,
}

impl Order {
    /// How long what runs may still take, if it has to end.
    pub(super) const fn grace(self) -> Option<Duration> {
        match self {
            Self::Run => None,
            Self::Stop { grace } => Some(grace),
            Self::LetGo => Some(Duration::ZERO),
        }
    }
}

/// Where an attempt begins in this life of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Begin {
    /// With nothing.
    Fresh,
    /// With a container that was started by an earlier life.
    Adopted {
        /// How long it had run when last written down.
        running_ms: u64,
        /// Whether it had been told to stop.
        stopping: bool,
    },
}

/// Tells what happens, to whoever runs the agent.
#[derive(Debug, Clone)]
pub(super) struct Teller {
    pub(super) at: AttemptRef,
    pub(super) events: mpsc::Sender<RunEvent>,
}

impl Teller {
    /// What must arrive.
    pub(super) async fn tell(&self, kind: RunEventKind) {
        // An error means the agent is ending; the next life finds the attempt where it is.
        self.events.send(RunEvent { at: self.at, kind }).await.ok();
    }

    /// What may be left out when the reader is slow: the next one says more.
    pub(super) fn mention(&self, kind: RunEventKind) {
        self.events.try_send(RunEvent { at: self.at, kind }).ok();
    }
}

/// One attempt at work.
pub(super) struct Attempt<'a> {
    pub(super) site: &'a Site,
    pub(super) assignment: &'a Assignment,
    pub(super) teller: Teller,
    pub(super) orders: watch::Receiver<Order>,
}

/// How the work went, before the log is brought to its end.
enum Done {
    Brought { outputs: Vec<OutputFile>, running_ms: u64 },
    Failed { failure: Failure, running_ms: u64 },
    Stopped { running_ms: u64 },
}

impl Attempt<'_> {
    /// Runs it to its end.
    pub(super) async fn run(mut self, begin: Begin) -> Ending {
        let counter = match self.site.counter(self.assignment) {
            Ok(counter) => counter,
            Err(failure) => return failed(failure, 0, 0),
        };
        let path = log::path(&self.site.config.data_dir, self.assignment.at.attempt);
        let opened = match begin {
            Begin::Fresh => LogFile::create(path.clone()).await,
            Begin::Adopted { .. } => LogFile::reopen(path.clone()).await,
        };
        let mut log = match opened {
            Ok(log) => log,
            Err(error) => {
                tracing::warn!(%error, "Could not open {}", path.display());
                return failed(Failure::plain(Reason::RigDiskFull), 0, 0);
            }
        };
        let written = log.written();
        let work = async {
            let done = Box::pin(self.work(begin, &counter, &mut log)).await;
            let order = *self.orders.borrow();
            log.close(match &done {
                Done::Stopped { .. } if order == Order::LetGo => Duration::ZERO,
                Done::Stopped { .. } => FLUSH_MAX_STOPPED,
                Done::Brought { .. } | Done::Failed { .. } => FLUSH_MAX,
            });
            done
        };
        let (done, log_bytes) = tokio::join!(work, log::push(&counter, &path, written));
        match done {
            Done::Brought { outputs, running_ms } => Ending::Succeeded { outputs, running_ms, log_bytes },
            Done::Failed { failure, running_ms } => failed(failure, running_ms, log_bytes),
            Done::Stopped { running_ms } => Ending::Stopped { running_ms, log_bytes },
        }
    }

    async fn work(&mut self, begin: Begin, counter: &Counter, log: &mut LogFile) -> Done {
        let adopted = match begin {
            Begin::Fresh => None,
            Begin::Adopted { running_ms, stopping } => Some((running_ms, stopping)),
        };
        let container = sandbox::name(self.assignment.at);
        let work = match adopted {
            Some(_) => self.site.works.reopen(self.assignment.at).await.map(Some).map_err(|error| work_failure(&error)),
            None => Box::pin(self.prepare(counter, &container)).await,
        };
        let work = match work {
            Ok(Some(work)) => work,
            Ok(None) => return Done::Stopped { running_ms: 0 },
            Err(failure) => return Done::Failed { failure, running_ms: adopted.map_or(0, |(running_ms, _)| running_ms) },
        };
        let way = self.way_out(adopted.is_some()).await;
        let exit = watch_over::run(self, &container, log, adopted, way.as_ref()).await;
        if let Some(way) = way {
            log.note(&way.told()).await;
        }
        let exit = match exit {
            Ok(exit) => exit,
            Err(failure) => return Done::Failed { failure, running_ms: 0 },
        };
        self.judge(exit, counter, &work, &container).await
    }

    /// For a job that names hosts.
    async fn way_out(&self, adopted: bool) -> Option<Way> {
        let egress = self.assignment.spec.network.egress()?;
        let (config, pace) = (&self.site.config.egress, &self.site.pace);
        let folder = self.site.works.folder(self.assignment.at.attempt);
        Some(if adopted { Way::again(egress, config, pace, &folder).await } else { Way::new(egress, config, pace, &folder) })
    }

    /// Everything up to a container that only has to be started. None if the order to stop came first.
    ///
    /// What is fetched is dropped at an order. What the engine is asked to make is waited for: it would be made all the same,
    /// after whoever discards the attempt had found nothing to remove.
    async fn prepare(&self, counter: &Counter, container: &str) -> Result<Option<WorkVolume>, Failure> {
        let Assignment { at, spec, registry, .. } = self.assignment;
        if let Some(problem) = spec.problems().first() {
            return Err(Failure::because(Reason::NotRunnable, format!("{}: {}", problem.field, problem.message)));
        }
        let egress = &self.site.config.egress;
        if spec.network.egress().is_some_and(|wanted| !egress.allows(wanted.max_bytes)) {
            // The rig declines such an offer; this is for what changed since.
            return Err(Failure::because(
                Reason::EngineFailed,
                "The rig's owner does not let this job reach the internet any more.",
            ));
        }
        let mention = |permille| self.teller.mention(RunEventKind::Preparing { permille: Some(permille) });
        self.teller.mention(RunEventKind::Preparing { permille: None });
        let Site { engine, shelf, works, .. } = self.site;
        // The engine keeps an image for the container it has; until there is one, only we know that it is needed.
        let _held = shelf.hold(&spec.image).await;
        let no_room = CancellationToken::new();
        let ready = self.unless_cut_short(image::make_ready(&engine.docker, shelf, &spec.image, registry.as_ref(), mention));
        let image = async { no_room.run_until_cancelled(ready).await.unwrap_or(Ok(None)) };
        let work = async {
            works.make(*at, spec.resources.disk_gib).await.map_err(|error| {
                no_room.cancel();
                work_failure(&error)
            })
        };
        let (image, work) = tokio::join!(image, work);
        let (work, Some(image)) = (work?, image?) else { return Ok(None) };
        let relay = match spec.network.egress() {
            Some(_) => Some(self.relay().await?),
            None => None,
        };
        self.create(&image, sandbox::Volumes { work: &work, relay }, container).await?;
        let placed = inputs::place_all(self.site, self.assignment, counter, &work, container, mention);
        Ok(self.unless_cut_short(placed).await?.map(|()| work))
    }

    async fn relay(&self) -> Result<&str, Failure> {
        let Site { relay, engine, config, .. } = self.site;
        relay.make_ready(&engine.docker, config.device).await.map_err(|error| Failure::engine("make the relay ready", &error))
    }

    /// Makes the container and holds it against the contract.
    async fn create(&self, image: &image::Ready, volumes: sandbox::Volumes<'_>, container: &str) -> Result<(), Failure> {
        let docker = &self.site.engine.docker;
        let asked = sandbox::contract(self.assignment, self.site.config.device, image, volumes);
        let options = CreateContainerOptionsBuilder::new().name(container).build();
        let made = match docker.create_container(Some(options.clone()), asked.clone()).await {
            // Left by a try that was broken off; it never ran, or it would have been adopted.
            Err(EngineError::DockerResponseServerError { status_code: 409, .. }) => {
                let force = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
                docker
                    .remove_container(container, Some(force))
                    .await
                    .map_err(|error| Failure::engine("remove an old container", &error))?;
                docker.create_container(Some(options), asked.clone()).await
            }
            made => made,
        };
        made.map_err(|error| Failure::engine("make the container", &error))?;
        fault::point("container.made");
        let made =
            docker.inspect_container(container, None).await.map_err(|error| Failure::engine("inspect the container", &error))?;
        let deviations = sandbox::deviations(&asked, &made);
        if deviations.is_empty() {
            return Ok(());
        }
        for deviation in &deviations {
            tracing::error!("The engine did not make the container as asked, so it is not started: {deviation}");
        }
        Err(Failure::because(Reason::EngineFailed, "The rig's engine did not apply the sandbox; nothing was started."))
    }

    /// From an exit to the end: what it means, and if it is good, the outputs.
    async fn judge(&mut self, exit: Exit, counter: &Counter, work: &WorkVolume, container: &str) -> Done {
        let Exit { code, cause, running_ms } = exit;
        let failure = match cause {
            Cause::Stopped => return Done::Stopped { running_ms },
            Cause::TimedOut => Failure::plain(Reason::TimedOut),
            Cause::RigFull => Failure::plain(Reason::RigDiskFull),
            Cause::EngineLost => Failure::plain(Reason::EngineFailed),
            Cause::OutOfMemory => Failure::plain(Reason::OutOfMemory).with_exit_code(code),
            Cause::ByItself if code != 0 => Failure::plain(Reason::ExitCode).with_exit_code(code),
            Cause::ByItself => {
                self.teller.tell(RunEventKind::Exited { code }).await;
                return match self.unless_cut_short(self.bring(counter, work, container)).await {
                    Ok(Some(outputs)) => Done::Brought { outputs, running_ms },
                    Ok(None) => Done::Stopped { running_ms },
                    Err(failure) => Done::Failed { failure: failure.with_exit_code(code), running_ms },
                };
            }
        };
        self.teller.tell(RunEventKind::Exited { code }).await;
        Done::Failed { failure, running_ms }
    }

    async fn bring(&self, counter: &Counter, work: &WorkVolume, container: &str) -> Result<Vec<OutputFile>, Failure> {
        self.teller.mention(RunEventKind::Uploading { permille: 0 });
        let collected = outputs::collect(self.site, self.assignment, work, container, &self.assignment.spec.outputs).await?;
        outputs::bring_all(counter, collected, |permille| self.teller.mention(RunEventKind::Uploading { permille })).await
    }

    /// None if the order to stop came first; a failure also if the owner's disk ran full meanwhile.
    async fn unless_cut_short<T>(&self, act: impl Future<Output = Result<T, Failure>>) -> Result<Option<T>, Failure> {
        let mut orders = self.orders.clone();
        tokio::select! {
            biased;
            _ = orders.wait_for(|order| order.grace().is_some()) => Ok(None),
            () = self.site.works.until_rig_full() => Err(Failure::plain(Reason::RigDiskFull)),
            done = act => done.map(Some),
        }
    }
}

fn failed(failure: Failure, running_ms: u64, log_bytes: u64) -> Ending {
    let Failure { reason, exit_code, detail } = failure;
    Ending::Failed { reason, exit_code, detail, running_ms, log_bytes }
}

fn work_failure(error: &WorkError) -> Failure {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    tracing::warn!(cause, "No work volume: {error}");
    match error {
        WorkError::DiskFull { .. } => Failure::plain(Reason::RigDiskFull),
        WorkError::Folder { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
            Failure::plain(Reason::RigDiskFull)
        }
        WorkError::Folder { .. } | WorkError::Engine(_) => {
            Failure::because(Reason::EngineFailed, "The rig could not make a work volume.")
        }
        #[cfg(target_os = "linux")]
        WorkError::Tool { .. } => Failure::because(Reason::EngineFailed, "The rig could not make a work volume."),
    }
}
