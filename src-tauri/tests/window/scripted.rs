//! The window with an agent that plays a part: everything the window itself promises.

use std::time::{Duration, Instant};

use crate::{
    owner::{job_with_more_log, running_job},
    page::SinceEpoch,
    stage::{SOON, Stage, built},
};

/// Within this the owner knows that his agent has died. From the kill to the words on the page, by the page's own clock.
pub(crate) const NOTICED_WITHIN: Duration = Duration::from_secs(1);

#[tokio::test]
async fn an_owner_starts_his_rig_and_neither_window_nor_agent_depend_on_one_another() {
    let stage = Stage::set(built("examples/scripted_agent"));

    // Nobody has started an agent; the window does.
    let window = stage.open().await;
    // A window nobody has opened before leads through the first start; he looks around first.
    window.page.reads("Which network?").await;
    window.page.press("Set up later").await;
    window.page.reads("Not started yet").await;
    assert_eq!(window.page.current().await, "Rig");
    let agent = stage.agent();
    stage.keep_picture("scripted-1-off").await;

    window.page.press("Start").await;
    window.page.reads("Working on a job").await;
    window.page.reads("scripted transcode 1").await;
    stage.keep_picture_by_lamplight("scripted-2-working").await;

    // Started again, it comes forward and no other one opens.
    assert!(stage.open_another().success(), "the second window ends as if all were well, for it is");
    assert!(window.process.lives());

    window.page.press("Log of scripted transcode 1").await;
    window.page.reads("frame=   1 fps=24.0").await;
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
    window.page.reads("Working on a job").await;

    // The agent hangs and comes to again; the window never shows an old state as the present one.
    agent.hang();
    window.page.reads("The agent does not answer").await;
    agent.go_on();
    window.page.reads("Working on a job").await;

    // The agent dies while its owner reads a log; the window says so at once, and brings it back from there.
    window.page.press("Log of scripted transcode 1").await;
    window.page.reads("frame=   1 fps=24.0").await;
    window.page.watch_out_for("The agent has stopped answering").await;
    let killed = SinceEpoch::now();
    agent.kill();
    let took = window.page.seen_after(killed).await;
    assert!(took < NOTICED_WITHIN, "{took:?}");
    stage.keep_picture("scripted-4-agent-gone").await;
    window.page.press("Start it again").await;
    window.page.press("Rig").await;
    window.page.reads("Working on a job").await;
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

#[tokio::test]
async fn an_agent_that_does_not_start_is_not_said_to_have_stopped() {
    let stage = Stage::set("/bin/false".into());
    let window = stage.open().await;
    window.page.reads("The agent could not be started").await;
    window.page.reads("the agent ended at once (exit status: 1)").await;
    stage.keep_picture("scripted-5-not-started").await;
    window.page.press("Try again").await;
    window.page.reads("Starting…").await;
    window.page.reads("Try again").await;
}

#[tokio::test]
async fn a_link_is_shown_where_an_owner_joins_and_joins_nothing_by_itself() {
    let stage = Stage::set(built("examples/scripted_agent"));
    let window = stage.open().await;
    window.page.reads("Which network?").await;
    window.page.press("Set up later").await;
    window.page.reads("Not started yet").await;

    let link = "headframe://join?profile=%7B%22profile%22%3A%7B%7D%7D";
    assert!(stage.open_link(link).success(), "the window that is open takes it");
    window.page.reads("Look at it").await;
    assert_eq!(window.page.value_of("textarea").await, link);
    stage.keep_picture("scripted-6-link").await;

    for hostile in
        ["headframe:../../", "headframe://leave?profile=x", "https://evil.example/", "headframe://join?profile=\u{1b}[31m"]
    {
        window.page.press("Rig").await;
        window.page.reads("Not started yet").await;
        assert!(stage.open_link(hostile).success(), "{hostile:?}");
        window.page.reads("This is not a network profile").await;
        assert_eq!(window.page.value_of("textarea").await, "", "nothing of {hostile:?} is left to be looked at");
    }
    // As much as a system lets into one argument.
    assert!(stage.open_link(&format!("headframe://join?profile={}", "x".repeat(120_000))).success());
    window.page.reads("longer than a network profile can be").await;
}
