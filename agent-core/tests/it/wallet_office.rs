//! A coordinator's office for payouts: says which chains there are and what is owed, takes terms and claims, and can fail at each.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alloy::primitives::{B256, U256};
use axum::{
    Json, Router,
    extract::{
        Path, Query, State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use headframe_protocol::{
    Micros, SessionId, Sha256, TimestampMs,
    demand::RigDemand,
    fleet::{FleetList, SignedAskFleet},
    payout::{ChainProgress, Entitlement, PayoutStanding, Relay, RelayFee, RelayedClaim, SignedPayoutTerms, SignedSpendEarnings},
    session::{AgentMessage, Beat, Challenge, CoordinatorMessage, LeaseVerdict, Welcome},
};
use serde_json::json;

use crate::{
    coordinator::NETWORK,
    wallet_chain::{CHAIN_ID, FakeChain, serve},
};

/// What goes wrong, for as long as it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Fault {
    /// Nothing.
    #[default]
    None,
    /// 503 before anything is done.
    Before,
    /// Done, and the answer is lost.
    After,
    /// No answer at all.
    Silent,
    /// A final no.
    No,
    /// What was signed comes from another time.
    Clock,
}

#[derive(Default)]
pub(crate) struct Books {
    pub(crate) entitlements: Vec<Entitlement>,
    /// Terms taken, each time they came.
    pub(crate) terms: Vec<SignedPayoutTerms>,
    /// When terms count, if not at once.
    pub(crate) pending_from: Option<TimestampMs>,
    /// Every claim that came, as often as it did.
    pub(crate) claims_heard: Vec<RelayedClaim>,
    /// Claims taken, by id.
    pub(crate) relays: HashMap<String, (RelayedClaim, ChainProgress)>,
    pub(crate) spends: Vec<SignedSpendEarnings>,
    /// What there is to do; without it nobody says.
    pub(crate) demand: Option<RigDemand>,
    /// How often that was asked for.
    pub(crate) demand_asked: u32,
    /// Which rigs are one owner's; without it nobody says.
    pub(crate) fleet: Option<FleetList>,
    /// Who asked for that.
    pub(crate) fleet_asked: Vec<SignedAskFleet>,
    pub(crate) fleet_fault: Fault,
    pub(crate) fee: u64,
    pub(crate) terms_fault: Fault,
    pub(crate) claims_fault: Fault,
    pub(crate) relay_fault: Fault,
    pub(crate) spend_fault: Fault,
}

/// A running office. Clones are the same.
#[derive(Clone)]
pub(crate) struct Office {
    books: Arc<Mutex<Books>>,
    pub(crate) chain: FakeChain,
    pub(crate) url: String,
}

impl Office {
    pub(crate) async fn open() -> Self {
        let chain = FakeChain::start().await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let books = Books { fee: 20_000, ..Books::default() };
        let office = Self { books: Arc::new(Mutex::new(books)), chain, url };
        let router = Router::new()
            .route("/v1/agent/session", get(session))
            .route("/v1/chains", get(|State(office): State<Self>| async move { Json(vec![office.chain.profile()]) }))
            .route("/v1/accounts/{account}/entitlements", get(entitlements))
            .route("/v1/relay/fee", get(fee))
            .route("/v1/relay/claims", post(claims))
            .route("/v1/relay/{id}", get(relayed))
            .route("/v1/devices/{device}/payout", put(set_payout).get(payout))
            .route("/v1/devices/{device}/spend", post(spend))
            .route("/v1/devices/{device}/earnings", get(earnings))
            .route("/v1/devices/{device}/demand", get(demand))
            .route("/v1/devices/{device}/fleet", post(fleet))
            .with_state(office.clone());
        serve(listener, router);
        office
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Owes an account something, provably.
    pub(crate) fn owe(&self, account: alloy::primitives::Address, asset: alloy::primitives::Address, units: u64) {
        let owed = self.chain.owe(account, asset, U256::from(units));
        self.books().entitlements = vec![owed];
    }

    /// Sends every claim that was taken, as a relayer does.
    pub(crate) fn relay_all(&self) {
        let mut books = self.books();
        let fee = U256::from(books.fee);
        for (claim, progress) in books.relays.values_mut() {
            if *progress == ChainProgress::Recorded {
                *progress = match self.chain.claim_to(claim, fee) {
                    Ok(transaction) => ChainProgress::Sent { transaction },
                    Err(reason) => ChainProgress::Refused { reason: reason.to_owned() },
                };
            }
        }
    }

    /// Says of every claim that was sent that nothing takes it back.
    pub(crate) fn finish_all(&self) {
        let block = self.chain.ledger().block;
        for (_, progress) in self.books().relays.values_mut() {
            if let ChainProgress::Sent { transaction } = *progress {
                *progress = ChainProgress::Final { transaction, block };
            }
        }
    }
}

async fn entitlements(State(office): State<Office>) -> Json<Vec<Entitlement>> {
    Json(office.books().entitlements.clone())
}

async fn fee(State(office): State<Office>, Query(query): Query<HashMap<String, String>>) -> Json<RelayFee> {
    assert_eq!(query["chain"], CHAIN_ID.to_string());
    let fee = office.books().fee;
    let valid_until_ms = headframe_agent::clock::wall().after(Duration::from_secs(60));
    Json(RelayFee { fee: U256::from(fee), worth: Micros::new(i64::try_from(fee).expect("small")), valid_until_ms })
}

async fn claims(State(office): State<Office>, Json(claim): Json<RelayedClaim>) -> Response {
    let id = format!("rly_{}", Sha256::of(&serde_json::to_vec(&claim).expect("plain data")));
    office.books().claims_heard.push(claim.clone());
    let fault = office.books().claims_fault;
    faulty(fault, || {
        let mut books = office.books();
        let (_, progress) = books.relays.entry(id.clone()).or_insert((claim, ChainProgress::Recorded));
        Json(Relay { id, progress: progress.clone() }).into_response()
    })
    .await
}

async fn relayed(State(office): State<Office>, Path(id): Path<String>) -> Response {
    let fault = office.books().relay_fault;
    faulty(fault, || match office.books().relays.get(&id) {
        Some((_, progress)) => Json(Relay { id, progress: progress.clone() }).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    })
    .await
}

async fn set_payout(State(office): State<Office>, Json(signed): Json<SignedPayoutTerms>) -> Response {
    let fault = office.books().terms_fault;
    faulty(fault, || {
        assert_eq!(signed.verify(), Ok(()), "both signatures are right");
        let mut books = office.books();
        books.terms.push(signed);
        Json(standing(&books)).into_response()
    })
    .await
}

async fn payout(State(office): State<Office>) -> Json<PayoutStanding> {
    let mut books = office.books();
    if books.pending_from.is_some_and(|from| from <= headframe_agent::clock::wall()) {
        books.pending_from = None;
    }
    Json(standing(&books))
}

fn standing(books: &Books) -> PayoutStanding {
    let newest = books.terms.last().cloned();
    let confirmed = newest.as_ref().is_some_and(|signed| signed.wallet_signature.is_some());
    let terms = newest.map(|signed| signed.terms);
    match books.pending_from {
        None => PayoutStanding { terms, confirmed, held_because: None, pending: None, pending_from_ms: None },
        pending_from_ms => PayoutStanding { terms: None, confirmed: false, held_because: None, pending: terms, pending_from_ms },
    }
}

async fn spend(State(office): State<Office>, Json(signed): Json<SignedSpendEarnings>) -> Response {
    let fault = office.books().spend_fault;
    faulty(fault, || {
        assert_eq!(signed.verify(), Ok(()), "the rig said it");
        let mut books = office.books();
        if !books.spends.contains(&signed) {
            books.spends.push(signed);
        }
        StatusCode::NO_CONTENT.into_response()
    })
    .await
}

async fn earnings() -> Json<serde_json::Value> {
    Json(json!({"earnings": [{
        "attempt": "att_0190163d8694739aa1c2f09c3e1b7a11", "settled_ms": 1_000, "paid": "1000000", "fee": "100000", "share": "900000",
        "chain_id": CHAIN_ID, "payout_epoch": 1, "transaction": B256::repeat_byte(5),
    }]}))
}

async fn demand(State(office): State<Office>) -> Response {
    let mut books = office.books();
    books.demand_asked += 1;
    match &books.demand {
        Some(demand) => Json(demand.clone()).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn fleet(State(office): State<Office>, Json(signed): Json<SignedAskFleet>) -> Response {
    let fault = office.books().fleet_fault;
    faulty(fault, || {
        assert_eq!(signed.verify(), Ok(()), "the rig asks");
        assert_eq!(signed.ask.origin, office.url, "and nobody else can be asked with it");
        let mut books = office.books();
        books.fleet_asked.push(signed);
        match &books.fleet {
            Some(fleet) => Json(fleet.clone()).into_response(),
            None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    })
    .await
}

async fn faulty(fault: Fault, act: impl FnOnce() -> Response) -> Response {
    match fault {
        Fault::None => act(),
        Fault::Before => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Fault::After => {
            drop(act());
            StatusCode::BAD_GATEWAY.into_response()
        }
        Fault::Silent => std::future::pending().await,
        Fault::No => {
            let problem = headframe_protocol::error::Problem::new(headframe_protocol::error::Code::Conflict, 409, "Not today.");
            (StatusCode::CONFLICT, Json(problem)).into_response()
        }
        Fault::Clock => {
            let mut problem =
                headframe_protocol::error::Problem::new(headframe_protocol::error::Code::InvalidRequest, 422, "Not so.");
            problem.errors = vec![headframe_protocol::error::FieldError::new("spend.issued_ms", "within the last ten minutes")];
            (StatusCode::UNPROCESSABLE_ENTITY, Json(problem)).into_response()
        }
    }
}

async fn session(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| async move {
        // An agent that is killed hangs up in the middle of a word.
        converse(socket).await;
    })
}

async fn converse(mut socket: WebSocket) -> Option<()> {
    let nonce = Sha256::of(SessionId::generate().to_string().as_bytes());
    let challenge = Challenge { nonce, network: NETWORK.to_owned(), version: 1, version_min: 1 };
    say(&mut socket, CoordinatorMessage::Challenge(challenge)).await?;
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        match serde_json::from_str(&text).ok()? {
            AgentMessage::Hello(_) => {
                let welcome =
                    Welcome { session: SessionId::generate(), heartbeat_ms: 500, lease_ttl_ms: 60_000, leases: Vec::new() };
                say(&mut socket, CoordinatorMessage::Welcome(welcome)).await?;
            }
            AgentMessage::Heartbeat(heartbeat) => {
                let leases = heartbeat.leases.iter().map(|lease| LeaseVerdict { at: lease.at, held: true }).collect();
                say(&mut socket, CoordinatorMessage::Beat(Beat { sequence: heartbeat.sequence, leases })).await?;
            }
            _ => {}
        }
    }
    None
}

async fn say(socket: &mut WebSocket, message: CoordinatorMessage) -> Option<()> {
    socket.send(Message::text(serde_json::to_string(&message).ok()?)).await.ok()
}
