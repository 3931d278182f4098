//! What the requests of window, tray and command line mean. How they travel is the business of `headframe_control`.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use headframe_control::{AgentPaths, server};
use headframe_protocol::{
    AttemptId,
    control::{
        ATTEMPT_BYTES_MAX, Answer, BlockArgs, ControlCode, ControlError, DoctorArgs, EarningsRequest, JobPage, JobsArgs,
        Language, LogArgs, NetworkRequest, PauseArgs, Request, SimulateArgs, Snapshot, WalletAnswer, WalletRequest, YIELDS_MAX,
    },
};
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot, watch,
};
use tracing::{debug, error};

use crate::{
    agent::{Ended, Handle},
    clock, doctor,
    duty::Ask,
    simulate::{self, SimulateError},
    store::{Chain, Store},
    tasks::apart,
    view,
    wallet::Wallet,
};

mod cards;
mod demand;
mod earned;
mod fleet;
mod log;
mod notices;
mod network;
mod rules;

pub use cards::Cards;
pub use demand::Demand;
pub use fleet::Fleet;

/// The most jobs on a page.
const JOBS_MAX: u32 = 100;

/// What is being answered at a time by others: the wallet, and a look at the PC. A guest has one question open, and there are few
/// guests.
const SLOW_ASKS_MAX: usize = 8;

/// The longest pause that ends by itself: a year. Longer is a typing mistake or no pause at all.
const PAUSE_MINUTES_MAX: u32 = 365 * 24 * 60;

/// Answers guests.
#[derive(Debug)]
pub struct Guests {
    agent: Handle,
    store: Store,
    wallet: Wallet,
    demand: Demand,
    fleet: Fleet,
    cards: Cards,
    paths: AgentPaths,
    /// One look at the PC at a time: what is tried out on its disk is tried in one place.
    looking: tokio::sync::Mutex<()>,
}

/// What asks the coordinator for guests.
#[derive(Debug)]
pub struct Asking {
    /// About money.
    pub wallet: Wallet,
    /// About the work there is.
    pub demand: Demand,
    /// About the owner's rigs.
    pub fleet: Fleet,
}

impl Guests {
    /// Answers from these.
    #[must_use]
    pub fn new(agent: Handle, store: Store, (asking, cards): (Asking, Cards), paths: AgentPaths) -> Self {
        let Asking { wallet, demand, fleet } = asking;
        Self { agent, store, wallet, demand, fleet, cards, paths, looking: tokio::sync::Mutex::const_new(()) }
    }

    /// What guests are told unasked.
    #[must_use]
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.agent.snapshots()
    }

    /// Answers until nobody asks any more.
    pub async fn serve(self, inbox: mpsc::Receiver<server::Ask>) {
        let (queue, waiting) = mpsc::channel(server::ASKS_MAX);
        tokio::join!(self.sort(inbox, queue), self.answer_in_turn(waiting));
    }

    /// Sees to it that nobody waits for what is slower than his own question. All goes on at once, and nothing is waited for but news: one answer
    /// may have the database's reader in hand that another needs.
    async fn sort(&self, mut inbox: mpsc::Receiver<server::Ask>, queue: mpsc::Sender<server::Ask>) {
        let mut orders: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
        let mut slow: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
        loop {
            let ask = tokio::select! {
                biased;
                Some(()) = orders.next() => continue,
                Some(()) = slow.next() => continue,
                ask = inbox.recv() => match ask {
                    Some(ask) => ask,
                    None => return,
                },
            };
            let left = match Pace::of(&ask.request) {
                Pace::AtOnce => {
                    orders.push(self.answer_one(ask).boxed());
                    None
                }
                Pace::InTurn => queue.try_send(ask).err().map(TrySendError::into_inner),
                Pace::InTime if slow.len() >= SLOW_ASKS_MAX => Some(ask),
                Pace::InTime => {
                    slow.push(self.answer_in_time(ask.request, ask.reply));
                    None
                }
            };
            if let Some(server::Ask { reply, .. }) = left {
                let error = bad("The agent has more questions to answer than it can; ask again in a minute.");
                reply.send(Answer::Failed { error }).ok();
            }
        }
    }

    /// One after the other, so that of two changes to one file neither undoes the other.
    async fn answer_in_turn(&self, mut waiting: mpsc::Receiver<server::Ask>) {
        while let Some(ask) = waiting.recv().await {
            self.answer_one(ask).await;
        }
    }

    async fn answer_one(&self, server::Ask { request, reply }: server::Ask) {
        let answer = self.answer(request).await.unwrap_or_else(|error| Answer::Failed { error });
        // The guest may have left meanwhile.
        reply.send(answer).ok();
    }

    /// Answers what takes its time. On the heap: what some of them have to do is large.
    fn answer_in_time(&self, request: Request, reply: oneshot::Sender<Answer>) -> BoxFuture<'_, ()> {
        match request {
            Request::Wallet { ask } => self.ask_wallet(ask, reply).boxed(),
            Request::Doctor(args) => self.check_up(args, reply).boxed(),
            Request::Support => self.support(reply).boxed(),
            Request::Network { ask } => self.network(ask, reply).boxed(),
            Request::Simulate(args) => self.simulate(args, reply).boxed(),
            Request::Earnings { ask } => self.add_up(ask, reply).boxed(),
            request => self.ask_coordinator(request, reply).boxed(),
        }
    }

    async fn ask_wallet(&self, ask: WalletRequest, reply: oneshot::Sender<Answer>) {
        let answer = self.wallet.ask(ask).await.unwrap_or_else(|error| {
            debug!("The wallet refused: {}", Chain(&error));
            WalletAnswer::Refused { refusal: error.refusal() }
        });
        reply.send(Answer::Wallet { answer: Box::new(answer) }).ok();
    }

    /// What there is to do, or which rigs are the owner's.
    async fn ask_coordinator(&self, request: Request, reply: oneshot::Sender<Answer>) {
        let answer = if let Request::Fleet(args) = request {
            self.fleet.show(args).await.unwrap_or_else(|error| Answer::Failed { error })
        } else {
            Answer::Demand { demand: Box::new(self.demand.show(&self.agent.snapshot()).await) }
        };
        reply.send(answer).ok();
    }

    /// For the owner in his own language, for whoever helps him in English.
    async fn check_up(&self, DoctorArgs { language }: DoctorArgs, reply: oneshot::Sender<Answer>) {
        let _alone = self.looking.lock().await;
        let facts = doctor::look(self.known()).await;
        let in_english = doctor::judge(&facts, Language::English);
        let mut checkup = doctor::judge(&facts, language.unwrap_or_default());
        checkup.support = doctor::text(&doctor::Private::of_this_pc().hidden(in_english), true, true);
        reply.send(Answer::Checkup { checkup: Box::new(checkup) }).ok();
    }

    fn known(&self) -> doctor::Known<'_> {
        doctor::Known { paths: &self.paths, probes: Some(self.agent.snapshot().probes.clone()) }
    }

    async fn support(&self, reply: oneshot::Sender<Answer>) {
        let _alone = self.looking.lock().await;
        let checkup = doctor::check_up(self.known(), Language::English).await;
        let (paths, snapshot) = (self.paths.clone(), self.agent.snapshot());
        let written = apart(move || doctor::bundle::write(&paths, &snapshot, checkup)).await;
        let answer = match written {
            Some(Ok(support)) => Answer::Support { support: Box::new(support) },
            Some(Err(error)) => Answer::Failed { error: unexpected(&error) },
            None => Answer::Failed { error: bad("The text for somebody who helps could not be written.") },
        };
        reply.send(answer).ok();
    }

    async fn network(&self, ask: NetworkRequest, reply: oneshot::Sender<Answer>) {
        let answer = self.ask_network(ask).await.unwrap_or_else(|error| Answer::Failed { error });
        reply.send(answer).ok();
    }

    async fn simulate(&self, args: SimulateArgs, reply: oneshot::Sender<Answer>) {
        let simulated = simulate::simulate(&self.store, self.paths.data_dir(), args, clock::wall()).await;
        let answer = simulated.map_or_else(
            |error| match error {
                SimulateError::Days | SimulateError::TooLong | SimulateError::Rules(_) => {
                    Answer::Failed { error: bad(&error.to_string()) }
                }
                SimulateError::Store(_) | SimulateError::Failed => Answer::Failed { error: unexpected(&error) },
            },
            |simulation| Answer::Simulation { simulation: Box::new(simulation) },
        );
        reply.send(answer).ok();
    }

    async fn add_up(&self, ask: EarningsRequest, reply: oneshot::Sender<Answer>) {
        reply.send(earned::answer(&self.store, &self.agent.snapshot().rig.device, ask).await).ok();
    }

    async fn answer(&self, request: Request) -> Result<Answer, ControlError> {
        match request {
            Request::Start => self.ask(Ask::Start).await,
            Request::Pause(args) => self.ask(pause(args)?).await,
            Request::Finish => self.ask(Ask::Finish).await,
            Request::Measure => self.ask(Ask::Measure).await,
            Request::Quit => self.ask(Ask::Quit).await,
            Request::Jobs(args) => self.jobs(args).await,
            Request::Log(args) => self.log(args).await,
            Request::Cards => self.cards.page(self.paths.data_dir()).await,
            Request::MeasureAgain(args) => self.cards.measure_again(self.paths.data_dir(), args).await,
            Request::Rules => rules::page(self.paths.data_dir()).await,
            Request::SetRules(args) => rules::set(self.paths.data_dir(), *args).await,
            Request::Block(args) => self.block(args).await,
            Request::Unblock(args) => rules::unblock(self.paths.data_dir(), &args).await,
            Request::Notices => notices::page(self.paths.data_dir()).await,
            Request::SetNotices(wanted) => notices::set(self.paths.data_dir(), wanted).await,
            Request::Yields => {
                let yields = self.store.yields(YIELDS_MAX).await.map_err(|error| unexpected(&error))?;
                Ok(Answer::Yields { yields })
            }
            Request::Hello { .. }
            | Request::Status
            | Request::Watch
            | Request::Doctor(_)
            | Request::Support
            | Request::Network { .. }
            | Request::Simulate(_)
            | Request::Earnings { .. }
            | Request::Demand
            | Request::Fleet(_)
            | Request::Wallet { .. } => Err(bad("This is answered before it comes here.")),
        }
    }

    async fn ask(&self, ask: Ask) -> Result<Answer, ControlError> {
        let ending = |Ended| ControlError { code: ControlCode::AgentGone, message: "The agent is ending.".to_owned() };
        self.agent.ask(ask).await.map(|()| Answer::Done).map_err(ending)
    }

    /// First the file, which is what holds; then the rig, which need not wait until it is read again.
    async fn block(&self, BlockArgs { attempt, stop }: BlockArgs) -> Result<Answer, ControlError> {
        let not_found = |message: &str| ControlError { code: ControlCode::NotFound, message: message.to_owned() };
        names_an_attempt(&attempt)?;
        let known = self.store.attempt(&attempt).await.map_err(|error| unexpected(&error))?;
        let known = known.ok_or_else(|| not_found("There is no such attempt here."))?;
        let customer = known.customer.ok_or_else(|| not_found("The network did not say whose job this was."))?;
        let answer = rules::block(self.paths.data_dir(), customer, known.title).await?;
        self.ask(Ask::Block { customer, stop }).await?;
        Ok(answer)
    }

    async fn jobs(&self, args: JobsArgs) -> Result<Answer, ControlError> {
        if !(1..=JOBS_MAX).contains(&args.limit) {
            return Err(bad("A page has 1 to 100 jobs."));
        }
        names_an_attempt(args.after.as_deref().unwrap_or_default())?;
        let page = self.store.attempts_before(args.after.as_deref(), args.limit).await.map_err(|error| unexpected(&error))?;
        let present = self.agent.snapshot();
        let live =
            |card: &headframe_protocol::control::JobCard| present.working.iter().find(|now| now.attempt == card.attempt).cloned();
        let cards = page.attempts.into_iter().map(view::past).map(|card| live(&card).unwrap_or(card));
        let jobs: Vec<_> = cards.collect();
        let next = jobs.last().filter(|_| page.more).map(|card| card.attempt.clone());
        Ok(Answer::Jobs { page: JobPage { jobs, next } })
    }

    async fn log(&self, args: LogArgs) -> Result<Answer, ControlError> {
        let unknown = || ControlError { code: ControlCode::NotFound, message: "There is no such attempt here.".to_owned() };
        names_an_attempt(&args.attempt)?;
        // Parsed, and not only looked up: it becomes part of a file's name.
        let attempt: AttemptId = args.attempt.parse().map_err(|_| unknown())?;
        let known = self.store.attempt(&attempt.to_string()).await.map_err(|error| unexpected(&error))?.ok_or_else(unknown)?;
        let ended = known.outcome.is_some() || known.settled.is_some();
        let chunk = log::piece(&self.paths.logs().join(format!("{attempt}.log")), args.offset, ended).await;
        chunk.map(|chunk| Answer::Log { chunk }).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound if ended => {
                ControlError { code: ControlCode::NotFound, message: "The log of this attempt has been removed.".to_owned() }
            }
            _ => unexpected(&error),
        })
    }
}

/// Short enough to be one; whether there is such an attempt is another question.
/// How soon a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// A word to the loop: an owner who wants his PC back waits for nothing else.
    AtOnce,
    /// A page of a small table, a piece of a file, a change to one.
    InTurn,
    /// Whatever asks somebody else or adds up much: nobody waits for it but who has asked.
    InTime,
}

impl Pace {
    const fn of(request: &Request) -> Self {
        match request {
            Request::Start | Request::Pause(_) | Request::Finish | Request::Measure | Request::Quit => Self::AtOnce,
            Request::Wallet { .. }
            | Request::Doctor(_)
            | Request::Support
            | Request::Network { .. }
            | Request::Simulate(_)
            | Request::Earnings { .. }
            | Request::Demand
            | Request::Fleet(_) => Self::InTime,
            Request::Hello { .. }
            | Request::Status
            | Request::Watch
            | Request::Jobs(_)
            | Request::Log(_)
            | Request::Cards
            | Request::MeasureAgain(_)
            | Request::Rules
            | Request::SetRules(_)
            | Request::Block(_)
            | Request::Unblock(_)
            | Request::Notices
            | Request::SetNotices(_)
            | Request::Yields => Self::InTurn,
        }
    }
}

fn names_an_attempt(text: &str) -> Result<(), ControlError> {
    if text.len() > ATTEMPT_BYTES_MAX { Err(bad("An attempt’s name is at most 64 bytes long.")) } else { Ok(()) }
}

fn pause(PauseArgs { minutes }: PauseArgs) -> Result<Ask, ControlError> {
    match minutes {
        None => Ok(Ask::Pause(None)),
        Some(minutes) if (1..=PAUSE_MINUTES_MAX).contains(&minutes) => {
            Ok(Ask::Pause(Some(Duration::from_secs(u64::from(minutes) * 60))))
        }
        Some(_) => Err(bad("A pause is 1 minute to a year long; leave the minutes out to pause until you press Start.")),
    }
}

fn bad(message: &str) -> ControlError {
    ControlError { code: ControlCode::BadRequest, message: message.to_owned() }
}

fn unexpected(cause: &(dyn std::error::Error + 'static)) -> ControlError {
    let cause = Chain(cause);
    error!("Could not answer a guest: {cause}");
    ControlError { code: ControlCode::Unexpected, message: format!("The agent could not answer: {cause}.") }
}
