//! A network and a chain behind one address, a folder with a wallet, and the program to be run against them.

use std::{
    path::PathBuf,
    process::{Output, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alloy_primitives::{Address, U256};
use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use headframe_cli::wallet::WalletKey;
use tokio::process::{Child, Command};

use crate::{
    chain::{Ledger, USDC, profile},
    network::Network,
};

/// How long the program may take before a test has failed.
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Both {
    ledger: Ledger,
    network: Network,
}

/// All of it.
pub(crate) struct World {
    both: Arc<Mutex<Both>>,
    folder: tempfile::TempDir,
    pub(crate) url: String,
    pub(crate) wallet: Address,
}

/// What the program has said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    /// A customer whose wallet has a hundred dollars and something for gas.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        let folder = tempfile::tempdir().expect("a folder");
        let wallet = WalletKey::create(&folder.path().join("wallet.key")).expect("a new key").address();
        let mut ledger = Ledger::default();
        (ledger.block, ledger.usdc_decimals, ledger.gas_price) = (100, 6, 1_000_000_000);
        ledger.tokens.insert((USDC, wallet), U256::from(100_000_000));
        ledger.coins.insert(wallet, U256::from(1_000_000_000_000_000_000_u64));
        let mut network = Network::default();
        let chains = serde_json::to_vec(&[profile(&format!("{url}rpc"))]).expect("plain data");
        network.said.insert("GET /v1/chains".to_owned(), (200, chains));
        let both = Arc::new(Mutex::new(Both { ledger, network }));
        let router = Router::new().fallback(answer).with_state(both.clone());
        #[expect(clippy::disallowed_methods, reason = "a fake ends with its test")]
        tokio::spawn(async move { axum::serve(listener, router).await.expect("served") });
        Self { both, folder, url, wallet }
    }

    fn both(&self) -> MutexGuard<'_, Both> {
        self.both.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the chain, or changes it.
    pub(crate) fn chain<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> T {
        act(&mut self.both().ledger)
    }

    /// Looks at the network, or changes it.
    pub(crate) fn network<T>(&self, act: impl FnOnce(&mut Network, &mut Ledger) -> T) -> T {
        let Both { ledger, network } = &mut *self.both();
        act(network, ledger)
    }

    /// A file in the customer's folder.
    pub(crate) fn file(&self, name: &str, text: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a writable folder");
        path
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headframe"));
        command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
            command.env_remove(name);
        }
        command
            .env("HEADFRAME_URL", &self.url)
            .env("HEADFRAME_API_KEY", "hfk_test")
            .env("HEADFRAME_CONFIG_DIR", self.folder.path().join("config"))
            .env("HEADFRAME_WALLET_KEY_FILE", self.folder.path().join("wallet.key"));
        command
    }

    /// Runs the program to its end.
    pub(crate) async fn run(&self, words: &[&str]) -> Said {
        said(self.command(words).spawn().expect("the program")).await
    }

    /// Runs it without an API key.
    pub(crate) async fn run_as_stranger(&self, words: &[&str]) -> Said {
        said(self.command(words).env_remove("HEADFRAME_API_KEY").spawn().expect("the program")).await
    }

    /// Runs it where no coordinator is known.
    pub(crate) async fn run_alone(&self, words: &[String]) -> Said {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = self.command(&words);
        said(command.env_remove("HEADFRAME_URL").env_remove("HEADFRAME_API_KEY").spawn().expect("the program")).await
    }

    /// Runs it until `reached`, and presses Ctrl-C.
    #[cfg(unix)]
    pub(crate) async fn interrupt(&self, words: &[&str], reached: impl Fn(&Network, &Ledger) -> bool) -> Said {
        let child = self.command(words).spawn().expect("the program");
        let id = child.id().expect("it runs").to_string();
        let waiting = async {
            while !self.network(|network, ledger| reached(network, ledger)) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LIMIT, waiting).await.expect("it comes that far");
        let killed = Command::new("kill").args(["-INT", &id]).status().await.expect("a `kill`");
        assert!(killed.success(), "it still ran");
        said(child).await
    }
}

async fn said(child: Child) -> Said {
    let ended = tokio::time::timeout(LIMIT, child.wait_with_output()).await.expect("it comes to an end").expect("it ran");
    let Output { status, stdout, stderr } = ended;
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
}

impl Said {
    /// The `event` of every line.
    pub(crate) fn events(&self) -> Vec<String> {
        let event =
            |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["event"].as_str().map(str::to_owned);
        self.out.lines().map(|line| event(line).expect("a field `event`")).collect()
    }
}

async fn answer(State(both): State<Arc<Mutex<Both>>>, request: Request) -> Response {
    let act = format!("{} {}", request.method(), request.uri().path());
    let query = request.uri().query().unwrap_or_default().to_owned();
    let has_key = request.headers().contains_key(header::AUTHORIZATION);
    let body: Bytes = to_bytes(request.into_body(), 1 << 24).await.expect("a body");
    let Both { ledger, network } = &mut *both.lock().unwrap_or_else(PoisonError::into_inner);
    if act == "POST /rpc" {
        let call = serde_json::from_slice(&body).expect("JSON");
        return ledger
            .answer(&call)
            .map_or_else(|| StatusCode::BAD_GATEWAY.into_response(), |said| axum::Json(said).into_response());
    }
    network.queries.push((act.clone(), query));
    let (status, body) = network.answer(ledger, &act, has_key, &body);
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
