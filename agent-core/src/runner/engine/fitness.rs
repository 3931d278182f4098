//! Whether an engine can be trusted to hold a stranger's program to its limits. Pure: what it said in, verdict out.

use std::fmt;

use bollard::models::{SystemInfo, SystemVersion};

/// The oldest API with everything the sandbox needs: cgroup namespaces came with 1.41 (Docker 20.10).
const API_MIN: (u32, u32) = (1, 41);

/// Why an engine that works is still not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Too old.
    #[error("it speaks API {api}; 1.41 or newer is needed (Docker 20.10)")]
    TooOld {
        /// What it speaks.
        api: String,
    },
    /// It tells what it made in words of its own.
    #[error(
        "Podman tells what it made of a container in words of its own, so that this version cannot check it; \
         Docker, Colima, OrbStack and Rancher Desktop work"
    )]
    Podman,
    /// It runs other than Linux containers.
    #[error("it runs {os} containers; switch it to Linux containers")]
    NotLinux {
        /// What it runs.
        os: String,
    },
    /// It silently discards limits.
    #[error("it cannot limit {}; a job could take the whole PC (rootless engines need cgroup v2)", listed(limits))]
    LimitsDoNotWork {
        /// Which.
        limits: Vec<Limit>,
    },
    /// Its containers may call every system call.
    #[error("its default seccomp profile is off; turn it on, or jobs could use every system call of the kernel")]
    NoSeccomp,
}

/// What a job must not have without a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Memory.
    Memory,
    /// How many processes there may be.
    Processes,
    /// Time on the processor.
    ProcessorTime,
    /// Memory on the disk.
    Swap,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Processes => "processes",
            Self::ProcessorTime => "processor time",
            Self::Swap => "swap",
        })
    }
}

fn listed(limits: &[Limit]) -> String {
    limits.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What an owner should know of an engine that is good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// It cannot limit swap, of which there is none.
    NoSwapLimit,
    /// It takes its containers with it when it ends.
    EndsJobs,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSwapLimit => "The engine cannot limit swap. That is fine while this PC has none.",
            Self::EndsJobs => "Jobs end when the engine is restarted (`live-restore` is off).",
        })
    }
}

/// Judges an engine by what it says of itself. `here`: on this computer, so that its swap is ours. Returns what the
/// owner should know about a good one.
pub(super) fn check(version: &SystemVersion, info: &SystemInfo, here: bool) -> Result<Vec<Note>, Unfit> {
    check_with_swap(version, info, || !here || host_has_swap())
}

fn check_with_swap(version: &SystemVersion, info: &SystemInfo, may_swap: impl Fn() -> bool) -> Result<Vec<Note>, Unfit> {
    let api = version.api_version.clone().unwrap_or_default();
    if parse_api(&api).is_none_or(|api| api < API_MIN) {
        return Err(Unfit::TooOld { api });
    }
    if is_podman(version) {
        return Err(Unfit::Podman);
    }
    if let Some(os) = info.os_type.as_deref().filter(|os| *os != "linux") {
        return Err(Unfit::NotLinux { os: os.to_owned() });
    }
    let options = info.security_options.as_deref().unwrap_or_default();
    let seccomp = options.iter().find(|option| option.starts_with("name=seccomp"));
    if seccomp.is_none_or(|option| option.contains("unconfined")) {
        return Err(Unfit::NoSeccomp);
    }
    let mut limits = limits_missing(info);
    // Swap that cannot be limited is a way around the memory limit, unless there is none to go to.
    let mut notes = Vec::new();
    if info.swap_limit != Some(true) {
        if may_swap() {
            limits.push(Limit::Swap);
        } else {
            notes.push(Note::NoSwapLimit);
        }
    }
    if !limits.is_empty() {
        return Err(Unfit::LimitsDoNotWork { limits });
    }
    if info.live_restore_enabled != Some(true) {
        notes.push(Note::EndsJobs);
    }
    Ok(notes)
}

/// What it cannot limit, swap apart: whether that matters depends on whether there is any.
pub(super) fn limits_missing(info: &SystemInfo) -> Vec<Limit> {
    let limits =
        [(info.memory_limit, Limit::Memory), (info.pids_limit, Limit::Processes), (info.cpu_cfs_quota, Limit::ProcessorTime)];
    limits.into_iter().filter(|(works, _)| *works != Some(true)).map(|(_, limit)| limit).collect()
}

/// Whatever socket it answers at: its compatibility package puts it at Docker's.
pub(super) fn is_podman(version: &SystemVersion) -> bool {
    version.components.iter().flatten().any(|component| component.name.contains("Podman"))
}

fn parse_api(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// A host that cannot say is taken to have some.
fn host_has_swap() -> bool {
    let Ok(mut system) = sysinfo::System::new() else { return true };
    system.refresh_memory_specifics(sysinfo::MemoryRefreshKind::nothing().with_swap());
    system.total_swap() > 0
}

#[cfg(test)]
mod tests {
    use bollard::models::SystemVersionComponents;

    use super::*;

    fn good() -> (SystemVersion, SystemInfo) {
        let version = SystemVersion { api_version: Some("1.41".to_owned()), ..SystemVersion::default() };
        let info = SystemInfo {
            os_type: Some("linux".to_owned()),
            memory_limit: Some(true),
            swap_limit: Some(true),
            pids_limit: Some(true),
            cpu_cfs_quota: Some(true),
            live_restore_enabled: Some(true),
            security_options: Some(vec!["name=seccomp,profile=default".to_owned()]),
            ..SystemInfo::default()
        };
        (version, info)
    }

    fn check(change: impl Fn(&mut SystemVersion, &mut SystemInfo), swap: bool) -> Result<Vec<Note>, Unfit> {
        let (mut version, mut info) = good();
        change(&mut version, &mut info);
        check_with_swap(&version, &info, || swap)
    }

    #[test]
    fn an_engine_whose_word_cannot_be_checked_is_refused() {
        let component = SystemVersionComponents { name: "Podman Engine".to_owned(), ..SystemVersionComponents::default() };
        let refused = check(|version, _| version.components = Some(vec![component.clone()]), true);
        assert_eq!(refused, Err(Unfit::Podman));
    }

    #[test]
    fn a_good_engine_is_taken() {
        assert_eq!(check(|_, _| {}, true), Ok(vec![]));
    }

    #[test]
    fn each_limit_that_does_not_work_is_named() {
        assert_eq!(
            check(|_, info| info.memory_limit = Some(false), true),
            Err(Unfit::LimitsDoNotWork { limits: vec![Limit::Memory] })
        );
        assert_eq!(check(|_, info| info.pids_limit = None, true), Err(Unfit::LimitsDoNotWork { limits: vec![Limit::Processes] }));
        assert_eq!(
            check(|_, info| info.cpu_cfs_quota = Some(false), true),
            Err(Unfit::LimitsDoNotWork { limits: vec![Limit::ProcessorTime] })
        );
        assert_eq!(
            check(|_, info| info.swap_limit = Some(false), true),
            Err(Unfit::LimitsDoNotWork { limits: vec![Limit::Swap] })
        );
    }

    #[test]
    fn swap_need_not_be_limited_where_there_is_none() {
        assert_eq!(check(|_, info| info.swap_limit = Some(false), false).map(|notes| notes.len()), Ok(1));
    }

    #[test]
    fn an_old_or_open_or_other_engine_is_refused() {
        assert!(matches!(check(|version, _| version.api_version = Some("1.40".to_owned()), true), Err(Unfit::TooOld { .. })));
        assert!(check(|version, _| version.api_version = Some("1.100".to_owned()), true).is_ok());
        assert!(matches!(check(|_, info| info.os_type = Some("windows".to_owned()), true), Err(Unfit::NotLinux { .. })));
        assert_eq!(
            check(|_, info| info.security_options = Some(vec!["name=seccomp,profile=unconfined".to_owned()]), true),
            Err(Unfit::NoSeccomp)
        );
        assert_eq!(check(|_, info| info.security_options = None, true), Err(Unfit::NoSeccomp));
    }
}
