//! The contract every container is held to. Read it as the list of what a stranger's program may not do here.
//!
//! The engine is asked for exactly this, and before the container starts it is asked what it really made: one
//! difference, and the container is not started. An engine that ignores a setting (several do, silently) is thus
//! found out before it matters.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, DeviceRequest, HealthConfig, HostConfig, HostConfigCgroupnsModeEnum,
    HostConfigLogConfig, Mount, MountBindOptions, MountBindOptionsPropagationEnum, MountType, MountVolumeOptions,
    ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use headframe_protocol::{DeviceId, session::AttemptRef};

use super::{Assignment, egress, image, work::WorkVolume};

mod capabilities;
mod facts;
mod system_calls;

pub use facts::Deviation;

/// Nobody and nogroup, whatever the image says.
pub(super) const USER: &str = "65534:65534";
/// Where inputs lie and outputs are left.
const WORK_DIR: &str = "/work";
/// Processes and threads. A renderer on a 128-core machine uses some hundred; a fork bomb needs more.
const PIDS_MAX: i64 = 4_096;
/// Open files. Data loaders want thousands; the usual hard limit of an engine's own process is above this.
const OPEN_FILES_MAX: i64 = 16_384;
/// Ours goes first when the PC is short of memory.
const OOM_SCORE_ADJ: i64 = 500;
/// Of the engine's own copy of the log: three files of ten megabytes.
const LOG_FILE_SIZE: &str = "10m";
const LOG_FILES: &str = "3";
/// `/tmp` counts against the job's memory; an eighth of it leaves room for the program.
const TMP_PART: i64 = 8;
/// Shared memory also counts; PyTorch's loaders are the reason it is not the usual 64 MiB.
const SHM_PART: i64 = 2;
const GIB: i64 = 1 << 30;

/// Labels by which a later life of the agent finds its containers.
pub(super) mod label {
    /// Whose container it is.
    pub(crate) const DEVICE: &str = "headframe.device";
    /// Which attempt.
    pub(crate) const ATTEMPT: &str = "headframe.attempt";
    /// Which job.
    pub(crate) const JOB: &str = "headframe.job";
    /// Which of the job's epochs.
    pub(crate) const EPOCH: &str = "headframe.epoch";
}

/// The container's name: one attempt has at most one.
pub(super) fn name(at: AttemptRef) -> String {
    format!("headframe-{}", at.attempt)
}

/// What is mounted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Volumes<'a> {
    pub(super) work: &'a WorkVolume,
    /// Of the relay, for a job that names hosts.
    pub(super) relay: Option<&'a str>,
}

/// What the engine is asked to make. The image is named by the engine's own id of the one that was inspected, so that what
/// runs is what was looked at.
pub(super) fn contract(
    assignment: &Assignment,
    device: DeviceId,
    image: &image::Ready,
    volumes: Volumes<'_>,
) -> ContainerCreateBody {
    let Assignment { at, job, spec: _, array_index: _, base: _, token: _, registry: _, checkpoint: _, gpus: _ } = assignment;
    let Program { entrypoint, args } = program(assignment, image, volumes);
    let labels = [
        (label::DEVICE, device.to_string()),
        (label::ATTEMPT, at.attempt.to_string()),
        (label::JOB, job.to_string()),
        (label::EPOCH, at.epoch.to_string()),
    ];
    ContainerCreateBody {
        image: Some(image.id.clone()),
        entrypoint: Some(entrypoint).filter(|words| !words.is_empty()),
        cmd: Some(args).filter(|words| !words.is_empty()),
        env: Some(environment(assignment, volumes)),
        user: Some(USER.to_owned()),
        working_dir: Some(WORK_DIR.to_owned()),
        hostname: Some("headframe".to_owned()),
        tty: Some(false),
        open_stdin: Some(false),
        // An image's health check would be one more program, on its own timer.
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
        stop_signal: Some("SIGTERM".to_owned()),
        labels: Some(labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        host_config: Some(host_config(assignment, volumes)),
        ..ContainerCreateBody::default()
    }
}

/// What is started, with its arguments; empty is the image's own.
struct Program {
    entrypoint: Vec<String>,
    args: Vec<String>,
}

/// A job that names hosts is started by the relay, which needs to be told what the engine would find in the image by itself.
fn program(assignment: &Assignment, image: &image::Ready, volumes: Volumes<'_>) -> Program {
    let (command, args) = (&assignment.spec.command, &assignment.spec.args);
    if volumes.relay.is_none() {
        return Program { entrypoint: command.clone(), args: args.clone() };
    }
    // As the engine has it: whoever names a command, or arguments, does without the image's arguments.
    let (command, args) = match (command.is_empty(), args.is_empty()) {
        (true, true) => (&image.entrypoint, &image.args),
        (true, false) => (&image.entrypoint, args),
        (false, _) => (command, args),
    };
    let entrypoint = egress::before_the_program().into_iter().chain(command.iter().cloned()).collect();
    Program { entrypoint, args: args.clone() }
}

/// The customer's variables, with ours on top: he cannot point HOME or our names elsewhere.
fn environment(assignment: &Assignment, volumes: Volumes<'_>) -> Vec<String> {
    let mut env: BTreeMap<String, String> = assignment.spec.env.clone();
    env.insert("HOME".to_owned(), "/tmp".to_owned());
    env.insert("HEADFRAME_JOB".to_owned(), assignment.job.to_string());
    env.insert("HEADFRAME_ATTEMPT".to_owned(), assignment.at.attempt.to_string());
    if let Some(index) = assignment.array_index {
        env.insert("HEADFRAME_ARRAY_INDEX".to_owned(), index.to_string());
    }
    if volumes.relay.is_some() {
        env.extend(egress::environment());
    }
    env.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

fn host_config(assignment: &Assignment, volumes: Volumes<'_>) -> HostConfig {
    let resources = &assignment.spec.resources;
    let memory = i64::from(resources.memory_gib) * GIB;
    let disk = i64::from(resources.disk_gib) * GIB;
    HostConfig {
        // No way out: no network at all, not even the rig's own. Also for a job that names hosts.
        network_mode: Some("none".to_owned()),
        publish_all_ports: Some(false),
        // Or the engine copies which name servers the owner asks, and for which names.
        dns: Some(vec!["127.0.0.1".to_owned()]),
        dns_search: Some(vec![".".to_owned()]),
        // No way up.
        privileged: Some(false),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned(), format!("seccomp={}", system_calls::allowed())]),
        // Nothing shared with the owner's own processes.
        ipc_mode: Some("private".to_owned()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        // The cards it was given, for computing and for being asked how they are; no display, no other card.
        device_requests: Some(assignment.gpus.clone()).filter(|gpus| !gpus.is_empty()).map(|gpus| vec![cards(gpus)]),
        // Nothing to write but /tmp and the work volume, and both end.
        readonly_rootfs: Some(true),
        // Not noexec: compilers that build kernels at run time load them from here, and the image may hold any program anyway.
        tmpfs: Some(HashMap::from([("/tmp".to_owned(), format!("rw,exec,nosuid,nodev,size={},mode=1777", memory / TMP_PART))])),
        shm_size: Some(memory / SHM_PART),
        mounts: Some([mount(volumes.work)].into_iter().chain(volumes.relay.map(egress::mount)).collect()),
        // No more than was asked for. Memory with swap equal to memory means no swap.
        memory: Some(memory),
        memory_swap: Some(memory),
        nano_cpus: Some(i64::from(resources.cpu) * 1_000_000_000),
        pids_limit: Some(PIDS_MAX),
        // No file larger than the place it could be in, be it the disk or memory: one of nothing but holes could claim any size.
        ulimits: Some(vec![ulimit("core", 0), ulimit("fsize", disk.max(memory)), ulimit("nofile", OPEN_FILES_MAX)]),
        oom_score_adj: Some(OOM_SCORE_ADJ),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), LOG_FILE_SIZE.to_owned()),
                ("max-file".to_owned(), LOG_FILES.to_owned()),
            ])),
        }),
        // PID 1 ignores SIGTERM unless it handles it; the engine's init passes it on and reaps.
        init: Some(true),
        restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: Some(0) }),
        auto_remove: Some(false),
        ..HostConfig::default()
    }
}

fn cards(uuids: Vec<String>) -> DeviceRequest {
    let capabilities = ["gpu", "compute", "utility"].map(ToOwned::to_owned).to_vec();
    DeviceRequest {
        driver: Some("nvidia".to_owned()),
        device_ids: Some(uuids),
        capabilities: Some(vec![capabilities]),
        ..DeviceRequest::default()
    }
}

fn mount(work: &WorkVolume) -> Mount {
    let at_work = Mount { target: Some(WORK_DIR.to_owned()), read_only: Some(false), ..Mount::default() };
    match work {
        WorkVolume::Mounted { dir } => Mount {
            typ: Some(MountType::BIND),
            source: Some(dir.to_string_lossy().into_owned()),
            bind_options: Some(MountBindOptions {
                propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
                ..MountBindOptions::default()
            }),
            ..at_work
        },
        WorkVolume::Named { name } => Mount {
            typ: Some(MountType::VOLUME),
            source: Some(name.clone()),
            // Copying would also copy the owner of the folder the engine makes for the working directory: root.
            volume_options: Some(MountVolumeOptions { no_copy: Some(true), ..MountVolumeOptions::default() }),
            ..at_work
        },
    }
}

fn ulimit(name: &str, limit: i64) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(name.to_owned()), soft: Some(limit), hard: Some(limit) }
}

/// Every way in which what the engine made differs from what was asked; empty if it may be started.
pub(super) fn deviations(asked: &ContainerCreateBody, made: &ContainerInspectResponse) -> Vec<Deviation> {
    facts::compare(asked, made)
}

#[cfg(test)]
mod tests;
