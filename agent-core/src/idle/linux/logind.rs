//! The owner's session, as systemd-logind has it.

use std::{collections::HashMap, time::Duration};

use rustix::time::{ClockId, clock_gettime};
use zbus::zvariant::{OwnedObjectPath, OwnedValue};

use super::bus::{Argument, Bus, Place, Silence};

const SERVICE: &str = "org.freedesktop.login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION: &str = "org.freedesktop.login1.Session";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Whose session is looked for.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    pub(super) uid: u32,
    /// The session this process was started in, if it was in one.
    pub(super) session: Option<String>,
}

impl Owner {
    pub(super) fn of_environment() -> Self {
        let session = std::env::var("XDG_SESSION_ID").ok().filter(|id| !id.is_empty());
        Self { uid: rustix::process::getuid().as_raw(), session }
    }
}

/// What logind says of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) locked: bool,
    pub(super) remote: bool,
    /// For how long nobody has used it, where that is known at all.
    pub(super) idle: Duration,
}

/// Asks logind about the owner's session.
pub(super) struct Login {
    bus: Bus,
    owner: Owner,
    path: Option<OwnedObjectPath>,
}

impl Login {
    pub(super) const fn new(bus: Bus, owner: Owner) -> Self {
        Self { bus, owner, path: None }
    }

    /// The owner's session as it is now; absent if logind knows none.
    pub(super) fn session(&mut self) -> Result<Option<Session>, Silence> {
        if let Some(path) = self.path.take()
            && let Some(session) = self.look_at(&path)?
        {
            self.path = Some(path);
            return Ok(Some(session));
        }
        // The one this process came from may be over while its owner has another one.
        for path in [self.own()?, self.display()?].into_iter().flatten() {
            if let Some(session) = self.look_at(&path)? {
                self.path = Some(path);
                return Ok(Some(session));
            }
        }
        Ok(None)
    }

    fn own(&self) -> Result<Option<OwnedObjectPath>, Silence> {
        let Some(id) = &self.owner.session else { return Ok(None) };
        known(self.bus.call(&at("/org/freedesktop/login1", MANAGER), "GetSession", Argument::Text(id.clone())))
    }

    /// The session at which the owner sits.
    fn display(&self) -> Result<Option<OwnedObjectPath>, Silence> {
        let uid = Argument::Number(self.owner.uid);
        let user = known(self.bus.call::<OwnedObjectPath>(&at("/org/freedesktop/login1", MANAGER), "GetUser", uid))?;
        let Some(user) = user else { return Ok(None) };
        let about = self.properties(&user, "org.freedesktop.login1.User")?;
        let display = about.and_then(|mut about| about.remove("Display"));
        let (id, path) = display.and_then(|it| <(String, OwnedObjectPath)>::try_from(it).ok()).unwrap_or_default();
        Ok((!id.is_empty()).then_some(path))
    }

    /// Absent if there is no such session any more.
    fn look_at(&self, path: &OwnedObjectPath) -> Result<Option<Session>, Silence> {
        let Some(about) = self.properties(path, SESSION)? else { return Ok(None) };
        let flag = |name| about.get(name).and_then(|value| bool::try_from(value).ok()).unwrap_or(false);
        if about.get("State").and_then(|state| <&str>::try_from(state).ok()) == Some("closing") {
            return Ok(None);
        }
        let since = about.get("IdleSinceHintMonotonic").and_then(|since| u64::try_from(since).ok());
        let idle = match since {
            Some(since) if flag("IdleHint") => uptime().saturating_sub(Duration::from_micros(since)),
            Some(_) | None => Duration::ZERO,
        };
        Ok(Some(Session { locked: flag("LockedHint"), remote: flag("Remote"), idle }))
    }

    fn properties(&self, path: &OwnedObjectPath, of: &str) -> Result<Option<HashMap<String, OwnedValue>>, Silence> {
        known(self.bus.call(&at(path.as_str(), PROPERTIES), "GetAll", Argument::Text(of.to_owned())))
    }
}

fn at(path: &str, interface: &'static str) -> Place {
    Place { service: SERVICE, path: path.to_owned(), interface }
}

/// Logind refuses what it does not know, and has no other reason to refuse any of these questions.
fn known<T>(answer: Result<T, Silence>) -> Result<Option<T>, Silence> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Silence::Unknown { .. } | Silence::Refused { .. }) => Ok(None),
        Err(silence @ (Silence::NoBus | Silence::NotThere(_) | Silence::Late(_))) => Err(silence),
    }
}

/// By the clock that logind means.
fn uptime() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default()
}

/// A logind for tests.
#[cfg(test)]
pub(super) mod stage {
    use std::{collections::HashMap, time::Duration};

    use zbus::{
        Connection, fdo, interface,
        zvariant::{ObjectPath, OwnedObjectPath},
    };

    use super::{super::bus::stage::Daemon, Owner, SERVICE, uptime};

    /// A session to be staged.
    #[derive(Debug, Clone, Default)]
    pub(in super::super) struct Seat {
        pub(in super::super) locked: bool,
        pub(in super::super) remote: bool,
        pub(in super::super) closing: bool,
        pub(in super::super) idle: Option<Duration>,
    }

    #[interface(name = "org.freedesktop.login1.Session")]
    impl Seat {
        #[zbus(property)]
        fn locked_hint(&self) -> bool {
            self.locked
        }

        #[zbus(property)]
        fn remote(&self) -> bool {
            self.remote
        }

        #[zbus(property)]
        fn state(&self) -> &'static str {
            if self.closing { "closing" } else { "active" }
        }

        #[zbus(property)]
        fn idle_hint(&self) -> bool {
            self.idle.is_some()
        }

        #[zbus(property)]
        fn idle_since_hint_monotonic(&self) -> u64 {
            let since = self.idle.map_or(Duration::ZERO, |idle| uptime().saturating_sub(idle));
            u64::try_from(since.as_micros()).expect("small")
        }
    }

    struct Manager(HashMap<&'static str, OwnedObjectPath>);

    #[interface(name = "org.freedesktop.login1.Manager")]
    impl Manager {
        fn get_session(&self, id: &str) -> fdo::Result<OwnedObjectPath> {
            self.0.get(id).cloned().ok_or_else(|| fdo::Error::Failed(format!("No session '{id}' known")))
        }

        fn get_user(&self, uid: u32) -> fdo::Result<OwnedObjectPath> {
            match uid {
                1_000 => Ok(ObjectPath::from_static_str_unchecked("/user").into()),
                _ => Err(fdo::Error::Failed("no such user is logged in".to_owned())),
            }
        }
    }

    struct User(Option<&'static str>);

    #[interface(name = "org.freedesktop.login1.User")]
    impl User {
        #[zbus(property)]
        fn display(&self) -> (&'static str, OwnedObjectPath) {
            let path = self.0.map_or_else(|| "/".to_owned(), |id| format!("/session/{id}"));
            (self.0.unwrap_or_default(), path.try_into().expect("a path"))
        }
    }

    /// Serves these sessions, of which `display` is the one of user 1000's desktop.
    pub(in super::super) async fn logind(
        daemon: &Daemon,
        sessions: &[(&'static str, Seat)],
        display: Option<&'static str>,
    ) -> Connection {
        let mut known = HashMap::new();
        let mut builder = daemon.builder();
        for (id, seat) in sessions {
            let path: OwnedObjectPath = format!("/session/{id}").try_into().expect("a path");
            known.insert(*id, path.clone());
            builder = builder.serve_at(path, seat.clone()).expect("a place");
        }
        let builder = builder.serve_at("/org/freedesktop/login1", Manager(known)).expect("a place");
        let builder = builder.serve_at("/user", User(display)).expect("a place");
        builder.name(SERVICE).expect("a name").build().await.expect("connected")
    }

    pub(in super::super) fn owner(session: Option<&str>) -> Owner {
        Owner { uid: 1_000, session: session.map(str::to_owned) }
    }

    /// Changes a session that is served.
    pub(in super::super) async fn change(logind: &Connection, id: &str, change: impl FnOnce(&mut Seat)) {
        let seat = logind.object_server().interface::<_, Seat>(format!("/session/{id}")).await.expect("served");
        change(&mut *seat.get_mut().await);
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::bus::stage::Daemon,
        stage::{Seat, logind, owner},
        *,
    };

    async fn found(session: Option<&str>, sessions: &[(&'static str, Seat)], display: Option<&'static str>) -> Option<bool> {
        let daemon = Daemon::start();
        let _logind = logind(&daemon, sessions, display).await;
        let mut login = Login::new(daemon.bus(), owner(session));
        let first = login.session().expect("an answer");
        assert_eq!(login.session().expect("an answer"), first, "what was found is asked again");
        first.map(|session| session.remote)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_session_this_process_came_from_counts_while_it_lasts() {
        let remote = Seat { remote: true, ..Seat::default() };
        let sessions = [("4", remote.clone()), ("c1", Seat::default())];
        assert_eq!(found(Some("4"), &sessions, Some("c1")).await, Some(true));
        assert_eq!(found(Some("3"), &sessions, Some("c1")).await, Some(false), "it is unknown");
        assert_eq!(found(None, &sessions, Some("c1")).await, Some(false));
        let over = [("4", Seat { closing: true, ..remote }), ("c1", Seat::default())];
        assert_eq!(found(Some("4"), &over, Some("c1")).await, Some(false), "only its leftovers are there");
        assert_eq!(found(Some("4"), &over, None).await, None);
        assert_eq!(found(None, &sessions, None).await, None, "nobody sits at a desktop");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_user_who_is_not_logged_in_has_no_session() {
        let daemon = Daemon::start();
        let _logind = logind(&daemon, &[], None).await;
        assert_eq!(Login::new(daemon.bus(), Owner { uid: 12, session: None }).session(), Ok(None));
    }
}
