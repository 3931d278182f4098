//! Lives of a job, and the ground on which they are led one after the other.

use headframe_cli::Client;
use headframe_protocol::{
    JobId, Sha256,
    api::Job,
    control::{PauseArgs, Phase},
    job::{AttemptState, Checkpoint, Input, JobSpec, JobState},
};
use headframe_testbed::{image, process::wait_for, rig::Trial};

use super::{LOOK_EVERY, clock::EngineClock, left};
use crate::scene::{LIMIT, Scene, mortal_rig, with_output};

/// What every job is given.
const INPUT: &[u8] = b"given\n";
/// What every job prints.
const PRINTED: &str = "begun\nhalf\ndone\n";

/// How a job's life goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// To a good end.
    Succeeds,
    /// The same on a rig that cannot make file systems.
    InTheEnginesVolume,
    /// Its owner wants the PC back half-way, and later not any more.
    Yields,
    /// The same, and it leaves what it goes on from.
    YieldsWithCheckpoint,
    /// Its customer cancels it half-way.
    IsCancelled,
    /// The rig was away for longer than its lease when it comes back to it.
    IsTakenAway,
    /// By itself to a bad end.
    Fails,
}

/// What is done to a life from outside, each step once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Done {
    #[default]
    Nothing,
    Interfered,
    MadeGood,
}

/// What is told of one life.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) died: bool,
    pub(super) attempts: usize,
    pub(super) billed_ms: u64,
    pub(super) ran_ms: u64,
}

/// A network with one rig that can be killed.
pub(super) struct Ground {
    pub(super) scene: Scene,
    pub(super) clock: EngineClock,
    device: String,
}

impl Life {
    pub(super) async fn submit(self, scene: &Scene) -> JobId {
        let sum = Sha256::of(INPUT);
        let upload = scene.client.upload(sum, INPUT.len() as u64, &|| INPUT.into()).await.expect("an upload");
        let mut spec = scene.script(self.script());
        if self == Self::YieldsWithCheckpoint {
            spec.checkpoint = Some(Checkpoint { path: "state".to_owned(), every_s: 60 });
        }
        spec.inputs.push(Input { url: None, upload: Some(upload.id), sha256: sum, path: "in/given".to_owned() });
        scene.submit(&with_outputs(spec)).await
    }

    const fn script(self) -> &'static str {
        match self {
            Self::Succeeds | Self::InTheEnginesVolume => {
                "echo begun; sleep 1; echo half; sleep 1; cp in/given copy; echo made > made; echo done"
            }
            Self::Yields | Self::IsCancelled | Self::IsTakenAway => {
                "echo begun; sleep 2; echo half; sleep 1; cp in/given copy; echo made > made; echo done"
            }
            // What runs in the foreground would hold the trap up.
            Self::YieldsWithCheckpoint => {
                "trap 'mkdir -p state; echo here > state/n; exit 1' TERM; echo begun; sleep 2 & wait; echo half; sleep 1 & wait
                 cp in/given copy; echo made > made; echo done"
            }
            Self::Fails => "echo begun; sleep 1; echo half; echo done; exit 3",
        }
    }

    /// Whether its owner wants the PC back.
    pub(super) const fn yields(self) -> bool {
        matches!(self, Self::Yields | Self::YieldsWithCheckpoint)
    }

    /// Does what is to be done now. What does not succeed, since the agent is dead, is tried again at the next look.
    pub(super) async fn interfere(self, scene: &Scene, job: &Job, done: &mut Done) {
        let rig = &scene.testbed.rigs[0];
        match (self, *done) {
            (Self::IsCancelled, Done::Nothing) if job.state == JobState::Running => {
                scene.client.cancel(job.id).await.expect("cancelled");
                *done = Done::Interfered;
            }
            (Self::Yields | Self::YieldsWithCheckpoint, Done::Nothing) if job.state == JobState::Running => {
                let Ok(mut owner) = rig.guest().await else { return };
                if owner.pause(PauseArgs { minutes: None }).await.is_ok() {
                    *done = Done::Interfered;
                }
            }
            // Also where the agent died before it wrote the pause down, and the job ended.
            (Self::Yields | Self::YieldsWithCheckpoint, Done::Interfered)
                if job.state == JobState::Queued || job.state.is_final() =>
            {
                let Ok(mut owner) = rig.guest().await else { return };
                if owner.start().await.is_ok() {
                    *done = Done::MadeGood;
                }
            }
            _ => {}
        }
    }

    /// The one way in which the job may have ended.
    pub(super) async fn ended_as_it_must(self, scene: &Scene, job: &Job) {
        let attempts = scene.attempts(job.id).await;
        let accepted = attempts.iter().filter(|attempt| attempt.state == AttemptState::Succeeded);
        match self {
            Self::Succeeds | Self::InTheEnginesVolume | Self::Yields | Self::YieldsWithCheckpoint | Self::IsTakenAway => {
                scene.brought(job.id, "made", b"made\n").await;
                assert_eq!(file(&scene.client, job.id, "copy").await, INPUT);
                let printed: Vec<u64> = accepted.map(|attempt| attempt.log_bytes).collect();
                assert_eq!(printed, [PRINTED.len() as u64], "each line of its log came once");
            }
            Self::IsCancelled => assert_eq!((job.state, accepted.count()), (JobState::Cancelled, 0), "{job:#?}"),
            Self::Fails => {
                assert_eq!((job.state, job.failures, accepted.count()), (JobState::Failed, 1, 0), "{job:#?}\n{attempts:#?}");
                let printed = attempts.iter().filter(|attempt| attempt.exit_code == Some(3)).map(|attempt| attempt.log_bytes);
                assert_eq!(printed.collect::<Vec<_>>(), [PRINTED.len() as u64], "it failed once: {attempts:#?}");
            }
        }
    }
}

impl Ground {
    pub(super) async fn make() -> Self {
        let scene = Scene::set(mortal_rig()).await;
        let device = scene.testbed.rigs[0].device().expect("a device").to_owned();
        let clock = EngineClock::of(scene.testbed.engine.docker(), &device);
        Self { scene, clock, device }
    }

    /// Leads one life with an agent started for `trial`; if it dies, another without goes on.
    pub(super) async fn lead(&mut self, life: Life, trial: &Trial) -> Told {
        let without_tools = life == Life::InTheEnginesVolume;
        self.scene.testbed.rigs[0].kill().await.expect("killed");
        self.forget_images().await;
        let id = life.submit(&self.scene).await;
        if life == Life::IsTakenAway {
            self.stay_away_from(id).await;
        }
        self.scene.testbed.rigs[0].start_trial(&Trial { without_tools, ..trial.clone() }).expect("started");
        let mut died = false;
        let mut done = Done::default();
        let deadline = tokio::time::Instant::now() + LIMIT;
        let job = loop {
            died |= self.rise_again(without_tools);
            let job = self.scene.client.job(id).await.expect("the job");
            life.interfere(&self.scene, &job, &mut done).await;
            let owner_is_done = !life.yields() || done != Done::Interfered;
            if job.state.is_final() && owner_is_done && self.left().await.is_ok() && self.is_settled().await {
                break job;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{life:?} with {trial:?} does not come to its end: {:?}\n{job:#?}\n{:#?}",
                self.left().await,
                self.scene.attempts(id).await
            );
            tokio::time::sleep(LOOK_EVERY).await;
        };
        life.ended_as_it_must(&self.scene, &job).await;
        self.scene.both_are_told_why(id).await;
        let (billed_ms, ran_ms) = self.is_billed_once(id).await;
        self.scene.testbed.check_books().await.expect("books in order");
        Told { died, attempts: self.scene.attempts(id).await.len(), billed_ms, ran_ms }
    }

    /// The next life pulls its image as the first one did.
    async fn forget_images(&self) {
        let testbed = &self.scene.testbed;
        let host = testbed.registry_line.address().to_string();
        image::forget_all_of(testbed.engine.docker(), &host).await.expect("an engine that forgets");
    }

    /// Lets the job run and its lease lapse: the rig has its container, and no right to it.
    async fn stay_away_from(&mut self, id: JobId) {
        self.scene.testbed.rigs[0].start_again().await.expect("started");
        self.scene.until_state(id, JobState::Running).await;
        self.scene.testbed.rigs[0].kill().await.expect("killed");
        self.scene.until(id, "queued again", |job| job.state == JobState::Queued).await;
    }

    /// Starts the agent again if it has died. Says whether it had.
    pub(super) fn rise_again(&mut self, without_tools: bool) -> bool {
        let rig = &mut self.scene.testbed.rigs[0];
        let dead = !rig.is_alive();
        if dead {
            rig.start_trial(&Trial { without_tools, ..Trial::default() }).expect("started again");
        }
        dead
    }

    /// What is left of jobs on the rig.
    pub(super) async fn left(&self) -> anyhow::Result<()> {
        left::nothing(self.scene.testbed.engine.docker(), &self.device, self.scene.testbed.rigs[0].dir()).await
    }

    /// Whether the rig waits for the next job: its last words are said.
    async fn is_settled(&self) -> bool {
        let snapshot = self.scene.testbed.rigs[0].snapshot().await;
        snapshot.is_ok_and(|snapshot| snapshot.phase == Phase::Ready)
    }

    /// Nobody pays for a second in which the job did not run, or for one twice. Returns what is billed and what ran.
    pub(super) async fn is_billed_once(&self, id: JobId) -> (u64, u64) {
        let (mut billed_ms, mut ran_ms) = (0, 0);
        for attempt in self.scene.attempts(id).await {
            let ran = self.clock.ran_ms(&attempt.id.to_string());
            assert!(attempt.charged_ms <= ran, "{} ms are billed of {ran} ms: {attempt:#?}", attempt.charged_ms);
            billed_ms += attempt.charged_ms;
            ran_ms += ran;
        }
        let dir = self.scene.testbed.rigs[0].dir();
        for (attempt, paid) in left::paid_ms(dir).await.expect("the rig's journal") {
            assert!(paid <= self.clock.ran_ms(&attempt), "attempt {attempt} is paid for longer than it ran: {paid} ms");
        }
        (billed_ms, ran_ms)
    }

    pub(super) async fn close(self) {
        let Self { scene, clock, .. } = self;
        let rig = &scene.testbed.rigs[0];
        wait_for("the rig does not rest", LIMIT, async || Ok(rig.snapshot().await.ok().map(drop))).await.expect("an agent");
        Box::pin(scene.close()).await;
        drop(clock);
    }
}

fn with_outputs(spec: JobSpec) -> JobSpec {
    with_output(with_output(spec, "made"), "copy")
}

async fn file(client: &Client, id: JobId, path: &str) -> Vec<u8> {
    let files = client.artifacts(id).await.expect("artifacts").files;
    let found = files.iter().find(|file| file.path == path).expect("the file");
    client.artifact(id, path, found.sha256, 0).await.expect("the file").bytes().await.expect("its bytes").into()
}
