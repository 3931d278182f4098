//! Which network the rig belongs to, shown and changed.

use std::{path::Path, time::Duration};

use headframe_protocol::{
    control::{Answer, ControlCode, ControlError, NetworkAnswer, NetworkFault, NetworkRequest, Phase, ProfileArgs},
    profile::SignedProfile,
    session::AttemptRef,
};

use super::{Guests, unexpected};
use crate::{
    agent::Ended,
    clock, networks, practice,
    settings::joined::{self, Joining},
    store::{Chain, OpenAttempt},
    tasks::apart,
};

/// How long a network answers nothing before its owner may leave with outcomes untold. Its leases have lapsed long before, and it has
/// given the jobs to others.
const SILENT_FOR: Duration = Duration::from_secs(15 * 60);

impl Guests {
    /// What is asked about networks.
    pub(super) async fn ask_network(&self, ask: NetworkRequest) -> Result<Answer, ControlError> {
        let answer = match ask {
            NetworkRequest::Show => self.here().await?,
            NetworkRequest::Look(ProfileArgs { text }) => match networks::look(&text).await {
                Ok(signed) => NetworkAnswer::Offered { profile: networks::view(&signed) },
                Err(error) => refused(error.fault(), &error),
            },
            NetworkRequest::Join(ProfileArgs { text }) => match SignedProfile::read(&text, clock::wall()) {
                Ok(signed) => self.change(Change::Join(Box::new(signed))).await?,
                Err(error) => {
                    let error = networks::NetworkError::from(error);
                    refused(error.fault(), &error)
                }
            },
            NetworkRequest::Practise => match practice::program() {
                Ok(_) => self.change(Change::Practise(true)).await?,
                Err(error) => refused(NetworkFault::NoPractice, &error),
            },
            NetworkRequest::StopPractising => self.change(Change::Practise(false)).await?,
        };
        Ok(Answer::Network { answer: Box::new(answer) })
    }

    async fn here(&self) -> Result<NetworkAnswer, ControlError> {
        let dir = self.paths.data_dir().to_owned();
        let network = apart(move || networks::present(&dir)).await.ok_or_else(broken_off)?;
        Ok(NetworkAnswer::Here { network: network.map_err(|error| unexpected(&error))? })
    }

    /// Writes the owner's file and has the agent begin again, unless something is on the rig that the present network is owed or owes for.
    async fn change(&self, change: Change) -> Result<NetworkAnswer, ControlError> {
        let Some(behind) = self.behind().await? else {
            let message = format!(
                "A job is still on this PC, or its result is on its way. Finish it first, then join. From a network that does not \
                 answer you can go {} minutes after it fell silent.",
                SILENT_FOR.as_secs() / 60
            );
            return Ok(NetworkAnswer::Refused { fault: NetworkFault::AtWork, message });
        };
        let dir = self.paths.data_dir().to_owned();
        let written = apart(move || change.write(&dir)).await.ok_or_else(broken_off)?;
        if let Err(error) = written {
            return Ok(refused(NetworkFault::NotWritten, &error));
        }
        self.store.leave_behind(&behind).await.map_err(|error| unexpected(&error))?;
        let here = self.here().await?;
        let ending = |Ended| ControlError { code: ControlCode::AgentGone, message: "The agent is ending.".to_owned() };
        self.agent.begin_again().await.map_err(ending)?;
        Ok(here)
    }

    /// Attempts that are over but for the present network's word, which does not come. None if anything is left to be waited for.
    async fn behind(&self) -> Result<Option<Vec<AttemptRef>>, ControlError> {
        let open = self.store.open_attempts().await.map_err(|error| unexpected(&error))?;
        let left = self.store.open_checkpoints().await.map_err(|error| unexpected(&error))?;
        let present = self.agent.snapshot();
        let moves = matches!(present.phase, Phase::Working | Phase::Preparing | Phase::Yielding | Phase::Uploading);
        let now = clock::wall();
        let is_behind = |one: &OpenAttempt| one.outcome.is_some() && now.since(one.renewed_ms) >= SILENT_FOR;
        if moves || !present.working.is_empty() || !left.is_empty() || !open.iter().all(is_behind) {
            return Ok(None);
        }
        Ok(Some(open.iter().map(|one| one.offer.at).collect()))
    }
}

enum Change {
    Join(Box<SignedProfile>),
    Practise(bool),
}

impl Change {
    fn write(&self, data_dir: &Path) -> Result<(), joined::JoinError> {
        let joining = match self {
            Self::Join(signed) => Joining::Network(signed),
            Self::Practise(practice) => Joining::Practice(*practice),
        };
        joined::write(data_dir, joining)
    }
}

fn refused(fault: NetworkFault, error: &(dyn std::error::Error + 'static)) -> NetworkAnswer {
    NetworkAnswer::Refused { fault, message: Chain(error).to_string() }
}

fn broken_off() -> ControlError {
    ControlError { code: ControlCode::Unexpected, message: "The agent could not look at its settings.".to_owned() }
}
