//! The window with a real agent, and a real job in a real container.

use std::time::Duration;

use crate::{
    network::{Network, program},
    owner,
    stage::{OPEN_TIMEOUT, Stage},
};

const SOON: Duration = Duration::from_secs(15);

/// Two busy cores pull an image, start a container and bring its first lines.
const FIRST_LINE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn an_owner_sees_a_customers_job_run_on_his_pc() {
    let network = Network::up();
    let image = network.image();
    let stage = Stage::set(program("HEADFRAME_AGENT_BIN", "headframe-agent"));
    network.settle_rig(&stage.paths).await;

    let window = stage.open().await;
    window.page.reads("Not started yet", OPEN_TIMEOUT).await;
    let agent = stage.agent();
    window.page.press("Start", SOON).await;
    window.page.reads("Ready for work", SOON).await;
    network.submit(
        "haul coal",
        &image,
        "i=0; while [ $i -lt 60 ]; do echo haul $i from the seam; i=$((i+1)); /bin/busybox sleep 1; done",
    );
    window.page.reads("Working on a job", FIRST_LINE).await;
    window.page.reads("haul coal", SOON).await;
    stage.keep_picture("real-1-working").await;
    window.page.press("Log of haul coal", SOON).await;
    window.page.reads("haul 0 from the seam", SOON).await;
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
    window.page.reads("Working on a job", OPEN_TIMEOUT).await;
    let before = owner::running_job(&stage).await;
    agent.kill();
    window.page.reads("The agent has stopped answering", Duration::from_secs(1)).await;
    window.page.press("Start it again", SOON).await;
    window.page.reads("Working on a job", SOON).await;
    let agent = stage.agent();
    let after = owner::job_with_more_log(&stage, &before).await;
    assert_eq!(after.attempt, before.attempt, "the same attempt goes on");

    // It ends well, and the owner sees what it has earned.
    window.page.press("Jobs", SOON).await;
    window.page.reads("Everything this rig has worked on", SOON).await;
    window.page.reads("Done", Duration::from_secs(90)).await;
    stage.keep_picture("real-3-done").await;
    assert!(agent.lives());
}
