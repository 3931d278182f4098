use std::os::unix::fs::symlink;

use super::*;

fn check(make: impl Fn(&Path), outputs: &[&str]) -> Result<Vec<String>, Reason> {
    let dir = tempfile::tempdir().expect("a folder");
    make(dir.path());
    let outputs: Vec<String> = outputs.iter().map(ToString::to_string).collect();
    let found = walk_all(dir.path(), &outputs, Found::new(1 << 30), &CancellationToken::new());
    found.map(|found| found.files.into_keys().collect()).map_err(|failure| failure.reason)
}

fn file(dir: &Path, path: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().expect("inside")).expect("folders");
    fs::write(path, "x").expect("a file");
}

#[test]
fn files_and_whole_folders_are_found_once() {
    let made = |dir: &Path| ["a.txt", "out/1.png", "out/deep/2.png", "other"].iter().for_each(|path| file(dir, path));
    assert_eq!(
        check(made, &["a.txt", "out", "out/1.png"]),
        Ok(vec!["a.txt".into(), "out/1.png".into(), "out/deep/2.png".into()])
    );
}

#[test]
fn an_empty_folder_is_an_output_without_files() {
    assert_eq!(check(|dir| fs::create_dir(dir.join("out")).expect("a folder"), &["out"]), Ok(vec![]));
}

#[test]
fn what_is_not_there_is_missing() {
    assert_eq!(check(|dir| file(dir, "a"), &["b"]), Err(Reason::OutputMissing));
    assert_eq!(check(|dir| file(dir, "a"), &["a/b"]), Err(Reason::OutputMissing));
}

#[test]
fn links_lead_nowhere() {
    assert_eq!(check(|dir| symlink("/etc/passwd", dir.join("a")).expect("a link"), &["a"]), Err(Reason::OutputRefused));
    assert_eq!(check(|dir| symlink("/etc", dir.join("a")).expect("a link"), &["a/passwd"]), Err(Reason::OutputRefused));
    let inside = |dir: &Path| {
        file(dir, "out/x");
        symlink("/etc/passwd", dir.join("out/y")).expect("a link");
    };
    assert_eq!(check(inside, &["out"]), Err(Reason::OutputRefused));
}

#[test]
fn names_nobody_can_print_are_refused() {
    assert_eq!(check(|dir| file(dir, "out/a\nb"), &["out"]), Err(Reason::OutputRefused));
}

fn sparse(dir: &Path, path: &str, bytes: u64) {
    fs::File::create(dir.join(path)).and_then(|file| file.set_len(bytes)).expect("a sparse file");
}

#[test]
fn outputs_larger_than_the_jobs_disk_are_refused_also_when_they_are_mostly_holes() {
    let made = |dir: &Path| ["a", "b"].iter().for_each(|path| sparse(dir, path, 600 << 20));
    assert_eq!(check(made, &["a", "b"]), Err(Reason::OutputRefused));
    assert_eq!(check(made, &["a", "a"]), Ok(vec!["a".into()]), "an output that is named twice is one");
}

/// The runtime of a test ends when its threads have: were the sum not given up, this test would run for hours.
#[tokio::test]
async fn summing_up_ends_when_nobody_waits_for_it_any_more() {
    let dir = tempfile::tempdir().expect("a folder");
    sparse(dir.path(), "a", 1 << 43);
    let mut found = Found::new(u64::MAX);
    found.add("a", &dir.path().join("a"), 1 << 43).expect("within limits");
    let waited = tokio::time::timeout(std::time::Duration::from_millis(10), sum_up_all(found)).await;
    assert!(waited.is_err(), "eight tebibytes take longer");
}

#[test]
fn a_path_from_inside_stays_a_path_under_work() {
    for unfit in ["a/../b", "a//b", "/a", "a/.", "a\nb", "a\\b", &"a/".repeat(PATH_BYTES_MAX)] {
        assert!(!is_fit_path(unfit), "{unfit:?}");
    }
    assert!(is_fit_path("frames/0001 final.png"));
}
