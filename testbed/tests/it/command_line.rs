//! The program `headframe` as a customer's script uses it: what it prints, and what it ends with.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use headframe_protocol::job::JobState;
use headframe_testbed::{
    coordinator,
    line::{Condition, Line},
    process::workspace_binary,
};
use serde_json::Value;

use crate::scene::{Scene, usual};

struct Customer<'a> {
    scene: &'a Scene,
    desk: &'a Path,
    url: String,
}

impl<'a> Customer<'a> {
    fn at(scene: &'a Scene, desk: &'a Path) -> Self {
        Self { scene, desk, url: scene.testbed.coordinator_url().expect("a url").into() }
    }

    /// Runs the program in his folder with his key. Blocks, as a script does.
    async fn runs(&self, arguments: &[&str]) -> Output {
        let mut headframe = Command::new(workspace_binary("HEADFRAME_CLI_BIN", "headframe").expect("a built program"));
        headframe.args(arguments).current_dir(self.desk);
        headframe.env("HEADFRAME_URL", &self.url).stdin(Stdio::null());
        headframe.env("HEADFRAME_API_KEY", self.scene.testbed.customer.key.expose()).env("HEADFRAME_CONFIG_DIR", self.desk);
        tokio::task::spawn_blocking(move || headframe.output().expect("it starts")).await.expect("it ends")
    }

    fn writes(&self, name: &str, script: &str) {
        let image = &self.scene.image;
        let text = format!(
            "image: {image}\ncommand: [/bin/sh, -ec]\nargs: ['{script}']\noutputs: [x]\nmax_price_per_hour: '1000000'\nmax_failures: 1\n"
        );
        std::fs::write(self.desk.join(name), text).expect("a job file");
    }
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("it was killed: {output:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_can_submit_wait_and_fetch() {
    let scene = Scene::set(usual()).await;
    let desk = tempfile::tempdir().expect("a desk");
    let customer = Customer::at(&scene, desk.path());
    customer.writes("good.yaml", "echo working; echo made > x");
    customer.writes("bad.yaml", "echo broken; exit 3");

    let done = customer.runs(&["submit", "-f", "good.yaml", "--out", "result", "--json"]).await;
    assert_eq!(code(&done), 0, "{done:?}");
    let events = lines(&done);
    let kinds: Vec<_> = events.iter().map(|line| line["event"].as_str().expect("an event").to_owned()).collect();
    assert_eq!(
        (kinds.first().map(String::as_str), kinds.last().map(String::as_str)),
        (Some("submitted"), Some("fetched")),
        "{kinds:?}"
    );
    assert_eq!(std::fs::read(desk.path().join("result/x")).expect("the result"), b"made\n");
    let id = events[0]["jobs"][0].as_str().expect("an id").to_owned();

    let log = customer.runs(&["logs", "-f", &id]).await;
    assert_eq!((code(&log), log.stdout.as_slice()), (0, b"working\n".as_slice()));
    let again = customer.runs(&["fetch", &id, "--out", "result", "--json"]).await;
    assert_eq!((code(&again), lines(&again)[0]["files"][0]["already_there"].as_bool()), (0, Some(true)));
    std::fs::write(desk.path().join("result/x"), "mine").expect("another file");
    let kept = customer.runs(&["fetch", &id, "--out", "result"]).await;
    assert_eq!(code(&kept), 9, "other files are not replaced");
    let way_out = format!("headframe fetch {id} --out result --force");
    assert!(String::from_utf8_lossy(&kept.stderr).contains(&way_out), "he is told what to do: {kept:?}");
    assert_eq!(std::fs::read(desk.path().join("result/x")).expect("the file"), b"mine");
    assert_eq!(code(&customer.runs(&["fetch", &id, "--out", "result", "--force"]).await), 0);

    std::fs::write(desk.path().join("result/x"), "mine").expect("another file");
    assert_eq!(code(&customer.runs(&["submit", "-f", "good.yaml", "--out", "result", "--force"]).await), 0);
    assert_eq!(std::fs::read(desk.path().join("result/x")).expect("the result"), b"made\n");

    let failed = customer.runs(&["submit", "-f", "bad.yaml", "--wait"]).await;
    assert_eq!(code(&failed), 1, "{failed:?}");
    assert_eq!(code(&customer.runs(&["show", "job_00000000000000000000000000000000"]).await), 3);
    assert_eq!(code(&customer.runs(&["show", "nonsense"]).await), 2);
    let garbled = customer.runs(&["show", "nonsense", "--json"]).await;
    let told: Value = serde_json::from_slice(&garbled.stderr).expect("one JSON document");
    assert_eq!((code(&garbled), told["error"]["exit_code"].as_u64()), (2, Some(2)), "{told}");
    for question in [
        &["jobs", "--json"][..],
        &["balance", "--json"],
        &["usage", "--json"],
        &["offers", "--json"],
        &["attempts", &id, "--json"],
    ] {
        let answer = customer.runs(question).await;
        assert_eq!((code(&answer), lines(&answer).len()), (0, 1), "{question:?}: {answer:?}");
    }
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_runs_twice_with_its_files_submits_once() {
    let scene = Scene::set(usual()).await;
    let desk = tempfile::tempdir().expect("a desk");
    let customer = Customer::at(&scene, desk.path());
    let image = &scene.image;
    let job = format!(
        "image: {image}\ncommand: [/bin/sh, -ec]\nargs: ['cat in > x']\ninputs: [{{file: coal.txt, path: in}}]\noutputs: [x]\n\
         max_price_per_hour: '1000000'\n"
    );
    std::fs::write(desk.path().join("job.yaml"), job).expect("a job file");
    std::fs::write(desk.path().join("coal.txt"), "coal\n").expect("an input");
    let submit = ["submit", "-f", "job.yaml", "--idempotency-key", "nightly-1", "--out", "result", "--json"];
    let (first, second) = (customer.runs(&submit).await, customer.runs(&submit).await);
    assert_eq!((code(&first), code(&second)), (0, 0), "{first:?}\n{second:?}");
    assert_eq!(lines(&first)[0]["jobs"], lines(&second)[0]["jobs"], "the same job");
    assert_eq!(std::fs::read(desk.path().join("result/x")).expect("the result"), b"coal\n");

    std::fs::write(desk.path().join("coal.txt"), "slate\n").expect("another input");
    assert_eq!(code(&customer.runs(&submit).await), 8, "another file is another job");
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watching_outlives_a_coordinator_that_is_away_for_longer_than_one_request_is_tried() {
    let scene = Scene::set(usual()).await;
    let desk = tempfile::tempdir().expect("a desk");
    let line = Line::open().await.expect("a line for the customer alone");
    line.lead_to(scene.testbed.coordinator.address());
    let url = coordinator::url(line.address()).expect("an address").into();
    let customer = Customer { url, ..Customer::at(&scene, desk.path()) };
    let id = scene.submit(&scene.script("sleep 2")).await;
    scene.until_state(id, JobState::Running).await;
    let id_text = id.to_string();
    let watch = ["watch", &id_text, "--json"];
    let cut = async {
        scene.until(id, "asked for by the customer", |_| line.carried_bytes() > 0).await;
        line.set(Condition::Cut);
        // One request is tried for some eight seconds.
        tokio::time::sleep(std::time::Duration::from_secs(12)).await;
        line.set(Condition::Whole);
    };
    let (watched, ()) = tokio::join!(customer.runs(&watch), cut);
    assert_eq!(code(&watched), 0, "{watched:?}");
    let last = lines(&watched).pop().expect("a line");
    assert_eq!(last["job"]["state"].as_str(), Some("succeeded"), "{last}");
    scene.close().await;
}
