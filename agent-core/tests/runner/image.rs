//! Images made here from one static program, and brought to the registry.

use std::{collections::BTreeSet, path::Path};

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
    make_with(docker, registry, name, changes, |_| {}).await
}

/// The same, with `more` in its file system.
pub(crate) async fn make_with(
    docker: &Docker,
    registry: &str,
    name: &str,
    changes: &[&str],
    more: impl FnOnce(&mut Rootfs),
) -> ImageRef {
    let repo = format!("{registry}/test/{name}");
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        .repo(&repo)
        .tag("1")
        .changes(changes.iter().map(ToString::to_string).collect())
        .build();
    let made: Vec<_> = docker
        .create_image(Some(options), Some(body_full(rootfs(more).into())), None)
        .try_collect()
        .await
        .expect("an image is made");
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

/// An image's files, on their way into it.
pub(crate) struct Rootfs {
    tar: tar::Builder<Vec<u8>>,
    libraries: BTreeSet<String>,
}

impl Rootfs {
    pub(crate) fn file(&mut self, path: &str, mode: u32, bytes: &[u8]) {
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        header.set_size(bytes.len() as u64);
        self.tar.append_data(&mut header, path, bytes).expect("in memory");
    }

    pub(crate) fn folder(&mut self, path: &str, mode: u32) {
        self.node(path, tar::EntryType::Directory, mode, (0, 0));
    }

    /// A folder, or a device of these numbers.
    pub(crate) fn node(&mut self, path: &str, kind: tar::EntryType, mode: u32, (major, minor): (u32, u32)) {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(0);
        header.set_device_major(major).and_then(|()| header.set_device_minor(minor)).expect("a GNU header");
        self.tar.append_data(&mut header, path, std::io::empty()).expect("in memory");
    }

    pub(crate) fn link(&mut self, path: &str, to: &str) {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        self.tar.append_link(&mut header, path, to).expect("in memory");
    }

    /// A program of this machine at its place in the image, with the libraries that it needs.
    pub(crate) fn program(&mut self, path: &str, mode: u32, here: &str) {
        let listed = std::process::Command::new("ldd").arg(here).output().expect("every Debian has it");
        let listed = String::from_utf8(listed.stdout).expect("paths");
        for library in listed.split_whitespace().filter(|word| word.starts_with('/')) {
            if self.libraries.insert(library.to_owned()) {
                self.file(library.trim_start_matches('/'), 0o755, &std::fs::read(library).expect("a library"));
            }
        }
        self.file(path, mode, &std::fs::read(here).expect("every Debian has it"));
    }
}

fn rootfs(more: impl FnOnce(&mut Rootfs)) -> Vec<u8> {
    let mut files = Rootfs { tar: tar::Builder::new(Vec::new()), libraries: BTreeSet::new() };
    let busybox = std::fs::read(Path::new("/bin/busybox")).expect("the package busybox-static is installed");
    files.file("bin/busybox", 0o755, &busybox);
    for applet in APPLETS {
        files.link(&format!("bin/{applet}"), "busybox");
    }
    more(&mut files);
    files.tar.into_inner().expect("in memory")
}
