use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixListener,
    path::PathBuf,
    sync::mpsc,
    thread,
};

use tempfile::TempDir;

use super::*;

/// Numbers of the compositor's objects, as it announces them.
const SEAT: u32 = 7;
const NOTIFIER: u32 = 9;

/// A compositor of the test's, which speaks just enough Wayland: words of four bytes, the first an object, the second a length and what
/// it is about.
struct Stage {
    folder: TempDir,
    /// The connection and the object that tells of idleness, once the probe has asked for one.
    watched: mpsc::Receiver<(UnixStream, u32)>,
}

impl Stage {
    /// Announces the notifier in this version, or none.
    fn with(version: Option<u32>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("wayland-7")).expect("bound");
        let (sender, watched) = mpsc::channel();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // The client may leave at any time.
                converse(client, version, &sender).ok();
            }
        });
        Self { folder, watched }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("wayland-7")
    }
}

fn converse(mut client: UnixStream, version: Option<u32>, sender: &mpsc::Sender<(UnixStream, u32)>) -> io::Result<()> {
    let mut notifier = None;
    loop {
        let (object, opcode, words) = heard(&mut client)?;
        match (object, opcode) {
            // The display: what is there?
            (1, 1) => {
                say(&mut client, words[0], 0, &global(SEAT, "wl_seat", 8))?;
                if let Some(version) = version {
                    say(&mut client, words[0], 0, &global(NOTIFIER, "ext_idle_notifier_v1", version))?;
                }
            }
            // The display: was that all?
            (1, 0) => say(&mut client, words[0], 0, &[0])?,
            // The registry, which the client numbers first: it wants this, by the number that comes last.
            (2, 0) if words[0] == NOTIFIER => notifier = words.last().copied(),
            // The notifier: tell me.
            (object, 1 | 2) if Some(object) == notifier => {
                assert_eq!(opcode == 2, version == Some(2), "input is asked for where that can be asked");
                assert_eq!(words[1], 1_000);
                sender.send((client.try_clone()?, words[0])).map_err(io::Error::other)?;
            }
            _ => {}
        }
    }
}

fn heard(client: &mut UnixStream) -> io::Result<(u32, u32, Vec<u32>)> {
    let [object, about] = words::<2>(client)?;
    let length = usize::try_from(about >> 16).expect("small");
    let words = (8..length).step_by(4).map(|_| words::<1>(client).map(|[word]| word)).collect::<io::Result<_>>()?;
    Ok((object, about & 0xffff, words))
}

fn words<const COUNT: usize>(client: &mut UnixStream) -> io::Result<[u32; COUNT]> {
    let mut words = [0; COUNT];
    for word in &mut words {
        let mut bytes = [0; 4];
        client.read_exact(&mut bytes)?;
        *word = u32::from_ne_bytes(bytes);
    }
    Ok(words)
}

fn say(client: &mut UnixStream, object: u32, opcode: u32, arguments: &[u32]) -> io::Result<()> {
    let length = u32::try_from(8 + arguments.len() * 4).expect("small");
    let message = [&[object, length << 16 | opcode], arguments].concat();
    client.write_all(&message.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<_>>())
}

fn global(number: u32, interface: &str, version: u32) -> Vec<u32> {
    let mut text = format!("{interface}\0").into_bytes();
    let length = u32::try_from(text.len()).expect("small");
    text.resize(text.len().next_multiple_of(4), 0);
    let text = text.as_chunks::<4>().0.iter().map(|bytes| u32::from_ne_bytes(*bytes));
    [number, length].into_iter().chain(text).chain([version]).collect()
}

/// Waits until `compositor` says so; what was sent to it is heard soon, and not at once.
fn until(compositor: &mut Compositor, says: impl Fn(&Result<Duration, Silence>) -> bool) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let idle = compositor.idle();
        if says(&idle) {
            return;
        }
        assert!(Instant::now() < deadline, "it still says {idle:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A machine that runs many tests may be slow.
const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn a_compositor_tells_when_somebody_begins_and_ceases_to_touch_something() {
    for version in [1, 2] {
        let stage = Stage::with(Some(version));
        let mut compositor = Compositor::within(DEADLINE, &stage.socket()).expect("it is there and knows");
        assert_eq!(compositor.idle(), Ok(Duration::ZERO), "nobody has ceased yet");
        let (mut client, watched) = stage.watched.recv_timeout(DEADLINE).expect("it is watched");
        say(&mut client, watched, 0, &[]).expect("said");
        until(&mut compositor, |idle| idle.as_ref().is_ok_and(|idle| *idle >= IDLE_AFTER));
        say(&mut client, watched, 1, &[]).expect("said");
        until(&mut compositor, |idle| *idle == Ok(Duration::ZERO));
        say(&mut client, watched, 0, &[]).expect("said");
        until(&mut compositor, |idle| idle.as_ref().is_ok_and(|idle| *idle >= IDLE_AFTER));
        client.shutdown(std::net::Shutdown::Both).expect("closed");
        until(&mut compositor, |idle| *idle == Err(Silence::NotThere(NAME)));
    }
}

#[test]
fn a_compositor_that_is_not_there_or_does_not_tell_is_none() {
    assert!(Compositor::within(DEADLINE, &Stage::with(None).socket()).is_none());
    assert!(Compositor::at(Path::new("/nonexistent/wayland-0")).is_none());
}
