//! What is left to a container of which an engine says what it dropped. Engines say it in two ways: Docker repeats the word
//! that it was given, Podman writes names.

/// Every capability the kernel has, up to 6.x; the last came with 5.9.
const KERNELS: [&str; 41] = [
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

/// `ALL` if nothing is left, however it is written; else what was written. A list that leaves out one of the kernel's is not
/// all: what the engine does not say it dropped, it may have kept.
pub(super) fn dropped(written: &[String]) -> String {
    let plain = |name: &str| name.to_ascii_uppercase().trim_start_matches("CAP_").to_owned();
    let names: Vec<String> = written.iter().map(|name| plain(name)).collect();
    let has = |name: &str| names.iter().any(|written| written == name);
    if has("ALL") || KERNELS.into_iter().all(has) { "ALL".to_owned() } else { written.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_podman_writes(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| format!("CAP_{name}")).collect()
    }

    #[test]
    fn a_list_of_every_capability_is_all() {
        assert_eq!(dropped(&as_podman_writes(&KERNELS)), "ALL");
        assert_eq!(dropped(&["all".to_owned()]), "ALL");
    }

    #[test]
    fn a_list_that_leaves_any_out_is_not() {
        for left in 0..KERNELS.len() {
            let mut names = KERNELS.to_vec();
            let kept = names.remove(left);
            assert_ne!(dropped(&as_podman_writes(&names)), "ALL", "{kept} is left");
        }
        assert_ne!(dropped(&[]), "ALL");
    }

    #[test]
    fn the_list_is_the_kernels() {
        let mut once = KERNELS.to_vec();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once, KERNELS);
        #[cfg(target_os = "linux")]
        {
            let last = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap").expect("a kernel with capabilities");
            let known = last.trim().parse::<usize>().expect("a number") + 1;
            assert!(known <= KERNELS.len(), "this kernel has {known} capabilities; name the new ones above");
        }
    }
}
