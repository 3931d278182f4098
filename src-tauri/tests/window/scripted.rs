//! The window with an agent that plays a part: everything the window itself promises.

use std::time::{Duration, Instant};

use crate::{
    owner::{job_with_more_log, running_job},
    stage::{OPEN_TIMEOUT, Stage, built},
};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn an_owner_starts_his_rig_and_neither_window_nor_agent_depend_on_one_another() {
    let stage = Stage::set(built("examples/scripted_agent"));

    // Nobody has started an agent; the window does.
    let window = stage.open().await;
    window.page.reads("Not started yet", OPEN_TIMEOUT).await;
    let agent = stage.agent();
    stage.keep_picture("scripted-1-off").await;

    window.page.press("Start", SOON).await;
    window.page.reads("Working on a job", SOON).await;
    window.page.reads("scripted transcode 1", SOON).await;
    stage.keep_picture("scripted-2-working").await;
    window.page.press("Log of scripted transcode 1", SOON).await;
    window.page.reads("frame=   1 fps=24.0", SOON).await;
    stage.keep_picture("scripted-3-log").await;

    // The window dies; the job does not notice.
    let before = running_job(&stage).await;
    window.process.kill();
    drop(window);
    let after = job_with_more_log(&stage, &before).await;
    assert_eq!(after.attempt, before.attempt, "the same attempt goes on");
    assert!(agent.lives());

    // A second window finds the first one's agent.
    let window = stage.open().await;
    window.page.reads("Working on a job", OPEN_TIMEOUT).await;

    // The agent dies; the window says so, and brings it back.
    agent.kill();
    let took = window.page.reads("The agent has stopped answering", Duration::from_secs(1)).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    stage.keep_picture("scripted-4-agent-gone").await;
    window.page.press("Start it again", SOON).await;
    window.page.reads("Working on a job", SOON).await;
    let agent = stage.agent();

    // Closing the window leaves the new agent at work.
    let before = running_job(&stage).await;
    window.page.close().await;
    let deadline = Instant::now() + SOON;
    while window.process.lives() {
        assert!(Instant::now() < deadline, "a closed window ends its process");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    job_with_more_log(&stage, &before).await;
    assert!(agent.lives());
}
