use std::time::Instant;

use headframe_agent::runner::{DiskLimit, Ending, InputHosts, RunEventKind};
use headframe_protocol::{Sha256, session::OutputFile};
use serde_json::json;

use crate::yard::Yard;

fn reason_of(ending: &Ending) -> (&'static str, Option<i64>) {
    match ending {
        Ending::Failed { reason, exit_code, .. } => (reason.as_str(), *exit_code),
        Ending::Succeeded { .. } => ("succeeded", None),
        Ending::Stopped { .. } => ("stopped", None),
    }
}

async fn travels(limit: Option<DiskLimit>) {
    let mut yard = Yard::open_with(|config| config.disk_limit = limit).await;
    let input = b"from far away".to_vec();
    let sum = Sha256::of(&input);
    yard.coordinator.seen.lock().expect("no panics").inputs.insert(0, input);
    let upload = "upl_0192d3a0b1c27def8123456789abcdef";
    let begun = Instant::now();
    let ending = yard
        .run(
            "echo hello; id -u; mkdir -p out/deep; cp in/deep/a.txt out/b.txt; echo $SEED > out/deep/c.txt; stat -c %u /work in/deep/a.txt",
            json!({"inputs": [{"upload": upload, "sha256": sum, "path": "in/deep/a.txt"}], "outputs": ["out"], "env": {"SEED": "7"}}),
        )
        .await;
    let Ending::Succeeded { outputs, running_ms, log_bytes } = ending else { panic!("{ending:?}\n{}", yard.coordinator.log()) };
    let seed = Sha256::of(b"7\n");
    let expected = [
        OutputFile { path: "out/b.txt".to_owned(), sha256: sum, bytes: 13 },
        OutputFile { path: "out/deep/c.txt".to_owned(), sha256: seed, bytes: 2 },
    ];
    assert_eq!(outputs, expected);
    assert_eq!(yard.coordinator.object(seed).as_deref(), Some(&b"7\n"[..]));
    assert_eq!(yard.coordinator.log(), "hello\n65534\n65534\n65534\n");
    assert_eq!(log_bytes, 24);
    assert!(begun.elapsed().as_millis() >= running_ms.into(), "{running_ms}");
    assert_eq!(yard.runner.images(), [yard.image.digest()]);
    yard.close().await;
}

#[tokio::test]
async fn a_job_travels_through_a_volume_of_its_own_size() {
    travels(None).await;
}

#[tokio::test]
async fn a_job_travels_through_the_engines_volume() {
    travels(Some(DiskLimit::FreeSpaceWatch)).await;
}

#[tokio::test]
async fn the_best_disk_limit_of_this_machine_is_used() {
    let yard = Yard::open().await;
    assert_eq!(yard.runner.disk_limit(), DiskLimit::LoopExt4, "tests run as root on the engine's own kernel");
    yard.close().await;
}

#[tokio::test]
async fn events_come_in_order() {
    let mut yard = Yard::open().await;
    let job = yard.job("echo a; sleep 2; echo b", json!({}));
    let begun = Instant::now();
    yard.runner.start(job.clone()).await;
    yard.runner.start(job).await;
    let mut order = Vec::new();
    loop {
        let kind = yard.until("an event", Some).await;
        let word = match &kind {
            RunEventKind::Preparing { .. } => "preparing",
            RunEventKind::Started => "started",
            RunEventKind::Log { .. } => "log",
            RunEventKind::Running { .. } => "running",
            RunEventKind::Exited { code: 0 } => "exited",
            RunEventKind::Exited { .. } => "exited badly",
            RunEventKind::Uploading { .. } => "uploading",
            RunEventKind::Ended(_) => "ended",
            RunEventKind::Saved(_) => "saved",
        };
        if order.last() != Some(&word) && !matches!(word, "log" | "running") {
            order.push(word);
        }
        if let RunEventKind::Ended(Ending::Succeeded { running_ms, .. }) = kind {
            assert!((1_900..=begun.elapsed().as_millis()).contains(&running_ms.into()), "{running_ms}");
            break;
        }
    }
    assert_eq!(order, ["preparing", "started", "exited", "uploading", "ended"]);
    yard.close().await;
}

#[tokio::test]
async fn a_log_keeps_its_order_and_every_byte_although_the_coordinator_stumbles() {
    let mut yard = Yard::open().await;
    yard.coordinator.seen.lock().expect("no panics").troubles = 5;
    let job = yard.job("seq 1 30000; echo last", json!({}));
    let log = yard.config.data_dir.join("logs").join(format!("{}.log", job.at.attempt));
    yard.runner.start(job).await;
    let ending = yard.ended().await;
    let mut expected: String = (1..=30_000).map(|number| format!("{number}\n")).collect();
    expected.push_str("last\n");
    assert_eq!(reason_of(&ending), ("succeeded", None));
    assert!(yard.coordinator.log() == expected, "the coordinator has another log, of {} bytes", yard.coordinator.log().len());
    assert!(std::fs::read_to_string(log).expect("a file") == expected, "the file here has another log");
    yard.close().await;
}

#[tokio::test]
async fn nothing_of_a_short_lived_job_is_lost() {
    let mut yard = Yard::open().await;
    for round in 0..10 {
        yard.coordinator.seen.lock().expect("no panics").log.clear();
        let ending = yard.run(&format!("echo out {round}; echo err >&2; exit {round}"), json!({})).await;
        let mut lines: Vec<_> = yard.coordinator.log().lines().map(str::to_owned).collect();
        // The two streams are two pipes: each keeps its order, between them the engine decides.
        lines.sort_unstable();
        assert_eq!(lines, ["err".to_owned(), format!("out {round}")]);
        assert_eq!(reason_of(&ending), if round == 0 { ("succeeded", None) } else { ("exit_code", Some(round)) });
    }
    yard.close().await;
}

#[tokio::test]
async fn inputs_by_address_come_from_outside_only() {
    let sum = Sha256::of(b"inside");
    for (hosts, expected) in [(InputHosts::Public, ("input_unavailable", None)), (InputHosts::Any, ("succeeded", None))] {
        let mut yard = Yard::open_with(|config| config.input_hosts = hosts).await;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/x", listener.local_addr().expect("bound"));
        std::thread::spawn(move || {
            use std::io::{Read as _, Write as _};
            let (mut stream, _) = listener.accept().expect("a visitor");
            assert!(stream.read(&mut [0; 1_024]).expect("a request") > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\ninside").expect("an answer");
        });
        let ending = yard.run("cat a", json!({"inputs": [{"url": url, "sha256": sum, "path": "a"}]})).await;
        assert_eq!(reason_of(&ending), expected);
        yard.close().await;
    }
}
