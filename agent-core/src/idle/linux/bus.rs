//! The way from probes, which wait for their answers, to D-Bus, which does not: a thread that asks, and says when nobody answers.
//! It never starts anybody: what does not run is not there.

use std::{
    collections::HashMap,
    io,
    sync::mpsc::{self, RecvTimeoutError, SyncSender},
    thread,
    time::{Duration, Instant},
};

use serde::de::DeserializeOwned;
use tokio::time::timeout;
use zbus::{Address, Connection, Message, connection::Builder, names::OwnedUniqueName, zvariant};

use super::{Pace, ProbeError};

/// How long an answer may take. Shorter than a probe may be silent; a PC under load answers in tens of milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long to wait before a bus that was not there is looked for again.
const RECONNECT_EVERY: Duration = Duration::from_secs(5);

/// Questions that may wait; there are fewer probes.
const ASKS_MAX: usize = 8;

/// A bus, shared by the probes that ask on it. Its thread ends with the last of them.
#[derive(Debug, Clone)]
pub(super) struct Bus {
    asks: Result<tokio::sync::mpsc::Sender<Ask>, Silence>,
    patience: Duration,
}

/// Whom to ask.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) service: &'static str,
    pub(super) path: String,
    pub(super) interface: &'static str,
}

/// What is given along with a question.
#[derive(Debug, Clone)]
pub(super) enum Argument {
    Nothing,
    Text(String),
    Number(u32),
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Silence {
    #[error("there is no bus to ask on")]
    NoBus,
    #[error("{0} does not run")]
    NotThere(&'static str),
    /// It runs, and knows of nothing like that.
    #[error("{service} has no {method}")]
    Unknown { service: &'static str, method: &'static str },
    #[error("{0} does not answer")]
    Late(&'static str),
    #[error("{service} refuses {method}: {why}")]
    Refused { service: &'static str, method: &'static str, why: String },
}

impl From<Silence> for ProbeError {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::NoBus | Silence::NotThere(_) | Silence::Unknown { .. } => Self::Absent(silence.to_string()),
            Silence::Late(_) | Silence::Refused { .. } => Self::Broken(silence.to_string()),
        }
    }
}

#[derive(Debug)]
struct Ask {
    place: Place,
    method: &'static str,
    argument: Argument,
    until: Instant,
    answer: SyncSender<Result<Message, Silence>>,
}

impl Bus {
    /// The bus at `address`, or why none is known.
    pub(super) fn at(address: zbus::Result<Address>) -> Self {
        let asks = address.and_then(|address| listen(address).map_err(|error| zbus::Error::InputOutput(error.into())));
        Self { asks: asks.map_err(no_bus), patience: PATIENCE }
    }

    /// Calls a method.
    pub(super) fn call<T>(&self, place: &Place, method: &'static str, argument: Argument) -> Result<T, Silence>
    where
        T: DeserializeOwned + zvariant::Type,
    {
        let service = place.service;
        let asks = self.asks.as_ref().map_err(Clone::clone)?;
        let (answer, answered) = mpsc::sync_channel(1);
        let ask = Ask { place: place.clone(), method, argument, until: Instant::now() + self.patience, answer };
        asks.try_send(ask).map_err(|_| Silence::Late(service))?;
        let message = match answered.recv_timeout(self.patience) {
            Ok(answer) => answer?,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Err(Silence::Late(service)),
        };
        let strange = |error: zbus::Error| Silence::Refused { service, method, why: error.to_string() };
        message.body().deserialize().map_err(strange)
    }
}

/// Where the socket should be is for whoever reads the log, not for the owner.
fn no_bus(error: zbus::Error) -> Silence {
    tracing::debug!(%error, "There is no bus");
    Silence::NoBus
}

/// Starts a thread of its own, since probes are also read where nothing async may be waited for.
fn listen(address: Address) -> io::Result<tokio::sync::mpsc::Sender<Ask>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (asks, inbox) = tokio::sync::mpsc::channel(ASKS_MAX);
    let connection = Err(Silence::NoBus);
    let link = Link { address, pace: Pace::new(RECONNECT_EVERY), connection, owners: HashMap::new() };
    thread::Builder::new().name("bus".to_owned()).spawn(move || runtime.block_on(link.serve(inbox)))?;
    Ok(asks)
}

/// The bus as the thread has it.
struct Link {
    address: Address,
    pace: Pace,
    connection: Result<Connection, Silence>,
    /// Who has the services' names, by names nobody can be started by.
    owners: HashMap<&'static str, OwnedUniqueName>,
}

impl Link {
    async fn serve(mut self, mut inbox: tokio::sync::mpsc::Receiver<Ask>) {
        while let Some(ask) = inbox.recv().await {
            let left = ask.until.saturating_duration_since(Instant::now());
            // Whoever asked has gone on if nothing is left.
            if left.is_zero() {
                continue;
            }
            let said = timeout(left, self.ask(&ask)).await.unwrap_or(Err(Silence::Late(ask.place.service)));
            ask.answer.send(said).ok();
        }
    }

    async fn ask(&mut self, ask: &Ask) -> Result<Message, Silence> {
        let connection = self.connection().await?;
        let Ask { place: Place { service, path, interface }, method, argument, .. } = ask;
        let owner = match self.owners.get(service) {
            Some(owner) => owner.clone(),
            None => {
                let owner = self.owner(&connection, service).await?;
                self.owners.insert(service, owner.clone());
                owner
            }
        };
        let (to, path, interface) = (Some(owner.as_str()), path.as_str(), Some(*interface));
        let answer = match argument {
            Argument::Nothing => connection.call_method(to, path, interface, *method, &()).await,
            Argument::Text(text) => connection.call_method(to, path, interface, *method, &(text.as_str(),)).await,
            Argument::Number(number) => connection.call_method(to, path, interface, *method, &(*number,)).await,
        };
        answer.map_err(|error| self.understand(service, method, &error))
    }

    async fn connection(&mut self) -> Result<Connection, Silence> {
        if self.connection.is_err() && self.pace.is_due() {
            self.owners.clear();
            // In case building is cut short.
            self.connection = Err(Silence::NoBus);
            self.connection = match Builder::address(self.address.clone()) {
                Ok(builder) => builder.build().await.map_err(no_bus),
                Err(error) => Err(no_bus(error)),
            };
        }
        self.connection.clone()
    }

    async fn owner(&mut self, connection: &Connection, service: &'static str) -> Result<OwnedUniqueName, Silence> {
        const BUS: &str = "org.freedesktop.DBus";
        const METHOD: &str = "GetNameOwner";
        let answer = connection.call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), METHOD, &(service,)).await;
        let answer = answer.map_err(|error| self.understand(service, METHOD, &error))?;
        answer.body().deserialize().map_err(|error| self.understand(service, METHOD, &error))
    }

    fn understand(&mut self, service: &'static str, method: &'static str, error: &zbus::Error) -> Silence {
        match error {
            zbus::Error::MethodError(name, why, _) => match name.as_str().rsplit('.').next().unwrap_or_default() {
                "ServiceUnknown" | "NameHasNoOwner" | "Disconnected" | "NoReply" => {
                    self.owners.remove(service);
                    Silence::NotThere(service)
                }
                "UnknownMethod" | "UnknownObject" | "UnknownInterface" | "UnknownProperty" | "NotSupported" => {
                    Silence::Unknown { service, method }
                }
                name => Silence::Refused { service, method, why: why.clone().unwrap_or_else(|| name.to_owned()) },
            },
            zbus::Error::InputOutput(_) | zbus::Error::Connection(..) => {
                self.connection = Err(Silence::NoBus);
                Silence::NoBus
            }
            // Others speak of messages that cannot be understood.
            error => Silence::Refused { service, method, why: error.to_string() },
        }
    }
}

/// A private bus for tests, and what is asked on it.
#[cfg(test)]
pub(super) mod stage {
    use std::{
        io::{BufRead as _, BufReader},
        path::Path,
        process::{Child, Command, Stdio},
        time::{Duration, Instant},
    };

    use zbus::{Address, connection::Builder};

    use super::Bus;

    /// A `dbus-daemon` that ends with the test.
    pub(in super::super) struct Daemon {
        child: Child,
        address: String,
    }

    impl Daemon {
        pub(in super::super) fn start() -> Self {
            Self::with(&["--session"])
        }

        /// One that can be found again after it was away.
        pub(in super::super) fn start_at(socket: &Path) -> Self {
            Self::with(&["--session", &format!("--address=unix:path={}", socket.display())])
        }

        fn with(arguments: &[&str]) -> Self {
            let mut child = Command::new("dbus-daemon")
                .args(arguments)
                .args(["--nofork", "--nopidfile", "--print-address"])
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("dbus-daemon, as the package `dbus` has it");
            let mut address = String::new();
            BufReader::new(child.stdout.take().expect("piped")).read_line(&mut address).expect("its address");
            // Without the number of this daemon's life: one that is started again has another.
            let address = address.trim().split(",guid=").next().expect("an address").to_owned();
            Self { child, address }
        }

        pub(in super::super) fn address(&self) -> Address {
            self.address.parse().expect("an address")
        }

        pub(in super::super) fn bus(&self) -> Bus {
            patient(self.impatient_bus())
        }

        pub(in super::super) fn impatient_bus(&self) -> Bus {
            Bus::at(Ok(self.address()))
        }

        /// For a service of the test.
        pub(in super::super) fn builder(&self) -> Builder<'static> {
            Builder::address(self.address()).expect("an address")
        }
    }

    impl Drop for Daemon {
        fn drop(&mut self) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }

    /// A bus that was never there.
    pub(in super::super) fn nowhere() -> Bus {
        patient(Bus::at("unix:path=/nonexistent/bus".parse()))
    }

    /// A machine that runs many tests may be slow to answer, and is not to be taken for one that never does.
    fn patient(bus: Bus) -> Bus {
        Bus { patience: Duration::from_secs(30), ..bus }
    }

    /// Waits until `says` says so.
    pub(in super::super) async fn until(what: &str, mut says: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !says() {
            assert!(Instant::now() < deadline, "{what} did not happen within a minute");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use zbus::interface;

    use super::{
        stage::{Daemon, nowhere, until},
        *,
    };

    const NAME: &str = "org.example.Clock";

    fn clock() -> Place {
        Place { service: NAME, path: "/clock".to_owned(), interface: NAME }
    }

    struct Clock;

    #[interface(name = "org.example.Clock")]
    impl Clock {
        fn after(&self, hours: u32) -> u32 {
            12 + hours
        }

        fn refuse(&self) -> zbus::fdo::Result<u32> {
            Err(zbus::fdo::Error::AccessDenied("not for you".to_owned()))
        }

        async fn dream(&self) -> u32 {
            std::future::pending().await
        }
    }

    async fn serve(daemon: &Daemon) -> Connection {
        let builder = daemon.builder().serve_at("/clock", Clock).expect("a place").name(NAME).expect("a name");
        builder.build().await.expect("connected")
    }

    fn after(bus: &Bus) -> Result<u32, Silence> {
        bus.call(&clock(), "After", Argument::Number(1))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_is_not_there_is_told_from_who_does_not_want_to() {
        let daemon = Daemon::start();
        let bus = daemon.bus();
        assert_eq!(after(&bus), Err(Silence::NotThere(NAME)));
        let service = serve(&daemon).await;
        until("an answer", || after(&bus) == Ok(13)).await;
        let call = |method| bus.call::<u32>(&clock(), method, Argument::Nothing);
        assert_eq!(call("Ring"), Err(Silence::Unknown { service: NAME, method: "Ring" }));
        let refused = Silence::Refused { service: NAME, method: "Refuse", why: "not for you".to_owned() };
        assert_eq!(call("Refuse"), Err(refused));
        let impatient = daemon.impatient_bus();
        let dream = || impatient.call::<u32>(&clock(), "Dream", Argument::Nothing);
        assert_eq!(dream(), Err(Silence::Late(NAME)));
        until("an answer", || after(&impatient) == Ok(13)).await;
        service.close().await.expect("closed");
        until("its end", || after(&bus) == Err(Silence::NotThere(NAME))).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_bus_that_comes_back_is_found_again() {
        assert!(matches!(after(&nowhere()), Err(Silence::NoBus)));
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("bus");
        let daemon = Daemon::start_at(&socket);
        let (bus, _service) = (daemon.bus(), serve(&daemon).await);
        until("an answer", || after(&bus) == Ok(13)).await;
        drop(daemon);
        until("the end", || matches!(after(&bus), Err(Silence::NoBus))).await;
        std::fs::remove_file(&socket).ok();
        let daemon = Daemon::start_at(&socket);
        let _service = serve(&daemon).await;
        until("an answer", || after(&bus) == Ok(13)).await;
    }
}
