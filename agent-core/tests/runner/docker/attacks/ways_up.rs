//! Up: to be more than a program without any rights.

use super::{answers, armed, perl, printed_by};

/// Calls as x86-64 numbers them, each with arguments that work for root.
const CALLS: &[(&str, &str)] = &[
    ("mount", "165, $none, $tmp, $tmpfs, 0, 0"),
    ("mount again, writable", "165, $none, $root, $none, 0x1020, 0"),
    ("umount", "166, $tmp, 2"),
    ("fsopen", "430, $tmpfs, 0"),
    ("open_tree", "428, -100, $root, 1"),
    ("move_mount", "429, -100, $tmp, -100, $work, 0"),
    ("mount_setattr", "442, -100, $root, 0, $zeros, 32"),
    ("pivot_root", "155, $tmp, $tmp"),
    ("chroot", "161, $tmp"),
    ("a user namespace", "272, 0x10000000"),
    ("a mount namespace", "272, 0x20000"),
    ("a network namespace", "272, 0x40000000"),
    ("a PID namespace", "272, 0x20000000"),
    ("a child in a user namespace", "56, 0x10000011, 0, 0, 0, 0"),
    ("a child by clone3", "435, $zeros, 64"),
    ("setns", "308, 0, 0"),
    ("ptrace of the first process", "101, 16, 1, 0, 0"),
    ("memory of the first process", "310, 1, 0, 0, 0, 0, 0"),
    ("kcmp", "312, 1, $$, 0, 0, 0"),
    ("keyctl", "250, 0, -3, 1, 0, 0"),
    ("add_key", "248, $user, $none, $zeros, 8, -3"),
    ("request_key", "249, $user, $none, 0, -3"),
    ("bpf", "321, 0, $zeros, 72"),
    ("perf_event_open", "298, $zeros, 0, -1, -1, 0"),
    ("userfaultfd", "323, 0"),
    ("io_uring_setup", "425, 8, $zeros"),
    ("settimeofday", "164, $zeros, 0"),
    ("clock_settime", "227, 0, $zeros"),
    ("adjtimex, to set", "159, $ones"),
    ("clock_adjtime, to set", "305, 0, $ones"),
    ("init_module", "175, $zeros, 64, $none"),
    ("finit_module", "313, 0, $none, 0"),
    ("delete_module", "176, $none, 0"),
    ("kexec_load", "246, 0, 0, 0, 0"),
    ("reboot", "169, 0xfee1dead, 672274793, 0, 0"),
    ("swapon", "167, $tmp, 0"),
    ("acct", "163, 0"),
    ("quotactl", "179, 0, 0, 0, 0"),
    ("syslog", "103, 3, $zeros, 64"),
    ("iopl", "172, 3"),
    ("ioperm", "173, 0, 1, 1"),
    ("open_by_handle_at", "304, -100, $zeros, 0"),
    ("sethostname", "170, $none, 4"),
    ("a process without random addresses", "135, 0x40000"),
    ("a character device", "133, $device, 020666, 0x101"),
    ("a block device", "133, $device, 060666, 0xfe00"),
    ("setuid", "105, 0"),
    ("setgid", "106, 0"),
    ("setgroups", "116, 1, $zeros"),
    ("a higher priority", "141, 0, 0, -20"),
    ("fanotify_init", "300, 0, 0"),
];

#[tokio::test]
async fn every_call_that_leads_up_is_refused() {
    let mut yard = armed().await;
    let mut script = r#"
        my ($none, $tmp, $tmpfs, $root, $work, $user, $device) = qw(none /tmp tmpfs / /work user /tmp/device);
        my ($zeros, $ones) = ("\0" x 512, pack('L', 1) . "\0" x 508);
    "#
    .to_owned();
    for (name, arguments) in CALLS {
        script += &format!("$! = 0; print '{name}: ', (syscall({arguments}) == -1 ? $! : 'done'), \"\\n\";\n");
    }
    let log = printed_by(&mut yard, perl(&script)).await;
    let answers = answers(&log);
    assert_eq!(answers.len(), CALLS.len(), "{log}");
    // A call that the kernel looked at before it found something to refuse is not refused: its arguments were only wrong.
    let refused = ["Operation not permitted", "Function not implemented", "Permission denied"];
    let let_in: Vec<_> = answers.into_iter().filter(|(_, answer)| !refused.contains(answer)).collect();
    assert_eq!(let_in, []);
    yard.close().await;
}

/// The same calls have other numbers there, and one call makes every kind of socket.
#[tokio::test]
async fn a_program_of_32_bits_does_not_get_around_the_list_of_calls() {
    let mut yard = armed().await;
    // A whole program: it ends with 42.
    let script = r#"
        my $code = "\xb8\x01\0\0\0\xbb\x2a\0\0\0\xcd\x80";
        my $head = "\x7fELF\1\1\1" . "\0" x 9 . pack 'S2 L5 S6', 2, 3, 1, 0x8048054, 52, 0, 0, 52, 32, 1, 0, 0, 0;
        my $part = pack 'L8', 1, 0, 0x8048000, 0x8048000, 84 + length $code, 84 + length $code, 5, 4096;
        open my $to, '>', '/tmp/old' or die $!;
        print $to $head, $part, $code;
        close $to && chmod 0755, '/tmp/old' or die $!;
        system '/tmp/old';
        print "old: ", ($? == -1 ? 'not run' : $? & 127 ? 'ended' : 'ran to ' . ($? >> 8)), "\n";
    "#;
    let log = printed_by(&mut yard, perl(script)).await;
    assert!(["old: ended\n", "old: not run\n"].contains(&log.as_str()), "{log}");
    yard.close().await;
}

/// Whatever is mounted, and whatever of the kernel can be written.
#[tokio::test]
async fn a_job_writes_nowhere_but_into_its_own_three_places() {
    let mut yard = armed().await;
    let script = r#"
        open my $mounts, '<', '/proc/mounts' or die $!;
        while (<$mounts>) {
            my $place = (split)[1];
            # What the engine hides lies under the null device.
            next if -c $place;
            my $file = -d $place ? "$place/attack" : $place;
            open(my $to, '>>', $file) and print "mount: $place\n";
        }
        for my $folder (qw(/bin /dev /etc /proc /proc/self /proc/sys /sys /sys/fs/cgroup /sys/kernel /run /var /lib /home /root)) {
            open(my $to, '>>', "$folder/attack") and print "folder: $folder\n";
        }
        for my $knob (qw(/proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/sys/vm/drop_caches
                         /proc/sys/net/ipv4/ip_forward /proc/sys/fs/binfmt_misc/register /sys/kernel/uevent_helper
                         /sys/power/state /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max
                         /sys/fs/cgroup/cgroup.procs /dev/kmsg /dev/mem)) {
            open(my $to, '+<', $knob) and print "knob: $knob\n";
        }
        for my $lower (qw(-1000 -1)) {
            open my $score, '>', '/proc/self/oom_score_adj' or last;
            syswrite($score, $lower) and print "score: $lower\n";
        }
        for my $secret (qw(/proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /proc/kmsg /proc/latency_stats)) {
            open(my $from, '<', $secret) && defined(my $line = <$from>) and print "secret: $secret\n";
        }
        if (opendir my $firmware, '/sys/firmware') { print map { "secret: $_\n" } grep { !/^\./ } readdir $firmware }
    "#;
    let log = printed_by(&mut yard, perl(script)).await;
    let mut answers = answers(&log);
    answers.sort_unstable();
    // The message queues are the job's own, and of a few kilobytes.
    let own = [("mount", "/dev/mqueue"), ("mount", "/dev/shm"), ("mount", "/tmp"), ("mount", "/work")];
    assert_eq!(answers, own, "{log}");
    yard.close().await;
}
