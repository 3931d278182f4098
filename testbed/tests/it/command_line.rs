//! The program `headframe` as a customer's script uses it: what it prints, and what it ends with.

use std::{
    path::Path,
    process::{Command, Output},
};

use headframe_testbed::process::workspace_binary;
use serde_json::Value;

use crate::scene::{Scene, usual};

struct Customer<'a> {
    scene: &'a Scene,
    desk: &'a Path,
}

impl Customer<'_> {
    /// Runs the program in his folder with his key. Blocks, as a script does.
    async fn runs(&self, arguments: &[&str]) -> Output {
        let mut headframe = Command::new(workspace_binary("HEADFRAME_CLI_BIN", "headframe").expect("a built program"));
        headframe.args(arguments).current_dir(self.desk);
        headframe.env("HEADFRAME_URL", self.scene.testbed.coordinator_url().expect("a url").as_str());
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
    let customer = Customer { scene: &scene, desk: desk.path() };
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
    assert_eq!(code(&customer.runs(&["fetch", &id, "--out", "result"]).await), 9, "other files are not replaced");
    assert_eq!(std::fs::read(desk.path().join("result/x")).expect("the file"), b"mine");
    assert_eq!(code(&customer.runs(&["fetch", &id, "--out", "result", "--force"]).await), 0);

    let failed = customer.runs(&["submit", "-f", "bad.yaml", "--wait"]).await;
    assert_eq!(code(&failed), 1, "{failed:?}");
    assert_eq!(code(&customer.runs(&["show", "job_00000000000000000000000000000000"]).await), 3);
    assert_eq!(code(&customer.runs(&["show", "nonsense"]).await), 2);
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
