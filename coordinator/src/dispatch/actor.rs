//! The loop around the market.

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    AttemptRef, Command, Dispatch, Duration, Instant, Market, Match, Offers, VecDeque, Verdict,
    claims::{self, Assigned, Outcome},
    copies::Copies,
    habits::Habits,
    mpsc,
    reader::{self, Page, Reader, Then},
    withdrawals,
};
use crate::{
    error::Chain,
    journal::Journal,
    sessions::{Offered, Sessions},
    store::{Store, StoreError, jobs},
    tasks::Tasks,
};

/// Claims in one commit: at 256 a commit's cost is spread thin, and the first of them still waits only milliseconds.
const CLAIMS_PER_COMMIT_MAX: usize = 256;

/// Commands handled before the loop looks at anything else.
const COMMANDS_PER_TURN_MAX: usize = 512;

/// Due jobs and rested rigs handled in one turn.
const TICK_MAX: usize = 256;

/// What the actor needs to know of the configuration.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) fee_bps: u16,
    pub(crate) lease_ttl: Duration,
    pub(crate) offer_ack: Duration,
    /// When the database gives an unanswered offer up by itself; only if this replica did not.
    pub(crate) answer_by: Duration,
    pub(crate) poll: Duration,
    pub(crate) queue_pass: Duration,
    /// How often what was learnt of rigs is written down.
    pub(crate) learn: Duration,
}

/// Found in the queue of the database.
enum Found {
    Page(Page),
    Jobs(Vec<super::QueuedJob>),
}

type Polled = Result<Found, StoreError>;

/// The parts the actor reaches.
pub(crate) struct Actor {
    market: Market,
    terms: Terms,
    store: Store,
    sessions: Sessions,
    tasks: Tasks,
    inbox: mpsc::Receiver<Command>,
    journal: Option<Journal>,
    matches: VecDeque<Match>,
    offers: Offers,
    commit: Option<JoinHandle<Outcome>>,
    poll: Option<JoinHandle<Polled>>,
    reader: Reader,
    poll_at: Instant,
    habits: Habits,
    copies: Copies,
}

impl Actor {
    pub(crate) fn new(market: Market, terms: Terms, store: Store, sessions: Sessions, tasks: Tasks) -> (Self, Dispatch) {
        let (handle, inbox) = Dispatch::channel(sessions.pseudonyms().clone());
        let (offers, reader) = (Offers::new(terms.offer_ack), Reader::new(terms.queue_pass));
        let habits = Habits::new(terms.learn);
        let actor = Self {
            market,
            terms,
            store,
            sessions,
            tasks,
            inbox,
            journal: None,
            matches: VecDeque::new(),
            offers,
            commit: None,
            poll: None,
            reader,
            poll_at: Instant::now(),
            habits,
            copies: Copies::default(),
        };
        (actor, handle)
    }

    /// Runs until told to stop. The journal comes here because it needs the handle of this actor first.
    pub(crate) async fn run(mut self, journal: Journal, stop: CancellationToken) {
        self.journal = Some(journal);
        let mut commands = Vec::with_capacity(COMMANDS_PER_TURN_MAX);
        loop {
            self.start_commit();
            let wake = self.next_wake();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                outcome = finished(&mut self.commit) => self.committed(outcome),
                polled = finished(&mut self.poll) => self.polled(polled),
                () = self.habits.written() => {}
                count = self.inbox.recv_many(&mut commands, COMMANDS_PER_TURN_MAX) => {
                    if count == 0 {
                        break;
                    }
                    for command in commands.drain(..) {
                        self.command(command);
                    }
                }
                () = tokio::time::sleep_until(wake) => self.tick(),
            }
        }
        // A commit on its way may succeed; its offers are not pushed any more and lapse by their deadline.
        if let Some(commit) = self.commit.take() {
            drop(commit.await);
        }
        self.habits.write_all(&self.store).await;
    }

    fn command(&mut self, command: Command) {
        let now = self.store.now();
        let found = match command {
            Command::Queued(jobs) => jobs.into_iter().filter_map(|job| self.market.job_queued(job, now)).collect(),
            Command::Unqueued(job) => {
                self.market.job_gone(job);
                Vec::new()
            }
            Command::Connected(agent) => self.market.rig_connected(*agent),
            Command::Gone(device, session) => {
                self.market.rig_gone(device, session);
                Vec::new()
            }
            Command::Changed(device, session, report, blocked) => {
                self.market.rig_changed((device, session), &report, blocked, self.terms.fee_bps)
            }
            Command::Ready(device, session, ready) => self.market.rig_ready(device, session, ready),
            Command::Answered(attempt) => {
                self.offers.answered(attempt);
                Vec::new()
            }
            Command::Released(device, attempt, verdict, ran) => {
                self.offers.answered(attempt);
                if let Some(ran) = ran {
                    self.market.learn(device, ran);
                    self.habits.keep(device, ran);
                }
                self.market.released(device, attempt, verdict, now)
            }
            Command::Stopped(stopped) => self.market.set_stopped(stopped),
            Command::Linked(links) => {
                self.market.set_linked(links);
                Vec::new()
            }
            Command::Fleet(answer) => {
                answer.send(self.copies.fleet(&self.market)).ok();
                Vec::new()
            }
            Command::Waiting(answer) => {
                answer.send(self.market.jobs_waiting()).ok();
                Vec::new()
            }
            Command::Demand(device, answer) => {
                answer.send((self.copies.board(&self.market), self.market.seeker(device))).ok();
                Vec::new()
            }
        };
        self.matches.extend(found);
    }

    /// Begins the next commit if none is on its way.
    fn start_commit(&mut self) {
        if self.commit.is_some() || self.matches.is_empty() {
            return;
        }
        let group: Vec<Match> = self.matches.drain(..self.matches.len().min(CLAIMS_PER_COMMIT_MAX)).collect();
        let (store, terms) = (self.store.clone(), self.terms.clone());
        self.commit = Some(self.tasks.spawn("claims", async move { claims::write(&store, &terms, group).await }));
    }

    fn committed(&mut self, outcome: Option<Outcome>) {
        let Some(Outcome { assigned, refused, linked, barred, failed }) = outcome else { return };
        for assigned in assigned {
            self.push(assigned);
        }
        let now = self.store.now();
        for matched in refused {
            let found = self.market.refused(&matched, now);
            self.matches.extend(found);
        }
        for matched in linked {
            let found = self.market.refused_as_linked(matched, now);
            self.matches.extend(found);
        }
        for matched in barred {
            let found = self.market.refused_to_this_rig(matched, now);
            self.matches.extend(found);
        }
        if let Some((matches, error)) = failed {
            tracing::warn!(error = %Chain(&error), claims = matches.len(), "Could not commit claims; the jobs wait on");
            for Match { mut job, attempt, device, .. } in matches {
                let found = self.market.released(device, attempt, Verdict::Void, now);
                self.matches.extend(found);
                // A pause, or a failing database would be asked again at once, for ever.
                job.not_before_ms = now.after(self.terms.poll);
                let found = self.market.give_back(job, now);
                self.matches.extend(found);
            }
        }
    }

    fn push(&mut self, assigned: Assigned) {
        let Assigned { matched, at, token, job } = assigned;
        metrics::counter!("headframe_assignments_total").increment(1);
        self.offers.pushed(at, matched.device, Instant::now());
        match self.sessions.offer(&matched, at, token, job, &self.terms) {
            Offered::Pushed => {}
            Offered::Gone => {
                self.offers.answered(at.attempt);
                self.withdraw(at);
            }
            Offered::TooLong(too_long) => {
                self.offers.answered(at.attempt);
                if let Some(journal) = self.journal.clone() {
                    let job = matched.job.id;
                    self.tasks.spawn("give up", async move { withdrawals::give_up(&journal, job, at, too_long).await });
                }
            }
        }
    }

    /// Not waited for: the journal tells this actor when it is done.
    fn withdraw(&self, at: AttemptRef) {
        if let Some(journal) = self.journal.clone() {
            self.tasks.spawn("withdraw", async move { withdrawals::withdraw(&journal, at).await });
        }
    }

    fn tick(&mut self) {
        let late = self.offers.late(Instant::now());
        for at in late {
            self.withdraw(at);
        }
        let found = self.market.tick(self.store.now(), TICK_MAX);
        self.matches.extend(found);
        self.habits.write(&self.store, &self.tasks);
        if self.poll.is_none() && self.poll_at <= Instant::now() {
            let cursor = self.reader.next(Instant::now(), self.store.now());
            let store = self.store.clone();
            self.poll = Some(self.tasks.spawn("poll", async move { reader::page(&store, &cursor).await.map(Found::Page) }));
        }
    }

    fn polled(&mut self, polled: Option<Polled>) {
        match polled {
            Some(Ok(Found::Page(page))) => self.read(&page),
            Some(Ok(Found::Jobs(jobs))) => {
                let now = self.store.now();
                for job in jobs {
                    let found = self.market.job_queued(job, now);
                    self.matches.extend(found);
                }
            }
            Some(Err(error)) => {
                self.poll_at = Instant::now() + self.terms.poll;
                tracing::warn!(error = %Chain(&error), "Could not read the queue; trying again");
            }
            None => self.poll_at = Instant::now() + self.terms.poll,
        }
    }

    /// Jobs that are known are passed over, and so never read whole; the others are read before the next page.
    fn read(&mut self, page: &Page) {
        let pause = match self.reader.read(page) {
            Then::ReadOn => Duration::ZERO,
            Then::Rest => self.terms.poll,
            Then::OnlyThese(seen, before) => {
                let forgotten = self.market.only_these_wait(&seen, before);
                if forgotten > 0 {
                    tracing::debug!(jobs = forgotten, "Forgot jobs that no longer wait in the database");
                }
                self.terms.poll
            }
        };
        self.poll_at = Instant::now() + pause;
        let news: Vec<_> = page.jobs.iter().filter(|job| !self.market.knows(job.id, job.epoch)).map(|job| job.id).collect();
        if !news.is_empty() {
            let store = self.store.clone();
            self.poll = Some(self.tasks.spawn("poll", async move {
                let mut connection = store.read().await?;
                jobs::queued_among(&mut connection, &news).await.map(Found::Jobs)
            }));
        }
    }

    fn next_wake(&mut self) -> Instant {
        let now = Instant::now();
        let tick = self.market.next_tick().map(|at| now + at.since(self.store.now()));
        let poll = if self.poll.is_none() { self.poll_at } else { now + self.terms.poll };
        [tick, self.offers.next()].into_iter().flatten().fold(poll, Instant::min)
    }
}

/// The result of a task once it has ended; waits for ever if there is none. A task that panicked gives nothing.
pub(super) async fn finished<T>(task: &mut Option<JoinHandle<T>>) -> Option<T> {
    let Some(running) = task.as_mut() else { return std::future::pending().await };
    let result = running.await.ok();
    *task = None;
    result
}
