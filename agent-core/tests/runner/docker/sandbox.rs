use bollard::models::HostConfigCgroupnsModeEnum;
use headframe_agent::runner::Ending;
use serde_json::json;

use crate::yard::Yard;

/// Asks the engine, not our own code, what the container is.
#[tokio::test]
async fn the_engine_made_what_the_contract_says() {
    let mut yard = Yard::open().await;
    let job = yard.job("sleep 60", json!({}));
    let name = Yard::container(job.at);
    let at = job.at;
    yard.runner.start(job).await;
    yard.started().await;
    let made = yard.docker.inspect_container(&name, None).await.expect("it runs");
    let host = made.host_config.expect("a host configuration");
    assert_eq!(host.network_mode.as_deref(), Some("none"));
    assert_eq!((host.init, host.readonly_rootfs, host.privileged), (Some(true), Some(true), Some(false)));
    assert_eq!(host.cap_drop, Some(vec!["ALL".to_owned()]));
    assert_eq!(host.cap_add.unwrap_or_default(), Vec::<String>::new());
    let options = host.security_opt.unwrap_or_default();
    let [no_more, calls] = options.as_slice() else { panic!("{options:?}") };
    assert_eq!(no_more, "no-new-privileges");
    assert!(calls.starts_with("seccomp={") && calls.contains(r#""defaultAction":"SCMP_ACT_ERRNO""#), "{calls}");
    assert_eq!((host.memory, host.memory_swap), (Some(1 << 30), Some(1 << 30)));
    let ulimits = host.ulimits.unwrap_or_default();
    let limit = |name: &str| ulimits.iter().find(|limit| limit.name.as_deref() == Some(name)).and_then(|limit| limit.hard);
    assert_eq!((limit("core"), limit("fsize"), limit("nofile")), (Some(0), Some(1 << 30), Some(16_384)));
    assert_eq!((host.nano_cpus, host.pids_limit), (Some(1_000_000_000), Some(4_096)));
    assert_eq!(host.cgroupns_mode, Some(HostConfigCgroupnsModeEnum::PRIVATE));
    assert_eq!(host.oom_score_adj, Some(500));
    assert_eq!(
        host.port_bindings.unwrap_or_default().len()
            + host.devices.unwrap_or_default().len()
            + host.binds.unwrap_or_default().len(),
        0
    );
    let config = made.config.expect("a configuration");
    assert_eq!(config.user.as_deref(), Some("65534:65534"));
    let text = serde_json::to_string(&config).expect("JSON");
    assert!(!text.contains(crate::coordinator::TOKEN), "the container never sees the token");
    let labels = config.labels.expect("labels");
    assert_eq!(labels["headframe.attempt"], at.attempt.to_string());
    yard.runner.kill(at).await;
    assert!(matches!(yard.ended().await, Ending::Stopped { .. }));
    yard.close().await;
}

/// Asks the kernel from inside.
#[tokio::test]
async fn a_job_is_nobody_and_reaches_nothing() {
    let mut yard = Yard::open().await;
    let script = r"
        id -u; id -g
        cat /proc/self/status | while read name value; do case $name in CapEff:|CapBnd:|NoNewPrivs:|Seccomp:) echo $name $value;; esac; done
        echo net: $(ls /sys/class/net)
        ip route | head -n 1
        ping -c 1 -W 1 172.17.0.1 2>&1 | tail -n 1
        touch /x 2>/dev/null && echo wrote to the root
        touch /tmp/x && echo tmp is writable
        touch /work/x && echo work is writable
        ls /var/run/docker.sock 2>/dev/null
        cat /proc/1/comm
        echo score $(cat /proc/self/oom_score_adj)
    ";
    let ending = yard.run(script, json!({})).await;
    assert!(matches!(ending, Ending::Succeeded { .. }) || matches!(ending, Ending::Failed { .. }), "{ending:?}");
    let log = yard.coordinator.log();
    let expected = "65534\n65534\nCapEff: 0000000000000000\nCapBnd: 0000000000000000\nNoNewPrivs: 1\nSeccomp: 2\nnet: lo\n";
    assert!(log.starts_with(expected), "{log}");
    assert!(!log.contains("wrote to the root") && !log.contains("docker.sock"), "{log}");
    assert!(log.contains("tmp is writable\nwork is writable\n"), "{log}");
    assert!(log.contains("docker-init") || log.contains("tini"), "{log}");
    assert!(log.contains("score 500"), "{log}");
    yard.close().await;
}

#[tokio::test]
async fn set_uid_programs_and_devices_on_the_work_volume_do_nothing() {
    let mut yard = Yard::open().await;
    let ending = yard
        .run(
            "cat /proc/mounts | while read dev dir kind options rest; do test $dir = /work && echo $kind $options; done; true",
            json!({}),
        )
        .await;
    assert!(matches!(ending, Ending::Succeeded { .. }), "{ending:?}");
    let log = yard.coordinator.log();
    assert!(log.starts_with("ext4 rw,nosuid,nodev"), "{log}");
    yard.close().await;
}
