//! What may go wrong on the rig itself: its disk fills up, its engine restarts.

use std::{path::Path, process::Command, time::Duration};

use headframe_protocol::{
    control::{Phase, WaitReason},
    job::{AttemptState, JobState, Reason},
};
use headframe_testbed::{Options, process::wait_for, testbed::EngineChoice};

use crate::scene::{LIMIT, Scene, usual, with_output};

/// A file system of its own whose size can be changed while it is used.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mount(at: &'a Path) -> Self {
        std::fs::create_dir_all(at).expect("a mount point");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=6G,mode=700", "tmpfs"]).arg(at));
        Self(at)
    }

    fn resize(&self, size: &str) {
        run(Command::new("mount").args(["-o", &format!("remount,size={size}")]).arg(self.0));
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        run(Command::new("umount").arg("-l").arg(self.0));
    }
}

fn run(command: &mut Command) {
    assert!(command.status().expect("a program of this system").success(), "{command:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_of_the_rig_fills_up() {
    let dir = tempfile::tempdir().expect("a folder");
    let place = dir.path().join("rig-1");
    let disk = Disk::mount(&place);
    let scene = Scene::set(Options { dir: Some(dir.path().to_owned()), ..usual() }).await;
    let id = scene.submit(&with_output(scene.script("sleep 3; echo made > x"), "x")).await;
    scene.until_state(id, JobState::Running).await;
    disk.resize("1G");

    let full = async || {
        let phase = scene.testbed.rigs[0].snapshot().await?.phase;
        let told = matches!(&phase, Phase::Waiting { reasons } if reasons.contains(&WaitReason::DiskFull));
        if told { Ok(Some(())) } else { anyhow::bail!("it says {phase:?}") }
    };
    wait_for("the owner is not told that the disk is full", LIMIT, full).await.expect("told");
    let waiting = scene.until(id, "back in the queue", |job| job.state == JobState::Queued).await;
    assert_eq!((waiting.failures, waiting.interruptions), (0, 1), "it is not the job's fault: {waiting:#?}");
    let attempts = scene.attempts(id).await;
    assert_eq!((attempts[0].state, attempts[0].reason), (AttemptState::Failed, Some(Reason::RigDiskFull)), "{attempts:#?}");

    disk.resize("6G");
    scene.succeeded_with(id, "x", b"made\n").await;
    let cards = scene.owner_sees(id).await;
    assert_eq!(cards[0].reason, Some(Reason::RigDiskFull), "{cards:#?}");
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_restarts() {
    let mut scene = Scene::set(Options { engine: EngineChoice::Private, ..usual() }).await;
    let id = scene.submit(&with_output(scene.script("sleep 3; echo made > x"), "x")).await;
    scene.until_state(id, JobState::Running).await;
    scene.testbed.engine.restart(Duration::from_secs(1)).await.expect("restarted");
    let job = scene.succeeded_with(id, "x", b"made\n").await;
    assert!(job.failures == 0 && job.interruptions >= 1, "the container was gone, and it was not the job's fault: {job:#?}");
    let attempts = scene.attempts(id).await;
    assert_eq!(attempts[0].reason, Some(Reason::EngineFailed), "{attempts:#?}");
    let cards = scene.owner_sees(id).await;
    assert_eq!(cards[0].reason, Some(Reason::EngineFailed), "{cards:#?}");
    scene.close().await;
}
