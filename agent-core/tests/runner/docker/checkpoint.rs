//! A job that is stopped leaves its checkpoint, and the next attempt goes on from it.

use std::time::Duration;

use headframe_agent::{
    runner::{Assignment, DiskLimit, Ending, Known, RunEventKind},
    store::Saved,
};
use headframe_protocol::{AttemptId, Sha256, session::AttemptRef};
use serde_json::{Value, json};

use crate::yard::Yard;

/// Counts until it is stopped; ends by itself only if it did not begin with nothing.
const COUNTS: &str = "n=$(cat state/n 2>/dev/null || echo 0); began=$n
    trap 'mkdir -p state; echo $n > state/new && mv state/new state/n; exit 0' TERM
    while [ $began = 0 ] || [ $n -lt $((began + 3)) ]; do n=$((n + 1)); echo at $n; sleep 0.05; done
    echo $began > began; id -u > state/owner";

fn counting() -> Value {
    json!({"checkpoint": {"path": "state", "every_s": 60}, "outputs": ["began", "state/owner"]})
}

/// Long enough for every machine: nobody waits for it.
const GRACE: Duration = Duration::from_secs(3_600);

impl Yard {
    async fn stopped(&mut self, job: &Assignment, printed: &str) {
        self.runner.start(job.clone()).await;
        self.logged(printed).await;
        self.runner.stop(job.at, GRACE).await;
        assert!(matches!(self.ended().await, Ending::Stopped { .. }));
    }

    async fn saved(&mut self, job: &Assignment) -> Saved {
        self.runner.save(job.clone()).await;
        self.until("the checkpoint", |kind| if let RunEventKind::Saved(saved) = kind { Some(saved) } else { None }).await
    }

    /// The attempt after `job`, with what that one left.
    fn next(&self, job: &Assignment, saved: Saved) -> Assignment {
        let at = AttemptRef { attempt: AttemptId::generate(), epoch: job.at.epoch + 1 };
        Assignment { at, checkpoint: saved.files, ..job.clone() }
    }
}

async fn goes_on(limit: DiskLimit) {
    let mut yard = Yard::open_with(|config| config.disk_limit = Some(limit)).await;
    let job = yard.job(COUNTS, counting());
    yard.stopped(&job, "at 5\n").await;
    let saved = yard.saved(&job).await;
    assert_eq!(saved.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["state/n"], "{saved:?}");
    assert_eq!(saved.problem, None);
    let count = yard.coordinator.object(saved.files[0].sha256).expect("it was brought");
    let number: u32 = String::from_utf8_lossy(&count).trim().parse().expect("a number");
    assert!(number >= 5, "{number}");
    assert_eq!(yard.saved(&job).await.files, saved.files, "brought again, it is the same");
    yard.runner.discarded(job.at).await;
    assert_eq!(yard.work_folders(), Vec::<std::path::PathBuf>::new());

    let next = yard.next(&job, saved);
    yard.runner.start(next.clone()).await;
    let Ending::Succeeded { outputs, .. } = yard.ended().await else { panic!("it goes on and ends well") };
    assert_eq!(outputs[0].path, "began");
    assert_eq!(yard.coordinator.object(outputs[0].sha256), Some(count), "it did not begin anew");
    assert_eq!(yard.coordinator.object(outputs[1].sha256), Some(b"65534\n".to_vec()), "and may write beside what it was given");
    yard.runner.discarded(next.at).await;
    yard.close().await;
}

#[tokio::test]
async fn a_stopped_job_goes_on_where_it_was_from_a_volume_of_its_own() {
    goes_on(DiskLimit::LoopExt4).await;
}

#[tokio::test]
async fn a_stopped_job_goes_on_where_it_was_from_a_volume_of_the_engine() {
    goes_on(DiskLimit::FreeSpaceWatch).await;
}

#[tokio::test]
async fn what_is_not_there_is_no_checkpoint_and_what_is_no_file_is_not_brought() {
    let mut yard = Yard::open().await;
    let script = |made: &str| format!("trap 'exit 0' TERM; {made}; echo ready; while :; do sleep 0.05; done");
    let many = "mkdir state; i=0; while [ $i -lt 257 ]; do echo > state/$i; i=$((i + 1)); done";
    let cases = [
        ("true", None),
        ("mkdir state", None),
        ("ln -s /etc/passwd state", Some("symbolic link")),
        ("mkdir state; mkfifo state/pipe", Some("not a plain file")),
        (many, Some("too many files")),
        ("mkdir state; for n in 1 2; do dd if=/dev/zero of=state/$n bs=1 count=1 seek=700000000; done", Some("larger")),
    ];
    for (made, problem) in cases {
        let job = yard.job(&script(made), counting());
        let before = yard.coordinator.seen.lock().expect("no panics").objects.len();
        yard.coordinator.seen.lock().expect("no panics").log.clear();
        yard.stopped(&job, "ready").await;
        let saved = yard.saved(&job).await;
        assert_eq!(saved.files, [], "{made}");
        match problem {
            None => assert_eq!(saved.problem, None, "{made}"),
            Some(why) => assert!(saved.problem.as_deref().is_some_and(|said| said.contains(why)), "{made}: {saved:?}"),
        }
        assert_eq!(yard.coordinator.seen.lock().expect("no panics").objects.len(), before, "{made}");
        yard.runner.discarded(job.at).await;
    }
    yard.close().await;
}

#[tokio::test]
async fn what_was_kept_outlives_the_agent_and_what_was_not_does_not() {
    let mut yard = Yard::open().await;
    let (kept, other) = (yard.job(COUNTS, counting()), yard.job(COUNTS, counting()));
    yard.stopped(&kept, "at 3\n").await;
    yard.coordinator.seen.lock().expect("no panics").log.clear();
    yard.stopped(&other, "at 3\n").await;
    yard.live_again().await;
    assert_eq!(yard.runner.adopt(Vec::<Known>::new(), vec![kept.at.attempt]).await, []);
    assert_eq!(yard.work_folders().len(), 1, "{:?}", yard.work_folders());
    assert_eq!(yard.saved(&kept).await.files.len(), 1);
    assert_eq!(yard.saved(&other).await, Saved::default(), "nothing is left of it");
    yard.runner.discarded(kept.at).await;
    yard.close().await;
}

#[tokio::test]
async fn a_checkpoint_waits_for_the_coordinator_and_its_discard_ends_it() {
    let mut yard = Yard::open().await;
    let job = yard.job(COUNTS, counting());
    yard.stopped(&job, "at 3\n").await;
    yard.coordinator.seen.lock().expect("no panics").troubles = u32::MAX;
    yard.runner.save(job.clone()).await;
    // Asked again and again, for as long as it takes.
    let asked = async || {
        while yard.coordinator.seen.lock().expect("no panics").troubles == u32::MAX {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), asked()).await.expect("it is tried");
    yard.runner.discarded(job.at).await;
    yard.close().await;
}

#[tokio::test]
async fn another_file_than_the_one_that_was_kept_is_not_given_to_a_job() {
    let mut yard = Yard::open().await;
    let job = yard.job(COUNTS, counting());
    yard.stopped(&job, "at 3\n").await;
    let saved = yard.saved(&job).await;
    yard.runner.discarded(job.at).await;
    let sum = saved.files[0].sha256.to_string();
    yard.coordinator.seen.lock().expect("no panics").objects.insert(sum, b"666\n".to_vec());
    let next = yard.next(&job, saved.clone());
    yard.runner.start(next.clone()).await;
    let Ending::Failed { reason, detail, .. } = yard.ended().await else { panic!("it must not begin with it") };
    assert_eq!(reason, headframe_protocol::job::Reason::FetchFailed, "{detail:?}");
    yard.runner.discarded(next.at).await;

    let mut astray = yard.next(&job, saved);
    astray.checkpoint[0].path = "../outside".to_owned();
    astray.checkpoint[0].sha256 = Sha256::of(b"x");
    yard.runner.start(astray.clone()).await;
    assert!(matches!(yard.ended().await, Ending::Failed { reason: headframe_protocol::job::Reason::FetchFailed, .. }));
    yard.runner.discarded(astray.at).await;
    yard.close().await;
}
