use std::{
    io::Read as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::yard::Yard;

/// Rounds; by hand and by us take turns, so that a busy machine is busy for both.
const ROUNDS: usize = 20;
/// What the foundation promises for the whole way from the customer; the rig's part of it must be well inside.
const RATIO_MAX: f64 = 1.25;

#[tokio::test]
async fn a_job_starts_about_as_fast_as_by_hand() {
    let mut yard = Yard::open().await;
    yard.run("true", json!({})).await;
    let (mut by_hand, mut by_us) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        by_hand.push(docker_run(&yard.image.to_string()));
        let job = yard.job("sleep 60", json!({}));
        let at = job.at;
        let asked = Instant::now();
        yard.runner.start(job).await;
        yard.started().await;
        by_us.push(asked.elapsed());
        yard.runner.kill(at).await;
        yard.ended().await;
        yard.runner.discarded(at).await;
    }
    let (by_hand, by_us) = (median(by_hand), median(by_us));
    let ratio = by_us.as_secs_f64() / by_hand.as_secs_f64();
    println!("start to running: {by_us:?} by the runner, {by_hand:?} by hand, ratio {ratio:.2}");
    assert!(ratio <= RATIO_MAX, "{by_us:?} by the runner, {by_hand:?} by hand, ratio {ratio:.2}");
    yard.close().await;
}

/// From the command to the first byte the program wrote.
fn docker_run(image: &str) -> Duration {
    let asked = Instant::now();
    let mut child = Command::new("docker")
        .args(["run", "--rm", "--network", "none", image, "/bin/echo", "here"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command line tool of the engine is installed");
    let mut byte = [0];
    child.stdout.as_mut().expect("piped").read_exact(&mut byte).expect("a first byte");
    let took = asked.elapsed();
    assert!(child.wait().expect("it ends").success());
    took
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
