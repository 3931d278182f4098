//! A rig's runner with everything around it, for one test.

use std::{path::PathBuf, time::Duration};

use bollard::{
    Docker,
    query_parameters::{
        ListContainersOptionsBuilder, ListVolumesOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    },
};
use futures_util::TryStreamExt as _;
use headframe_agent::runner::{
    Assignment, EgressConfig, Ending, InputHosts, Known, RunEvent, RunEventKind, Runner, RunnerConfig, SecretToken,
};
use headframe_protocol::{AttemptId, DeviceId, ImageRef, JobId, session::AttemptRef};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::{
    coordinator::{Coordinator, TOKEN},
    image,
    registry::Registry,
};

/// Longer than any job here takes; a test that waits for nothing fails by it.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct Yard {
    pub(crate) docker: Docker,
    pub(crate) registry: Registry,
    pub(crate) coordinator: Coordinator,
    pub(crate) config: RunnerConfig,
    pub(crate) runner: Runner,
    pub(crate) events: mpsc::Receiver<RunEvent>,
    pub(crate) image: ImageRef,
    _dir: TempDir,
}

impl Yard {
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub(crate) async fn open_with(change: impl FnOnce(&mut RunnerConfig)) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let mut config = RunnerConfig {
            data_dir: dir.path().join("agent"),
            // A device of its own: tests beside one another must not adopt each other's containers.
            device: random_device(),
            socket: None,
            image_cap_bytes: 10 << 30,
            disk_reserve_bytes: 1 << 30,
            input_hosts: InputHosts::Public,
            disk_limit: None,
            pace: tokio::sync::watch::channel(headframe_agent::pace::Pace::Working).1,
            egress: EgressConfig::never(),
            bandwidth: tokio::sync::watch::channel(headframe_agent::runner::Bandwidth::default()).1,
        };
        change(&mut config);
        let docker = match &config.socket {
            Some(socket) => Docker::connect_with_unix(socket, 120, bollard::API_DEFAULT_VERSION).expect("the socket is there"),
            None => Docker::connect_with_defaults().expect("an engine is there"),
        };
        let docker = docker.negotiate_version().await.expect("the engine answers");
        let registry = Registry::start(dir.path());
        let image = image::make(&docker, &registry.host, "busybox", &[]).await;
        let (runner, events) = Runner::connect(config.clone()).await.expect("an engine is found");
        let coordinator = Coordinator::start().await;
        Self { docker, registry, coordinator, config, runner, events, image, _dir: dir }
    }

    /// A job that runs `script` in a shell, with `more` in its specification.
    pub(crate) fn job(&self, script: &str, more: Value) -> Assignment {
        let mut spec = json!({
            "image": self.image, "command": ["/bin/sh", "-c", script], "max_price_per_hour": "1", "timeout_s": 120,
            "resources": {"cpu": 1, "memory_gib": 1, "disk_gib": 1},
        });
        for (name, value) in more.as_object().expect("an object") {
            spec[name] = value.clone();
        }
        Assignment {
            at: AttemptRef { attempt: AttemptId::generate(), epoch: 1 },
            job: JobId::generate(),
            spec: serde_json::from_value(spec).expect("a job"),
            array_index: None,
            base: self.coordinator.base(),
            token: SecretToken::new(TOKEN.to_owned()),
            registry: None,
            checkpoint: Vec::new(),
            gpus: Vec::new(),
        }
    }

    /// Runs a job to its end.
    pub(crate) async fn run(&mut self, script: &str, more: Value) -> Ending {
        let job = self.job(script, more);
        self.runner.start(job).await;
        self.ended().await
    }

    /// Waits for the next event that `wanted` takes.
    pub(crate) async fn until<T>(&mut self, what: &str, wanted: impl Fn(RunEventKind) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let event = self.events.recv().await.expect("the runner lives");
                if let Some(found) = wanted(event.kind) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what} did not come"))
    }

    pub(crate) async fn started(&mut self) {
        self.until("the start", |kind| (kind == RunEventKind::Started).then_some(())).await;
    }

    pub(crate) async fn ended(&mut self) -> Ending {
        self.until("the end", |kind| if let RunEventKind::Ended(ending) = kind { Some(ending) } else { None }).await
    }

    /// Waits until the coordinator's copy of the log holds `text`.
    pub(crate) async fn logged(&self, text: &str) {
        patiently(text, async || self.coordinator.log().contains(text)).await;
    }

    /// Waits until the program has printed `text`, whether or not anybody of ours reads it.
    pub(crate) async fn printed(&self, at: AttemptRef, text: &str) {
        let options = LogsOptionsBuilder::new().stdout(true).build();
        patiently(text, async || {
            let pieces: Vec<_> =
                self.docker.logs(&Self::container(at), Some(options.clone())).try_collect().await.expect("the engine's copy");
            let log: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.into_bytes()).collect();
            String::from_utf8_lossy(&log).contains(text)
        })
        .await;
    }

    /// Waits until there is a container, started or not.
    pub(crate) async fn made(&self) {
        patiently("a container", async || !self.containers().await.is_empty()).await;
    }

    /// Waits until the program has ended, whether or not anybody of ours looks.
    pub(crate) async fn exited(&self, at: AttemptRef) {
        let container = Self::container(at);
        patiently("the program's end", async || {
            let found = self.docker.inspect_container(&container, None).await.expect("it is there");
            found.state.and_then(|state| state.running) == Some(false)
        })
        .await;
    }

    /// The agent dies and comes back: the runner goes without a word, and a new one stands in the same place.
    pub(crate) async fn live_again(&mut self) {
        let (runner, events) = Runner::connect(self.config.clone()).await.expect("an engine is found");
        std::mem::replace(&mut self.runner, runner).shutdown().await;
        self.events = events;
    }

    pub(crate) fn container(at: AttemptRef) -> String {
        format!("headframe-{}", at.attempt)
    }

    pub(crate) fn known(assignment: &Assignment, running_ms: u64) -> Known {
        Known { assignment: assignment.clone(), running_ms, stopping: false }
    }

    /// Names of this rig's containers, running or not.
    pub(crate) async fn containers(&self) -> Vec<String> {
        let ours = format!("headframe.device={}", self.config.device);
        let filter = std::collections::HashMap::from([("label", vec![ours])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filter).build();
        let listed = self.docker.list_containers(Some(options)).await.expect("the engine lists");
        listed.into_iter().filter_map(|container| container.id).collect()
    }

    /// Folders of work volumes on this rig.
    pub(crate) fn work_folders(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.config.data_dir.join("work"))
            .expect("the runner made it")
            .map(|entry| entry.expect("readable").path())
            .collect()
    }

    /// A rig keeps the relay's volume for its next job; a test has none.
    async fn remove_relays(&self) {
        let filter = std::collections::HashMap::from([("label", vec![format!("headframe.relay={}", self.config.device)])]);
        let options = ListVolumesOptionsBuilder::new().filters(&filter).build();
        let found = self.docker.list_volumes(Some(options)).await.expect("the engine lists");
        for volume in found.volumes.into_iter().flatten() {
            let none = None::<bollard::query_parameters::RemoveVolumeOptions>;
            self.docker.remove_volume(&volume.name, none).await.expect("nothing uses it");
        }
    }

    /// Leaves nothing on the engine.
    pub(crate) async fn close(self) {
        self.runner.adopt(Vec::new(), Vec::new()).await;
        for container in self.containers().await {
            let force = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
            self.docker.remove_container(&container, Some(force)).await.ok();
        }
        assert_eq!(self.work_folders(), Vec::<PathBuf>::new(), "nothing of a customer stays");
        self.remove_relays().await;
        self.runner.shutdown().await;
        let image = self.image.to_string();
        let force = bollard::query_parameters::RemoveImageOptionsBuilder::new().force(true).build();
        self.docker.remove_image(&image, Some(force), None).await.ok();
    }
}

/// Looks again and again until it is so.
async fn patiently(what: &str, is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited in vain for: {what}"));
}

fn random_device() -> DeviceId {
    let bytes: [u8; 16] = AttemptId::generate().to_bytes();
    format!("0x{}00000000", hex::encode(bytes)).parse().expect("forty digits")
}
