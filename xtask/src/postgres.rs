//! A private PostgreSQL cluster: made for one run, on loopback, on a free port, as durable as a real one.

use std::{
    net::TcpListener,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{
    process::{Server, command, find, run, tied_to_us},
    setup, workspace,
};

/// How long the server may take to accept connections after `initdb`.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A running cluster. Dropping it stops it; the next run makes a new one in its place.
#[derive(Debug)]
pub(crate) struct Postgres {
    _server: Server,
    /// Where the tests may create databases.
    pub(crate) url: String,
}

impl Postgres {
    /// Makes and starts a cluster.
    pub(crate) fn start() -> Result<Self> {
        let programs = programs().context("PostgreSQL's server programs were not found")?;
        // initdb refuses to run as root, so as root it runs as Debian's own user for it.
        let user = setup::is_root()?.then_some("postgres");
        let folder = fresh_folder(user)?;
        let mut initdb = tied_to_us(programs.join("initdb"), user);
        initdb.args(["--username", "headframe", "--auth", "trust", "--encoding", "UTF8", "--no-locale", "--pgdata"]).arg(&folder);
        run(initdb.stdout(std::process::Stdio::null())).context("could not make a database cluster")?;

        let port = free_port()?;
        let mut postgres = tied_to_us(programs.join("postgres"), user);
        postgres.arg("-D").arg(&folder);
        for setting in [
            format!("port={port}"),
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            // One database per test, several tests at once, a small pool each.
            "max_connections=400".to_owned(),
            // A lost commit is what the tests look for: no shortcut may hide it.
            "fsync=on".to_owned(),
            "synchronous_commit=on".to_owned(),
        ] {
            postgres.args(["-c", &setting]);
        }
        let log = workspace::target_folder("logs")?.join("postgres.log");
        let mut server = Server::start("postgres", &mut postgres, &log)?;
        let status = folder.join("postmaster.pid");
        let ready = || std::fs::read_to_string(&status).is_ok_and(|text| says_ready(&text)).then_some(());
        server.wait_until(START_LIMIT, ready)?;
        Ok(Self { _server: server, url: format!("postgres://headframe@127.0.0.1:{port}/postgres") })
    }
}

/// Whether the server's own status file says that it accepts connections: its eighth line, which `pg_ctl` reads too.
fn says_ready(status: &str) -> bool {
    status.lines().nth(7).is_some_and(|line| line.trim() == "ready")
}

/// The folder with `initdb` and `postgres`, the newest where there are several.
pub(crate) fn programs() -> Option<PathBuf> {
    if let Some(initdb) = find("initdb") {
        return initdb.parent().map(Path::to_owned);
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut folders: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            let programs = entry.path().join("bin");
            programs.join("initdb").exists().then_some((version, programs))
        })
        .collect();
    folders.sort();
    folders.pop().map(|(_, programs)| programs)
}

/// An empty folder that `user` owns and can reach: below target, or in the system's temporary folder where somebody's home
/// stands closed between the database's user and us.
fn fresh_folder(user: Option<&str>) -> Result<PathBuf> {
    let target = workspace::target();
    let base = if user.is_none() || target.ancestors().all(open_to_others) { target } else { std::env::temp_dir() };
    let folder = base.join("pg");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("could not clear {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
    if let Some(user) = user {
        run(command("chown").arg(user).arg(&folder))?;
    }
    Ok(folder)
}

fn open_to_others(folder: &Path) -> bool {
    const OTHERS_MAY_ENTER: u32 = 0o001;
    std::fs::metadata(folder).is_ok_and(|found| found.mode() & OTHERS_MAY_ENTER != 0)
}

/// A port that was free a moment ago. PostgreSQL cannot pick one itself.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on loopback")?;
    Ok(listener.local_addr().context("a bound port has an address")?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_starting_server_is_not_ready() {
        let status = |last: &str| format!("12\n/pg\n1\n5433\n\n127.0.0.1\n  5  6\n{last}\n");
        assert!(says_ready(&status("ready   ")));
        assert!(!says_ready(&status("starting")));
        assert!(!says_ready("12\n/pg\n"));
    }
}
