//! The demo as a program: however it ends, the engine is left as it was.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use bollard::query_parameters::{ListContainersOptionsBuilder, ListImagesOptions};
use headframe_testbed::{
    engine::Engine,
    image::{self, Ballast},
    process::workspace_binary,
};
use rustix::process::{Pid, Signal, kill_process};

use crate::scene::uuid;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demo_that_is_stopped_leaves_its_folder_and_nothing_else() {
    let engine = Engine::of_this_computer().await.expect("an engine");
    let docker = engine.docker();
    // No Blender is in it, which nobody finds out before the rig has pulled it.
    let local = format!("headframe-testbed/demo:{}", uuid());
    image::import(docker, image::busybox_tar(Ballast::default()).expect("busybox"), &local).await.expect("imported");
    let place = tempfile::tempdir().expect("a folder");
    let mut demo = Command::new(workspace_binary("HEADFRAME_TESTBED_BIN", "headframe-testbed").expect("a built program"));
    demo.args(["demo", "--workload", "render", "--headless", "--image", &local, "--out"]).arg(place.path().join("out"));
    demo.env("TMPDIR", place.path()).stdin(Stdio::null()).stdout(Stdio::piped());
    let stopped = tokio::task::spawn_blocking(move || {
        let mut child = demo.spawn().expect("it starts");
        let mut said = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let image = said.find_map(|line| line.strip_prefix("image: ").map(str::to_owned)).expect("the job file is shown");
        let on_a_rig = |line: &String| ["fetches image", " runs.", "another rig"].iter().any(|words| line.contains(words));
        said.find(on_a_rig).expect("the job reaches a rig");
        kill_process(Pid::from_child(&child), Signal::TERM).expect("it lives");
        said.for_each(drop);
        (image, child.wait().expect("it ends"))
    });
    let (published, status) = stopped.await.expect("a demo that can be stopped");
    image::forget(docker, &local).await.expect("our own");
    assert_eq!(status.code(), Some(1), "a demo without a result has failed");

    let registry = published.split('/').next().expect("a registry").to_owned() + "/";
    let images = docker.list_images(None::<ListImagesOptions>).await.expect("a list");
    let named = images.iter().flat_map(|image| image.repo_digests.iter().chain(&image.repo_tags));
    assert_eq!(named.filter(|name| name.starts_with(&registry)).collect::<Vec<_>>(), Vec::<&String>::new());
    let all = ListContainersOptionsBuilder::new().all(true).build();
    let containers = docker.list_containers(Some(all)).await.expect("a list");
    let left = containers.iter().filter(|container| container.image.as_ref().is_some_and(|name| name.starts_with(&registry)));
    assert_eq!(left.count(), 0);
    let mut kept =
        std::fs::read_dir(place.path()).expect("our own").filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    assert!(kept.any(|name| name.starts_with("headframe-testbed-")), "the logs that say what happened are kept");
}
