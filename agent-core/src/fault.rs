//! Places at which a test may end the agent as `kill -9` would: one after each effect of a job's life.
//!
//! Without the feature `testing` they are nothing. With it, an environment variable names the place and the pass at which the
//! process dies, and another a file into which every place it passes is written.

/// Where to die: `NAME:PASS`, such as `container.started:1`.
#[cfg(feature = "testing")]
const DIE_AT: &str = "HEADFRAME_TEST_DIE_AT";

/// A file that gets a line with the name of each point as it is passed.
#[cfg(feature = "testing")]
const PASSED: &str = "HEADFRAME_TEST_POINTS_PASSED";

/// Every point there is, in the order in which a job's life comes to them. The testbed's lives pass each of them.
#[cfg(feature = "testing")]
pub const POINTS: &[&str] = &[
    // Before anything.
    "journal.begin",
    // An entry is on disk, with all of its group.
    "journal.choice",
    "journal.accepted",
    "journal.from",
    "journal.stage",
    "journal.renewed",
    "journal.receipt",
    "journal.parting",
    "journal.yielded",
    "journal.ended",
    "journal.settled",
    "journal.dropped",
    "journal.checkpoint_saved",
    "journal.checkpoint_ended",
    // Something is on its way to the coordinator, or with it.
    "said.heartbeat",
    "said.report",
    "said.accept",
    "said.progress",
    "said.receipt",
    "said.finished",
    "said.checkpoint",
    // The file and the cursor of a log.
    "log.made",
    "log.written",
    "log.noted",
    "log.brought",
    // Images.
    "images.saved",
    "image.pulled",
    // A work volume of our own, from a folder to a file system and back.
    "work.folder",
    "work.file",
    "work.formatted",
    "work.mount_point",
    "work.mounted",
    "work.unmounted",
    "work.removed",
    // A work volume of the engine's.
    "volume.made",
    "volume.seed_made",
    "volume.seed_removed",
    "volume.removed",
    // The container.
    "container.made",
    "container.started",
    "container.signalled",
    "container.removed",
    // Files in and out.
    "input.folder",
    "input.written",
    "input.given_away",
    "input.placed",
    "output.unpacked",
    "output.brought",
    // What is left for the next attempt.
    "checkpoint.brought",
];

/// A point called `name` has come.
///
/// # Panics
/// If it is not one of the list: a point that no test knows of is one that no test tries.
#[cfg(feature = "testing")]
pub(crate) fn point(name: &'static str) {
    use std::{
        collections::HashMap,
        io::Write as _,
        sync::{LazyLock, Mutex, PoisonError},
    };

    static PASSES: LazyLock<Mutex<HashMap<&'static str, u32>>> = LazyLock::new(Mutex::default);

    assert!(POINTS.contains(&name), "{name} is not in the list of points");
    let mut passes = PASSES.lock().unwrap_or_else(PoisonError::into_inner);
    let pass = passes.entry(name).and_modify(|pass| *pass += 1).or_insert(1);
    if let Some(path) = std::env::var_os(PASSED) {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut file| writeln!(file, "{name}")).expect("a file for the points that were passed");
    }
    if std::env::var(DIE_AT).is_ok_and(|wanted| wanted == format!("{name}:{pass}")) {
        die();
    }
}

/// SIGKILL and nothing less: no handler, no destructor, nothing flushed.
#[cfg(all(feature = "testing", unix))]
fn die() -> ! {
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).ok();
    loop {
        std::thread::park();
    }
}

#[cfg(all(feature = "testing", not(unix)))]
fn die() -> ! {
    std::process::abort()
}

/// Nothing, in builds that are not for tests.
#[cfg(not(feature = "testing"))]
pub(crate) const fn point(_name: &'static str) {}
