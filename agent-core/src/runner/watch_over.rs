//! Watches over one running container: measures it, ends it when told, when its time is up or when the owner's disk is
//! nearly full, and keeps looking for it when the engine goes away.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bollard::{
    Docker,
    errors::Error as EngineError,
    models::{ContainerInspectResponse, ContainerState},
    query_parameters::{KillContainerOptionsBuilder, WaitContainerOptionsBuilder},
};
use futures_util::StreamExt as _;
use headframe_protocol::job::Reason;
use tokio::time::{Instant, MissedTickBehavior};

use super::{
    RunEventKind,
    attempt::Attempt,
    egress::Way,
    failure::Failure,
    log::{Followed, LogFile, REST_MAX},
};
use crate::{
    clock::{self, Now},
    fault,
    meter::{Meter, Sample},
};

mod outside;

/// Between two looks.
const TICK: Duration = Duration::from_secs(1);
/// What a job whose time is up gets to write its checkpoint.
const TIMEOUT_GRACE: Duration = Duration::from_secs(10);
/// SIGKILL is repeated this often while the engine does not confirm the end.
const KILL_AGAIN: Duration = Duration::from_secs(5);
/// How long an engine may be away. Restarting one takes seconds; a PC that updates it takes a minute.
const ENGINE_AWAY_MAX: Duration = Duration::from_secs(90);
const ENGINE_LOOK_EVERY: Duration = Duration::from_millis(500);
/// Two clocks read one after the other never agree; a clock that is set differs by more.
const SET_BACK_MIN: Duration = Duration::from_secs(1);
/// What the engine notes when the program could not be executed at all.
const NOT_EXECUTABLE_CODES: [i64; 2] = [126, 127];

/// A container has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exit {
    pub(super) code: i64,
    pub(super) cause: Cause,
    pub(super) running_ms: u64,
}

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    ByItself,
    Stopped,
    TimedOut,
    RigFull,
    OutOfMemory,
    EngineLost,
}

/// Starts the container, unless it is an adopted one, and watches until it has ended and its log is written.
pub(super) async fn run(
    attempt: &mut Attempt<'_>,
    container: &str,
    log: &mut LogFile,
    adopted: Option<(u64, bool)>,
    way: Option<&Way>,
) -> Result<Exit, Failure> {
    let docker = attempt.site.engine.docker.clone();
    let mut watch = Watch {
        docker: &docker,
        container,
        way,
        meter: Meter::default(),
        ending: None,
        ran_before: Duration::ZERO,
        began: clock::now(),
    };
    let runs = match adopted {
        None => watch.start().await?,
        Some((running_ms, stopping)) => watch.take_up(running_ms, stopping).await?,
    };
    if !runs {
        // It ended while nobody looked. No word of a start: to an owner who is here it would be given back once more.
        follow(&docker, container, log, &AtomicBool::new(true)).await;
        return watch.settle(Waited::EndedBefore).await;
    }
    attempt.teller.tell(RunEventKind::Started).await;
    let ended = AtomicBool::new(false);
    let in_touch = AtomicBool::new(true);
    let waiting = async {
        let waited = wait(&docker, container, &in_touch).await;
        ended.store(true, Ordering::Release);
        waited
    };
    let written = log.written();
    let watched = async {
        tokio::select! {
            waited = watch.until_ended(attempt, written, waiting, &in_touch) => waited,
            never = keep_open(way, &docker, container) => match never {},
        }
    };
    let (waited, ()) = tokio::join!(watched, follow(&docker, container, log, &ended));
    watch.settle(waited).await
}

/// Keeps the way out open, if there is one, until nobody waits any more.
async fn keep_open(way: Option<&Way>, docker: &Docker, container: &str) -> Infallible {
    if let Some(way) = way {
        way.keep_open(docker, container).await;
    }
    std::future::pending().await
}

/// Follows the log until the container has ended and everything it wrote is here, or as much of it as is kept.
///
/// Only a reading that began after the end is believed to be whole: Docker 20.10 on a busy machine ended one stream in seven
/// together with its container, with much of what had been written unsent. What is known is skipped, so nothing comes twice.
async fn follow(docker: &Docker, container: &str, log: &mut LogFile, ended: &AtomicBool) {
    loop {
        let last_round = ended.load(Ordering::Acquire);
        let followed = if last_round {
            // What an ended container has written is read at once; the rest is a broken engine's business.
            tokio::time::timeout(REST_MAX, log.follow(docker, container)).await.unwrap_or(Followed::ToItsEnd)
        } else {
            log.follow(docker, container).await
        };
        let pause = match followed {
            // Nothing more is taken in, however often it is read.
            Followed::NoFurther => return,
            Followed::ToItsEnd => Duration::from_millis(20),
            Followed::BrokeOff => ENGINE_LOOK_EVERY,
        };
        if last_round {
            return;
        }
        tokio::time::sleep(pause).await;
    }
}

/// How waiting for the end went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waited {
    /// The engine was there all the time.
    Ended,
    /// The engine went away meanwhile and came back, and the container had ended.
    EndedUnseen,
    /// The container had ended before this life of the agent.
    EndedBefore,
    /// The engine did not come back, or came back without the container.
    Gone,
}

/// Waits until the container has ended, through restarts of the engine.
async fn wait(docker: &Docker, container: &str, in_touch: &AtomicBool) -> Waited {
    let mut away = false;
    loop {
        let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
        let first = docker.wait_container(container, Some(options)).boxed().next().await;
        match first {
            // The engine's way to tell a code other than 0 is an error here.
            Some(Ok(_) | Err(EngineError::DockerContainerWaitError { .. })) => {
                return if away { Waited::EndedUnseen } else { Waited::Ended };
            }
            Some(Err(EngineError::DockerResponseServerError { status_code: 404, .. })) => return Waited::Gone,
            // Engines that answer only at the end run into the request's time limit; they are asked again.
            Some(Err(EngineError::RequestTimeoutError)) => continue,
            Some(Err(_)) | None => {}
        }
        in_touch.store(false, Ordering::Release);
        away = true;
        if !is_back(docker).await {
            return Waited::Gone;
        }
        in_touch.store(true, Ordering::Release);
    }
}

/// Waits for the engine to answer again.
async fn is_back(docker: &Docker) -> bool {
    let until = Instant::now() + ENGINE_AWAY_MAX;
    while Instant::now() < until {
        if docker.ping().await.is_ok() {
            return true;
        }
        tokio::time::sleep(ENGINE_LOOK_EVERY).await;
    }
    false
}

struct Watch<'a> {
    docker: &'a Docker,
    container: &'a str,
    way: Option<&'a Way>,
    meter: Meter,
    /// Why it is being ended, once it is.
    ending: Option<Cause>,
    /// How long it had run when this watch began.
    ran_before: Duration,
    /// When that was, by both clocks.
    began: Now,
}

impl Watch<'_> {
    async fn start(&mut self) -> Result<bool, Failure> {
        let Err(error) = self.docker.start_container(self.container, None).await else {
            fault::point("container.started");
            return Ok(true);
        };
        let failure = Failure::engine("start the container", &error);
        // A command the image does not have is the job's mistake; the engine notes it as a shell would.
        match self
            .state()
            .await
            .ok()
            .flatten()
            .and_then(|state| state.exit_code)
            .filter(|code| NOT_EXECUTABLE_CODES.contains(code))
        {
            Some(code) => Err(Failure::because(Reason::ExitCode, "The image has no such command, or it cannot be executed.")
                .with_exit_code(code)),
            None => Err(failure),
        }
    }

    /// Goes on with a container of an earlier life. Says whether it still runs.
    async fn take_up(&mut self, running_ms: u64, stopping: bool) -> Result<bool, Failure> {
        self.meter = Meter::resumed(running_ms);
        self.ending = stopping.then_some(Cause::Stopped);
        // The job's time goes on while the agent is away, its bill does not.
        let now = self.docker.info().await.map_err(|error| Failure::engine("tell the time", &error))?.system_time;
        let state = self.state().await.map_err(|error| Failure::engine("inspect the container", &error))?.unwrap_or_default();
        self.ran_before = span(state.started_at.as_deref(), now.as_deref()).unwrap_or(Duration::from_millis(running_ms));
        Ok(state.running.unwrap_or_default())
    }

    async fn state(&self) -> Result<Option<ContainerState>, EngineError> {
        let ContainerInspectResponse { state, .. } = self.docker.inspect_container(self.container, None).await?;
        Ok(state)
    }

    /// The loop. It ends when `waiting` does.
    async fn until_ended(
        &mut self,
        attempt: &mut Attempt<'_>,
        mut written: tokio::sync::watch::Receiver<super::log::Written>,
        waiting: impl Future<Output = Waited>,
        in_touch: &AtomicBool,
    ) -> Waited {
        let origin = Instant::now();
        let time_is_up = tokio::time::sleep(attempt.assignment.spec.timeout().saturating_sub(self.ran_before));
        let kill = tokio::time::sleep(Duration::MAX);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        tokio::pin!(waiting, time_is_up, kill);
        let mut killing = false;
        if self.ending == Some(Cause::Stopped) {
            // Told in an earlier life: whatever grace it had is over.
            kill.as_mut().reset(Instant::now());
            killing = true;
        }
        loop {
            tokio::select! {
                biased;
                waited = &mut waiting => {
                    self.look(origin, in_touch);
                    return waited;
                }
                Ok(()) = attempt.orders.changed() => {
                    let order = *attempt.orders.borrow_and_update();
                    if let Some(grace) = order.grace() {
                        self.terminate(Cause::Stopped, grace).await;
                        kill.as_mut().reset(Instant::now() + grace);
                        killing = true;
                    }
                }
                () = &mut kill, if killing => {
                    self.signal("SIGKILL").await;
                    kill.as_mut().reset(Instant::now() + KILL_AGAIN);
                }
                () = &mut time_is_up, if self.ending.is_none() => {
                    self.terminate(Cause::TimedOut, TIMEOUT_GRACE).await;
                    kill.as_mut().reset(Instant::now() + TIMEOUT_GRACE);
                    killing = true;
                }
                Ok(()) = written.changed() => {
                    let bytes_total = written.borrow_and_update().bytes;
                    attempt.teller.mention(RunEventKind::Log { bytes_total });
                }
                _ = tick.tick() => {
                    self.look(origin, in_touch);
                    attempt.teller.mention(RunEventKind::Running { running_ms: self.meter.running_ms() });
                    if let Some(cause) = self.cannot_go_on(attempt) {
                        self.ending = Some(cause);
                        kill.as_mut().reset(Instant::now());
                        killing = true;
                    }
                }
            }
        }
    }

    /// What of the rig's own ends the job, if it is not being ended already.
    fn cannot_go_on(&self, attempt: &Attempt<'_>) -> Option<Cause> {
        if self.ending.is_some() {
            return None;
        }
        if attempt.site.works.is_rig_full() {
            tracing::warn!("The disk is nearly full; ending the job to keep what is the owner's");
            return Some(Cause::RigFull);
        }
        self.way.is_some_and(Way::is_lost).then_some(Cause::EngineLost)
    }

    fn look(&mut self, origin: Instant, in_touch: &AtomicBool) {
        self.meter.add(Sample { at: origin.elapsed(), running: in_touch.load(Ordering::Acquire) });
    }

    /// Says please first. Without grace there is no time for that.
    async fn terminate(&mut self, cause: Cause, grace: Duration) {
        self.ending.get_or_insert(cause);
        if !grace.is_zero() {
            self.signal("SIGTERM").await;
        }
    }

    async fn signal(&self, signal: &str) {
        let options = KillContainerOptionsBuilder::new().signal(signal).build();
        if let Err(error) = self.docker.kill_container(self.container, Some(options)).await {
            // It may have ended by itself this moment. If not, SIGKILL comes again.
            tracing::debug!(%error, "{signal} was not delivered");
        }
        fault::point("container.signalled");
    }

    /// What the engine says about the end, held against what was seen.
    async fn settle(self, waited: Waited) -> Result<Exit, Failure> {
        let seen_ms = self.meter.running_ms();
        let state = match waited {
            Waited::Ended | Waited::EndedUnseen | Waited::EndedBefore => self.state().await.ok().flatten(),
            Waited::Gone => None,
        };
        let Some(state) = state else {
            return Ok(Exit { code: -1, cause: self.ending.unwrap_or(Cause::EngineLost), running_ms: seen_ms });
        };
        let code = state.exit_code.unwrap_or(-1);
        let ran = span(state.started_at.as_deref(), state.finished_at.as_deref());
        let out_of_memory = state.oom_killed.unwrap_or_default() && code != 0;
        let cause = match self.ending {
            Some(cause) => cause,
            None if out_of_memory => Cause::OutOfMemory,
            None if code != 0 && waited == Waited::EndedUnseen => Cause::EngineLost,
            // Nobody saw it, and a PC that shuts down or loses power ends its containers so.
            None if outside::looks_killed(code) && waited == Waited::EndedBefore => Cause::EngineLost,
            None if outside::was_ended(self.docker, self.container, &state).await => Cause::EngineLost,
            None => Cause::ByItself,
        };
        let running_ms = self.meter.settled_ms(ran.filter(|_| !was_set_back(self.began, clock::now())));
        if running_ms < seen_ms {
            let container = self.container;
            tracing::debug!(
                seen_ms,
                running_ms,
                "The engine told late of the end of {container}; what was counted meanwhile is not billed"
            );
        }
        Ok(Exit { code, cause, running_ms })
    }
}

/// Whether the clock on the wall, by which the engine stamps, was set back in between: then its stamps prove nothing.
fn was_set_back(from: Now, to: Now) -> bool {
    to.wall.since(from.wall) + SET_BACK_MIN < to.moment.since(from.moment)
}

/// The time between two stamps of the engine.
fn span(from: Option<&str>, to: Option<&str>) -> Option<Duration> {
    let parse = |text: &str| text.parse::<jiff::Timestamp>().ok();
    parse(to?)?.duration_since(parse(from?)?).try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_between_two_stamps_of_any_zone() {
        let ms = |from, to| span(Some(from), Some(to)).map(|span| span.as_millis());
        assert_eq!(ms("2026-11-23T08:00:00.25Z", "2026-11-23T08:00:01.500000001Z"), Some(1_250));
        assert_eq!(ms("2026-11-23T08:00:00Z", "2026-11-23T10:00:01+02:00"), Some(1_000));
        assert_eq!(ms("2026-11-23T08:00:01Z", "2026-11-23T08:00:00Z"), None);
        assert_eq!(ms("2026-11-23T08:00:01Z", "0001-01-01T00:00:00Z"), None, "the engine's word for never");
    }
}
