//! By wanting more than there is.

use std::{path::Path, time::Duration};

use headframe_agent::runner::Ending;
use headframe_protocol::job::Reason;
use serde_json::json;

use super::{answers, armed, failure, perl, printed_by};
use crate::yard::Yard;

/// Of a log that is kept, with the line that says that it was cut.
const LOG_BYTES_MAX: u64 = 30_000_100;

#[tokio::test]
async fn a_fork_bomb_fills_its_own_box_and_ends_with_it() {
    let mut yard = armed().await;
    let script = r#"
        my ($children, $child) = (0);
        while (defined($child = fork)) { $child ? $children++ : exec '/bin/sleep', '1000' }
        print "$children children: $!\n";
        while (1) { fork // select undef, undef, undef, 0.05 }
    "#;
    let mut what = perl(script);
    what["resources"] = json!({"cpu": 1, "memory_gib": 4, "disk_gib": 1});
    let bomb = yard.job("", what);
    let at = bomb.at;
    yard.runner.start(bomb).await;
    yard.logged("children: ").await;
    let log = yard.coordinator.log();
    let (children, why) = log.trim().split_once(" children: ").expect("one line");
    let children: u32 = children.parse().expect("a number");
    assert!((1_000..4_096).contains(&children), "{log}");
    assert_eq!(why, "Resource temporarily unavailable");
    // There is room for others, on the rig and in another's container.
    assert!(std::process::Command::new("true").status().expect("a process").success());
    assert!(matches!(yard.run("true", json!({})).await, Ending::Succeeded { .. }));
    yard.runner.stop(at, Duration::from_secs(1)).await;
    assert!(matches!(yard.ended().await, Ending::Stopped { .. }));
    yard.close().await;
}

#[tokio::test]
async fn every_room_of_a_job_is_full_when_it_is_full() {
    let mut yard = armed().await;
    // A file system in memory gives only what it has; so does a disk of a gibibyte, also of files without a byte.
    let script = r"
        fill() { dd if=/dev/zero of=$1/fill bs=1M count=$2 2>/dev/null && echo $1: all of it || echo $1: $(stat -c %s $1/fill); }
        fill /tmp 200; fill /dev/shm 600
        cat /dev/null > /work/first
        fallocate -l 2G /work/fill 2>/dev/null && echo large: all of it || echo large: refused
        echo still here: yes
    ";
    let log = printed_by(&mut yard, json!({"command": ["/bin/sh", "-c", script]})).await;
    let expected = [("/tmp", "134217728"), ("/dev/shm", "536870912"), ("large", "refused"), ("still here", "yes")];
    assert_eq!(answers(&log), expected);
    let script = r#"
        my $files = 0;
        while ($files < 200_000) { open my $file, '>', "/work/$files" or last; $files++ }
        print "files: ", ($files < 200_000 ? $! : 'any number'), "\n";
    "#;
    let log = printed_by(&mut yard, perl(script)).await;
    assert_eq!(answers(&log), [("files", "No space left on device")]);
    yard.close().await;
}

/// What lies in memory is memory, so that a job cannot have more of it by calling it files.
#[tokio::test]
async fn files_in_memory_count_against_the_jobs_memory() {
    let mut yard = Yard::open().await;
    let script = "dd if=/dev/zero of=/dev/shm/fill bs=1M count=510; dd if=/dev/zero of=/tmp/fill bs=1M count=120; \
                  exec dd if=/dev/zero of=/dev/null bs=600M count=1";
    let (reason, detail) = failure(yard.run(script, json!({})).await);
    assert_eq!(reason, Reason::OutOfMemory, "{detail}");
    yard.close().await;
}

#[tokio::test]
async fn a_flooded_log_stays_bounded_here_at_the_engine_and_at_the_coordinator() {
    let mut yard = armed().await;
    let job = yard.job("", perl("my $line = 'x' x 8_191 . \"\\n\"; print $line for 1 .. 12_000; print 'end'"));
    let at = job.at;
    let kept = yard.config.data_dir.join("logs").join(format!("{}.log", at.attempt));
    yard.runner.start(job).await;
    let Ending::Succeeded { log_bytes, .. } = yard.ended().await else { panic!("it ends whether or not anybody reads") };
    assert!((1..LOG_BYTES_MAX).contains(&log_bytes), "{log_bytes}");
    assert_eq!(yard.coordinator.log().len() as u64, log_bytes);
    assert!(std::fs::metadata(kept).expect("a file").len() < LOG_BYTES_MAX);
    let made = yard.docker.inspect_container(&Yard::container(at), None).await.expect("kept until it is discarded");
    let folder = Path::new(&made.log_path.expect("a path")).parent().expect("a folder").to_owned();
    let logs = std::fs::read_dir(folder).expect("the engine is on this machine").map(|entry| entry.expect("readable"));
    let engines: u64 = logs
        .filter(|entry| entry.file_name().to_string_lossy().contains("-json.log"))
        .map(|entry| entry.metadata().expect("a file").len())
        .sum();
    // Three files, each cut when it is over ten megabytes.
    assert!((1..31_000_000).contains(&engines), "{engines}");
    yard.close().await;
}

#[tokio::test]
async fn children_that_nobody_waits_for_are_reaped_and_none_outlives_its_job() {
    let mut yard = armed().await;
    let script = r#"
        for (1 .. 300) { fork // die($!) or do { fork // die($!); exit }; wait }
        print "left alone: done\n";
        sub zombies { grep { open(my $from, '<', $_) && <$from> =~ /\) Z / } map { "/proc/$_/stat" } processes() }
        sub processes { opendir my $all, '/proc' or die $!; grep { /^\d+$/ } readdir $all }
        for (1 .. 600) { last unless zombies(); select undef, undef, undef, 0.05 }
        print "zombies: ", scalar(() = zombies()), "\n";
        fork // die($!) or do { fork // die($!) or do { $SIG{$_} = 'IGNORE' for qw(TERM HUP INT); sleep 1000 }; exit };
        print "last words: ";
    "#;
    let log = printed_by(&mut yard, perl(script)).await;
    assert_eq!(answers(&log), [("left alone", "done"), ("zombies", "0"), ("last words", "")]);
    let running = yard.docker.list_containers(None).await.expect("the engine lists");
    let ours = yard.containers().await;
    assert!(running.iter().all(|container| container.id.as_ref().is_none_or(|id| !ours.contains(id))), "{running:?}");
    yard.close().await;
}
