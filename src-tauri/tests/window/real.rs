//! The window with a real agent, and real jobs in real containers.

use crate::{
    network::{Network, program},
    owner,
    page::SinceEpoch,
    scripted::NOTICED_WITHIN,
    stage::Stage,
};

/// Longer than the test lasts on the slowest machine, shorter than the job's own limit: its customer ends it.
const LONG: &str = "i=0; while [ $i -lt 280 ]; do echo haul $i from the seam; i=$((i+1)); /bin/busybox sleep 1; done";

const SHORT: &str = "echo the last cart is up";

#[tokio::test]
async fn an_owner_sees_customers_jobs_run_on_his_pc() {
    let network = Network::up();
    let image = network.image();
    let stage = Stage::set(program("HEADFRAME_AGENT_BIN", "headframe-agent"));
    network.settle_rig(&stage.paths).await;

    let window = stage.open().await;
    // He has brought a network along by hand, and looks whether this PC can work.
    window.page.reads("This PC belongs to a network that was set by hand").await;
    window.page.press("Next").await;
    window.page.reads("Can this PC work?").await;
    window.page.press("Check again").await;
    stage.keep_picture("real-0-welcome").await;
    window.page.press("Set up later").await;
    window.page.reads("Not started yet").await;
    let agent = stage.agent();
    window.page.press("Start").await;
    window.page.reads("Ready for work").await;
    let job = network.submit("haul coal", &image, LONG);
    window.page.reads("Working on a job").await;
    window.page.reads("haul coal").await;
    stage.keep_picture_by_lamplight("real-1-working").await;
    window.page.press("Log of haul coal").await;
    window.page.reads("haul 0 from the seam").await;
    stage.keep_picture("real-2-log").await;

    // The window dies in the middle of the job; the container goes on.
    let before = owner::running_job(&stage).await;
    window.process.kill();
    drop(window);
    let after = owner::job_with_more_log(&stage, &before).await;
    assert_eq!(after.attempt, before.attempt, "the same attempt goes on");
    assert!(agent.lives());

    // The agent dies in the middle of the job; the window says so and brings it back, and the container is taken up again.
    let window = stage.open().await;
    window.page.reads("Working on a job").await;
    let before = owner::running_job(&stage).await;
    window.page.watch_out_for("The agent has stopped answering").await;
    let killed = SinceEpoch::now();
    agent.kill();
    let took = window.page.seen_after(killed).await;
    assert!(took < NOTICED_WITHIN, "{took:?}");
    window.page.press("Start it again").await;
    window.page.reads("Working on a job").await;
    let agent = stage.agent();
    let after = owner::job_with_more_log(&stage, &before).await;
    assert_eq!(after.attempt, before.attempt, "the same attempt goes on");

    // The customer has seen enough; the next job ends well, and the owner sees what became of both.
    network.cancel(&job);
    window.page.press("Jobs").await;
    window.page.reads("The customer cancelled the job.").await;
    network.submit("last cart", &image, SHORT);
    window.page.reads("last cart").await;
    window.page.reads("Done").await;
    stage.keep_picture("real-3-done").await;

    // He keeps his days for himself. What he chooses stands in his file.
    window.page.press("Rules").await;
    window.page.reads("The week").await;
    window.page.press("At night").await;
    window.page.press("Save").await;
    window.page.reads("Saved. It counts within seconds.").await;
    stage.keep_picture("real-4-rules").await;
    let rules = std::fs::read_to_string(stage.paths.data_dir().join("rules.toml")).expect("his rules");
    assert!(rules.contains("mon = \"iiiiii|i-----|------|----ii\""), "{rules}");
    assert!(agent.lives());
}
