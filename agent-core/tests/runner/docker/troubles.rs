use std::time::Duration;

use headframe_agent::runner::{Ending, RunEventKind};
use headframe_protocol::{Sha256, job::Reason};
use serde_json::json;

use crate::{image, yard::Yard};

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
        config.data_dir = disk.dir.path().join("mnt/agent");
        config.disk_reserve_bytes = 500 << 20;
    })
    .await;
    let job = yard.job("sleep 60", json!({}));
    yard.runner.start(job).await;
    yard.started().await;
    let owners = std::fs::File::create(disk.dir.path().join("mnt/owners-own-file")).expect("a file");
    rustix::fs::fallocate(&owners, rustix::fs::FallocateFlags::empty(), 0, 1_800 << 20).expect("space");
    assert_eq!(failure(yard.ended().await).0, Reason::RigDiskFull);
    drop(owners);
    yard.close().await;
}

/// A disk that a test can fill.
struct SmallDisk {
    dir: tempfile::TempDir,
}

impl SmallDisk {
    fn new(mib: u64) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let (image, mount) = (dir.path().join("img"), dir.path().join("mnt"));
        std::fs::create_dir(&mount).expect("a folder");
        std::fs::File::create(&image).and_then(|file| file.set_len(mib << 20)).expect("a sparse file");
        run("mkfs.ext4", &["-q", "-F", "-m", "0", &image.to_string_lossy()]);
        run("mount", &["-o", "loop", &image.to_string_lossy(), &mount.to_string_lossy()]);
        Self { dir }
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
    tokio::time::sleep(Duration::from_millis(700)).await;
    yard.runner.stop(at, Duration::from_secs(60)).await;
    let ending = tokio::time::timeout(Duration::from_secs(10), yard.ended()).await.expect("at once");
    assert!(matches!(ending, Ending::Stopped { running_ms: 0, .. }), "{ending:?}");
    yard.runner.discarded(at).await;
    assert_eq!(yard.containers().await, Vec::<String>::new());
    yard.close().await;
}
