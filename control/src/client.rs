//! A guest's end of the socket.
//!
//! A connection carries one conversation: either calls, one after the other, or a watch. Whoever wants both opens two;
//! on a local socket that costs microseconds and saves sorting answers from snapshots.

use std::{io, time::Duration};

use headframe_protocol::control::{
    Answer, BlockArgs, CONTROL_VERSION, Call, CardPage, Checkup, ControlCode, ControlError, DemandView, DoctorArgs, EarnedArgs,
    EarnedPage, Earnings, EarningsAnswer, EarningsArgs, EarningsRequest, Event, FleetArgs, FleetView, JobPage, JobsArgs, LogArgs,
    LogChunk, MeasureArgs, NetworkAnswer, NetworkRequest, Notices, NoticesPage, PauseArgs, Request, RulesPage, SILENCE_MAX,
    SetRulesArgs, SheetArgs, SheetPiece, SimulateArgs, Simulation, Snapshot, Support, UnblockArgs, WalletAnswer, WalletRequest,
    Yields,
};
use interprocess::local_socket::{tokio::Stream, traits::tokio::Stream as _};
use tokio::time::timeout;

use crate::{
    paths::AgentPaths,
    peer,
    wire::{self, Broken, Lines},
};

/// How long an agent that holds the line may take for an answer. It answers from memory or from a small database.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the wallet may take: it asks chains, and a keyring may ask its owner.
const WALLET_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the network may take to say what there is to do, or which rigs are the owner's; the agent waits for it less long.
const DEMAND_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a look at the whole PC may take: each place an engine may be at has ten seconds, and there are a few.
const DOCTOR_TIMEOUT: Duration = Duration::from_secs(90);

/// How long the agent may take to ask a coordinator for its profile.
const NETWORK_TIMEOUT: Duration = Duration::from_secs(30);

/// How long going through two weeks again may take, on a slow PC with other things to do.
const SIMULATE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long adding up may take: years of attempts are read from a disk that others use too.
const EARNINGS_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a guest has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No agent answers, or it died while we spoke.
    #[error("no agent answers")]
    Gone(#[source] Option<io::Error>),
    /// The socket is somebody else's.
    #[error("the agent's socket belongs to another user")]
    Stranger,
    /// The agent is alive and says nothing.
    #[error("the agent does not answer")]
    Silent,
    /// The agent said something that cannot be read, or answered something else.
    #[error("the agent's answer cannot be understood")]
    Garbled,
    /// The agent says no.
    #[error("{}", .0.message)]
    Refused(ControlError),
}

impl From<ClientError> for ControlError {
    /// As the owner reads it. Causes stay behind: they are for the log.
    fn from(error: ClientError) -> Self {
        let (code, message) = match error {
            ClientError::Refused(refused) => return refused,
            ClientError::Gone(_) => (ControlCode::AgentGone, "The Headframe agent is not running."),
            ClientError::Stranger => (ControlCode::Unexpected, "The agent's socket belongs to another user of this computer."),
            ClientError::Silent => (ControlCode::AgentSilent, "The Headframe agent runs and does not answer."),
            ClientError::Garbled => {
                (ControlCode::Unexpected, "The Headframe agent answered something this program does not understand.")
            }
        };
        Self { code, message: message.to_owned() }
    }
}

/// An open conversation with the agent.
#[derive(Debug)]
pub struct Client {
    lines: Lines,
    calls: u64,
    agent_version: String,
}

impl Client {
    /// Connects and greets.
    ///
    /// # Errors
    /// [`ClientError::Gone`] at once if nobody listens; [`ClientError::Refused`] with
    /// [`ControlCode::VersionMismatch`] if the agent is of another version.
    pub async fn connect(paths: &AgentPaths) -> Result<Self, ClientError> {
        let mut client = Self::dial(paths).await?;
        let Answer::Hello { version: CONTROL_VERSION, agent } = client.call(Request::Hello { version: CONTROL_VERSION }).await?
        else {
            return Err(ClientError::Garbled);
        };
        client.agent_version = agent;
        Ok(client)
    }

    /// Ends an agent, of whatever version.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn end(paths: &AgentPaths) -> Result<(), ClientError> {
        Self::dial(paths).await?.quit().await
    }

    /// Connects, and says nothing.
    async fn dial(paths: &AgentPaths) -> Result<Self, ClientError> {
        let name = wire::socket_name(paths).map_err(|error| ClientError::Gone(Some(error)))?;
        let stream = Stream::connect(name).await.map_err(|error| ClientError::Gone(Some(error)))?;
        if !peer::is_owner(&stream).map_err(|error| ClientError::Gone(Some(error)))? {
            return Err(ClientError::Stranger);
        }
        Ok(Self { lines: Lines::new(stream), calls: 0, agent_version: String::new() })
    }

    /// The agent program's version, for people.
    #[must_use]
    pub fn agent_version(&self) -> &str {
        &self.agent_version
    }

    /// Asks and waits for the answer. [`Answer::Failed`] comes as [`ClientError::Refused`].
    ///
    /// # Errors
    /// Each of [`ClientError`]. After anything but a refusal the conversation is over.
    pub async fn call(&mut self, request: Request) -> Result<Answer, ClientError> {
        self.call_within(ANSWER_TIMEOUT, request).await
    }

    async fn call_within(&mut self, patience: Duration, request: Request) -> Result<Answer, ClientError> {
        self.calls += 1;
        let call = Call { id: self.calls, request };
        self.lines.send(&call).await.map_err(|error| match error.kind() {
            // Nothing was sent: the agent is as well as before.
            io::ErrorKind::InvalidInput => ClientError::Refused(too_long()),
            _ => ClientError::Gone(Some(error)),
        })?;
        match timeout(patience, self.next_event()).await.map_err(|_| ClientError::Silent)?? {
            Event::Answer { answer: Answer::Failed { error }, id } if id == call.id || id == 0 => {
                Err(ClientError::Refused(error))
            }
            Event::Answer { answer, id } if id == call.id => Ok(answer),
            Event::Answer { .. } | Event::Snapshot { .. } | Event::Alive => Err(ClientError::Garbled),
        }
    }

    /// The snapshot now.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn status(&mut self) -> Result<Snapshot, ClientError> {
        let Answer::Status { snapshot } = self.call(Request::Status).await? else { return Err(ClientError::Garbled) };
        Ok(*snapshot)
    }

    /// Take work whenever the owner is away.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn start(&mut self) -> Result<(), ClientError> {
        self.act(Request::Start).await
    }

    /// Take no work, and give back what runs.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn pause(&mut self, args: PauseArgs) -> Result<(), ClientError> {
        self.act(Request::Pause(args)).await
    }

    /// Finish what runs, then stop taking work.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn finish(&mut self) -> Result<(), ClientError> {
        self.act(Request::Finish).await
    }

    /// End the agent process.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn quit(&mut self) -> Result<(), ClientError> {
        self.act(Request::Quit).await
    }

    /// Past and present jobs, newest first.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn jobs(&mut self, args: JobsArgs) -> Result<JobPage, ClientError> {
        let Answer::Jobs { page } = self.call(Request::Jobs(args)).await? else { return Err(ClientError::Garbled) };
        Ok(page)
    }

    /// A piece of one attempt's log.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn log(&mut self, args: LogArgs) -> Result<LogChunk, ClientError> {
        let Answer::Log { chunk } = self.call(Request::Log(args)).await? else { return Err(ClientError::Garbled) };
        Ok(chunk)
    }

    /// How quickly the PC was given back.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn yields(&mut self) -> Result<Yields, ClientError> {
        let Answer::Yields { yields } = self.call(Request::Yields).await? else { return Err(ClientError::Garbled) };
        Ok(yields)
    }

    /// Whether this PC can be a rig, looked at anew.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn doctor(&mut self, args: DoctorArgs) -> Result<Checkup, ClientError> {
        let Answer::Checkup { checkup } = self.call_within(DOCTOR_TIMEOUT, Request::Doctor(args)).await? else {
            return Err(ClientError::Garbled);
        };
        Ok(*checkup)
    }

    /// Find out now what this PC can do. How far that has come is in the snapshots.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn measure(&mut self) -> Result<(), ClientError> {
        self.act(Request::Measure).await
    }

    /// Asks about networks. What is not joined comes as [`NetworkAnswer::Refused`].
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn network(&mut self, ask: NetworkRequest) -> Result<NetworkAnswer, ClientError> {
        let Answer::Network { answer } = self.call_within(NETWORK_TIMEOUT, Request::Network { ask }).await? else {
            return Err(ClientError::Garbled);
        };
        Ok(*answer)
    }

    /// What rules would have done in the past days.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn simulate(&mut self, args: SimulateArgs) -> Result<Simulation, ClientError> {
        let Answer::Simulation { simulation } = self.call_within(SIMULATE_TIMEOUT, Request::Simulate(args)).await? else {
            return Err(ClientError::Garbled);
        };
        Ok(*simulation)
    }

    /// What the network has for the rig to do.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn demand(&mut self) -> Result<DemandView, ClientError> {
        let Answer::Demand { demand } = self.call_within(DEMAND_TIMEOUT, Request::Demand).await? else {
            return Err(ClientError::Garbled);
        };
        Ok(*demand)
    }

    /// Which rigs are of one owner with this one.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn fleet(&mut self, args: FleetArgs) -> Result<FleetView, ClientError> {
        let Answer::Fleet { fleet } = self.call_within(DEMAND_TIMEOUT, Request::Fleet(args)).await? else {
            return Err(ClientError::Garbled);
        };
        Ok(*fleet)
    }

    /// What is known of the graphics cards.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn cards(&mut self) -> Result<CardPage, ClientError> {
        self.cards_after(Request::Cards).await
    }

    /// Measure a card again. Returns what is so then.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn measure_again(&mut self, args: MeasureArgs) -> Result<CardPage, ClientError> {
        self.cards_after(Request::MeasureAgain(args)).await
    }

    async fn cards_after(&mut self, request: Request) -> Result<CardPage, ClientError> {
        let Answer::Cards { page } = self.call(request).await? else { return Err(ClientError::Garbled) };
        Ok(*page)
    }

    /// The owner's rules.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn rules(&mut self) -> Result<RulesPage, ClientError> {
        self.rules_after(Request::Rules).await
    }

    /// Other rules from now on. Returns what holds then.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn set_rules(&mut self, args: SetRulesArgs) -> Result<RulesPage, ClientError> {
        self.rules_after(Request::SetRules(Box::new(args))).await
    }

    /// Takes no more jobs of the customer of an attempt. Returns what holds then.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn block(&mut self, args: BlockArgs) -> Result<RulesPage, ClientError> {
        self.rules_after(Request::Block(args)).await
    }

    /// Takes jobs of a customer again. Returns what holds then.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn unblock(&mut self, args: UnblockArgs) -> Result<RulesPage, ClientError> {
        self.rules_after(Request::Unblock(args)).await
    }

    async fn rules_after(&mut self, request: Request) -> Result<RulesPage, ClientError> {
        let Answer::Rules { page } = self.call(request).await? else { return Err(ClientError::Garbled) };
        Ok(*page)
    }

    /// Sums of what was earned.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn earnings(&mut self, args: EarningsArgs) -> Result<Earnings, ClientError> {
        let EarningsAnswer::Sums { earnings } = self.ask_earnings(EarningsRequest::Sums(args)).await? else {
            return Err(ClientError::Garbled);
        };
        Ok(*earnings)
    }

    /// The attempts of some time, with what proves them.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn earned(&mut self, args: EarnedArgs) -> Result<EarnedPage, ClientError> {
        let EarningsAnswer::Attempts { page } = self.ask_earnings(EarningsRequest::Attempts(args)).await? else {
            return Err(ClientError::Garbled);
        };
        Ok(page)
    }

    /// A piece of a text about what was earned.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn sheet(&mut self, args: SheetArgs) -> Result<SheetPiece, ClientError> {
        let EarningsAnswer::Sheet { piece } = self.ask_earnings(EarningsRequest::Sheet(args)).await? else {
            return Err(ClientError::Garbled);
        };
        Ok(piece)
    }

    async fn ask_earnings(&mut self, ask: EarningsRequest) -> Result<EarningsAnswer, ClientError> {
        let Answer::Earnings { answer } = self.call_within(EARNINGS_TIMEOUT, Request::Earnings { ask }).await? else {
            return Err(ClientError::Garbled);
        };
        Ok(answer)
    }

    /// Of what the desktop tells the owner.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn notices(&mut self) -> Result<NoticesPage, ClientError> {
        self.notices_after(Request::Notices).await
    }

    /// Of other things from now on. Returns what holds then.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn set_notices(&mut self, notices: Notices) -> Result<NoticesPage, ClientError> {
        self.notices_after(Request::SetNotices(notices)).await
    }

    async fn notices_after(&mut self, request: Request) -> Result<NoticesPage, ClientError> {
        let Answer::Notices { page } = self.call(request).await? else { return Err(ClientError::Garbled) };
        Ok(*page)
    }

    /// A text for somebody who helps the owner. Takes a look at the PC first.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn support(&mut self) -> Result<Support, ClientError> {
        let Answer::Support { support } = self.call_within(DOCTOR_TIMEOUT, Request::Support).await? else {
            return Err(ClientError::Garbled);
        };
        Ok(*support)
    }

    /// Asks the wallet. What it does not do comes as [`WalletAnswer::Refused`].
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn wallet(&mut self, ask: WalletRequest) -> Result<WalletAnswer, ClientError> {
        let Answer::Wallet { answer } = self.call_within(WALLET_TIMEOUT, Request::Wallet { ask }).await? else {
            return Err(ClientError::Garbled);
        };
        Ok(*answer)
    }

    /// Turns the conversation into a watch.
    ///
    /// # Errors
    /// See [`Client::call`].
    pub async fn watch(mut self) -> Result<Watch, ClientError> {
        let Answer::Status { snapshot } = self.call(Request::Watch).await? else { return Err(ClientError::Garbled) };
        Ok(Watch { client: self, first: Some(*snapshot) })
    }

    async fn act(&mut self, request: Request) -> Result<(), ClientError> {
        let Answer::Done = self.call(request).await? else { return Err(ClientError::Garbled) };
        Ok(())
    }

    async fn next_event(&mut self) -> Result<Event, ClientError> {
        let line = self.lines.next().await.map_err(|broken| match broken {
            Broken::Gone(error) => ClientError::Gone(error),
            Broken::NotALine => ClientError::Garbled,
        })?;
        serde_json::from_str(&line).map_err(|_| ClientError::Garbled)
    }
}

/// A stream of snapshots: the first at once, then one after each change.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    first: Option<Snapshot>,
}

impl Watch {
    /// The next snapshot. May be dropped while it waits without losing one.
    ///
    /// # Errors
    /// [`ClientError::Gone`] the moment the agent ends or dies: the system closes its end of the socket.
    /// [`ClientError::Silent`] where it hangs: not even a sign of life has come for [`SILENCE_MAX`].
    pub async fn next(&mut self) -> Result<Snapshot, ClientError> {
        if let Some(first) = self.first.take() {
            return Ok(first);
        }
        loop {
            match timeout(SILENCE_MAX, self.client.next_event()).await.map_err(|_| ClientError::Silent)?? {
                Event::Snapshot { snapshot } => return Ok(*snapshot),
                Event::Alive => {}
                Event::Answer { .. } => return Err(ClientError::Garbled),
            }
        }
    }
}

fn too_long() -> ControlError {
    ControlError { code: ControlCode::BadRequest, message: "This request is longer than a line may be.".to_owned() }
}
