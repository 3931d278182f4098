//! The drivers between the test and the window, as unreliable as they are: they may not come up, may end, may hang.

use std::{
    env,
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout_at};

use crate::{page::Page, processes::Group, stage::target_folder};

/// How long the drivers may take to bring up a window with its first page, on two busy cores.
const OPEN_MAX: Duration = Duration::from_secs(90);

/// Between two tries at a driver that does not listen yet.
const DIAL_EVERY: Duration = Duration::from_millis(200);

/// Below 32,768 the system gives no ports away by itself, so nobody takes one between our look and the driver's.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Has a new driver launch `program` for `data_dir`; `surround` gives the driver its surroundings, and what it says goes
/// to `log`. Nothing is left of a driver that fails.
pub(crate) async fn open(
    program: &Path,
    data_dir: &Path,
    log: &Path,
    surround: impl Fn(&mut Command),
) -> Result<(Group, Page), String> {
    let mut command = Command::new(find("HEADFRAME_TAURI_DRIVER", "tauri-driver"));
    surround(&mut command);
    let said = File::options().create(true).append(true).open(log).expect("in our own folder");
    command.stdout(said.try_clone().expect("a file")).stderr(said);
    // It finds one on the path by itself; a name alone it would take for a file beside us.
    if let Some(native) = env::var_os("HEADFRAME_WEBKIT_DRIVER") {
        command.arg("--native-driver").arg(native);
    }
    let (port, native_port) = free_ports();
    command.args(["--port", &port.to_string(), "--native-port", &native_port.to_string()]);
    let mut driver = Group::start(&mut command);

    let deadline = Instant::now() + OPEN_MAX;
    loop {
        let refused = match timeout_at(deadline, Page::open(port, program, data_dir)).await {
            Ok(Ok(page)) => return Ok((driver, page)),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it hangs".to_owned(),
        };
        // It takes a moment until it listens, and WebDriver has no word for "try again".
        if let Ok(Some(status)) = driver.child().try_wait() {
            return Err(format!("the driver ended ({status}) after: {refused}"));
        }
        if Instant::now() >= deadline {
            return Err(format!("no window after {OPEN_MAX:?}: {refused}"));
        }
        sleep(DIAL_EVERY).await;
    }
}

/// Two ports that are free, both held until both are chosen. The drivers cannot choose themselves.
fn free_ports() -> (u16, u16) {
    let start = u16::try_from(std::process::id() % u32::from(PORTS.end - PORTS.start)).expect("less than a port");
    let from = PORTS.start + start;
    let mut free = (from..PORTS.end).chain(PORTS.start..from).filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok());
    let (one, other) = (free.next().expect("a free port"), free.next().expect("another"));
    let port = |socket: &TcpListener| socket.local_addr().expect("bound").port();
    (port(&one), port(&other))
}

/// A program that `variable` names, that is kept in `target/tools`, or that is on the path.
fn find(variable: &str, name: &str) -> PathBuf {
    let ours = target_folder().join("tools/bin").join(name);
    env::var_os(variable)
        .map(PathBuf::from)
        .or_else(|| ours.is_file().then_some(ours))
        .unwrap_or_else(|| Path::new(name).to_owned())
}
