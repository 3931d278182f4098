//! Leads one challenge from the first question to its outcome: gives events to the pure [`Course`], and does what it decides.

use headframe_proof::Refusal;
use headframe_protocol::{
    DeviceId, SessionId, TimestampMs,
    challenge::{Answer, Ask, Digest, Over},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    course::{Course, Effect, Event, Opening, Stage},
    outcome::{End, Fail, Void},
};
use crate::{
    App,
    error::Chain,
    store::{StoreError, challenges, commit, verify},
};

/// Commands that may wait: a challenge has a handful in all.
pub(super) const INBOX_MAX: usize = 16;

/// How often the same openings may break off and be begun again. Each time costs us a pass over a matrix.
const TRIES_MAX: u32 = 5;

/// What can wake it.
#[derive(Debug)]
pub(super) enum Command {
    /// The question goes onto the wire now.
    Sent(Instant),
    /// The rig has answered.
    Heard(Answer, Instant),
    /// Somebody brings openings: against what are they checked?
    Bring(Kind, oneshot::Sender<Option<Opening>>),
    /// They were checked to their end.
    Opened(Result<(), Refusal>),
    /// They broke off.
    BrokeOff,
    /// It comes to nothing.
    Left(Void),
}

/// What is brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Openings of rows.
    Rows,
    /// Openings of reads.
    Reads,
}

/// A challenge and whom it is for.
pub(super) struct Lead {
    pub(super) app: App,
    pub(super) course: Course,
    pub(super) seed: Digest,
    pub(super) device: DeviceId,
    pub(super) session: SessionId,
    pub(super) gpu: String,
    /// When the next one comes, as far as it is drawn by lot: the same for all who were asked at once.
    pub(super) chance: u64,
}

impl Lead {
    /// From the first question, which is asked at this moment, until it is over.
    pub(super) async fn run(mut self, (first, asked_at): (Ask, Instant), mut inbox: mpsc::Receiver<Command>) {
        let stop = self.app.tasks.stopping();
        let mut bringing = Bringing { under_way: false, tries: 0, reached: Stage::Proving };
        let left = tokio::select! {
            biased;
            () = stop.cancelled() => Some(Void::Restarted),
            void = left(&mut inbox) => Some(void),
            () = tokio::time::sleep_until(asked_at) => None,
        };
        let mut effect = match left {
            Some(void) => self.step(Event::Left(void), Instant::now()),
            None => Some(Effect::Ask(first)),
        };
        loop {
            match effect.take() {
                Some(Effect::Ask(ask)) if self.app.sessions.ask(self.device, self.session, ask.clone()) => {}
                Some(Effect::Ask(_)) => {
                    effect = self.step(Event::Left(Void::Gone), Instant::now());
                    continue;
                }
                Some(Effect::End(end)) => return self.end(end).await,
                None => {}
            }
            let Some(due) = self.course.due() else { return };
            let (event, now) = tokio::select! {
                biased;
                () = stop.cancelled() => (Event::Left(Void::Restarted), Instant::now()),
                command = inbox.recv() => match command {
                    Some(Command::Sent(at)) => (Event::Sent, at),
                    Some(Command::Heard(answer, at)) => (Event::Heard(answer), at),
                    Some(Command::Opened(result)) => {
                        bringing.under_way = false;
                        (Event::Opened(result), Instant::now())
                    }
                    Some(Command::Bring(kind, reply)) => {
                        self.bring(kind, reply, &mut bringing);
                        continue;
                    }
                    Some(Command::BrokeOff) => {
                        bringing.under_way = false;
                        continue;
                    }
                    Some(Command::Left(void)) => (Event::Left(void), Instant::now()),
                    None => (Event::Left(Void::Gone), Instant::now()),
                },
                () = tokio::time::sleep_until(due) => (Event::Time, Instant::now()),
            };
            effect = self.step(event, now);
        }
    }

    fn step(&mut self, event: Event, now: Instant) -> Option<Effect> {
        // The thread's generator is seeded by the operating system, and again and again.
        self.course.step(event, now, || Digest::from_bytes(rand::random()))
    }

    /// One at a time, and not for ever.
    fn bring(&self, kind: Kind, reply: oneshot::Sender<Option<Opening>>, bringing: &mut Bringing) {
        if bringing.reached != self.course.reached() {
            *bringing = Bringing { under_way: false, tries: 0, reached: self.course.reached() };
        }
        let opening = self.course.opening().filter(|opening| opening.kind() == kind);
        let opening = opening.filter(|_| !bringing.under_way && bringing.tries < TRIES_MAX);
        if opening.is_some() {
            (bringing.under_way, bringing.tries) = (true, bringing.tries + 1);
        }
        if reply.send(opening).is_err() {
            bringing.under_way = false;
        }
    }

    async fn end(self, end: End) {
        let verdict = end.verdict();
        let now = self.app.store.now();
        let questioned = self.course.reached() > Stage::Proving;
        tracing::info!(
            rig.device = %self.device, challenge.outcome = ?verdict, challenge.reason = end.code(),
            challenge.proving_ms = self.course.took().proving.map(|took| took.as_millis()),
            challenge.reading_ms = self.course.took().reading.map(|took| took.as_millis()),
            "A challenge is over: {}", end.code(),
        );
        super::counted(&end);
        if let Err(error) = self.write(&end, now, questioned).await {
            // The row stays open, and is closed as void when its time is over.
            tracing::warn!(error = %Chain(&error), rig.device = %self.device, "Could not write down how a challenge ended");
        }
        let over = Over { seed: self.seed, verdict, message: end.message() };
        self.app.sessions.ask(self.device, self.session, Ask::Over(over));
        let record = challenges::Record {
            gpu: self.gpu.clone(),
            at: now,
            outcome: end.outcome(),
            questioned,
            ops_per_us: self.course.ops_per_us(),
        };
        self.app.challenges.over(&self.app, (&self.seed, self.device), record, &end, self.chance).await;
    }

    async fn write(&self, end: &End, now: TimestampMs, questioned: bool) -> Result<(), StoreError> {
        let micros = |took: std::time::Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let took = self.course.took();
        let ended = challenges::Ended {
            outcome: super::name(end.verdict()),
            reason: end.code(),
            detail: end.message(),
            questioned,
            proving_us: took.proving.map(micros),
            reading_us: took.reading.map(micros),
            ops_per_us: self.course.ops_per_us(),
        };
        let mut tx = self.app.store.begin().await?;
        if challenges::end(&mut tx, self.seed, &ended, now).await? && matches!(end, End::Failed(Fail::Refused(_))) {
            verify::exclude(&mut tx, self.device, now).await?;
        }
        commit(tx, "note how a challenge ended").await
    }
}

/// Why it comes to nothing before anything was asked. Whatever else is said then answers nothing.
async fn left(inbox: &mut mpsc::Receiver<Command>) -> Void {
    loop {
        match inbox.recv().await {
            Some(Command::Left(void)) => return void,
            Some(Command::Sent(_) | Command::Heard(..) | Command::Bring(..) | Command::Opened(_) | Command::BrokeOff) => {}
            None => return Void::Gone,
        }
    }
}

/// Openings on their way.
struct Bringing {
    under_way: bool,
    tries: u32,
    /// Counted anew at each stage.
    reached: Stage,
}
