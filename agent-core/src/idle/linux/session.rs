//! Whether the owner's screen is locked, and whether he is here from afar.

use std::time::Duration;

use super::{IdleProbe, ProbeError, Sign, logind, logind::Login};

/// Asks systemd-logind.
pub(super) struct Session(Login);

impl Session {
    pub(super) const fn new(login: Login) -> Self {
        Self(login)
    }
}

impl IdleProbe for Session {
    fn name(&self) -> &'static str {
        "Session"
    }

    // Locking the screen is leaving; whoever comes back touches something, which others notice at once.
    fn every(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        match self.0.session()? {
            Some(logind::Session { locked, remote, idle: _ }) => Ok(Sign::Session { locked, remote }),
            None => Err(ProbeError::Absent("systemd-logind knows of no session of yours".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            bus::stage::{Daemon, nowhere, until},
            logind::stage::{Seat, change, logind, owner},
        },
        *,
    };

    #[tokio::test(flavor = "multi_thread")]
    async fn a_locked_screen_is_seen_and_logind_may_go_and_come_back() {
        let daemon = Daemon::start();
        let mut probe = Session::new(Login::new(daemon.bus(), owner(Some("2"))));
        assert!(matches!(probe.read(), Err(ProbeError::Absent(why)) if why.contains("does not run")));
        let seats = [("2", Seat { locked: true, ..Seat::default() })];
        let service = logind(&daemon, &seats, Some("2")).await;
        let locked = Ok(Sign::Session { locked: true, remote: false });
        until("a locked screen", || probe.read() == locked).await;
        change(&service, "2", |seat| (seat.locked, seat.remote) = (false, true)).await;
        until("an open one", || probe.read() == Ok(Sign::Session { locked: false, remote: true })).await;
        service.close().await.expect("closed");
        until("its end", || matches!(probe.read(), Err(ProbeError::Absent(_)))).await;
        let _service = logind(&daemon, &seats, None).await;
        until("a locked screen", || probe.read() == locked).await;
    }

    #[test]
    fn without_a_bus_or_a_session_nothing_is_said_of_one() {
        let mut probe = Session::new(Login::new(nowhere(), owner(None)));
        assert!(matches!(probe.read(), Err(ProbeError::Absent(_))));
    }
}
