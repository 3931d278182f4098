//! Khronos' own judge of the language, `spirv-val`. Debian's is too old to know these matrices, so `cargo xtask kernels` and every test run fetch one.

use std::{env, fs, path::PathBuf, process::Command};

/// Where xtask keeps it, below the folder of everything that is built.
const KEPT: &str = "tools/spirv/cmeel.prefix/bin/spirv-val";

fn program() -> PathBuf {
    let us = env::current_exe().expect("a program");
    let kept = us.ancestors().map(|folder| folder.join(KEPT)).find(|kept| kept.exists());
    kept.expect("spirv-val is missing; `cargo xtask kernels` fetches it")
}

/// Panics with what it has against a program.
pub(super) fn judge(words: &[u32]) {
    if let Some(complaint) = complaint(words) {
        panic!("{complaint}");
    }
}

/// What it has against a program, if anything.
pub(super) fn complaint(words: &[u32]) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("program.spv");
    fs::write(&path, bytemuck::cast_slice(words)).expect("it is written");
    let output = Command::new(program()).args(["--target-env", "vulkan1.3"]).arg(&path).output().expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    (!output.status.success()).then(|| String::from_utf8_lossy(&said).into_owned())
}
