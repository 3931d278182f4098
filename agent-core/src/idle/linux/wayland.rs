//! Keyboard and mouse under Wayland, by whoever of the desktop tells: the compositor itself, GNOME's window manager, the screen saver,
//! or at last what the session tells logind.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{
    Desktop, IdleProbe, Pace, ProbeError, Sign,
    bus::{Argument, Bus, Place, Silence},
    compositor::Compositor,
    logind::Login,
};

/// How long to wait before somebody is looked for again who tells.
const FIND_EVERY: Duration = Duration::from_secs(5);

/// How often logind is asked. In between, an idle session grows idler by itself.
const LOGIND_EVERY: Duration = Duration::from_secs(1);

/// The screen saver's places: by the standard, and KDE's of old.
const SCREEN_SAVERS: [&str; 2] = ["/org/freedesktop/ScreenSaver", "/ScreenSaver"];

/// Asks the one who tells; nobody on an X display, where the X server knows best.
pub(super) struct WaylandIdle {
    is_x11: bool,
    socket: Option<PathBuf>,
    bus: Bus,
    login: Login,
    pace: Pace,
    source: Result<Source, ProbeError>,
}

/// Who tells.
enum Source {
    Compositor(Compositor),
    Mutter,
    ScreenSaver { path: &'static str },
    Logind { pace: Pace, said: Duration, at: Instant },
}

impl WaylandIdle {
    /// With the session bus, and a way to logind.
    pub(super) fn new(desktop: &Desktop, bus: Bus, login: Login) -> Self {
        let is_x11 = desktop.display.is_some() && desktop.wayland.is_none();
        let source = Err(ProbeError::Absent(String::new()));
        Self { is_x11, socket: desktop.wayland.clone(), bus, login, pace: Pace::new(FIND_EVERY), source }
    }

    fn find(&mut self) -> Result<Source, ProbeError> {
        if let Some(compositor) = self.socket.as_deref().and_then(Compositor::at) {
            return Ok(Source::Compositor(compositor));
        }
        if told(mutter(&self.bus))?.is_some() {
            return Ok(Source::Mutter);
        }
        for path in SCREEN_SAVERS {
            // Many have the method and always answer 0. That is no measurement.
            if told(screen_saver(&self.bus, path))?.is_some_and(|idle| !idle.is_zero()) {
                return Ok(Source::ScreenSaver { path });
            }
        }
        match told(self.login.session())?.flatten() {
            Some(session) => {
                let mut pace = Pace::new(LOGIND_EVERY);
                pace.is_due();
                Ok(Source::Logind { pace, said: session.idle, at: Instant::now() })
            }
            None => Err(ProbeError::Absent("nobody on this desktop tells when it was used last".to_owned())),
        }
    }
}

impl IdleProbe for WaylandIdle {
    fn name(&self) -> &'static str {
        "Wayland input"
    }

    fn read(&mut self) -> Result<Sign, ProbeError> {
        if self.is_x11 {
            return Err(ProbeError::Absent("this is no Wayland session".to_owned()));
        }
        // Logind is a makeshift; whoever knows better may have come since.
        let may_be_better = matches!(self.source, Err(_) | Ok(Source::Logind { .. }));
        if may_be_better && self.pace.is_due() {
            self.source = self.find();
            if matches!(self.source, Err(ProbeError::Broken(_))) {
                self.pace.last = None;
            }
        }
        let idle = match self.source.as_mut().map_err(|why| why.clone())? {
            Source::Compositor(compositor) => compositor.idle(),
            Source::Mutter => mutter(&self.bus),
            Source::ScreenSaver { path } => screen_saver(&self.bus, path),
            Source::Logind { pace, said, at } => logind(&mut self.login, pace, said, at),
        };
        idle.map(Sign::Input).map_err(|silence| {
            let why = ProbeError::from(silence);
            // Looked for at the next look: it may only have been started again.
            (self.source, self.pace.last) = (Err(why.clone()), None);
            why
        })
    }
}

/// Absent if it is not there or does not tell; then another one may. One that hangs may yet tell.
fn told<T>(answer: Result<T, Silence>) -> Result<Option<T>, ProbeError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Silence::NoBus | Silence::NotThere(_) | Silence::Unknown { .. } | Silence::Refused { .. }) => Ok(None),
        Err(silence @ Silence::Late(_)) => Err(silence.into()),
    }
}

fn mutter(bus: &Bus) -> Result<Duration, Silence> {
    const NAME: &str = "org.gnome.Mutter.IdleMonitor";
    let place = Place { service: NAME, path: "/org/gnome/Mutter/IdleMonitor/Core".to_owned(), interface: NAME };
    bus.call(&place, "GetIdletime", Argument::Nothing).map(Duration::from_millis)
}

/// The standard never said in which unit. Taken as milliseconds, nobody is believed to be away for longer than he is.
fn screen_saver(bus: &Bus, path: &str) -> Result<Duration, Silence> {
    const NAME: &str = "org.freedesktop.ScreenSaver";
    let place = Place { service: NAME, path: path.to_owned(), interface: NAME };
    bus.call::<u32>(&place, "GetSessionIdleTime", Argument::Nothing).map(|idle| Duration::from_millis(u64::from(idle)))
}

fn logind(login: &mut Login, pace: &mut Pace, said: &mut Duration, at: &mut Instant) -> Result<Duration, Silence> {
    if pace.is_due() {
        let gone = Silence::NotThere("your session");
        *said = login.session()?.ok_or(gone)?.idle;
        *at = Instant::now();
    }
    // One that is in use stays so until it is asked again.
    Ok(if said.is_zero() { Duration::ZERO } else { *said + at.elapsed() })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use zbus::{Connection, fdo, interface};

    use super::{
        super::{
            bus::stage::{Daemon, nowhere, until},
            logind::stage::{Seat, change, logind, owner},
        },
        *,
    };

    struct Monitor(u64);

    #[interface(name = "org.gnome.Mutter.IdleMonitor")]
    impl Monitor {
        fn get_idletime(&self) -> u64 {
            self.0
        }
    }

    /// What makes a screen saver refuse to answer.
    const REFUSED: u32 = 13;

    struct Saver(u32);

    #[interface(name = "org.freedesktop.ScreenSaver")]
    impl Saver {
        fn get_session_idle_time(&self) -> fdo::Result<u32> {
            if self.0 == REFUSED { Err(fdo::Error::AccessDenied("no".to_owned())) } else { Ok(self.0) }
        }
    }

    async fn gnome(daemon: &Daemon, idle_ms: u64) -> Connection {
        let builder = daemon.builder().serve_at("/org/gnome/Mutter/IdleMonitor/Core", Monitor(idle_ms)).expect("a place");
        builder.name("org.gnome.Mutter.IdleMonitor").expect("a name").build().await.expect("connected")
    }

    async fn kde(daemon: &Daemon, idle_ms: u32) -> Connection {
        let builder = daemon.builder().serve_at("/ScreenSaver", Saver(idle_ms)).expect("a place");
        builder.name("org.freedesktop.ScreenSaver").expect("a name").build().await.expect("connected")
    }

    fn desktop(display: Option<&str>, wayland: Option<&Path>) -> Desktop {
        Desktop { display: display.map(str::to_owned), wayland: wayland.map(Path::to_owned) }
    }

    /// Looks at each look for whoever tells.
    fn probe(bus: Bus, system: Bus) -> WaylandIdle {
        let mut probe = WaylandIdle::new(
            &desktop(Some(":0"), Some(Path::new("/nonexistent/wayland-0"))),
            bus,
            Login::new(system, owner(Some("2"))),
        );
        probe.pace.every = Duration::ZERO;
        probe
    }

    fn input(ms: u64) -> Result<Sign, ProbeError> {
        Ok(Sign::Input(Duration::from_millis(ms)))
    }

    fn is_silent(probe: &mut WaylandIdle) -> bool {
        matches!(probe.read(), Err(ProbeError::Absent(_)))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_tells_is_found_and_found_again() {
        let daemon = Daemon::start();
        let mut probe = probe(daemon.bus(), nowhere());
        assert!(is_silent(&mut probe));
        let saver = kde(&daemon, 700).await;
        until("the screen saver's word", || probe.read() == input(700)).await;
        let monitor = gnome(&daemon, 4_200).await;
        saver.close().await.expect("closed");
        until("the window manager's word", || probe.read() == input(4_200)).await;
        monitor.close().await.expect("closed");
        until("silence", || is_silent(&mut probe)).await;
        let _monitor = gnome(&daemon, 90).await;
        until("the window manager's word", || probe.read() == input(90)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_screen_saver_that_does_not_tell_is_passed_over() {
        let daemon = Daemon::start();
        let hour = Duration::from_secs(3_600);
        let _logind = logind(&daemon, &[("2", Seat { idle: Some(hour), ..Seat::default() })], None).await;
        // Always nothing; and a refusal.
        for answer in [0, REFUSED] {
            let saver = kde(&daemon, answer).await;
            let mut probe = probe(daemon.bus(), daemon.bus());
            assert!(matches!(probe.read(), Ok(Sign::Input(idle)) if idle >= hour), "{answer}");
            saver.close().await.expect("closed");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn logind_is_asked_where_nobody_else_tells() {
        let daemon = Daemon::start();
        let hour = Duration::from_secs(3_600);
        let service = logind(&daemon, &[("2", Seat { idle: Some(hour), ..Seat::default() })], None).await;
        let mut probe = probe(nowhere(), daemon.bus());
        assert!(matches!(probe.read(), Ok(Sign::Input(idle)) if idle >= hour));
        change(&service, "2", |seat| seat.idle = None).await;
        until("somebody at the keyboard", || probe.read() == input(0)).await;
        service.close().await.expect("closed");
        until("silence", || is_silent(&mut probe)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_an_x_display_nobody_is_asked() {
        let daemon = Daemon::start();
        let _monitor = gnome(&daemon, 4_200).await;
        let mut x11 = WaylandIdle::new(&desktop(Some(":0"), None), daemon.bus(), Login::new(nowhere(), owner(None)));
        assert_eq!(x11.read(), Err(ProbeError::Absent("this is no Wayland session".to_owned())));
        let mut none = WaylandIdle::new(&desktop(None, None), daemon.bus(), Login::new(nowhere(), owner(None)));
        assert_eq!(none.read(), input(4_200), "the agent may have been started before its desktop could tell it");
    }
}
