//! What every test stands on: a network, a customer's client and a tiny image.

use std::{sync::Once, time::Duration};

use headframe_cli::{Client, ClientError, client::JobFilter};
use headframe_protocol::{
    ImageRef, JobId, Micros,
    api::{Attempt, Job, PAGE_MAX, Pay},
    control::{JobCard, Stage},
    job::{AttemptState, JobSpec, JobState, Resources},
};
use headframe_testbed::{Options, Testbed, coordinator, image::Ballast, line::Line, process::wait_for, rig};

/// Every deadline is this much shorter than in life.
pub(crate) const DIVISOR: u32 = 20;

/// How long anything may take. Far beyond what is expected: two processors may be busy with other things.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);

/// A network with one customer and a tiny image.
pub(crate) struct Scene {
    pub(crate) testbed: Testbed,
    pub(crate) client: Client,
    pub(crate) image: ImageRef,
}

/// The usual network: one rig, everything in this process.
pub(crate) fn usual() -> Options {
    Options { timers_divisor: DIVISOR, ..Options::default() }
}

/// A rig that can be killed.
pub(crate) fn mortal_rig() -> Options {
    Options { agent_home: rig::Home::Child, ..usual() }
}

/// A coordinator that can be killed.
pub(crate) fn mortal_coordinator() -> Options {
    Options { coordinator_home: coordinator::Home::Child, ..usual() }
}

impl Scene {
    pub(crate) async fn set(options: Options) -> Self {
        Self::with_image(options, Ballast::default()).await
    }

    pub(crate) async fn with_image(options: Options, ballast: Ballast) -> Self {
        write_logs();
        let testbed = Box::pin(Testbed::start(options)).await.expect("a network");
        let image = testbed.tiny_image(ballast).await.expect("a tiny image");
        let client = testbed.client().expect("a client");
        Self { testbed, client, image }
    }

    /// A job that runs a shell script.
    pub(crate) fn script(&self, script: &str) -> JobSpec {
        spec(&self.image, script)
    }

    pub(crate) async fn submit(&self, spec: &JobSpec) -> JobId {
        self.client.submit(spec, Pay::Dollars, &uuid()).await.expect("an accepted job").id
    }

    /// The job once `is_so`.
    pub(crate) async fn until(&self, id: JobId, what: &str, is_so: impl Fn(&Job) -> bool) -> Job {
        let look = async || {
            let job = self.client.job(id).await?;
            if is_so(&job) { Ok(Some(job)) } else { anyhow::bail!("it is {} ({:?})", job.state, job.message) }
        };
        wait_for(&format!("the job is not {what}"), LIMIT, look).await.expect("a job that gets there")
    }

    /// The job in `state`; fails at once if it ends in another.
    pub(crate) async fn until_state(&self, id: JobId, state: JobState) -> Job {
        let job = self.until(id, state.as_str(), |job| job.state == state || job.state.is_final()).await;
        assert_eq!(job.state, state, "{job:#?}");
        job
    }

    /// The job when it has ended.
    pub(crate) async fn ended(&self, id: JobId) -> Job {
        self.until(id, "ended", |job| job.state.is_final()).await
    }

    pub(crate) async fn attempts(&self, id: JobId) -> Vec<Attempt> {
        self.client.attempts(id).await.expect("attempts").attempts
    }

    /// What the owner of the first rig sees of the job's attempts, oldest first, once the newest has ended.
    pub(crate) async fn owner_sees(&self, id: JobId) -> Vec<JobCard> {
        let look = async || {
            let mut cards = self.testbed.rigs[0].jobs().await?;
            cards.retain(|card| card.job == id.to_string());
            cards.reverse();
            Ok(cards.last().is_some_and(|card| card.ended_ms.is_some()).then_some(cards))
        };
        wait_for("the owner sees no ended attempt", LIMIT, look).await.expect("a card in the owner's window")
    }

    /// Customer and owner are both told, in words, why an attempt of the job did not succeed.
    pub(crate) async fn both_are_told_why(&self, id: JobId) {
        for attempt in self.attempts(id).await.iter().filter(|attempt| attempt.state != AttemptState::Succeeded) {
            let told = attempt.message.as_ref().is_some_and(|message| !message.is_empty());
            assert!(attempt.reason.is_some() && told, "the customer is told why: {attempt:#?}");
        }
        // A rig of a test's own has no window.
        if !self.testbed.rigs.is_empty() {
            for card in self.owner_sees(id).await.iter().filter(|card| card.stage != Stage::Succeeded) {
                let told = card.reason_text.as_ref().is_some_and(|text| !text.is_empty());
                assert!(card.reason.is_some() && told, "the owner is told why: {card:#?}");
            }
        }
    }

    /// Waits until this many more bytes have passed a line: something is on its way now, and not all of it has arrived.
    pub(crate) async fn under_way(&self, line: &Line, bytes: u64) {
        let wanted = line.carried_bytes() + bytes;
        let look = async || Ok((line.carried_bytes() >= wanted).then_some(()));
        wait_for("nothing passes the line", LIMIT, look).await.expect("bytes on their way");
    }

    /// The job succeeded, exactly one of its attempts did, the result is `expected`, and everybody knows why others did not.
    pub(crate) async fn succeeded_with(&self, id: JobId, path: &str, expected: &[u8]) -> Job {
        let job = self.brought(id, path, expected).await;
        self.both_are_told_why(id).await;
        job
    }

    /// The job succeeded, exactly one of its attempts did, and the result is `expected`.
    pub(crate) async fn brought(&self, id: JobId, path: &str, expected: &[u8]) -> Job {
        let job = self.ended(id).await;
        assert_eq!(job.state, JobState::Succeeded, "{job:#?}\n{:#?}", self.attempts(id).await);
        let accepted = self.attempts(id).await.iter().filter(|attempt| attempt.state == AttemptState::Succeeded).count();
        assert_eq!(accepted, 1, "one result is accepted");
        let files = self.client.artifacts(id).await.expect("artifacts").files;
        let file = files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path} is not in {files:?}"));
        let bytes = self.client.artifact(id, path, file.sha256, 0).await.expect("the file").bytes().await.expect("its bytes");
        assert_eq!(&bytes[..], expected);
        job
    }

    /// No job is lost, the books are in order (no job has two results, the ledger sums to zero), and everything ends.
    pub(crate) async fn close(self) {
        let all = JobFilter { limit: PAGE_MAX, ..JobFilter::default() };
        for job in self.client.jobs(&all).await.expect("a list").jobs {
            assert!(job.state.is_final(), "every job has ended: {job:#?}");
        }
        self.testbed.check_books().await.expect("books in order");
        Box::pin(self.testbed.shutdown()).await.expect("a network that ends");
    }
}

/// A job that runs a shell script in `image`.
pub(crate) fn spec(image: &ImageRef, script: &str) -> JobSpec {
    JobSpec {
        name: None,
        image: image.clone(),
        command: vec!["/bin/sh".to_owned(), "-ec".to_owned()],
        args: vec![script.to_owned()],
        env: Default::default(),
        resources: Resources { gpu: None, cpu: 1, memory_gib: 1, disk_gib: 1 },
        inputs: Vec::new(),
        outputs: Vec::new(),
        array: None,
        timeout_s: 300,
        max_price_per_hour: Micros::dollars(1),
        max_failures: 1,
        on_disconnect: Default::default(),
        network: Default::default(),
        verify: Default::default(),
        checkpoint: None,
        content: Default::default(),
        placement: Default::default(),
        webhook: None,
    }
}

/// The same job with an output.
pub(crate) fn with_output(mut spec: JobSpec, path: &str) -> JobSpec {
    spec.outputs.push(path.to_owned());
    spec
}

pub(crate) fn uuid() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// The problem's code and text of a refused request.
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> headframe_protocol::error::Problem {
    match answer {
        Err(ClientError::Refused(problem)) => *problem,
        other => panic!("a refusal was expected, not {other:?}"),
    }
}

fn write_logs() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let filter = tracing_subscriber::EnvFilter::try_from_default_env();
        let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sqlx=warn"));
        tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().init();
    });
}
