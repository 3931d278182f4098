//! Lays what was asked for and what was made side by side, one named fact per line, and compares them as text.
//!
//! Settings we never ask for (devices, other namespaces, extra groups …) are facts too: asked for is nothing, so
//! anything found is a difference.

use std::{collections::BTreeMap, fmt};

use bollard::models::{ContainerCreateBody, ContainerInspectResponse, DeviceRequest, HostConfig, MountPoint};

use super::{capabilities, label};

/// One way in which a container is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// Which setting.
    pub setting: &'static str,
    /// What was asked for.
    pub asked: String,
    /// What the engine made of it.
    pub made: String,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: asked for `{}`, got `{}`", self.setting, self.asked, self.made)
    }
}

type Facts = BTreeMap<&'static str, String>;

pub(super) fn compare(asked: &ContainerCreateBody, made: &ContainerInspectResponse) -> Vec<Deviation> {
    let wanted = wanted(asked);
    let mut found = found(made);
    wanted
        .into_iter()
        .filter_map(|(setting, asked)| {
            let made = found.remove(setting).unwrap_or_default();
            (asked != made).then_some(Deviation { setting, asked, made })
        })
        .collect()
}

fn wanted(asked: &ContainerCreateBody) -> Facts {
    let host = asked.host_config.clone().unwrap_or_default();
    let mut facts = limits_and_locks(&host);
    let mount = host.mounts.iter().flatten().map(|mount| {
        let kind = mount.typ.map(|kind| kind.to_string()).unwrap_or_default();
        mount_line(&kind, mount.source.as_deref(), mount.target.as_deref(), !mount.read_only.unwrap_or_default())
    });
    facts.insert("mounts", lines(mount));
    facts.insert("networks", "none".to_owned());
    facts.insert("image", asked.image.clone().unwrap_or_default());
    facts.insert("user", asked.user.clone().unwrap_or_default());
    facts.insert("working directory", asked.working_dir.clone().unwrap_or_default());
    facts.insert("stop signal", asked.stop_signal.clone().unwrap_or_default());
    facts.insert("terminal", flag(asked.tty));
    facts.insert("stdin", flag(asked.open_stdin));
    facts.insert("health check", words(asked.healthcheck.as_ref().and_then(|check| check.test.as_ref())));
    facts.insert("labels", labels(asked.labels.as_ref()));
    facts.insert("home", "HOME=/tmp".to_owned());
    facts.insert("loader variables", String::new());
    facts
}

fn found(made: &ContainerInspectResponse) -> Facts {
    let host = made.host_config.clone().unwrap_or_default();
    let config = made.config.clone().unwrap_or_default();
    let mut facts = limits_and_locks(&host);
    facts.insert("mounts", lines(made.mounts.iter().flatten().map(mounted)));
    let networks = made.network_settings.as_ref().and_then(|settings| settings.networks.as_ref());
    facts.insert("networks", networks.map(|networks| sorted(networks.keys().cloned())).unwrap_or_default());
    facts.insert("image", made.image.clone().unwrap_or_default());
    facts.insert("user", config.user.unwrap_or_default());
    facts.insert("working directory", config.working_dir.unwrap_or_default());
    facts.insert("stop signal", config.stop_signal.unwrap_or_default());
    facts.insert("terminal", flag(config.tty));
    facts.insert("stdin", flag(config.open_stdin));
    facts.insert("health check", words(config.healthcheck.as_ref().and_then(|check| check.test.as_ref())));
    facts.insert("labels", labels(config.labels.as_ref()));
    let env = config.env.unwrap_or_default();
    facts.insert("home", sorted(env.iter().filter(|line| line.starts_with("HOME=")).cloned()));
    facts.insert("loader variables", sorted(env.into_iter().filter(|line| super::super::image::is_forbidden_env(line))));
    facts
}

/// What both sides spell alike.
fn limits_and_locks(host: &HostConfig) -> Facts {
    let HostConfig { privileged, readonly_rootfs, init, auto_remove, publish_all_ports, oom_kill_disable, .. } = host;
    let mut facts = Facts::new();
    facts.insert("privileged", flag(*privileged));
    facts.insert("read-only root", flag(*readonly_rootfs));
    facts.insert("init", flag(*init));
    facts.insert("removed at exit", flag(*auto_remove));
    facts.insert("publish all ports", flag(*publish_all_ports));
    facts.insert("out-of-memory killer off", flag(*oom_kill_disable));
    facts.insert("network", text(&host.network_mode));
    facts.insert("IPC namespace", text(&host.ipc_mode));
    facts.insert("PID namespace", text(&host.pid_mode));
    facts.insert("UTS namespace", text(&host.uts_mode));
    facts.insert("user namespace", text(&host.userns_mode));
    facts.insert("cgroup namespace", host.cgroupns_mode.map(|mode| mode.to_string()).unwrap_or_default());
    facts.insert("cgroup parent", text(&host.cgroup_parent));
    facts.insert("capabilities added", words(host.cap_add.as_ref()));
    facts.insert("capabilities dropped", capabilities::dropped(host.cap_drop.as_deref().unwrap_or_default()));
    facts.insert("security options", words(host.security_opt.as_ref()));
    facts.insert("unmasked paths", if host.masked_paths.as_ref().is_some_and(Vec::is_empty) { "all" } else { "" }.to_owned());
    facts.insert(
        "writable kernel paths",
        if host.readonly_paths.as_ref().is_some_and(Vec::is_empty) { "all" } else { "" }.to_owned(),
    );
    facts.insert("extra groups", words(host.group_add.as_ref()));
    facts.insert("bind mounts", words(host.binds.as_ref()));
    facts.insert("volumes of others", words(host.volumes_from.as_ref()));
    facts.insert("tmpfs", pairs(host.tmpfs.as_ref()));
    facts.insert("sysctls", pairs(host.sysctls.as_ref()));
    facts.insert("links", words(host.links.as_ref()));
    facts.insert("name servers", words(host.dns.as_ref()));
    facts.insert("searched domains", words(host.dns_search.as_ref()));
    facts.insert("extra hosts", words(host.extra_hosts.as_ref()));
    facts.insert("devices", count(host.devices.as_ref()));
    facts.insert("device requests", host.device_requests.iter().flatten().map(device_request).collect::<Vec<_>>().join("; "));
    facts.insert("device rules", words(host.device_cgroup_rules.as_ref()));
    facts.insert("ports", host.port_bindings.as_ref().map(|ports| sorted(ports.keys().cloned())).unwrap_or_default());
    facts.insert("memory", number(host.memory));
    facts.insert("memory with swap", number(host.memory_swap));
    facts.insert("processors", number(host.nano_cpus));
    facts.insert("processes", number(host.pids_limit));
    facts.insert("shared memory", number(host.shm_size));
    facts.insert("out-of-memory score", number(host.oom_score_adj));
    let ulimits =
        host.ulimits.iter().flatten().map(|limit| format!("{}={}:{}", text(&limit.name), number(limit.soft), number(limit.hard)));
    facts.insert("ulimits", sorted(ulimits));
    let log = host.log_config.as_ref();
    facts.insert("log driver", log.map(|log| format!("{} {}", text(&log.typ), pairs(log.config.as_ref()))).unwrap_or_default());
    facts.insert(
        "restart",
        host.restart_policy.as_ref().and_then(|policy| policy.name).map(|name| name.to_string()).unwrap_or_default(),
    );
    facts
}

/// Engines write a count of 0 and options of none where nothing was asked for.
fn device_request(request: &DeviceRequest) -> String {
    let capabilities = request.capabilities.iter().flatten().map(|all| all.join(","));
    format!(
        "{} {} {} for {} {}",
        text(&request.driver),
        number(request.count),
        words(request.device_ids.as_ref()),
        capabilities.collect::<Vec<_>>().join("|"),
        pairs(request.options.as_ref())
    )
}

/// Engines list mounts in any order.
fn lines(mounts: impl Iterator<Item = String>) -> String {
    let mut mounts: Vec<_> = mounts.collect();
    mounts.sort_unstable();
    mounts.join(",")
}

fn mounted(point: &MountPoint) -> String {
    let kind = point.typ.as_ref().map(ToString::to_string).unwrap_or_default();
    // A volume is known by its name, a bind by its path.
    let source = if kind == "volume" { point.name.as_deref() } else { point.source.as_deref() };
    mount_line(&kind, source, point.destination.as_deref(), point.rw.unwrap_or_default())
}

fn mount_line(kind: &str, source: Option<&str>, target: Option<&str>, writable: bool) -> String {
    let read_only = if writable { "" } else { " read-only" };
    format!("{kind} {} at {}{read_only}", source.unwrap_or_default(), target.unwrap_or_default())
}

/// Only ours: an image may bring labels of its own, which bind nobody.
fn labels(labels: Option<&std::collections::HashMap<String, String>>) -> String {
    let ours = [label::DEVICE, label::ATTEMPT, label::JOB, label::EPOCH];
    let found = ours.into_iter().filter_map(|name| labels?.get(name).map(|value| format!("{name}={value}")));
    sorted(found)
}

/// Engines write "not set" as absent, empty or false; they mean the same.
fn flag(value: Option<bool>) -> String {
    value.unwrap_or_default().to_string()
}

fn text(value: &Option<String>) -> String {
    value.clone().unwrap_or_default()
}

fn number(value: Option<i64>) -> String {
    value.unwrap_or_default().to_string()
}

fn count<T>(list: Option<&Vec<T>>) -> String {
    list.map_or(0, Vec::len).to_string()
}

fn words(list: Option<&Vec<String>>) -> String {
    list.map(|list| list.join(" ")).unwrap_or_default()
}

fn pairs(map: Option<&std::collections::HashMap<String, String>>) -> String {
    map.map(|map| sorted(map.iter().map(|(name, value)| format!("{name}={value}")))).unwrap_or_default()
}

fn sorted(items: impl Iterator<Item = String>) -> String {
    let mut items: Vec<_> = items.collect();
    items.sort_unstable();
    items.join(" ")
}
