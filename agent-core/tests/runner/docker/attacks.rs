//! What a stranger's program may try, and what it gets. Each attack is made from inside a container as a customer would.

use headframe_agent::runner::Ending;
use headframe_protocol::job::Reason;
use serde_json::{Value, json};

use crate::{
    image::{self, Rootfs},
    yard::Yard,
};

mod egress;
mod exhaustion;
mod images;
mod log;
mod outputs;
mod ways_out;
mod ways_up;

/// A yard whose image holds Perl, in which any call of the kernel is one line. Every Debian has it.
async fn armed() -> Yard {
    armed_with(&[], |_| {}).await
}

/// The same, with more in the image.
async fn armed_with(changes: &[&str], more: impl FnOnce(&mut Rootfs)) -> Yard {
    let mut yard = Yard::open().await;
    yard.image = image::make_with(&yard.docker, &yard.registry.host, "armed", changes, |files| {
        files.program("bin/perl", 0o755, "/usr/bin/perl");
        more(files);
    })
    .await;
    yard
}

fn perl(script: &str) -> Value {
    json!({"command": ["/bin/perl", "-e", format!("$| = 1; {script}")]})
}

/// What the job printed; it must end well.
async fn printed_by(yard: &mut Yard, what: Value) -> String {
    yard.coordinator.seen.lock().expect("no panics").log.clear();
    let ending = yard.run("", what).await;
    assert!(matches!(ending, Ending::Succeeded { .. }), "{ending:?}\n{}", yard.coordinator.log());
    yard.coordinator.log()
}

/// Lines of the form `name: what it got`.
fn answers(log: &str) -> Vec<(&str, &str)> {
    log.lines().filter_map(|line| line.split_once(": ")).collect()
}

fn failure(ending: Ending) -> (Reason, String) {
    match ending {
        Ending::Failed { reason, detail, .. } => (reason, detail.unwrap_or_default()),
        other => panic!("it should have failed: {other:?}"),
    }
}
