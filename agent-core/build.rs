//! Compiles the relay for the containers, which are Linux whatever this system is, and leaves it for the agent to carry.
//!
//! Two plain calls of the compiler, because the relay has no dependencies and must be static: it runs in images that hold nothing.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

fn main() {
    let out = PathBuf::from(variable("OUT_DIR"));
    let source = Path::new(&variable("CARGO_MANIFEST_DIR")).join("../relay/src");
    println!("cargo::rerun-if-changed={}", source.display());
    let relay = out.join("headframe-relay");
    let compiler = Compiler::for_containers();
    let compiled = compiler
        .compile(
            &["--crate-type", "rlib", "--crate-name", "headframe_relay"],
            &source.join("lib.rs"),
            &out.join("libheadframe_relay.rlib"),
        )
        .and_then(|()| {
            let library = format!("headframe_relay={}", out.join("libheadframe_relay.rlib").display());
            compiler.compile(&["--crate-name", "relay", "--extern", &library], &source.join("main.rs"), &relay)
        });
    let Err(why) = compiled else { return };
    // An agent without it takes no job that needs it, and says so; on Linux, where everybody can have it, that is a broken build.
    assert!(!compiler.is_native, "the relay for containers could not be compiled (is the static C library there?): {why}");
    println!("cargo::warning=this agent will take no jobs that reach the internet: {why}");
    std::fs::write(relay, b"").expect("the output folder can be written");
}

struct Compiler {
    rustc: String,
    flags: Vec<String>,
    is_native: bool,
}

impl Compiler {
    fn for_containers() -> Self {
        let (system, processor) = (variable("CARGO_CFG_TARGET_OS"), variable("CARGO_CFG_TARGET_ARCH"));
        let is_native = system == "linux";
        let mut flags: Vec<String> = [
            "--edition",
            "2024",
            "-C",
            "target-feature=+crt-static",
            "-C",
            "opt-level=s",
            "-C",
            "panic=abort",
            "-C",
            "strip=symbols",
        ]
        .map(ToOwned::to_owned)
        .into();
        if is_native {
            flags.extend(["--target".to_owned(), variable("TARGET")]);
            flags.extend(env::var("RUSTC_LINKER").ok().map(|linker| format!("-Clinker={linker}")));
        } else {
            // Links by itself, without a C compiler for Linux. `rustup target add` brings it.
            flags.extend(["--target".to_owned(), format!("{processor}-unknown-linux-musl"), "-Clinker=rust-lld".to_owned()]);
        }
        Self { rustc: variable("RUSTC"), flags, is_native }
    }

    fn compile(&self, more: &[&str], source: &Path, to: &Path) -> Result<(), String> {
        let mut call = Command::new(&self.rustc);
        call.args(&self.flags).args(more).arg(source).arg("-o").arg(to);
        let done = call.output().map_err(|error| error.to_string())?;
        if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).replace('\n', " ")) }
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
