//! Real sockets: an agent's end and its guests in one process, and strangers at the door.

#[cfg(unix)]
mod rude;
mod talk;

use std::sync::Arc;

use headframe_control::{
    AgentPaths,
    lock::AgentLock,
    server::{self, ASKS_MAX, Ask, Life, Listener, Pulse},
};
use headframe_protocol::{
    TimestampMs,
    control::{CpuView, Earned, EngineView, Link, Phase, RigView, Snapshot},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

/// An agent that is nothing but its socket.
struct Agent {
    paths: AgentPaths,
    publish: watch::Sender<Arc<Snapshot>>,
    inbox: mpsc::Receiver<Ask>,
    pulse: Pulse,
    serving: JoinHandle<AgentLock>,
    _home: tempfile::TempDir,
}

impl Agent {
    fn start() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let paths = AgentPaths::resolve(Some(home.path().join("agent"))).expect("absolute");
        let lock = AgentLock::acquire(&paths).expect("nobody else is there");
        let listener = Listener::bind(&lock).expect("a fresh folder");
        let (publish, snapshots) = watch::channel(Arc::new(snapshot(1)));
        let (asks, inbox) = mpsc::channel(ASKS_MAX);
        let pulse = Pulse::default();
        let life = Life { snapshots, pulse: pulse.clone() };
        #[expect(clippy::disallowed_methods, reason = "the test owns it and ends it")]
        let serving = tokio::task::spawn_local(async move {
            server::serve(listener, "0.1.0-test", life, asks).await;
            lock
        });
        Self { paths, publish, inbox, pulse, serving, _home: home }
    }

    fn publish(&self, revision: u32) {
        self.publish.send_replace(Arc::new(snapshot(revision)));
    }

    /// Ends as a killed process does: the system closes what it had open, and nothing is tidied.
    async fn die(self) -> (AgentPaths, tempfile::TempDir) {
        self.serving.abort();
        assert!(self.serving.await.is_err_and(|error| error.is_cancelled()));
        (self.paths, self._home)
    }
}

/// Runs a test with its agent's tasks on the test's own thread.
async fn with_agent(test: impl AsyncFnOnce(Agent)) {
    tokio::task::LocalSet::new().run_until(async move { test(Agent::start()).await }).await;
}

fn snapshot(revision: u32) -> Snapshot {
    Snapshot {
        revision,
        agent_version: "0.1.0-test".into(),
        phase: Phase::Ready,
        since_ms: TimestampMs::from_millis(0),
        rig: RigView {
            device: "0x0000000000000000000000000000000000000001".into(),
            name: "attic".into(),
            cpu: CpuView { model: "a processor".into(), cores: 2, load_percent: 1, memory_used_bytes: 1, memory_bytes: 2 },
            gpus: Vec::new(),
        },
        working: Vec::new(),
        today: Earned::default(),
        link: Link::Connecting,
        practice: false,
        engine: EngineView { found: None, tried: Vec::new() },
        asks: None,
        probes: Vec::new(),
        clock: None,
        history: 0,
    }
}
