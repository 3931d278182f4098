//! A real network with a customer, made of the real programs, each asked as a person would ask it.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Command, Stdio},
};

use headframe_control::{AgentPaths, Client};
use headframe_protocol::control::PauseArgs;
use serde_json::{Value, json};

use crate::{chain::Chain, processes::Group, stage::built};

/// What a customer of a job pays for an hour at most, in millionths of a dollar.
const USUAL_PRICE: &str = "1000000";

/// One network, up until the test ends.
pub(crate) struct Network {
    coordinator_url: String,
    api_key: String,
    registry: String,
    /// The rig that came with it, if one did.
    rig_dir: Option<PathBuf>,
    operators_file: PathBuf,
    chain: Option<Chain>,
    folder: tempfile::TempDir,
    _testbed: Group,
}

impl Network {
    /// Coordinator, registry, one customer and one rig.
    pub(crate) fn up() -> Self {
        Self::with(&["--agents", "1"])
    }

    /// Coordinator, registry, a chain, and one customer who pays with what he has put down there.
    pub(crate) fn paid() -> Self {
        Self::with(&["--agents", "0", "--money"])
    }

    fn with(how: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(program("HEADFRAME_TESTBED_BIN", "headframe-testbed"));
        command.args(["up", "--json", "--until-stdin-ends"]).args(how).arg("--dir").arg(folder.path());
        // It ends when nobody holds its standard input any more.
        let mut testbed = Group::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let mut line = String::new();
        let said = testbed.child().stdout.take().expect("piped");
        BufReader::new(said).read_line(&mut line).expect("one line when it is up");
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("no network ({error}): {line}"));
        let text = |key: &str| ready[key].as_str().expect("a text").to_owned();
        Self {
            coordinator_url: text("coordinator_url"),
            api_key: text("api_key"),
            registry: text("registry"),
            rig_dir: ready["agent_dirs"][0].as_str().map(PathBuf::from),
            operators_file: text("coordinator_config").into(),
            chain: ready.get("chain").map(Chain::of),
            folder,
            _testbed: testbed,
        }
    }

    /// The chain that its jobs are paid on.
    pub(crate) fn chain(&self) -> &Chain {
        self.chain.as_ref().expect("a network that pays on one")
    }

    /// What its operator sends to those whom he invites: the link, and, by another way, the fingerprint of his key.
    pub(crate) fn invitation(&self) -> (String, String) {
        let done = self.operator().args(["admin", "network", "profile"]).output().expect("the coordinator's program");
        let (link, told) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        let fingerprint = told.split_once("fingerprint: ").and_then(|(_, rest)| rest.split_whitespace().next());
        let fingerprint = fingerprint.unwrap_or_else(|| panic!("the operator is told no fingerprint: {told}"));
        (link.trim().to_owned(), fingerprint.to_owned())
    }

    /// Puts a rig of ours in the place of the one that came with the network: the same settings, but its owner has not
    /// pressed Start yet. The other one rests.
    pub(crate) async fn settle_rig(&self, paths: &AgentPaths) {
        let rig_dir = self.rig_dir.as_ref().expect("a network with a rig");
        let settings = fs::read_to_string(rig_dir.join("agent.toml")).expect("every rig has settings");
        let settings = settings.replace("start.automatically = true", "start.automatically = false");
        fs::create_dir_all(paths.data_dir()).and_then(|()| fs::write(paths.settings(), settings)).expect("our own folder");
        fs::copy(rig_dir.join("rules.toml"), paths.data_dir().join("rules.toml")).expect("every rig has rules");
        let other = AgentPaths::resolve(Some(rig_dir.clone())).expect("absolute");
        let mut other = Client::connect(&other).await.expect("the network is up, and so is its rig");
        other.pause(PauseArgs { minutes: None }).await.expect("an owner may always pause");
    }

    /// An image with busybox alone, pushed by the customer and approved by the operator, by digest.
    pub(crate) fn image(&self) -> String {
        let root = self.folder.path().join("image");
        for folder in ["bin", "tmp", "work"] {
            fs::create_dir_all(root.join(folder)).expect("our own folder");
        }
        fs::copy("/bin/busybox", root.join("bin/busybox")).expect("busybox-static is installed");
        std::os::unix::fs::symlink("busybox", root.join("bin/sh")).expect("our own folder");
        let archive = self.folder.path().join("image.tar");
        run(Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&archive).arg("."));

        let name = format!("{}/window:latest", self.registry);
        run(self.docker().arg("import").arg(&archive).arg(&name));
        let host = self.registry.split('/').next().expect("a host");
        let mut login = self.docker();
        login.args(["login", "--username", "customer", "--password-stdin", host]);
        let mut login =
            login.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("docker is installed");
        login.stdin.take().expect("piped").write_all(self.api_key.as_bytes()).expect("it reads");
        assert!(login.wait().expect("it ends").success(), "the registry lets the customer in");
        let pushed = run(self.docker().args(["push", &name]));
        let digest = pushed.split_whitespace().find(|word| word.starts_with("sha256:")).expect("a digest").to_owned();
        // So that the rig, on the same engine, really fetches it.
        run(self.docker().args(["image", "rm", &name]));

        run(self.operator().args([
            "admin",
            "--reason",
            "the window's test",
            "--actor",
            "window-test",
            "image",
            "approve",
            &digest,
        ]));
        format!("{}/window@{digest}", self.registry)
    }

    /// Submits a job that runs `script`, and names it.
    pub(crate) fn submit(&self, name: &str, image: &str, script: &str) -> String {
        self.submit_for(USUAL_PRICE, name, image, script)
    }

    /// The same for at most `price` millionths of a dollar an hour.
    pub(crate) fn submit_for(&self, price: &str, name: &str, image: &str, script: &str) -> String {
        let job = json!({
            "name": name,
            "image": image,
            "command": ["/bin/sh", "-ec"],
            "args": [script],
            "resources": { "cpu": 1, "memory_gib": 1, "disk_gib": 1 },
            "timeout_s": 300,
            "max_price_per_hour": price,
        });
        let file = self.folder.path().join("job.json");
        fs::write(&file, job.to_string()).expect("our own folder");
        let said = run(self.customer().arg("submit").arg("-f").arg(&file));
        let submitted: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("not accepted ({error}): {said}"));
        submitted["jobs"][0].as_str().expect("one job").to_owned()
    }

    /// Follows a job until it has succeeded.
    pub(crate) fn watch(&self, job: &str) {
        run(self.customer().args(["watch", job]));
    }

    /// What a job has cost its customer, in millionths of a dollar.
    pub(crate) fn charged(&self, job: &str) -> u128 {
        let said = run(self.customer().args(["show", job]));
        let shown: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("no job ({error}): {said}"));
        shown["charged"].as_str().and_then(|micros| micros.parse().ok()).unwrap_or_else(|| panic!("{shown}"))
    }

    /// Ends a job, as its customer may at any time.
    pub(crate) fn cancel(&self, job: &str) {
        run(self.customer().args(["cancel", job]));
    }

    fn operator(&self) -> Command {
        let mut command = Command::new(program("HEADFRAME_COORDINATOR_BIN", "headframe-coordinator"));
        command.arg("--config").arg(&self.operators_file);
        command
    }

    fn customer(&self) -> Command {
        let mut command = Command::new(program("HEADFRAME_CLI_BIN", "headframe"));
        command.env("HEADFRAME_URL", &self.coordinator_url).env("HEADFRAME_API_KEY", &self.api_key).arg("--json");
        command
    }

    /// Docker with a login of its own: the customer's key stays out of the tester's settings.
    fn docker(&self) -> Command {
        let mut docker = Command::new("docker");
        docker.arg("--config").arg(self.folder.path().join("docker"));
        docker
    }
}

/// The program that `variable` names, else the one built beside this test.
pub(crate) fn program(variable: &str, name: &str) -> PathBuf {
    env::var_os(variable).map_or_else(|| built(name), PathBuf::from)
}

fn run(command: &mut Command) -> String {
    let done = command.output().unwrap_or_else(|error| panic!("could not start {command:?}: {error}"));
    let (said, complaint) = (String::from_utf8_lossy(&done.stdout).into_owned(), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{} failed: {complaint}{said}", command.get_program().display());
    said
}
