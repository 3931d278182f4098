//! What the coordinator says over HTTP: chains, what is owed, what relaying costs, what there is to do; and what it is told.

use std::time::Duration;

use alloy::primitives::Address;
use headframe_protocol::{
    DeviceId,
    chain::ChainProfile,
    demand::RigDemand,
    error::Problem,
    fleet::{FleetList, SignedAskFleet},
    payout::{EarningList, Entitlement, PayoutStanding, Relay, RelayFee, RelayedClaim, SignedPayoutTerms, SignedSpendEarnings},
};
use reqwest::{Method, Response, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

/// How long an answer may take. Guests wait for it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);

/// The longest answer: a page of receipts or the chains of a network.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// What is said where a signed time is not believed.
pub(super) const CLOCK_WRONG: &str = "the network does not believe the time: the clock of this PC is wrong";

/// Why the coordinator did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum PayrollError {
    /// It does not answer, or says that it cannot now.
    #[error("the coordinator does not answer")]
    Offline(#[source] Option<reqwest::Error>),
    /// It answered something this program does not understand.
    #[error("the coordinator answered something this program does not understand")]
    Garbled,
    /// It does not believe the time that was signed.
    #[error("{CLOCK_WRONG}")]
    ClockWrong,
    /// It says no, and asking again changes nothing.
    #[error("{0}")]
    Refused(String),
}

/// Asks and tells.
#[derive(Debug, Clone)]
pub(crate) struct Payroll {
    coordinator: Url,
    http: reqwest::Client,
}

impl Payroll {
    pub(crate) const fn new(coordinator: Url, http: reqwest::Client) -> Self {
        Self { coordinator, http }
    }

    /// The chains of the network.
    pub(super) async fn chains(&self) -> Result<Vec<ChainProfile>, PayrollError> {
        let chains: Vec<ChainProfile> = self.get(&["chains"], &[]).await?;
        if chains.iter().any(|profile| !profile.problems().is_empty()) { Err(PayrollError::Garbled) } else { Ok(chains) }
    }

    /// What an account may take, with proofs.
    pub(super) async fn entitlements(&self, account: Address) -> Result<Vec<Entitlement>, PayrollError> {
        self.get(&["accounts", &account.to_string(), "entitlements"], &[]).await
    }

    /// What a relayer takes for a claim.
    pub(super) async fn relay_fee(&self, chain_id: u64, asset: Address, account: Address) -> Result<RelayFee, PayrollError> {
        let query = [("chain", chain_id.to_string()), ("asset", asset.to_string()), ("account", account.to_string())];
        self.get(&["relay", "fee"], &query).await
    }

    /// Has a claim sent. The same claim again is the same relay.
    pub(super) async fn relay(&self, claim: &RelayedClaim) -> Result<Relay, PayrollError> {
        self.tell(Method::POST, &["relay", "claims"], claim).await
    }

    /// Where a relayed claim is.
    pub(super) async fn relayed(&self, id: &str) -> Result<Relay, PayrollError> {
        self.get(&["relay", id], &[]).await
    }

    /// Says where earnings go.
    pub(super) async fn set_payout(&self, signed: &SignedPayoutTerms) -> Result<PayoutStanding, PayrollError> {
        self.tell(Method::PUT, &["devices", &signed.terms.device.to_string(), "payout"], signed).await
    }

    /// Where earnings go, as the coordinator has it.
    pub(super) async fn payout(&self, device: DeviceId) -> Result<PayoutStanding, PayrollError> {
        self.get(&["devices", &device.to_string(), "payout"], &[]).await
    }

    /// Turns earnings into computing credit.
    pub(super) async fn spend(&self, signed: &SignedSpendEarnings) -> Result<(), PayrollError> {
        let device = signed.spend.device.to_string();
        let request = self.request(Method::POST, &["devices", &device, "spend"])?.json(signed);
        ok(request.send().await.map_err(unanswered)?).await.map(drop)
    }

    /// What settled attempts have brought.
    pub(super) async fn earnings(&self, device: DeviceId, after: Option<&str>, limit: u32) -> Result<EarningList, PayrollError> {
        let mut query = vec![("limit", limit.to_string())];
        query.extend(after.map(|after| ("after", after.to_owned())));
        self.get(&["devices", &device.to_string(), "earnings"], &query).await
    }

    /// What there is for a rig to do.
    pub(crate) async fn demand(&self, device: DeviceId) -> Result<RigDemand, PayrollError> {
        self.get(&["devices", &device.to_string(), "demand"], &[]).await
    }

    /// Which rigs are of one owner with the one that asks.
    pub(crate) async fn fleet(&self, signed: &SignedAskFleet) -> Result<FleetList, PayrollError> {
        self.tell(Method::POST, &["devices", &signed.ask.device.to_string(), "fleet"], signed).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, String)]) -> Result<T, PayrollError> {
        let request = self.request(Method::GET, path)?.query(query);
        read(ok(request.send().await.map_err(unanswered)?).await?).await
    }

    async fn tell<T: DeserializeOwned>(&self, method: Method, path: &[&str], body: &impl Serialize) -> Result<T, PayrollError> {
        let request = self.request(method, path)?.json(body);
        read(ok(request.send().await.map_err(unanswered)?).await?).await
    }

    /// Below `/v1/`. Each part of the path stays one part, whatever stands in it.
    fn request(&self, method: Method, path: &[&str]) -> Result<reqwest::RequestBuilder, PayrollError> {
        let mut url = self.coordinator.clone();
        url.path_segments_mut().map_err(|()| PayrollError::Garbled)?.pop_if_empty().push("v1").extend(path);
        Ok(self.http.request(method, url).timeout(ANSWER_TIMEOUT))
    }
}

fn unanswered(error: reqwest::Error) -> PayrollError {
    PayrollError::Offline(Some(error.without_url()))
}

/// The answer, if it is not a no. What may be otherwise later counts as no answer.
async fn ok(response: Response) -> Result<Response, PayrollError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT {
        return Err(PayrollError::Offline(None));
    }
    let problem: Option<Problem> = read(response).await.ok();
    if problem.as_ref().is_some_and(is_about_the_time) {
        return Err(PayrollError::ClockWrong);
    }
    Err(PayrollError::Refused(problem.map_or_else(|| format!("The coordinator says no ({status})."), said)))
}

/// Whether it names the field that says when something was signed. Nothing else is ever wrong with it.
fn is_about_the_time(problem: &Problem) -> bool {
    problem.errors.iter().any(|error| error.field.rsplit('.').next() == Some("issued_ms"))
}

/// What a problem document says, with the fields it names.
fn said(problem: Problem) -> String {
    let fields = problem.errors.iter().map(|error| format!(" {}: {}.", error.field, error.message.trim_end_matches('.')));
    format!("{}{}", problem.detail, fields.collect::<String>())
}

async fn read<T: DeserializeOwned>(mut response: Response) -> Result<T, PayrollError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > ANSWER_BYTES_MAX {
            return Err(PayrollError::Garbled);
        }
    }
    serde_json::from_slice(&bytes).map_err(|_| PayrollError::Garbled)
}
