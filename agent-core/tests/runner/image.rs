//! Images made here from one static program, and brought to the registry.

use std::path::Path;

use bollard::{
    Docker, body_full,
    query_parameters::{CreateImageOptionsBuilder, PushImageOptionsBuilder, RemoveImageOptionsBuilder},
};
use futures_util::TryStreamExt as _;
use headframe_protocol::ImageRef;

const APPLETS: [&str; 22] = [
    "sh",
    "cat",
    "cp",
    "dd",
    "echo",
    "fallocate",
    "head",
    "id",
    "ip",
    "kill",
    "ls",
    "ln",
    "mkdir",
    "mkfifo",
    "ping",
    "seq",
    "sleep",
    "stat",
    "tail",
    "test",
    "touch",
    "usleep",
];

/// Makes an image of busybox with `changes` (Dockerfile lines), pushes it and removes it here, so that it must be pulled.
pub(crate) async fn make(docker: &Docker, registry: &str, name: &str, changes: &[&str]) -> ImageRef {
    let repo = format!("{registry}/test/{name}");
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        .repo(&repo)
        .tag("1")
        .changes(changes.iter().map(ToString::to_string).collect())
        .build();
    let made: Vec<_> =
        docker.create_image(Some(options), Some(body_full(rootfs().into())), None).try_collect().await.expect("an image is made");
    assert!(!made.is_empty());
    let push = PushImageOptionsBuilder::new().tag("1").build();
    docker.push_image(&repo, Some(push), None).try_collect::<Vec<_>>().await.expect("the image is pushed");
    let manifest = reqwest::Client::new()
        .head(format!("http://{registry}/v2/test/{name}/manifests/1"))
        .header("accept", "application/vnd.docker.distribution.manifest.v2+json")
        .send()
        .await
        .expect("the registry answers");
    let digest = manifest.headers()["docker-content-digest"].to_str().expect("a digest").to_owned();
    let force = RemoveImageOptionsBuilder::new().force(true).build();
    docker.remove_image(&format!("{repo}:1"), Some(force), None).await.expect("the image is removed here");
    format!("{repo}@{digest}").parse().expect("an image by digest")
}

fn rootfs() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let busybox = std::fs::read(Path::new("/bin/busybox")).expect("the package busybox-static is installed");
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(busybox.len() as u64);
    tar.append_data(&mut header, "bin/busybox", busybox.as_slice()).expect("in memory");
    for applet in APPLETS {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, format!("bin/{applet}"), "busybox").expect("in memory");
    }
    tar.into_inner().expect("in memory")
}
