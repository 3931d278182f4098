use std::{path::PathBuf, time::Duration};

use headframe_agent::runner::{DiskLimit, Ending, RunEventKind};
use headframe_protocol::{Sha256, error::Problem, job::Reason};
use serde_json::json;

use crate::{door::Door, image, yard::Yard};

fn failure(ending: Ending) -> (Reason, Option<String>) {
    match ending {
        Ending::Failed { reason, detail, .. } => (reason, detail),
        other => panic!("it should have failed: {other:?}"),
    }
}

const UPLOAD: &str = "upl_0192d3a0b1c27def8123456789abcdef";

#[tokio::test]
async fn an_input_with_other_bytes_is_refused() {
    let mut yard = Yard::open().await;
    yard.coordinator.seen.lock().expect("no panics").inputs.insert(0, b"not these".to_vec());
    let input = json!({"upload": UPLOAD, "sha256": Sha256::of(b"these"), "path": "a"});
    let (reason, detail) = failure(yard.run("cat a", json!({"inputs": [input]})).await);
    assert_eq!(reason, Reason::InputMismatch);
    assert!(detail.is_some_and(|detail| detail.contains("inputs[0]")));
    yard.close().await;
}

#[tokio::test]
async fn an_input_nobody_has_is_unavailable() {
    let mut yard = Yard::open().await;
    let input = json!({"upload": UPLOAD, "sha256": Sha256::of(b""), "path": "a"});
    assert_eq!(failure(yard.run("true", json!({"inputs": [input]})).await).0, Reason::InputUnavailable);
    yard.close().await;
}

#[tokio::test]
async fn an_image_the_registry_does_not_have_is_missing() {
    let mut yard = Yard::open().await;
    let missing = format!("{}@sha256:{}", yard.image.name(), Sha256::of(b"no image"));
    assert_eq!(failure(yard.run("true", json!({"image": missing})).await).0, Reason::ImageMissing);
    let unknown = format!("{}/nobody/nothing@sha256:{}", yard.registry.host, Sha256::of(b"no image"));
    assert_eq!(failure(yard.run("true", json!({"image": unknown})).await).0, Reason::ImageMissing);
    yard.close().await;
}

#[tokio::test]
async fn a_registry_that_is_down_is_the_rigs_trouble() {
    let mut yard = Yard::open().await;
    yard.registry.stop();
    assert_eq!(failure(yard.run("true", json!({})).await).0, Reason::PullFailed);
    yard.close().await;
}

#[tokio::test]
async fn an_image_that_changes_the_loader_or_brings_volumes_is_refused() {
    let mut yard = Yard::open().await;
    for (name, change) in [("preload", "ENV LD_PRELOAD=/x.so"), ("volume", "VOLUME /data"), ("onbuild", "ONBUILD RUN x")] {
        let bad = image::make(&yard.docker, &yard.registry.host, name, &[change]).await;
        let (reason, detail) = failure(yard.run("true", json!({"image": bad})).await);
        assert_eq!(reason, Reason::ImageRefused, "{change}: {detail:?}");
    }
    yard.close().await;
}

#[tokio::test]
async fn a_specification_that_climbs_out_is_not_run() {
    let mut yard = Yard::open().await;
    let input = json!({"upload": UPLOAD, "sha256": Sha256::of(b""), "path": "../../etc/x"});
    assert_eq!(failure(yard.run("true", json!({"inputs": [input]})).await).0, Reason::NotRunnable);
    yard.close().await;
}

#[tokio::test]
async fn a_full_rig_refuses_before_anything_is_fetched() {
    let mut yard = Yard::open_with(|config| config.disk_reserve_bytes = 1 << 60).await;
    assert_eq!(failure(yard.run("true", json!({})).await).0, Reason::RigDiskFull);
    yard.close().await;
}

#[tokio::test]
async fn a_rig_that_fills_up_ends_the_job() {
    let disk = SmallDisk::new(2_200);
    let mut yard = Yard::open_with(|config| {
        config.data_dir = disk.path().join("agent");
        config.disk_reserve_bytes = 500 << 20;
    })
    .await;
    let job = yard.job("sleep 60", json!({}));
    yard.runner.start(job).await;
    yard.started().await;
    let full = disk.fill(1_800);
    assert_eq!(failure(yard.ended().await).0, Reason::RigDiskFull);
    drop(full);
    yard.close().await;
}

#[tokio::test]
async fn the_engines_own_disk_is_the_owners_too() {
    let (disk, door) = (SmallDisk::new(2_200), Door::open().await);
    door.says_data_root(&disk.path());
    let mut yard = Yard::open_with(|config| {
        config.socket = Some(door.socket());
        config.disk_limit = Some(DiskLimit::FreeSpaceWatch);
        config.disk_reserve_bytes = 500 << 20;
    })
    .await;
    let running = yard.job("sleep 60", json!({}));
    yard.runner.start(running).await;
    yard.started().await;
    let full = disk.fill(1_800);
    assert_eq!(failure(yard.ended().await).0, Reason::RigDiskFull);
    drop(full);
    yard.close().await;
}

/// Empty files take no bytes, and none can be made when there are as many as a disk can name.
#[tokio::test]
async fn a_job_cannot_take_the_owners_room_for_files_with_files_of_nothing() {
    let (disk, door) = (SmallDisk::with_names(2_200, 2_000), Door::open().await);
    door.says_data_root(&disk.path());
    let mut yard = Yard::open_with(|config| {
        config.socket = Some(door.socket());
        config.disk_limit = Some(DiskLimit::FreeSpaceWatch);
        config.disk_reserve_bytes = 500 << 20;
    })
    .await;
    let running = yard.job("sleep 60", json!({}));
    yard.runner.start(running).await;
    yard.started().await;
    for number in 0..1_950 {
        std::fs::File::create(disk.path().join(number.to_string())).expect("the last twentieth is the owner's");
    }
    assert_eq!(failure(yard.ended().await).0, Reason::RigDiskFull);
    yard.close().await;
}

#[tokio::test]
async fn a_rig_that_fills_up_while_a_job_is_prepared_prepares_no_further() {
    let disk = SmallDisk::new(2_200);
    let mut yard = Yard::open_with(|config| {
        config.data_dir = disk.path().join("agent");
        config.disk_reserve_bytes = 500 << 20;
    })
    .await;
    let mut job = yard.job("true", json!({"inputs": [{"upload": UPLOAD, "sha256": Sha256::of(b""), "path": "a"}]}));
    job.base = "http://192.0.2.1/".parse().expect("an address");
    yard.runner.start(job).await;
    yard.made().await;
    let full = disk.fill(1_800);
    assert_eq!(failure(yard.ended().await).0, Reason::RigDiskFull);
    drop(full);
    yard.close().await;
}

/// A disk that a test can fill.
struct SmallDisk {
    dir: tempfile::TempDir,
}

impl SmallDisk {
    fn new(mib: u64) -> Self {
        Self::made(mib, &[])
    }

    /// One with room for so many files, whatever is in them.
    fn with_names(mib: u64, names: u32) -> Self {
        Self::made(mib, &["-N", &names.to_string()])
    }

    fn made(mib: u64, how: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let (image, mount) = (dir.path().join("img"), dir.path().join("mnt"));
        std::fs::create_dir(&mount).expect("a folder");
        std::fs::File::create(&image).and_then(|file| file.set_len(mib << 20)).expect("a sparse file");
        run("mkfs.ext4", &[&["-q", "-F", "-m", "0"], how, &[image.to_string_lossy().as_ref()]].concat());
        run("mount", &["-o", "loop", &image.to_string_lossy(), &mount.to_string_lossy()]);
        Self { dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("mnt")
    }

    /// With a file of the owner's.
    fn fill(&self, mib: u64) -> std::fs::File {
        let owners = std::fs::File::create(self.path().join("owners-own-file")).expect("a file");
        rustix::fs::fallocate(&owners, rustix::fs::FallocateFlags::empty(), 0, mib << 20).expect("space");
        owners
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &["-l", &self.dir.path().join("mnt").to_string_lossy()]);
    }
}

fn run(program: &str, args: &[&str]) {
    assert!(std::process::Command::new(program).args(args).status().expect("installed").success(), "{program} {args:?}");
}

#[tokio::test]
async fn an_upload_that_stumbles_is_tried_again() {
    let mut yard = Yard::open().await;
    let job = yard.job("echo x > a; echo y > b", json!({"outputs": ["a", "b"]}));
    yard.runner.start(job).await;
    yard.until("the exit", |kind| matches!(kind, RunEventKind::Exited { .. }).then_some(())).await;
    yard.coordinator.seen.lock().expect("no panics").troubles = 3;
    assert!(matches!(yard.ended().await, Ending::Succeeded { outputs, .. } if outputs.len() == 2));
    yard.close().await;
}

#[tokio::test]
async fn outputs_the_coordinator_has_no_room_for_are_the_jobs_trouble() {
    let mut yard = Yard::open().await;
    let said = "The attempt has brought as much as its job may leave.";
    let full: Problem = serde_json::from_value(json!({
        "type": "urn:headframe:problem:quota_exceeded", "title": "No room", "status": 507, "code": "quota_exceeded", "detail": said,
    }))
    .expect("a problem document");
    yard.coordinator.seen.lock().expect("no panics").full = Some(full);
    // Small enough to be on its way whole before the refusal comes: one that breaks off on the way is asked about again.
    let (reason, detail) = failure(yard.run("echo coal > a", json!({"outputs": ["a"]})).await);
    assert_eq!(reason, Reason::OutputRefused);
    assert!(detail.as_deref().is_some_and(|detail| detail.contains(said)), "{detail:?}");
    assert_eq!(yard.coordinator.seen.lock().expect("no panics").objects_refused, 1);
    yard.close().await;
}

#[tokio::test]
async fn an_input_that_comes_late_is_waited_for() {
    let mut yard = Yard::open().await;
    let sum = Sha256::of(b"late");
    {
        let mut seen = yard.coordinator.seen.lock().expect("no panics");
        seen.inputs.insert(0, b"late".to_vec());
        seen.troubles = 4;
    }
    let ending = yard.run("cat a", json!({"inputs": [{"upload": UPLOAD, "sha256": sum, "path": "a"}]})).await;
    assert!(matches!(ending, Ending::Succeeded { .. }), "{ending:?}");
    yard.close().await;
}

#[tokio::test]
async fn a_stop_while_the_engine_makes_the_container_leaves_nothing() {
    let door = Door::open().await;
    let yard = Yard::open_with(|config| config.socket = Some(door.socket())).await;
    let gate = door.hold("/containers/create");
    let job = yard.job("true", json!({}));
    let at = job.at;
    yard.runner.start(job).await;
    gate.arrived.notified().await;
    yard.runner.stop(at, Duration::ZERO).await;
    let runner = yard.runner.clone();
    tokio::join!(runner.discarded(at), async {
        gate.open.notify_one();
        gate.answered.notified().await;
    });
    assert_eq!(yard.containers().await, Vec::<String>::new());
    yard.close().await;
}

#[tokio::test]
async fn an_image_that_was_refused_is_still_ours_to_remove() {
    let mut yard = Yard::open_with(|config| config.image_cap_bytes = 0).await;
    let bad = image::make(&yard.docker, &yard.registry.host, "preload", &["ENV LD_PRELOAD=/x.so"]).await;
    assert_eq!(failure(yard.run("true", json!({"image": bad})).await).0, Reason::ImageRefused);
    assert_eq!(yard.runner.images(), [bad.digest()]);
    yard.close().await;
}

#[tokio::test]
async fn an_environment_that_changes_the_loader_is_not_run() {
    let mut yard = Yard::open().await;
    for name in ["LD_PRELOAD", "LD_LIBRARY_PATH", "NVIDIA_VISIBLE_DEVICES", "GLIBC_TUNABLES"] {
        let ending = yard.run("true", json!({"env": {name: "x"}})).await;
        assert_eq!(failure(ending).0, Reason::NotRunnable, "{name}");
    }
    yard.close().await;
}

#[tokio::test]
async fn a_stop_while_preparing_is_heeded_at_once() {
    let mut yard = Yard::open().await;
    // Nobody answers there, so the input would be tried for a while.
    let input = json!({"url": "http://192.0.2.1/x", "sha256": Sha256::of(b""), "path": "a"});
    let mut job = yard.job("true", json!({"inputs": [input]}));
    job.base = "http://192.0.2.1/".parse().expect("an address");
    job.spec.inputs[0].url = None;
    job.spec.inputs[0].upload = Some(UPLOAD.parse().expect("an id"));
    let at = job.at;
    yard.runner.start(job).await;
    yard.made().await;
    yard.runner.stop(at, Duration::from_secs(60)).await;
    let ending = tokio::time::timeout(Duration::from_secs(10), yard.ended()).await.expect("at once");
    assert!(matches!(ending, Ending::Stopped { running_ms: 0, .. }), "{ending:?}");
    yard.runner.discarded(at).await;
    assert_eq!(yard.containers().await, Vec::<String>::new());
    yard.close().await;
}
