//! What guests and agent say to one another when all is well, and when the agent goes.

use std::time::{Duration, Instant};

use headframe_control::{
    Client, ClientError,
    lock::{AgentLock, LockError},
    server::Listener,
};
use headframe_protocol::control::{Answer, ControlCode, JobPage, JobsArgs, LINE_BYTES_MAX, PauseArgs, Request, SILENCE_MAX};
use tokio::time::timeout;

use crate::{Agent, with_agent};

/// Shorter than any patience of ours, and long enough for a machine with other things to do.
const NOT_BY_A_TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn two_guests_each_get_their_own_answers() {
    with_agent(async |mut agent: Agent| {
        let mut window = Client::connect(&agent.paths).await.expect("an agent is there");
        let mut command_line = Client::connect(&agent.paths).await.expect("room for two");
        assert_eq!(window.agent_version(), "0.1.0-test");

        let agent_side = async {
            for _ in 0..2 {
                let ask = agent.inbox.recv().await.expect("two requests");
                let answer = match ask.request {
                    Request::Jobs(_) => Answer::Jobs { page: JobPage { jobs: Vec::new(), next: Some("more".into()) } },
                    Request::Pause(PauseArgs { minutes: Some(60) }) => Answer::Done,
                    other => panic!("nobody asked for {other:?}"),
                };
                ask.reply.send(answer).expect("the guest waits");
            }
        };
        let (page, paused, ()) = tokio::join!(
            window.jobs(JobsArgs { after: None, limit: 10 }),
            command_line.pause(PauseArgs { minutes: Some(60) }),
            agent_side
        );
        assert_eq!(page.expect("a page").next.as_deref(), Some("more"));
        paused.expect("done");
    })
    .await;
}

#[tokio::test]
async fn a_watch_brings_the_present_and_then_each_change() {
    with_agent(async |agent: Agent| {
        let mut watch = Client::connect(&agent.paths).await.expect("there").watch().await.expect("granted");
        assert_eq!(watch.next().await.expect("at once").revision, 1);
        agent.publish(2);
        assert_eq!(watch.next().await.expect("after the change").revision, 2);
        assert!(timeout(Duration::from_millis(600), watch.next()).await.is_err(), "nothing is pushed without a change");
    })
    .await;
}

#[tokio::test]
async fn a_storm_of_changes_reaches_a_guest_as_four_a_second_and_ends_with_the_latest() {
    with_agent(async |agent: Agent| {
        let mut watch = Client::connect(&agent.paths).await.expect("there").watch().await.expect("granted");
        watch.next().await.expect("the first");
        let began = Instant::now();
        let storm = async {
            for revision in 2..=1_000 {
                agent.publish(revision);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let reading = async {
            let mut seen = 0_u32;
            while watch.next().await.expect("alive").revision < 1_000 {
                seen += 1;
            }
            seen
        };
        let ((), seen) = tokio::join!(storm, reading);
        let allowed = u32::try_from(began.elapsed().as_millis() / 250).expect("a short test") + 1;
        assert!(seen <= allowed, "{seen} snapshots in {:?}", began.elapsed());
    })
    .await;
}

#[tokio::test]
async fn a_guest_that_does_not_read_holds_up_nobody() {
    with_agent(async |agent: Agent| {
        let _sleepy = Client::connect(&agent.paths).await.expect("there").watch().await.expect("granted");
        for revision in 2..200 {
            agent.publish(revision);
        }
        let mut lively = Client::connect(&agent.paths).await.expect("still lets guests in");
        assert_eq!(lively.status().await.expect("at once").revision, 199);
    })
    .await;
}

#[tokio::test]
async fn a_dead_agent_is_noticed_at_once() {
    with_agent(async |agent: Agent| {
        let mut watch = Client::connect(&agent.paths).await.expect("there").watch().await.expect("granted");
        watch.next().await.expect("the first");
        let (paths, _home) = agent.die().await;
        let noticed = timeout(NOT_BY_A_TIMEOUT, watch.next()).await.expect("at once, not by a timeout");
        assert!(matches!(noticed, Err(ClientError::Gone(_))), "{noticed:?}");
        assert!(matches!(Client::connect(&paths).await, Err(ClientError::Gone(_))), "and nobody answers any more");
    })
    .await;
}

#[tokio::test]
async fn an_agent_that_ends_between_question_and_answer_says_so() {
    with_agent(async |mut agent: Agent| {
        let mut guest = Client::connect(&agent.paths).await.expect("there");
        let (answer, ()) = tokio::join!(guest.start(), async { drop(agent.inbox.recv().await.expect("the request").reply) });
        match answer {
            Err(ClientError::Refused(error)) => assert_eq!(error.code, ControlCode::AgentGone),
            other => panic!("{other:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn only_the_holder_of_the_lock_clears_away_a_dead_socket() {
    with_agent(async |agent: Agent| {
        let second = AgentLock::acquire(&agent.paths);
        assert!(matches!(second, Err(LockError::Held { .. })), "a second agent gets no lock, and bind wants one");
        Client::connect(&agent.paths).await.expect("the first agent's socket is untouched");

        let (paths, _home) = agent.die().await;
        // What kill -9 leaves behind: a socket nobody listens on.
        let stale = std::os::unix::net::UnixListener::bind(paths.socket()).expect("free now");
        drop(stale);
        assert!(paths.socket().exists());
        let lock = AgentLock::acquire(&paths).expect("the dead let go of their locks");
        let _listener = Listener::bind(&lock).expect("the stale socket is in nobody's way");
    })
    .await;
}

#[tokio::test]
async fn an_agent_that_hangs_is_noticed_and_its_old_news_are_not_told_as_new() {
    with_agent(async |agent: Agent| {
        let mut watch = Client::connect(&agent.paths).await.expect("there").watch().await.expect("granted");
        watch.next().await.expect("the first");
        // Its loop stands still, while the socket is served as ever.
        let heard = timeout(2 * SILENCE_MAX, watch.next()).await.expect("noticed");
        assert!(matches!(heard, Err(ClientError::Silent)), "{heard:?}");
        let mut again = Client::connect(&agent.paths).await.expect("the socket still answers");
        match again.status().await {
            Err(ClientError::Refused(error)) => assert_eq!(error.code, ControlCode::AgentSilent),
            other => panic!("{other:?}"),
        }
        agent.pulse.beat();
        again.status().await.expect("it has come to again");
    })
    .await;
}

#[tokio::test]
async fn a_request_that_fits_no_line_is_refused_and_the_agent_is_not_gone() {
    with_agent(async |agent: Agent| {
        let mut guest = Client::connect(&agent.paths).await.expect("there");
        let endless = JobsArgs { after: Some("x".repeat(LINE_BYTES_MAX)), limit: 1 };
        match guest.jobs(endless).await {
            Err(ClientError::Refused(error)) => assert_eq!(error.code, ControlCode::BadRequest),
            other => panic!("{other:?}"),
        }
        guest.status().await.expect("the conversation goes on");
    })
    .await;
}
