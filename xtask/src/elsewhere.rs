//! Checks the types of what only other systems compile.
//!
//! Nothing is linked and nothing runs, so no C compiler, headers or libraries of the other system are needed, but only Rust's own
//! library for it: [`library`] makes that from its source where rustup has not installed it.

mod library;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{
    process::{self, cargo},
    workspace,
};

/// A system that we do not develop on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    Windows,
    MacOs,
}

/// What runs on owners' and customers' PCs. The coordinator and the testbed run on Linux.
const PACKAGES: [&str; 6] =
    ["headframe-protocol", "headframe-control", "headframe-accounts", "headframe-contracts", "headframe-agent", "headframe-cli"];

/// What stands in for a C compiler, and for whatever packs its output: it writes an empty file where they would write theirs. In a
/// check nobody reads it.
const STAND_IN: &str = include_str!("elsewhere/stand-in.sh");

impl System {
    /// By rustc's name. Of the two for Windows the one whose tools are free: the probes are the same.
    const fn target(self) -> &'static str {
        match self {
            Self::Windows => "x86_64-pc-windows-gnu",
            Self::MacOs => "aarch64-apple-darwin",
        }
    }
}

/// Lints libraries and programs as that system's compiler would see them. Tests are left out: theirs is what can run here.
pub(crate) fn check(system: System) -> Result<()> {
    let target = system.target();
    let library = library::ensure(target)?;
    let tool = stand_in(&workspace::target_folder("elsewhere").context("could not make a folder below target")?)?;
    let mut clippy = cargo();
    clippy.args(["clippy", "--lib", "--bins", "--all-features", "--target", target]);
    clippy.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    clippy.args(["--", "--deny", "warnings"]);
    if let Some(library) = library {
        // Only what is compiled for the target gets these flags: build scripts and macros are compiled as ever.
        clippy.env("CARGO_ENCODED_RUSTFLAGS", rustc_build_sysroot::encode_rustflags(&["--sysroot".into(), library.into()]));
    }
    for program in ["CC", "CXX", "AR"] {
        clippy.env(format!("{program}_{}", target.replace('-', "_")), &tool);
    }
    process::run(&mut clippy)
}

fn stand_in(folder: &Path) -> Result<PathBuf> {
    let tool = folder.join("stand-in.sh");
    let write = || {
        fs::write(&tool, STAND_IN)?;
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755))
    };
    // Left alone where it is right already: who writes a program cannot start it at the same moment.
    let is_there = fs::read_to_string(&tool).is_ok_and(|text| text == STAND_IN);
    if !is_there {
        write().with_context(|| format!("could not write {}", tool.display()))?;
    }
    Ok(tool)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_stand_in_writes_where_a_compiler_and_an_archiver_would() {
        let folder = workspace::own_place(&std::env::temp_dir(), "headframe-stand-in", "").expect("a temporary folder");
        fs::create_dir_all(&folder).expect("made");
        let tool = stand_in(&folder).expect("a writable folder");
        let run = |arguments: &[&str]| {
            // Another test may be starting a program of its own: a copy of our open file in it is gone a moment later.
            let run = Command::new("sh").arg(&tool).args(arguments).current_dir(&folder).status().expect("a shell");
            assert!(run.success(), "{arguments:?}");
        };
        for (arguments, made) in [
            (["-c", "-O3", "a b.c", "-o", "a.o"].as_slice(), "a.o"),
            (&["cq", "libfirst.a", "a.o"], "libfirst.a"),
            (&["rcs", "some where/libsecond.a"], "some where/libsecond.a"),
        ] {
            fs::create_dir_all(folder.join("some where")).expect("made");
            run(arguments);
            assert!(folder.join(made).is_file(), "{made}");
        }
        run(&["--version"]);
        run(&["-E", "family.c"]);
        fs::remove_dir_all(&folder).expect("our own");
    }
}
