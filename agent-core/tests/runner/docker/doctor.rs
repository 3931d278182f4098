use headframe_agent::runner::{
    DiskLimit,
    engine::{Examined, examine},
};

#[tokio::test]
async fn the_engine_is_heard_and_its_limit_on_disks_is_tried_out_and_cleared_away() {
    let disk = tempfile::tempdir().expect("a folder");
    let trial = disk.path().join("doctor");
    let examined = examine(None, Some(&trial)).await;
    let Some(Examined { verdict: Ok(_), testimony: Some(said), disk_limit: Some(limit), .. }) = examined.last() else {
        panic!("{examined:?}")
    };
    for part in ["Engine", "containerd", "runc"] {
        let version = said.parts.iter().find(|(name, _)| name == part).map(|(_, version)| version.as_str());
        let known = version.and_then(|version| headframe_agent::doctor::advisories::of(part, version));
        assert!(known.is_some(), "{part} has a version that is understood: {said:?}");
    }
    assert!(said.cgroup_version.is_some() && said.seccomp.is_some() && said.limits_missing.is_empty(), "{said:?}");
    assert!(matches!(limit, DiskLimit::LoopExt4 | DiskLimit::FreeSpaceWatch));
    let left = std::fs::read_dir(&trial).map(Iterator::count).unwrap_or_default();
    assert_eq!(left, 0, "nothing of the trial stays");
}
