//! Guests that do not know how to behave, and people who are not guests.

use std::{
    io::Read as _,
    os::unix::{fs::PermissionsExt as _, net::UnixStream as BlockingStream},
    time::Duration,
};

use headframe_control::Client;
use headframe_protocol::control::{Answer, CONTROL_VERSION, ControlCode, Event, LINE_BYTES_MAX, Request, SILENCE_MAX};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
};

use crate::{Agent, with_agent};

/// A guest that writes bytes instead of calls.
struct Raw(BufReader<UnixStream>);

impl Raw {
    async fn connect(agent: &Agent) -> Self {
        Self(BufReader::new(UnixStream::connect(agent.paths.socket()).await.expect("there")))
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).await.expect("the agent reads");
    }

    async fn greet(&mut self) {
        self.write(format!("{{\"id\":1,\"request\":{{\"kind\":\"hello\",\"version\":{CONTROL_VERSION}}}}}\n").as_bytes()).await;
        assert!(matches!(self.answer().await, Some((1, Answer::Hello { .. }))));
    }

    /// The next event; nothing when the agent has hung up.
    async fn event(&mut self) -> Option<Event> {
        let mut line = String::new();
        let read = tokio::time::timeout(SILENCE_MAX, self.0.read_line(&mut line)).await.expect("a word or an end");
        (read.expect("readable") > 0).then(|| serde_json::from_str(&line).expect("an event"))
    }

    /// The next answer; nothing when the agent has hung up.
    async fn answer(&mut self) -> Option<(u64, Answer)> {
        match self.event().await? {
            Event::Answer { id, answer } => Some((id, answer)),
            Event::Snapshot { .. } | Event::Alive => panic!("nothing is watched"),
        }
    }

    async fn refusal(&mut self) -> (u64, ControlCode) {
        match self.answer().await.expect("an answer") {
            (id, Answer::Failed { error }) => (id, error.code),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_line_that_is_no_call_is_answered_and_the_conversation_goes_on() {
    with_agent(async |agent: Agent| {
        let mut guest = Raw::connect(&agent).await;
        guest.greet().await;
        let nested = "[".repeat(100_000);
        for (line, id) in [
            ("", 0),
            ("not json", 0),
            ("{\"id\":7}", 7),
            ("{\"id\":8,\"request\":{\"kind\":\"format_disk\"}}", 8),
            ("{\"id\":-1,\"request\":{\"kind\":\"status\"}}", 0),
            ("{\"id\":9,\"request\":{\"kind\":\"pause\",\"minutes\":-5}}", 9),
            (nested.as_str(), 0),
        ] {
            guest.write(format!("{line}\n").as_bytes()).await;
            assert_eq!(guest.refusal().await, (id, ControlCode::BadRequest), "{:.40}", line);
        }
        guest.write(b"{\"id\":10,\"request\":{\"kind\":\"status\"}}\n").await;
        assert!(matches!(guest.answer().await, Some((10, Answer::Status { .. }))), "the agent still listens to it");
    })
    .await;
}

#[tokio::test]
async fn an_agent_with_nothing_to_say_gives_signs_of_life() {
    with_agent(async |agent: Agent| {
        let mut guest = Raw::connect(&agent).await;
        guest.greet().await;
        guest.write(b"{\"id\":2,\"request\":{\"kind\":\"watch\"}}\n").await;
        assert!(matches!(guest.answer().await, Some((2, Answer::Status { .. }))));
        let goes_round = async {
            loop {
                agent.pulse.beat();
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        };
        tokio::select! {
            heard = guest.event() => assert_eq!(heard, Some(Event::Alive)),
            () = goes_round => {}
        }
    })
    .await;
}

#[tokio::test]
async fn an_endless_line_and_bytes_that_are_no_text_end_the_conversation_and_nothing_else() {
    with_agent(async |agent: Agent| {
        let endless = vec![b'a'; LINE_BYTES_MAX + 2];
        for rubbish in [endless.as_slice(), b"\xff\xfe\xfd\n"] {
            let mut guest = Raw::connect(&agent).await;
            guest.greet().await;
            guest.write(rubbish).await;
            assert_eq!(guest.refusal().await, (0, ControlCode::BadRequest));
            assert!(guest.answer().await.is_none(), "hung up");
        }
        Client::connect(&agent.paths).await.expect("others are served as before");
    })
    .await;
}

#[tokio::test]
async fn who_does_not_greet_or_greets_in_another_version_is_told_why_and_let_go() {
    with_agent(async |agent: Agent| {
        for (line, code) in [
            ("{\"id\":1,\"request\":{\"kind\":\"start\"}}\n".to_owned(), ControlCode::BadRequest),
            ("GET / HTTP/1.1\n".to_owned(), ControlCode::BadRequest),
            (
                format!("{{\"id\":1,\"request\":{{\"kind\":\"hello\",\"version\":{}}}}}\n", CONTROL_VERSION + 1),
                ControlCode::VersionMismatch,
            ),
        ] {
            let mut guest = Raw::connect(&agent).await;
            guest.write(line.as_bytes()).await;
            assert_eq!(guest.refusal().await.1, code, "{line}");
            assert!(guest.answer().await.is_none(), "hung up");
        }
    })
    .await;
}

#[tokio::test]
async fn a_guest_of_any_version_may_end_the_agent() {
    with_agent(async |mut agent: Agent| {
        let mut guest = Raw::connect(&agent).await;
        // As it is written here: an agent of any version has to understand it.
        guest.write(b"{\"id\":1,\"request\":{\"kind\":\"quit\"}}\n").await;
        let ask = agent.inbox.recv().await.expect("the request");
        assert_eq!(ask.request, Request::Quit);
        ask.reply.send(Answer::Done).expect("the guest waits");
        assert_eq!(guest.answer().await, Some((1, Answer::Done)));
        let (ended, ()) = tokio::join!(Client::end(&agent.paths), async {
            let ask = agent.inbox.recv().await.expect("the request");
            ask.reply.send(Answer::Done).expect("the guest waits");
        });
        ended.expect("it is told to");
    })
    .await;
}

/// Needs root, which alone can knock as somebody else. As anyone else the test shows that the door is locked to others.
#[tokio::test]
async fn another_user_is_turned_away_even_where_the_folder_is_open() {
    with_agent(async |agent: Agent| {
        let socket = agent.paths.socket();
        let folder = socket.parent().expect("in a folder");
        assert_eq!(std::fs::metadata(folder).expect("made").permissions().mode() & 0o777, 0o700);
        assert_eq!(std::fs::metadata(&socket).expect("made").permissions().mode() & 0o777, 0o600);
        if !rustix::process::geteuid().is_root() {
            return;
        }
        for dir in folder.ancestors().take_while(|dir| *dir != std::env::temp_dir()) {
            std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).expect("ours");
        }
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666)).expect("ours");

        let knock = move || {
            let nobody = rustix::process::Uid::from_raw(65_534);
            // On Linux this changes the user of this one thread.
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).expect("root may become anyone");
            let mut door = BlockingStream::connect(&socket).expect("the folder is open");
            door.set_read_timeout(Some(Duration::from_secs(5))).expect("a deadline");
            let mut heard = Vec::new();
            door.read_to_end(&mut heard).expect("hung up");
            heard
        };
        // Not from the runtime's pool: the thread stays nobody for the rest of its life.
        let (tell, told) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || tell.send(knock()));
        assert_eq!(told.await.expect("it came back"), b"", "not a word to strangers");
        Client::connect(&agent.paths).await.expect("the owner is served as before");
    })
    .await;
}
