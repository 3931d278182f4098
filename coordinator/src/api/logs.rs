//! A job's log as it is written, as server-sent events.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{Stream, stream};
use headframe_protocol::{ApiKeyId, AttemptId, JobId, api::LogEvent, job::JobState};
use serde::{Deserialize, Serialize};
use tokio::{sync::Notify, time::Instant};

use crate::{
    App,
    auth::Customer,
    error::{ApiError, ApiResult, Chain},
    extract::{Path, Query},
    logs::{Cut, LogError, Reader, text_of},
    store::{
        customers,
        logs::{self, Reach},
    },
};

/// How often a silent stream says that it is alive; proxies cut connections after 30 to 60 s of silence.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A reader who hears nothing looks less and less often, at the least once in this many of his first pauses: once a second
/// with the default timers. On this replica a bell wakes him anyway.
const LOOK_AGAIN_PAUSES_MAX: u32 = 5;

/// Where to begin.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct LogStart {
    /// The attempt to begin at; absent begins with the first.
    attempt: Option<AttemptId>,
    /// The byte of that attempt's log to begin at; absent begins at its start.
    offset: Option<u64>,
}

/// The data of the event `end`.
#[derive(Debug, Serialize)]
struct LogEnd {
    state: JobState,
}

/// Streams a job's log, as far as it is written and then as it is written.
///
/// Server-sent events. `log`: a `LogEvent`; its id is `<attempt>:<byte after it>`, and sending it back as `Last-Event-ID`
/// goes on right there. Later attempts follow earlier ones. `end`: the job is over, with its state; nothing follows.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/logs", tag = "jobs", operation_id = "streamLogs",
    params(
        ("id" = JobId, Path, description = "The job"),
        LogStart,
        ("last-event-id" = Option<String>, Header, description = "Goes on after that event; stands above the query"),
    ),
    responses(
        (status = 200, description = "The events", body = LogEvent, content_type = "text/event-stream"),
        (status = 400, description = "A query parameter cannot be read"),
        (status = 404, description = "There is no such job"),
        (status = 422, description = "There is no such place in this log"),
        (status = 429, description = "So many logs are being read that there is no room for one more"),
    ),
    security(("api_key" = [])),
)]
pub async fn stream(
    State(app): State<App>,
    customer: Customer,
    Path(id): Path<JobId>,
    Query(start): Query<LogStart>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (field, at) = match headers.get("last-event-id") {
        Some(value) => ("last-event-id", Some(event_id(value.to_str().unwrap_or_default())?)),
        None => ("offset", query_start(&start)?),
    };
    let mut connection = app.store.read().await?;
    if !logs::is_job_of(&mut connection, customer.id, id).await? {
        return Err(ApiError::not_found("job"));
    }
    let (_, reaches) = logs::of_job(&mut connection, id).await?.ok_or_else(|| ApiError::not_found("job"))?;
    drop(connection);
    if let Some((attempt, offset)) = at {
        check_place(&reaches, field, attempt, offset)?;
    }
    let reader = app.logs.readers().enter(customer.id);
    let reader =
        reader.ok_or_else(|| ApiError::rate_limited("Too many logs are being read. Close one, or come back in a moment."))?;
    let pause = app.config.timers.log_look_again;
    let tail = Tail { app, job: id, at, key: customer.key, checked: Instant::now(), pause, _reader: reader };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("still here");
    Ok(Sse::new(events(tail)).keep_alive(keep_alive).into_response())
}

fn event_id(text: &str) -> ApiResult<(AttemptId, u64)> {
    let parts = text.split_once(':').and_then(|(attempt, offset)| Some((attempt.parse().ok()?, offset.parse().ok()?)));
    parts.ok_or_else(|| ApiError::invalid_field("last-event-id", "`<attempt>:<byte>`, as the last event's id"))
}

fn query_start(start: &LogStart) -> ApiResult<Option<(AttemptId, u64)>> {
    match (start.attempt, start.offset) {
        (Some(attempt), offset) => Ok(Some((attempt, offset.unwrap_or(0)))),
        (None, None | Some(0)) => Ok(None),
        (None, Some(_)) => Err(ApiError::invalid_field("attempt", "say whose byte `offset` is")),
    }
}

fn check_place(reaches: &[Reach], field: &str, attempt: AttemptId, offset: u64) -> ApiResult<()> {
    let reach = reaches.iter().find(|reach| reach.attempt == attempt);
    let reach = reach.ok_or_else(|| {
        ApiError::invalid_field(if field == "offset" { "attempt" } else { field }, "is not an attempt of this job")
    })?;
    if offset > reach.bytes {
        return Err(ApiError::invalid_field(field, &format!("the log has {} bytes", reach.bytes)));
    }
    Ok(())
}

/// A reader's place in the logs of a job.
struct Tail {
    app: App,
    job: JobId,
    /// `None` before the first attempt.
    at: Option<(AttemptId, u64)>,
    /// The key that opened the stream, and when it was last found good.
    key: ApiKeyId,
    checked: Instant,
    /// Until the next look, if no bell rings.
    pause: Duration,
    _reader: Reader,
}

/// What a reader does next.
enum Next {
    /// Send this.
    Send(LogEvent),
    /// Go on at the beginning of this attempt.
    Follow(AttemptId),
    /// Wait for more.
    Wait,
    /// The job is over and everything is sent.
    End(JobState),
}

/// One step of a stream: the event, and the reader unless nothing follows.
type Step = (Result<Event, Infallible>, Option<Tail>);

fn events(tail: Tail) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    stream::unfold(Some(tail), |tail| async move { advance(tail?).await })
}

/// Waits for the next event. `None` ends the stream without an `end`: the reader comes back with the last id he has.
async fn advance(mut tail: Tail) -> Option<Step> {
    let (stopping, first_pause) = (tail.app.tasks.stopping(), tail.app.config.timers.log_look_again);
    loop {
        if !tail.may_go_on().await {
            return None;
        }
        // Listened to before looking, so that nothing written in between is missed.
        let log: Option<Arc<Notify>> = tail.at.map(|(attempt, _)| tail.app.logs.bell(attempt));
        let job = tail.app.changes.bell(tail.job);
        let rung = async {
            match &log {
                Some(log) => tokio::select! {
                    () = log.notified() => {}
                    () = job.notified() => {}
                },
                None => job.notified().await,
            }
        };
        tokio::pin!(rung);
        // Polled once, so that it is registered.
        let already = futures_util::poll!(&mut rung).is_ready();
        match tail.next().await {
            Ok(Next::Send(event)) => {
                tail.pause = first_pause;
                return Some(tail.send(&event));
            }
            Ok(Next::Follow(attempt)) => tail.at = Some((attempt, 0)),
            Ok(Next::End(state)) => {
                let event = Event::default().event("end").json_data(LogEnd { state }).ok()?;
                return Some((Ok(event), None));
            }
            Ok(Next::Wait) if already => {}
            Ok(Next::Wait) => tokio::select! {
                biased;
                () = stopping.cancelled() => return None,
                () = &mut rung => {}
                () = tokio::time::sleep(tail.pause) => {
                    tail.pause = (tail.pause * 2).min(first_pause * LOOK_AGAIN_PAUSES_MAX);
                }
            },
            Err(error) => {
                tracing::warn!(job.id = %tail.job, error = %Chain(&error), "A log could not be read on; its reader will come back");
                return None;
            }
        }
    }
}

impl Tail {
    /// Whether the key that opened the stream is still good. Asked from time to time, or a stream would outlive it for days.
    async fn may_go_on(&mut self) -> bool {
        if self.checked.elapsed() < self.app.config.timers.reader_check {
            return true;
        }
        self.checked = Instant::now();
        let good = match self.app.store.read().await {
            Ok(mut connection) => customers::is_key_good(&mut connection, self.key).await,
            Err(error) => Err(error),
        };
        good.unwrap_or_else(|error| {
            tracing::warn!(job.id = %self.job, error = %Chain(&error), "A log's reader could not be looked up; he will come back");
            false
        })
    }

    fn send(self, event: &LogEvent) -> Step {
        // `next` has moved the place behind the event.
        let id = self.at.map(|(attempt, offset)| format!("{attempt}:{offset}")).unwrap_or_default();
        let sent = Event::default().event("log").id(id).json_data(event);
        // A LogEvent is always JSON; should it ever not be, the reader gets a comment and goes on.
        (Ok(sent.unwrap_or_else(|_| Event::default().comment("unreadable"))), Some(self))
    }

    async fn next(&mut self) -> Result<Next, LogError> {
        let mut connection = self.app.store.read().await.map_err(LogError::Store)?;
        let found = logs::of_job(&mut connection, self.job).await.map_err(LogError::Store)?;
        drop(connection);
        let Some((state, reaches)) = found else { return Ok(Next::End(JobState::Cancelled)) };
        let Some((attempt, offset)) = self.at else {
            return Ok(match reaches.first() {
                Some(first) => Next::Follow(first.attempt),
                None if state.is_final() => Next::End(state),
                None => Next::Wait,
            });
        };
        let at = reaches.iter().position(|reach| reach.attempt == attempt);
        let (reach, later) = match at {
            Some(at) => (&reaches[at], reaches.get(at + 1)),
            None => return Ok(Next::Wait),
        };
        let over = reach.state.is_final() || later.is_some();
        if offset < reach.bytes
            && let Some(event) = self.read(reach, offset, over).await?
        {
            return Ok(Next::Send(event));
        }
        Ok(match later {
            Some(later) => Next::Follow(later.attempt),
            None if over && state.is_final() => Next::End(state),
            None => Next::Wait,
        })
    }

    /// Reads on and moves the place. `None`: what is there is only the beginning of a character.
    async fn read(&mut self, reach: &Reach, offset: u64, over: bool) -> Result<Option<LogEvent>, LogError> {
        let read = self.app.logs.read(reach.attempt, offset).await?;
        if read.lost_bytes > 0 {
            self.at = Some((reach.attempt, offset + read.lost_bytes));
            let text = format!("\n[headframe: {} bytes of this log are lost]\n", read.lost_bytes);
            return Ok(Some(LogEvent { attempt: reach.attempt, offset, text }));
        }
        let ends = over && offset + read.bytes.len() as u64 >= reach.bytes;
        let (text, covered) = text_of(&read.bytes, if ends { Cut::Final } else { Cut::MoreMayFollow });
        if covered == 0 {
            return Ok(None);
        }
        self.at = Some((reach.attempt, offset + covered as u64));
        Ok(Some(LogEvent { attempt: reach.attempt, offset, text }))
    }
}
