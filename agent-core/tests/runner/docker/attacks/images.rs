//! By what is in the image.

use headframe_agent::runner::{Ending, RunEventKind};
use headframe_protocol::job::Reason;
use serde_json::json;

use super::{answers, armed_with, failure, perl, printed_by};
use crate::yard::Yard;

#[tokio::test]
async fn nothing_in_an_image_gives_its_job_more_than_another_has() {
    let mut yard = armed_with(&["USER 0", "ENV HOME=/root", "WORKDIR /bin", "EXPOSE 22"], |files| {
        files.program("bin/root-cat", 0o6755, "/bin/cat");
        files.folder("everybodys", 0o777);
        files.node("memory", tar::EntryType::Char, 0o666, (1, 1));
        files.node("kernel-log", tar::EntryType::Char, 0o666, (1, 11));
        files.node("disk", tar::EntryType::Block, 0o666, (254, 0));
        // Names that are numbers, so that whoever looks our user up finds root.
        files.file("etc/passwd", 0o644, b"65534:x:0:0::/:/bin/sh\nroot:x:65534:0::/:/bin/sh\n");
        files.file("etc/group", 0o644, b"65534:x:0:root\ndisk:x:6:root,65534\n");
    })
    .await;
    let script = r#"
        sub said { print "$_[0]: ", ($_[1] ? 'done' : $!), "\n" }
        print "user: $< $>\ngroup: ", join(' ', (split ' ', $()[0], $)), "\n";
        print "home: $ENV{HOME}\n";
        printf "bits: %o\n", (stat '/bin/root-cat')[2] & 07777;
        /^(Uid|Gid|CapEff|CapPrm|CapAmb|NoNewPrivs):\s*(.*)/ and print "$1: ", join(' ', split ' ', $2), "\n"
            for `/bin/root-cat /proc/self/status`;
        said('everybodys', open my $to, '>', '/everybodys/x');
        for my $device (qw(/memory /kernel-log /disk)) {
            said("read $device", open my $from, '<', $device);
            said("write $device", open my $to, '>', $device);
        }
    "#;
    let log = printed_by(&mut yard, perl(script)).await;
    let (nobody, none) = ("65534 65534 65534 65534", "0000000000000000");
    let expected = [
        ("user", "65534 65534"),
        ("home", "/tmp"),
        ("bits", "6755"),
        ("Uid", nobody),
        ("Gid", nobody),
        ("CapPrm", none),
        ("CapEff", none),
        ("CapAmb", none),
        ("NoNewPrivs", "1"),
        ("everybodys", "Read-only file system"),
        ("read /memory", "Operation not permitted"),
        ("write /memory", "Operation not permitted"),
        ("read /kernel-log", "Operation not permitted"),
        ("write /kernel-log", "Operation not permitted"),
        ("read /disk", "Operation not permitted"),
        ("write /disk", "Operation not permitted"),
    ];
    let mut answers = answers(&log);
    // runc before 1.2 looks the number up among the image's names of groups: the job may be in one more group of the image's
    // choice. All of the above was tried by a member of that group: nothing here is a group's.
    let groups = answers.remove(1);
    assert!(["65534 65534 65534", "65534 65534 0"].contains(&groups.1), "{log}");
    assert_eq!(answers, expected);
    yard.close().await;
}

/// The folders that we mount over may be links in the image. They are followed inside of it or refused, never on the rig.
#[tokio::test]
async fn an_image_cannot_turn_what_is_mounted_elsewhere() {
    let outside = tempfile::tempdir_in("/tmp").expect("a folder");
    let place = outside.path().to_str().expect("a path").to_owned();
    let up = format!("../../../../../..{place}");
    let mut yard = armed_with(&[], |files| {
        files.link("work", &place);
        files.link("tmp", &up);
    })
    .await;
    let script = "for my $folder (qw(/work /tmp)) { open my $to, '>', \"$folder/attack\" and print \"$folder\\n\" }";
    let mut what = perl(script);
    what["outputs"] = json!(["attack"]);
    let ending = yard.run("", what).await;
    assert_eq!(std::fs::read_dir(outside.path()).expect("a folder").count(), 0, "{ending:?}");
    yard.close().await;
}

#[tokio::test]
async fn an_images_health_check_entry_point_and_labels_bind_nobody() {
    let changes =
        ["HEALTHCHECK --interval=1s CMD touch /tmp/checked", "LABEL headframe.device=another", "ENTRYPOINT [\"/bin/false\"]"];
    let mut yard = armed_with(&changes, |_| {}).await;
    let job = yard.job("echo ready; sleep 300", json!({}));
    let at = job.at;
    yard.runner.start(job).await;
    yard.logged("ready").await;
    let made = yard.docker.inspect_container(&Yard::container(at), None).await.expect("it runs");
    assert_eq!(made.config.and_then(|config| config.labels).expect("labels")["headframe.device"], yard.config.device.to_string());
    let checks = made.state.and_then(|state| state.health).and_then(|health| health.log).unwrap_or_default();
    assert_eq!(checks, []);
    yard.runner.kill(at).await;
    assert!(matches!(yard.ended().await, Ending::Stopped { .. }));
    yard.close().await;
}

#[tokio::test]
async fn every_setting_that_changes_the_loader_or_the_devices_is_refused_before_anything_is_made() {
    for change in ["ENV LD_AUDIT=/x.so", "ENV NVIDIA_VISIBLE_DEVICES=all", "ENV GLIBC_TUNABLES=glibc.malloc.check=3"] {
        let mut yard = armed_with(&[change], |_| {}).await;
        let (reason, detail) = failure(yard.run("true", json!({})).await);
        assert_eq!(reason, Reason::ImageRefused, "{change}: {detail}");
        let name = change.trim_start_matches("ENV ").split('=').next().expect("a name");
        assert!(detail.contains(name), "{detail}");
        assert_eq!(yard.containers().await, Vec::<String>::new());
        yard.close().await;
    }
}

#[tokio::test]
async fn an_image_larger_than_what_the_owner_gives_to_images_does_not_run() {
    // Larger than the packed image and smaller than the unpacked one; then smaller than either.
    for cap_bytes in [5 << 20, 1 << 20] {
        let mut yard = Yard::open_with(|config| config.image_cap_bytes = cap_bytes).await;
        yard.image = crate::image::make_with(&yard.docker, &yard.registry.host, "large", &[], |files| {
            files.file("holes", 0o644, &vec![0; 6 << 20]);
            files.file(
                "random",
                0o644,
                &(0..500_000_u64)
                    .flat_map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[..4].to_vec())
                    .collect::<Vec<_>>(),
            );
        })
        .await;
        for _ in 0..2 {
            let job = yard.job("true", json!({}));
            yard.runner.start(job).await;
            let (reason, detail) = failure(
                yard.until("the end", |kind| {
                    assert_ne!(kind, RunEventKind::Started, "it may not run");
                    if let RunEventKind::Ended(ending) = kind { Some(ending) } else { None }
                })
                .await,
            );
            assert_eq!(reason, Reason::RigDiskFull, "another rig's owner may give more");
            assert!(detail.contains("larger than all the space"), "{detail}");
        }
        assert_eq!(yard.containers().await, Vec::<String>::new());
        yard.close().await;
    }
}
