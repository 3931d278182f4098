//! A private PostgreSQL cluster: made for one run, on loopback, on a free port, as durable as a real one.

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{
    process::{Server, capture, command, find, free_port, run, tied_to_us},
    setup, story, workspace,
};

/// How long the server may take to accept connections after `initdb`.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Texts are ordered as a language orders them, like on most servers in the wild: what leans on the order of bytes shows here.
/// ICU is built into the server and needs no locale of the system. From PostgreSQL 15 on.
const COLLATION: [&str; 3] = ["--no-locale", "--locale-provider=icu", "--icu-locale=en-US"];

/// A running cluster. Dropping it stops it and removes it, unless somebody wants to look at it.
#[derive(Debug)]
pub(crate) struct Postgres {
    // Before the folder: a server must not lose its files while it runs.
    _server: Server,
    folder: Folder,
    /// Where the tests may create databases.
    pub(crate) url: String,
}

/// Where the cluster lies. Dropping it removes it.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    kept: bool,
}

impl Postgres {
    /// Makes and starts a cluster.
    pub(crate) fn start() -> Result<Self> {
        let programs = programs().context("PostgreSQL's server programs were not found")?;
        // initdb refuses to run as root, so as root it runs as Debian's own user for it.
        let user = setup::is_root()?.then_some("postgres");
        let folder = fresh_folder(user)?;
        let mut initdb = tied_to_us(programs.join("initdb"), user);
        initdb.args(["--username", "headframe", "--auth", "trust", "--encoding", "UTF8"]).args(COLLATION);
        capture(initdb.arg("--pgdata").arg(&folder.path)).context("could not make a database cluster")?;

        let port = free_port()?;
        let mut postgres = tied_to_us(programs.join("postgres"), user);
        postgres.arg("-D").arg(&folder.path);
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
        let log = workspace::log("postgres")?;
        let mut server = Server::start("postgres", &mut postgres, &log)?;
        let status = folder.path.join("postmaster.pid");
        let ready = || std::fs::read_to_string(&status).is_ok_and(|text| says_ready(&text)).then_some(());
        server.wait_until(START_LIMIT, ready)?;
        Ok(Self { _server: server, folder, url: format!("postgres://headframe@127.0.0.1:{port}/postgres") })
    }

    /// Leaves the files where they are: the databases of failed tests are in them. The next run removes them.
    pub(crate) fn keep(mut self) {
        self.folder.kept = true;
        let path = self.folder.path.display();
        story::tell(format_args!("The databases are kept until the next run: `postgres -D {path}` serves them again."));
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
fn fresh_folder(user: Option<&str>) -> Result<Folder> {
    let target = workspace::target();
    let base = if user.is_none() || target.ancestors().all(open_to_others) { target } else { std::env::temp_dir() };
    let path = workspace::own_place(&base, "pg", "").with_context(|| format!("could not look into {}", base.display()))?;
    std::fs::create_dir_all(&path).with_context(|| format!("could not make {}", path.display()))?;
    let folder = Folder { path, kept: false };
    if let Some(user) = user {
        run(command("chown").arg(user).arg(&folder.path))?;
    }
    Ok(folder)
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            // What is left is removed by the next run.
            std::fs::remove_dir_all(&self.path).ok();
        }
    }
}

fn open_to_others(folder: &Path) -> bool {
    const OTHERS_MAY_ENTER: u32 = 0o001;
    std::fs::metadata(folder).is_ok_and(|found| found.mode() & OTHERS_MAY_ENTER != 0)
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
