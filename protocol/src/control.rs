//! What the agent process and its guests (window, tray, command line) say over the local socket, as JSON lines.
//!
//! The present is pushed: after [`Request::Watch`] the agent sends one [`Snapshot`] whenever something changed, at most
//! four a second. The past is pulled, page by page. A request has an `id`; its answer carries the same one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

mod cards;
mod checkup;
mod clock;
mod earnings;
mod desk;
mod fleet;
mod language;
mod network;
mod demand;
mod rules;
mod simulation;
mod probe;
mod snapshot;
mod wallet;
mod yields;

pub use cards::{CARD_BYTES_MAX, CardPage, CardView, MeasureArgs};
pub use checkup::{Check, Checkup, DoctorArgs, Verdict};
pub use clock::ClockFault;
pub use demand::{CardProof, DemandView, KindFares, NetworkDemand, StandingView};
pub use desk::{Notices, NoticesPage, OpenPlaceArgs, Place, Places, Support};
pub use earnings::{
    EARNED_PAGE_MAX, EarnedArgs, EarnedCard, EarnedPage, Earnings, EarningsAnswer, EarningsArgs, EarningsBucket, EarningsBy,
    EarningsRange, EarningsRequest, EarningsSum, Exported, SheetArgs, SheetOf, SheetPiece, Worker, WorkerSum,
};
pub use fleet::{FleetArgs, FleetCardView, FleetPage, FleetRigView, FleetSaid, FleetSums, FleetView};
pub use language::Language;
pub use network::{NetworkAnswer, NetworkFault, NetworkRequest, NetworkView, OpenedLink, ProfileArgs, ProfileView};
pub use probe::{ProbeKind, ProbeSees, ProbeView};
pub use rules::{
    AwayRules, BandRules, BlockArgs, BlockedCustomer, GivingBackRules, GpuRules, HeatRules, InternetRules, JobRules, LoadRules,
    NetworkRules, OwnerRules, PowerRules, ProgramRules, RulesPage, SetRulesArgs, TariffRules, UnblockArgs, WeekRules,
};
pub use simulation::{Loss, LostTo, RULES_BYTES_MAX, SIMULATED_DAYS_MAX, SimulateArgs, SimulatedDay, Simulation};
pub use snapshot::{
    AskView, CpuView, Earned, EngineTried, EngineView, GpuView, HotPart, JobCard, Link, MeasuringView, Phase, RigView, Snapshot,
    Stage, WaitReason,
};
pub use wallet::{
    AssetBalance, ChainBalances, ClaimProof, Coins, CreateArgs, Fee, Hazard, HistoryArgs, ImportArgs, IntentCard, IntentFacts,
    MoneyNews, MoneyNewsKind, PayoutState, PayoutView, PrepareArgs, ReceiptCard, ReceiptPage, ReceiptsArgs, SECRET_BYTES_MAX,
    Secret, SignArgs, Source, SpendArgs, SpendState, SpendView, ToldArgs, Unpaid, VerifyArgs, WalletAnswer, WalletCode,
    WalletRefusal, WalletRequest, WalletState, WalletView, Warning, WatchArgs, WithdrawFacts, WithdrawalCard, WithdrawalPage,
    WithdrawalState,
};
pub use yields::{YIELDS_MAX, YieldCause, YieldView, Yields};

/// The version of this socket's language. The two ends are installed together; a mismatch means a half-done update.
pub const CONTROL_VERSION: u32 = 4;

/// The largest line. A page of log is the largest thing on it.
pub const LINE_BYTES_MAX: usize = 512 * 1024;

/// The longest text that names an attempt. Ours have 40 characters.
pub const ATTEMPT_BYTES_MAX: usize = 64;

/// The most snapshots pushed per second.
pub const SNAPSHOTS_PER_S_MAX: u32 = 4;

/// How often a watch hears of an agent that lives and has nothing to say.
pub const ALIVE_EVERY: Duration = Duration::from_secs(3);

/// An agent that is silent for this long hangs: three signs of life have not come.
pub const SILENCE_MAX: Duration = Duration::from_secs(10);

/// From a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Comes back in the answer.
    pub id: u64,
    /// What is wanted.
    pub request: Request,
}

/// What a guest may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Request {
    /// Which version speaks; first, once.
    Hello {
        /// The guest's [`CONTROL_VERSION`].
        version: u32,
    },
    /// The snapshot now.
    Status,
    /// The snapshot now and after each change.
    Watch,
    /// Take work whenever the owner is away.
    Start,
    /// Take no work, and give back what runs.
    Pause(PauseArgs),
    /// Finish what runs, then stop taking work.
    Finish,
    /// Past and present jobs, newest first.
    Jobs(JobsArgs),
    /// A piece of one attempt's log.
    Log(LogArgs),
    /// How quickly the PC was given back.
    Yields,
    /// Whether this PC can be a rig, looked at anew.
    Doctor(DoctorArgs),
    /// Find out now what this PC can do, as far as it is not known, though its owner is here.
    Measure,
    /// Something about the network the rig belongs to.
    Network {
        /// What.
        ask: NetworkRequest,
    },
    /// What rules would have done in the past days.
    Simulate(SimulateArgs),
    /// What the network has for the rig to do, and why it has work or none.
    Demand,
    /// Which rigs are of one owner with this one, and what they do.
    Fleet(FleetArgs),
    /// What is known of the graphics cards beyond the present.
    Cards,
    /// Measure a card again, once the PC is free.
    MeasureAgain(MeasureArgs),
    /// The owner's rules.
    Rules,
    /// Other rules from now on.
    SetRules(Box<SetRulesArgs>),
    /// No more jobs of the customer of an attempt.
    Block(BlockArgs),
    /// Jobs of a customer again.
    Unblock(UnblockArgs),
    /// Something about what was earned.
    Earnings {
        /// What.
        ask: EarningsRequest,
    },
    /// Of what the desktop tells the owner.
    Notices,
    /// Of other things from now on.
    SetNotices(Notices),
    /// A text for somebody who helps the owner, written into a file.
    Support,
    /// Something about the wallet.
    Wallet {
        /// What.
        ask: WalletRequest,
    },
    /// End the agent process.
    Quit,
}

/// For how long to pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct PauseArgs {
    /// Minutes until work is taken again; absent until the owner says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub minutes: Option<u32>,
}

/// Which page of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct JobsArgs {
    /// The attempt after which the page begins; absent for the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub after: Option<String>,
    /// How many, at most 100.
    pub limit: u32,
}

/// Which piece of which log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct LogArgs {
    /// Which attempt.
    pub attempt: String,
    /// The byte to begin at; negative counts from the end.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub offset: i64,
}

/// From the agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// Answers a [`Call`].
    Answer {
        /// The call's.
        id: u64,
        /// What was asked for, or why not.
        answer: Answer,
    },
    /// Something changed.
    Snapshot {
        /// Everything the window shows without asking.
        snapshot: Box<Snapshot>,
    },
    /// Nothing changed, and the agent still goes round.
    Alive,
}

/// What was asked for, or why not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Answer {
    /// Answers [`Request::Hello`].
    Hello {
        /// The agent's [`CONTROL_VERSION`].
        version: u32,
        /// The agent program's version, for people.
        agent: String,
    },
    /// It is done.
    Done,
    /// Answers [`Request::Status`] and [`Request::Watch`].
    Status {
        /// Now.
        snapshot: Box<Snapshot>,
    },
    /// Answers [`Request::Jobs`].
    Jobs {
        /// The page.
        page: JobPage,
    },
    /// Answers [`Request::Log`].
    Log {
        /// The piece.
        chunk: LogChunk,
    },
    /// Answers [`Request::Yields`].
    Yields {
        /// All of them.
        yields: Yields,
    },
    /// Answers [`Request::Doctor`].
    Checkup {
        /// What was found.
        checkup: Box<Checkup>,
    },
    /// Answers [`Request::Network`].
    Network {
        /// What is said about it.
        answer: Box<NetworkAnswer>,
    },
    /// Answers [`Request::Simulate`].
    Simulation {
        /// What would have been.
        simulation: Box<Simulation>,
    },
    /// Answers [`Request::Demand`].
    Demand {
        /// What the network said.
        demand: Box<DemandView>,
    },
    /// Answers [`Request::Fleet`].
    Fleet {
        /// What the network said.
        fleet: Box<FleetView>,
    },
    /// Answers [`Request::Cards`], and [`Request::MeasureAgain`] with what is so then.
    Cards {
        /// All of them.
        page: Box<CardPage>,
    },
    /// Answers [`Request::Rules`], and [`Request::SetRules`], [`Request::Block`] and [`Request::Unblock`] with what holds then.
    Rules {
        /// All of them.
        page: Box<RulesPage>,
    },
    /// Answers [`Request::Earnings`].
    Earnings {
        /// What was asked for.
        answer: EarningsAnswer,
    },
    /// Answers [`Request::Notices`], and [`Request::SetNotices`] with what holds then.
    Notices {
        /// All of them.
        page: Box<NoticesPage>,
    },
    /// Answers [`Request::Support`].
    Support {
        /// What was written.
        support: Box<Support>,
    },
    /// Answers [`Request::Wallet`].
    Wallet {
        /// What the wallet says.
        answer: Box<WalletAnswer>,
    },
    /// It is not done.
    Failed {
        /// Why.
        error: ControlError,
    },
}

/// Why a request was not done, as far as anyone acts on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct ControlError {
    /// What to branch on.
    pub code: ControlCode,
    /// One sentence for a person.
    pub message: String,
}

/// Add a variant together with the branch that uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum ControlCode {
    /// No agent answers on the socket; the window offers to start it.
    AgentGone,
    /// An agent was to be started and was not; the window says why and offers to try again.
    AgentNotStarted,
    /// An agent holds the socket and hangs; the window offers a report, as starting another would not help.
    AgentSilent,
    /// Agent and guest are of different versions; the window asks to restart both.
    VersionMismatch,
    /// There is no such attempt, or its log was pruned.
    NotFound,
    /// What was to be changed has been changed by somebody else; the window shows that first.
    Changed,
    /// The request could not be read, or asks for what cannot be.
    BadRequest,
    /// Anything else; shown with a report to copy.
    Unexpected,
}

/// What the window's Rust knows of the agent, as its page is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct Present {
    /// Grows with every word of the agent: what comes late with a lower one has been overtaken.
    pub seq: u32,
    /// What is known.
    pub agent: AgentState,
}

/// Whether there is an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum AgentState {
    /// It speaks.
    Here {
        /// What it said last.
        snapshot: Box<Snapshot>,
    },
    /// It does not.
    Gone {
        /// Why.
        error: ControlError,
    },
}

/// A page of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct JobPage {
    /// Newest first.
    pub jobs: Vec<JobCard>,
    /// What to send as `after` for the next page; absent at the end.
    pub next: Option<String>,
}

/// A piece of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct LogChunk {
    /// The byte it begins at.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub offset: u64,
    /// The byte after its last; where the next piece begins.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub end: u64,
    /// The text; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// Whether the attempt has ended and this is the end of its log.
    pub complete: bool,
}
