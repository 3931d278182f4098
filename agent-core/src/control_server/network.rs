//! Which network the rig belongs to, shown and changed.

use std::path::Path;

use headframe_protocol::control::{
    Answer, ControlCode, ControlError, NetworkAnswer, NetworkFault, NetworkRequest, Phase, ProfileArgs,
};
use headframe_protocol::profile::SignedProfile;

use super::{Guests, unexpected};
use crate::{
    agent::Ended,
    clock, networks, practice,
    settings::joined::{self, Joining},
    store::Chain,
    tasks::apart,
};

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
        if self.is_at_work().await? {
            let message = "A job is still on this PC, or its result is on its way. Finish it first, then join.".to_owned();
            return Ok(NetworkAnswer::Refused { fault: NetworkFault::AtWork, message });
        }
        let dir = self.paths.data_dir().to_owned();
        let written = apart(move || change.write(&dir)).await.ok_or_else(broken_off)?;
        if let Err(error) = written {
            return Ok(refused(NetworkFault::NotWritten, &error));
        }
        let here = self.here().await?;
        let ending = |Ended| ControlError { code: ControlCode::AgentGone, message: "The agent is ending.".to_owned() };
        self.agent.begin_again().await.map_err(ending)?;
        Ok(here)
    }

    async fn is_at_work(&self) -> Result<bool, ControlError> {
        let open = self.store.open_attempts().await.map_err(|error| unexpected(&error))?;
        let left = self.store.open_checkpoints().await.map_err(|error| unexpected(&error))?;
        let present = self.agent.snapshot();
        let moves = matches!(present.phase, Phase::Working | Phase::Preparing | Phase::Yielding | Phase::Uploading);
        Ok(moves || !present.working.is_empty() || !open.is_empty() || !left.is_empty())
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
