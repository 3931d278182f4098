//! What a stranger's program may ask of the kernel: everything that programs ask for, and nothing that only whoever runs the
//! machine needs. What is not named here is refused.
//!
//! Not left to the engine, whose own list is as old as it is: Docker 20.10's lets a container without any network talk to the host
//! of the virtual machine that the rig may be, since `AF_VSOCK` has no namespace, and it lets in `io_uring`, whose mistakes have
//! opened many a kernel. Code of a processor's other modes, such as 32 bits on x86-64, is ended: it has numbers of its own for the
//! same calls, and one that makes any socket.

use serde_json::{Value, json};

/// Of every program, as far as it needs no capability. `clone`, `personality` and `socket` depend on what they are asked for.
const PLAIN: &str = "
    accept accept4 access adjtimex alarm arch_prctl bind brk cachestat capget capset chdir chmod chown clock_adjtime clock_getres
    clock_gettime clock_nanosleep close close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl
    epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fallocate
    fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat
    fstatfs fsync ftruncate futex futex_requeue futex_wait futex_waitv futex_wake futimesat get_robust_list getcpu getcwd getdents
    getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid
    getresuid getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getxattr inotify_add_watch inotify_init
    inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit ioctl ioprio_get ioprio_set
    kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lgetxattr link linkat listen listxattr llistxattr
    lremovexattr lseek lsetxattr lstat madvise map_shadow_stack membarrier memfd_create mincore mkdir mkdirat mknod mknodat mlock
    mlock2 mlockall mmap mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink mremap mseal msgctl msgget
    msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat open openat openat2 pause pidfd_open
    pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll prctl pread64 preadv preadv2 prlimit64
    process_mrelease pselect6 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recvfrom recvmmsg recvmsg
    remap_file_pages removexattr rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask
    rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min
    sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr
    sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop sendfile sendmmsg sendmsg sendto
    set_robust_list set_tid_address setfsgid setfsuid setgid setgroups setitimer setpgid setpriority setregid setresgid setresuid
    setreuid setrlimit setsid setsockopt setuid setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4
    socketpair splice stat statfs statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create
    timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill truncate
    umask uname unlink unlinkat utime utimensat utimes vfork vmsplice wait4 waitid write writev";
/// Kinds of sockets: within a machine, IPv4, IPv6, and questions to the kernel about its network. Each of them ends at the
/// container's own network, which is none.
const SOCKET_FAMILIES: [u64; 4] = [1, 2, 10, 16];
/// Ways to run that only change how a program is looked at: plain, 32 bits of addresses, either with an old version's name, and
/// the question which one it is.
const PERSONALITIES: [u64; 5] = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];
/// The flags by which a new process gets namespaces of its own, in which it would be root.
const NEW_NAMESPACES: u64 = 0x7e02_0000;
/// "There is no such call": a C library then takes the older one, whose flags can be looked at.
const ENOSYS: u32 = 38;
const EPERM: u32 = 1;

/// The list in the engine's own form.
pub(super) fn allowed() -> Value {
    let is = |call: &str, value: u64| json!({"names": [call], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}]});
    let mut rules = vec![
        json!({"names": PLAIN.split_whitespace().collect::<Vec<_>>(), "action": "SCMP_ACT_ALLOW"}),
        json!({
            "names": ["clone"],
            "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": NEW_NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
        }),
        json!({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS}),
    ];
    rules.extend(SOCKET_FAMILIES.map(|family| is("socket", family)));
    rules.extend(PERSONALITIES.map(|personality| is("personality", personality)));
    let machine = |name: &str| json!({"architecture": name, "subArchitectures": []});
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": EPERM,
        "archMap": [machine("SCMP_ARCH_X86_64"), machine("SCMP_ARCH_AARCH64")],
        "syscalls": rules,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_named_once_and_in_order() {
        let names: Vec<_> = PLAIN.split_whitespace().collect();
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(names, once);
    }

    #[test]
    fn what_only_the_machines_own_root_needs_is_not_among_them() {
        let refused = "mount umount2 unshare setns pivot_root chroot bpf perf_event_open keyctl add_key request_key io_uring_setup \
                       userfaultfd ptrace process_vm_readv process_vm_writev kcmp init_module finit_module kexec_load reboot swapon \
                       settimeofday clock_settime open_by_handle_at iopl ioperm syslog quotactl clone clone3 socket personality";
        for call in refused.split_whitespace() {
            assert!(!PLAIN.split_whitespace().any(|name| name == call), "{call}");
        }
    }
}
