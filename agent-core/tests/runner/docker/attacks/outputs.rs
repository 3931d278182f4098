//! By what is left behind: an output may lead nowhere but to its own bytes, on either kind of volume.

use headframe_agent::runner::{DiskLimit, Ending};
use headframe_protocol::{job::Reason, session::OUTPUT_FILES_MAX};
use serde_json::json;

use super::{failure, perl};
use crate::{image, yard::Yard};

const LIMITS: [DiskLimit; 2] = [DiskLimit::LoopExt4, DiskLimit::FreeSpaceWatch];

async fn armed(limit: DiskLimit) -> Yard {
    let mut yard = Yard::open_with(|config| config.disk_limit = Some(limit)).await;
    yard.image = image::make_with(&yard.docker, &yard.registry.host, "armed", &[], |files| {
        files.program("bin/perl", 0o755, "/usr/bin/perl");
        files.file("etc/passwd", 0o644, b"root:x:0:0::/:/bin/sh\n");
    })
    .await;
    yard
}

/// How leaving `made` and naming `output` ends.
async fn left(yard: &mut Yard, made: &str, output: &str) -> Ending {
    let mut what = perl(&format!("umask 0; {made}"));
    what["outputs"] = json!([output]);
    yard.run("", what).await
}

async fn what_is_no_plain_file_is_refused(limit: DiskLimit) {
    let mut yard = armed(limit).await;
    let attacks = [
        ("a link to a file", "symlink '/etc/passwd', 'a' or die $!", "a"),
        ("a link to a folder", "symlink '/etc', 'a' or die $!", "a"),
        ("a link up", "symlink '../../../../../etc', 'a' or die $!", "a"),
        ("a link in a folder", "mkdir 'a'; symlink '/etc/passwd', 'a/b' or die $!", "a"),
        ("a link to itself", "symlink 'a', 'a' or die $!", "a"),
        ("a pipe", "system('/bin/mkfifo', 'a') and die", "a"),
        ("a pipe in a folder", "mkdir 'a'; system('/bin/mkfifo', 'a/b') and die", "a"),
        ("a socket", "socket(my $named, 1, 1, 0); bind($named, pack 'S Z*', 1, '/work/a') or die $!", "a"),
        ("a name of two lines", "mkdir 'a'; open my $to, '>', \"a/b\\nc\" or die $!", "a"),
        ("a name that moves the cursor", "mkdir 'a'; open my $to, '>', \"a/\\e[2Jb\" or die $!", "a"),
        ("a name of another system's path", "mkdir 'a'; open my $to, '>', 'a/..\\\\..\\\\b' or die $!", "a"),
        ("a name of no letters", "mkdir 'a'; open my $to, '>', \"a/\\xff\\xfe\" or die $!", "a"),
        ("a path without end", "my $at = 'a'; mkdir $at and chdir $at or die $! for 1 .. 300; open my $to, '>', 'b'", "a"),
    ];
    for (name, made, output) in attacks {
        let (reason, detail) = failure(left(&mut yard, made, output).await);
        assert_eq!(reason, Reason::OutputRefused, "{name}: {detail}");
        assert!(!detail.is_empty() && !detail.chars().any(char::is_control), "{name}: {detail:?}");
        assert!(!detail.contains("headframe-agent") && !detail.contains("/var/lib"), "{name}: {detail}");
    }
    assert_eq!(yard.coordinator.seen.lock().expect("no panics").objects.len(), 0, "nothing of it was brought");
    yard.close().await;
}

#[tokio::test]
async fn what_is_no_plain_file_is_refused_on_a_volume_of_its_own_size() {
    what_is_no_plain_file_is_refused(DiskLimit::LoopExt4).await;
}

#[tokio::test]
async fn what_is_no_plain_file_is_refused_on_the_engines_volume() {
    what_is_no_plain_file_is_refused(DiskLimit::FreeSpaceWatch).await;
}

/// A named path may lead through a link: into the container at most, as whoever made the image could have copied it anyway.
#[tokio::test]
async fn a_path_through_a_link_never_leads_to_the_rigs_files() {
    let secret = tempfile::NamedTempFile::new_in("/tmp").expect("a file");
    std::fs::write(secret.path(), "the owner's").expect("written");
    let name = secret.path().file_name().and_then(|name| name.to_str()).expect("a name");
    for limit in LIMITS {
        let mut yard = armed(limit).await;
        for target in ["/tmp", "../../../../../../../../tmp", "/proc/1/root/tmp", "/proc/self/cwd/../../tmp"] {
            let (reason, detail) =
                failure(left(&mut yard, &format!("symlink '{target}', 'a' or die $!"), &format!("a/{name}")).await);
            assert!(matches!(reason, Reason::OutputRefused | Reason::OutputMissing), "{target}: {reason:?} {detail}");
        }
        assert_eq!(yard.coordinator.seen.lock().expect("no panics").objects.len(), 0);
        yard.close().await;
    }
}

#[tokio::test]
async fn an_output_named_outside_of_work_is_not_run() {
    let mut yard = armed(DiskLimit::LoopExt4).await;
    for output in ["../etc/passwd", "/etc/passwd", "a/../../etc/passwd", ".", "a\n"] {
        let (reason, detail) = failure(left(&mut yard, "1", output).await);
        assert_eq!(reason, Reason::NotRunnable, "{output:?}: {detail}");
    }
    yard.close().await;
}

#[tokio::test]
async fn more_files_or_folders_than_may_be_brought_are_refused_by_their_number() {
    for limit in LIMITS {
        let mut yard = armed(limit).await;
        let files = format!("mkdir 'a'; for (0 .. {OUTPUT_FILES_MAX}) {{ open my $to, '>', \"a/$_\" or die $! }}");
        let (reason, detail) = failure(left(&mut yard, &files, "a").await);
        assert_eq!(reason, Reason::OutputRefused);
        assert!(detail.contains("more than 10000 files"), "{detail}");
        let folders = format!("mkdir 'a'; for (0 .. {OUTPUT_FILES_MAX}) {{ mkdir \"a/$_\" or die $! }}");
        let (reason, detail) = failure(left(&mut yard, &folders, "a").await);
        assert_eq!(reason, Reason::OutputRefused);
        assert!(detail.contains("more than 10000 folders"), "{detail}");
        assert_eq!(yard.coordinator.seen.lock().expect("no panics").objects.len(), 0);
        yard.close().await;
    }
}
