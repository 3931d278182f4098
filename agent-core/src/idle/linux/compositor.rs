//! Input as a Wayland compositor tells it, by the protocol `ext-idle-notify`: KDE's, COSMIC's and the many built on wlroots know it.

use std::{
    collections::HashMap,
    io,
    os::{fd::AsFd as _, unix::net::UnixStream},
    path::Path,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use wayland_client::{
    Connection, Dispatch, EventQueue, QueueHandle,
    backend::WaylandError,
    delegate_noop,
    protocol::{
        wl_callback::{self, WlCallback},
        wl_registry::{self, WlRegistry},
        wl_seat::WlSeat,
    },
};
use wayland_protocols::ext::idle_notify::v1::client::{
    ext_idle_notification_v1::{self, ExtIdleNotificationV1},
    ext_idle_notifier_v1::ExtIdleNotifierV1,
};

use super::bus::Silence;

/// Who is asked, in words for the owner.
const NAME: &str = "the Wayland compositor";

/// How long nothing must be touched before the compositor says so. Whoever types touches something more often.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// How long the compositor may take to say what it knows.
const PATIENCE: Duration = Duration::from_millis(500);

/// The version that tells of input whether or not a film keeps the screen on; the one before does not.
const WITH_INPUT: u32 = 2;

/// A compositor that tells when somebody begins and ceases to touch something.
pub(super) struct Compositor {
    queue: EventQueue<Seats>,
    seats: Seats,
}

/// What the compositor has said.
#[derive(Default)]
struct Seats {
    notifier: Option<ExtIdleNotifierV1>,
    /// By the compositor's number: since when nobody has touched anything there; absent while somebody does.
    idle_since: HashMap<u32, Option<Instant>>,
    seats: HashMap<u32, (WlSeat, Option<ExtIdleNotificationV1>)>,
    has_said_all: bool,
}

impl Compositor {
    /// The compositor that listens at `socket`, if it is there and knows the protocol.
    pub(super) fn at(socket: &Path) -> Option<Self> {
        Self::within(PATIENCE, socket)
    }

    fn within(patience: Duration, socket: &Path) -> Option<Self> {
        let connection = Connection::from_socket(UnixStream::connect(socket).ok()?).ok()?;
        let queue = connection.new_event_queue();
        let handle = queue.handle();
        connection.display().get_registry(&handle, ());
        connection.display().sync(&handle, ());
        let mut compositor = Self { queue, seats: Seats::default() };
        let until = Instant::now() + patience;
        while !compositor.seats.has_said_all {
            compositor.hear(until.checked_duration_since(Instant::now())?).ok()?;
        }
        compositor.seats.watch(&handle);
        compositor.queue.flush().ok()?;
        (compositor.seats.notifier.is_some() && !compositor.seats.seats.is_empty()).then_some(compositor)
    }

    /// For how long nobody has touched anything.
    pub(super) fn idle(&mut self) -> Result<Duration, Silence> {
        self.hear(Duration::ZERO).map_err(|_| Silence::NotThere(NAME))?;
        let idle = self.seats.idle_since.values().map(|since| since.map_or(Duration::ZERO, |since| since.elapsed()));
        idle.min().ok_or(Silence::Unknown { service: NAME, method: "seat" })
    }

    /// Takes in what was said, after waiting for something to be said, but not for long.
    fn hear(&mut self, patience: Duration) -> Result<(), WaylandError> {
        let own = |error: wayland_client::DispatchError| match error {
            wayland_client::DispatchError::Backend(error) => error,
            error => WaylandError::Io(io::Error::other(error)),
        };
        self.queue.dispatch_pending(&mut self.seats).map_err(own)?;
        self.queue.flush()?;
        if let Some(guard) = self.queue.prepare_read() {
            let waits = Timespec::try_from(patience).unwrap_or_default();
            let readable = poll(&mut [PollFd::new(&self.queue.as_fd(), PollFlags::IN)], Some(&waits));
            if readable.map_err(|errno| WaylandError::Io(errno.into()))? > 0 {
                match guard.read() {
                    Err(WaylandError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => drop(read?),
                }
            }
        }
        self.queue.dispatch_pending(&mut self.seats).map_err(own)?;
        // A seat may have come, and is to be watched.
        self.queue.flush()
    }
}

impl Seats {
    /// Watches the seats that are not watched yet.
    fn watch(&mut self, handle: &QueueHandle<Self>) {
        let Some(notifier) = &self.notifier else { return };
        let after = u32::try_from(IDLE_AFTER.as_millis()).unwrap_or(u32::MAX);
        for (number, (seat, watched)) in &mut self.seats {
            watched.get_or_insert_with(|| {
                // Whoever was there before the first look counts as having touched something just then.
                self.idle_since.insert(*number, None);
                if wayland_client::Proxy::version(notifier) >= WITH_INPUT {
                    notifier.get_input_idle_notification(after, seat, handle, *number)
                } else {
                    notifier.get_idle_notification(after, seat, handle, *number)
                }
            });
        }
    }
}

impl Dispatch<WlRegistry, ()> for Seats {
    fn event(
        seats: &mut Self,
        registry: &WlRegistry,
        event: wl_registry::Event,
        (): &(),
        _: &Connection,
        handle: &QueueHandle<Self>,
    ) {
        match event {
            wl_registry::Event::Global { name, interface, version } => match interface.as_str() {
                "wl_seat" => {
                    let seat = registry.bind(name, version.min(1), handle, ());
                    seats.seats.insert(name, (seat, None));
                    seats.watch(handle);
                }
                "ext_idle_notifier_v1" => {
                    seats.notifier = Some(registry.bind(name, version.min(WITH_INPUT), handle, ()));
                    seats.watch(handle);
                }
                _ => {}
            },
            wl_registry::Event::GlobalRemove { name } => {
                seats.idle_since.remove(&name);
                if let Some((_, Some(watched))) = seats.seats.remove(&name) {
                    watched.destroy();
                }
            }
            _ => {}
        }
    }
}

impl Dispatch<WlCallback, ()> for Seats {
    fn event(seats: &mut Self, _: &WlCallback, _: wl_callback::Event, (): &(), _: &Connection, _: &QueueHandle<Self>) {
        seats.has_said_all = true;
    }
}

impl Dispatch<ExtIdleNotificationV1, u32> for Seats {
    fn event(
        seats: &mut Self,
        _: &ExtIdleNotificationV1,
        event: ext_idle_notification_v1::Event,
        number: &u32,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let Some(since) = seats.idle_since.get_mut(number) else { return };
        match event {
            ext_idle_notification_v1::Event::Idled => {
                let now = Instant::now();
                *since = Some(now.checked_sub(IDLE_AFTER).unwrap_or(now));
            }
            ext_idle_notification_v1::Event::Resumed => *since = None,
            _ => {}
        }
    }
}

delegate_noop!(Seats: ExtIdleNotifierV1);
delegate_noop!(Seats: ignore WlSeat);

#[cfg(test)]
mod tests;
