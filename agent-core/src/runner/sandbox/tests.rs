use bollard::models::{
    ContainerConfig, ContainerInspectResponse, DeviceMapping, DeviceRequest, EndpointSettings, MountPoint, NetworkSettings,
};
use headframe_protocol::{AttemptId, JobId, session::AttemptRef};

use super::*;
use crate::runner::SecretToken;

fn asked() -> ContainerCreateBody {
    asked_with(None, Vec::new())
}

fn asked_with(relay: Option<&str>, gpus: Vec<String>) -> ContainerCreateBody {
    let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let spec = serde_json::json!({
        "image": format!("127.0.0.1:5000/a/b@sha256:{sum}"),
        "max_price_per_hour": "1",
        "env": {"HOME": "/root", "SEED": "7"},
        "resources": {"cpu": 2, "memory_gib": 4, "disk_gib": 1},
    });
    let assignment = Assignment {
        at: AttemptRef { attempt: AttemptId::generate(), epoch: 3 },
        job: JobId::generate(),
        spec: serde_json::from_value(spec).expect("a job"),
        array_index: Some(4),
        base: "http://127.0.0.1:1/".parse().expect("an address"),
        token: SecretToken::new("t".to_owned()),
        registry: None,
        checkpoint: Vec::new(),
        gpus,
    };
    let device = "0x00000000000000000000000000000000000000aa".parse().expect("a device");
    let work = WorkVolume::Mounted { dir: "/data/work/att/work".into() };
    contract(&assignment, device, &image(), Volumes { work: &work, relay })
}

fn image() -> image::Ready {
    let words = |text: &str| text.split(' ').map(ToOwned::to_owned).collect();
    image::Ready { id: "sha256:1234".to_owned(), entrypoint: words("/bin/own -x"), args: words("its args") }
}

#[test]
fn a_job_gets_the_cards_it_was_given_and_no_other() {
    let asked = asked_with(None, vec!["GPU-1".to_owned()]);
    let request = asked.host_config.as_ref().and_then(|host| host.device_requests.clone()).expect("a request");
    assert_eq!(request[0].device_ids, Some(vec!["GPU-1".to_owned()]));
    assert_eq!(request[0].capabilities, Some(vec![vec!["gpu".to_owned(), "compute".to_owned(), "utility".to_owned()]]));
    assert!(deviations(&asked, &made(&asked)).is_empty());
    for change in [
        |request: &mut DeviceRequest| request.count = Some(-1),
        |request: &mut DeviceRequest| request.device_ids = Some(vec!["GPU-1".to_owned(), "GPU-2".to_owned()]),
        |request: &mut DeviceRequest| request.capabilities = Some(vec![vec!["gpu".to_owned(), "graphics".to_owned()]]),
    ] {
        let mut made = made(&asked);
        let host = made.host_config.as_mut().expect("a host");
        change(&mut host.device_requests.as_mut().expect("requests")[0]);
        assert_eq!(deviations(&asked, &made).len(), 1);
    }
    assert_eq!(self::asked().host_config.expect("a host").device_requests, None, "a job that needs none gets none");
}

/// What an honest engine makes of the contract.
fn made(asked: &ContainerCreateBody) -> ContainerInspectResponse {
    let body = asked.clone();
    let mount = MountPoint {
        typ: Some("bind".to_owned()),
        source: Some("/data/work/att/work".to_owned()),
        destination: Some("/work".to_owned()),
        rw: Some(true),
        ..MountPoint::default()
    };
    ContainerInspectResponse {
        image: body.image,
        mounts: Some(vec![mount]),
        network_settings: Some(NetworkSettings {
            networks: Some(HashMap::from([("none".to_owned(), EndpointSettings::default())])),
            ..NetworkSettings::default()
        }),
        config: Some(ContainerConfig {
            user: body.user,
            env: body.env,
            tty: body.tty,
            open_stdin: body.open_stdin,
            working_dir: body.working_dir,
            stop_signal: body.stop_signal,
            healthcheck: body.healthcheck,
            labels: body.labels,
            ..ContainerConfig::default()
        }),
        host_config: body.host_config,
        ..ContainerInspectResponse::default()
    }
}

#[test]
fn an_honest_engine_is_believed() {
    let asked = asked();
    assert_eq!(deviations(&asked, &made(&asked)), []);
}

#[test]
fn the_customer_cannot_move_home() {
    let env = asked().env.expect("an environment");
    assert!(env.contains(&"HOME=/tmp".to_owned()) && env.contains(&"HEADFRAME_ARRAY_INDEX=4".to_owned()), "{env:?}");
    assert_eq!(env.iter().filter(|line| line.starts_with("HOME=")).count(), 1);
}

/// Applies one change to what an honest engine made and expects exactly that setting to be named.
fn refused(setting: &str, change: impl Fn(&mut HostConfig, &mut ContainerConfig)) {
    let asked = asked();
    let mut made = made(&asked);
    let mut host = made.host_config.take().expect("a host configuration");
    let mut config = made.config.take().expect("a configuration");
    change(&mut host, &mut config);
    (made.host_config, made.config) = (Some(host), Some(config));
    let found: Vec<_> = deviations(&asked, &made).into_iter().map(|deviation| deviation.setting).collect();
    assert_eq!(found, [setting]);
}

#[test]
fn every_single_deviation_is_refused() {
    let text = |text: &str| Some(text.to_owned());
    let one = |text: &str| Some(vec![text.to_owned()]);
    refused("privileged", |host, _| host.privileged = Some(true));
    refused("read-only root", |host, _| host.readonly_rootfs = Some(false));
    refused("init", |host, _| host.init = None);
    refused("removed at exit", |host, _| host.auto_remove = Some(true));
    refused("publish all ports", |host, _| host.publish_all_ports = Some(true));
    refused("out-of-memory killer off", |host, _| host.oom_kill_disable = Some(true));
    refused("network", |host, _| host.network_mode = text("bridge"));
    refused("IPC namespace", |host, _| host.ipc_mode = text("host"));
    refused("PID namespace", |host, _| host.pid_mode = text("host"));
    refused("UTS namespace", |host, _| host.uts_mode = text("host"));
    refused("user namespace", |host, _| host.userns_mode = text("host"));
    refused("cgroup namespace", |host, _| host.cgroupns_mode = Some(HostConfigCgroupnsModeEnum::HOST));
    refused("cgroup parent", |host, _| host.cgroup_parent = text("/"));
    refused("capabilities added", |host, _| host.cap_add = one("SYS_ADMIN"));
    refused("capabilities dropped", |host, _| host.cap_drop = None);
    refused("security options", |host, _| host.security_opt = one("seccomp=unconfined"));
    refused("security options", |host, _| host.security_opt = one("no-new-privileges"));
    refused("security options", |host, _| host.security_opt = None);
    refused("unmasked paths", |host, _| host.masked_paths = Some(vec![]));
    refused("writable kernel paths", |host, _| host.readonly_paths = Some(vec![]));
    refused("extra groups", |host, _| host.group_add = one("docker"));
    refused("bind mounts", |host, _| host.binds = one("/:/host"));
    refused("volumes of others", |host, _| host.volumes_from = one("other"));
    refused("tmpfs", |host, _| host.tmpfs = None);
    refused("sysctls", |host, _| host.sysctls = Some(HashMap::from([("kernel.shmmax".to_owned(), "1".to_owned())])));
    refused("links", |host, _| host.links = one("other"));
    refused("name servers", |host, _| host.dns = None);
    refused("searched domains", |host, _| host.dns_search = one("home.example"));
    refused("extra hosts", |host, _| host.extra_hosts = one("a:127.0.0.1"));
    refused("devices", |host, _| host.devices = Some(vec![DeviceMapping::default()]));
    refused("device requests", |host, _| host.device_requests = Some(vec![DeviceRequest::default()]));
    refused("device rules", |host, _| host.device_cgroup_rules = one("c 1:* rwm"));
    refused("ports", |host, _| host.port_bindings = Some(HashMap::from([("80/tcp".to_owned(), None)])));
    refused("memory", |host, _| host.memory = Some(0));
    refused("memory with swap", |host, _| host.memory_swap = Some(-1));
    refused("processors", |host, _| host.nano_cpus = None);
    refused("processes", |host, _| host.pids_limit = Some(-1));
    refused("shared memory", |host, _| host.shm_size = Some(1));
    refused("out-of-memory score", |host, _| host.oom_score_adj = Some(-1_000));
    refused("ulimits", |host, _| host.ulimits = None);
    refused("log driver", |host, _| host.log_config = None);
    refused("restart", |host, _| {
        host.restart_policy = Some(RestartPolicy { name: Some(RestartPolicyNameEnum::ALWAYS), maximum_retry_count: None });
    });
    refused("user", |_, config| config.user = text("0"));
    refused("working directory", |_, config| config.working_dir = text("/"));
    refused("stop signal", |_, config| config.stop_signal = text("SIGCONT"));
    refused("terminal", |_, config| config.tty = Some(true));
    refused("stdin", |_, config| config.open_stdin = Some(true));
    refused("health check", |_, config| config.healthcheck = None);
    refused("labels", |_, config| config.labels = None);
    refused("home", |_, config| config.env = one("HOME=/root"));
    refused("loader variables", |_, config| {
        config.env.as_mut().expect("an environment").push("LD_PRELOAD=/work/x.so".to_owned())
    });
}

#[test]
fn capabilities_are_judged_by_what_is_left() {
    let asked = asked();
    let named = |drop: &[&str], add: &[&str]| {
        let mut made = made(&asked);
        let host = made.host_config.as_mut().expect("a host configuration");
        host.cap_drop = Some(drop.iter().map(|name| format!("CAP_{name}")).collect());
        host.cap_add = Some(add.iter().map(ToString::to_string).collect());
        deviations(&asked, &made).into_iter().map(|deviation| deviation.setting).collect::<Vec<_>>()
    };
    assert_eq!(named(&["ALL"], &[]), Vec::<&str>::new());
    assert_eq!(named(&["ALL"], &["CAP_CHOWN"]), ["capabilities added"]);
    assert_eq!(named(&["CHOWN", "SYS_ADMIN"], &[]), ["capabilities dropped"]);
}

#[test]
fn what_changes_the_loader_is_refused_wherever_it_comes_from() {
    for line in ["LD_PRELOAD=/x.so", "LD_AUDIT=/x.so", "NVIDIA_VISIBLE_DEVICES=all", "GLIBC_TUNABLES=x", "LD_BIND_NOW"] {
        refused("loader variables", |_, config| config.env.as_mut().expect("an environment").push(line.to_owned()));
    }
}

#[test]
fn another_image_mount_or_network_is_refused() {
    let asked = asked();
    let named = |change: &dyn Fn(&mut ContainerInspectResponse)| {
        let mut made = made(&asked);
        change(&mut made);
        deviations(&asked, &made).into_iter().map(|deviation| deviation.setting).collect::<Vec<_>>()
    };
    assert_eq!(named(&|made| made.image = Some("sha256:other".to_owned())), ["image"]);
    assert_eq!(named(&|made| made.mounts = None), ["mounts"]);
    let more = MountPoint { destination: Some("/etc".to_owned()), ..MountPoint::default() };
    assert_eq!(named(&|made| made.mounts.as_mut().expect("mounts").push(more.clone())), ["mounts"]);
    let networks =
        HashMap::from([("none".to_owned(), EndpointSettings::default()), ("bridge".to_owned(), EndpointSettings::default())]);
    assert_eq!(named(&|made| made.network_settings.as_mut().expect("networks").networks = Some(networks.clone())), ["networks"]);
}

#[test]
fn a_way_out_is_one_more_volume_that_nobody_can_write_and_still_no_network() {
    let asked = asked_with(Some("headframe-relay-x"), Vec::new());
    let host = asked.host_config.as_ref().expect("a host configuration");
    assert_eq!(host.network_mode.as_deref(), Some("none"));
    let words = |words: &Option<Vec<String>>| words.clone().unwrap_or_default().join(" ");
    assert_eq!(words(&asked.entrypoint), "/headframe/relay start /bin/own -x");
    assert_eq!(words(&asked.cmd), "its args");
    let proxies = asked.env.iter().flatten().filter(|line| line.to_lowercase().starts_with("http"));
    assert_eq!(proxies.filter(|line| line.ends_with("=http://127.0.0.1:3128")).count(), 4);
    let relay = |rw: bool| MountPoint {
        typ: Some("volume".to_owned()),
        name: Some("headframe-relay-x".to_owned()),
        destination: Some("/headframe".to_owned()),
        rw: Some(rw),
        ..MountPoint::default()
    };
    let named = |more: Option<MountPoint>| {
        let mut made = made(&asked);
        made.mounts.as_mut().expect("mounts").extend(more);
        deviations(&asked, &made).into_iter().map(|deviation| deviation.setting).collect::<Vec<_>>()
    };
    assert_eq!(named(Some(relay(false))), Vec::<&str>::new());
    assert_eq!(named(Some(relay(true))), ["mounts"]);
    assert_eq!(named(None), ["mounts"]);
}
