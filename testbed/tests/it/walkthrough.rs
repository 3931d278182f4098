//! A job from a customer's file to his folder, as ARCHITECTURE.md walks through it.

use headframe_cli::{
    Client, commands,
    fetch::{Existing, fetch},
    job_file,
    logs::LogItem,
};
use headframe_protocol::{
    Micros, Sha256,
    api::Pay,
    control::Stage,
    job::{AttemptState, JobState},
};
use headframe_testbed::{
    coordinator,
    line::{Condition, Line},
};
use indicatif::ProgressBar;

use crate::scene::{Scene, usual, uuid, with_output};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_goes_to_a_rig_and_its_result_comes_back() {
    let scene = Scene::set(usual()).await;
    let desk = tempfile::tempdir().expect("a desk");
    std::fs::write(desk.path().join("words.txt"), "hoist\n").expect("an input");
    let text = format!(
        "name: walkthrough\nimage: {}\ncommand: [/bin/sh, -ec]\nargs: ['echo down in the mine; tr a-z A-Z < words.txt > out/loud.txt']\n\
         inputs: [{{file: words.txt}}]\noutputs: [out]\nmax_price_per_hour: '1000000'\nresources: {{disk_gib: 1}}\n",
        scene.image
    )
    .replace("args: ['", "args: ['mkdir out; ");
    let written = job_file::parse(&text, desk.path()).expect("a job file");
    let jobs = commands::submit_jobs(&scene.client, written, (Pay::Dollars, &uuid()), |_| ProgressBar::hidden())
        .await
        .expect("submitted");

    let mut log = scene.client.logs(jobs[0]);
    let mut said = String::new();
    let state = loop {
        match log.next().await.expect("the log") {
            LogItem::Text(piece) => said.push_str(&piece.text),
            LogItem::End(state) => break state,
        }
    };
    assert_eq!((state, said.as_str()), (JobState::Succeeded, "down in the mine\n"));

    let files = fetch(&scene.client, jobs[0], desk.path(), Existing::Keep, &ProgressBar::hidden()).await.expect("the result");
    assert_eq!(files.len(), 1);
    assert_eq!((files[0].file.path.as_str(), files[0].file.sha256), ("out/loud.txt", Sha256::of(b"HOIST\n")));
    assert_eq!(std::fs::read_to_string(&files[0].saved).expect("the file"), "HOIST\n");

    let job = scene.ended(jobs[0]).await;
    let attempts = scene.attempts(jobs[0]).await;
    assert_eq!((job.epoch, attempts.len(), attempts[0].state), (1, 1, AttemptState::Succeeded));
    let cards = scene.owner_sees(jobs[0]).await;
    assert_eq!((cards[0].stage, cards[0].confirmed), (Stage::Succeeded, true), "the owner's window agrees");
    assert_eq!(attempts[0].charged, attempts[0].price_per_hour.per_hour_for(attempts[0].charged_ms));
    let balance = scene.client.balance().await.expect("a balance");
    assert_eq!((balance.held, balance.spent), (Micros::ZERO, job.charged));
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_breaks_off_is_resumed_without_loss_or_repetition() {
    let scene = Scene::set(usual()).await;
    let line = Line::open().await.expect("a line for the customer alone");
    line.lead_to(scene.testbed.coordinator.address());
    let url = coordinator::url(line.address()).expect("an address");
    let far = Client::new(url, scene.testbed.customer.key.clone()).expect("a client behind the line");
    let id = scene.submit(&scene.script("for i in $(seq 1 40); do echo line $i; sleep 0.1; done")).await;

    let (mut log, mut said, mut breaks) = (far.logs(id), String::new(), 0);
    while let LogItem::Text(piece) = log.next().await.expect("the log, in the end") {
        said.push_str(&piece.text);
        if breaks < 3 {
            breaks += 1;
            line.set(Condition::Cut);
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            line.set(Condition::Whole);
        }
    }
    let expected: String = (1..=40).map(|number| format!("line {number}\n")).collect();
    assert_eq!((said, breaks), (expected, 3));
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_arrives_over_a_line_that_breaks_more_often_than_one_request_is_tried() {
    const RESULT_BYTES: u64 = 6 << 20;
    const BREAKS: u64 = 9;
    let scene = Scene::set(usual()).await;
    let id = scene.submit(&with_output(scene.script("head -c 6291456 /dev/urandom > x"), "x")).await;
    let job = scene.ended(id).await;
    assert_eq!(job.state, JobState::Succeeded, "{job:#?}");
    let line = Line::open().await.expect("a line for the customer alone");
    line.lead_to(scene.testbed.coordinator.address());
    line.set(Condition::Slow { bytes_per_s: 4 << 20 });
    let url = coordinator::url(line.address()).expect("an address");
    let far = Client::new(url, scene.testbed.customer.key.clone()).expect("a client behind the line");
    let desk = tempfile::tempdir().expect("a desk");
    let breaking = async {
        for _ in 0..BREAKS {
            scene.under_way(&line, RESULT_BYTES / (2 * BREAKS)).await;
            line.set(Condition::Cut);
            line.set(Condition::Slow { bytes_per_s: 4 << 20 });
        }
    };
    let bar = ProgressBar::hidden();
    let (fetched, ()) = tokio::join!(fetch(&far, id, desk.path(), Existing::Keep, &bar), breaking);
    let files = fetched.expect("the result, in the end");
    assert_eq!(std::fs::metadata(&files[0].saved).expect("the file").len(), RESULT_BYTES);
    scene.close().await;
}
