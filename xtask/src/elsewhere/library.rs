//! Rust's own library for a target: rustup's where it is installed, else made from its source, once.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, bail, ensure};
use rustc_build_sysroot::{BuildMode, SysrootBuilder, SysrootConfig};

use crate::{
    process::{self, capture, cargo, command, find},
    setup, story, workspace,
};

/// Names the source where it is nowhere else: Debian's package `rust-src` as a file, or the folder `library` itself.
const SOURCE: &str = "HEADFRAME_RUST_SRC";

/// Where rustc should look for the library of `target`; absent where it finds one by itself.
pub(super) fn ensure(target: &str) -> Result<Option<PathBuf>> {
    let sysroot = PathBuf::from(capture(command("rustc").args(["--print", "sysroot"]))?);
    if sysroot.join("lib/rustlib").join(target).join("lib").is_dir() {
        return Ok(None);
    }
    let version = release(&capture(command("rustc").arg("-vV"))?).context("rustc does not tell its version")?;
    let source = source(&sysroot, &version, target)?;
    let made = workspace::target_folder("elsewhere/sysroot").context("could not make a folder below target")?;
    let mut build = cargo();
    // The library is written in what only a nightly compiler takes unasked.
    build.env("RUSTC_BOOTSTRAP", "1").stderr(Stdio::inherit());
    let config = SysrootConfig::WithStd { std_features: vec!["panic-unwind".to_owned(), "backtrace".to_owned()] };
    let builder = SysrootBuilder::new(&made, target).build_mode(BuildMode::Check).sysroot_config(config).cargo(build);
    let told = format!("Reading Rust's library for {target} from {} takes a minute, once.", source.display());
    builder
        .when_build_required(|| story::tell(told))
        .build_from_source(&source)
        .with_context(|| format!("could not make Rust's library for {target}"))?;
    Ok(Some(made))
}

/// The version that `rustc -vV` prints.
fn release(printed: &str) -> Option<String> {
    printed.lines().find_map(|line| line.strip_prefix("release: ")).map(str::to_owned)
}

/// The source of exactly this compiler's library.
fn source(sysroot: &Path, version: &str, target: &str) -> Result<PathBuf> {
    if let Some(named) = std::env::var_os(SOURCE) {
        return named_source(Path::new(&named), version).with_context(|| format!("{SOURCE} is {}", named.display()));
    }
    let component = sysroot.join("lib/rustlib/src/rust/library");
    let package = PathBuf::from(format!("/usr/src/rustc-{version}/library"));
    if let Some(found) = [component, package.clone()].into_iter().find(|folder| is_library(folder)) {
        return Ok(found);
    }
    if install_package(version)? && is_library(&package) {
        return Ok(package);
    }
    bail!(
        "Rust's library for {target} is not installed, nor is its source. One of these helps:\n  \
         rustup target add {target}\n  \
         rustup component add rust-src\n  \
         {SOURCE}=FILE, where FILE is Debian's package rust-src of version {version}, or a folder with that version's `library`"
    )
}

/// A package is unpacked below target; a folder is taken as it is.
fn named_source(named: &Path, version: &str) -> Result<PathBuf> {
    let library = if named.extension() == Some(OsStr::new("deb")) {
        ensure!(find("dpkg-deb").is_some(), "unpacking it needs dpkg-deb, which was not found");
        let found = capture(command("dpkg-deb").arg("--field").arg(named).arg("Version"))?;
        ensure!(is_of_version(&found, version), "it is of version {found}, and the compiler of {version}");
        unpacked(named, &found)?.join(format!("usr/src/rustc-{version}/library"))
    } else {
        named.to_owned()
    };
    ensure!(is_library(&library), "there is no std/Cargo.toml in {}", library.display());
    // Debian's tree tells its version beside the library; rustup's is always its compiler's.
    if let Ok(found) = fs::read_to_string(library.with_file_name("src").join("version")) {
        ensure!(found.trim() == version, "it is of version {}, and the compiler of {version}", found.trim());
    }
    Ok(library)
}

fn unpacked(package: &Path, version: &str) -> Result<PathBuf> {
    let folder = workspace::target().join("elsewhere/source").join(version);
    if folder.is_dir() {
        return Ok(folder);
    }
    // Under another name until it is whole.
    let half =
        workspace::own_place(&workspace::target().join("elsewhere/source"), "half", "").context("could not make a folder")?;
    process::run(command("dpkg-deb").arg("--extract").arg(package).arg(&half))?;
    fs::rename(&half, &folder).with_context(|| format!("could not make {}", folder.display()))?;
    Ok(folder)
}

/// Installs Debian's package of the source, if there is one of exactly this version.
fn install_package(version: &str) -> Result<bool> {
    if find("apt-cache").is_none() {
        return Ok(false);
    }
    let offered = capture(command("apt-cache").args(["madison", "rust-src"])).unwrap_or_default();
    match offered_package(&offered, version) {
        Some(package) => setup::install_package(&format!("rust-src={package}"), "Rust's library is made from it").map(|()| true),
        None => Ok(false),
    }
}

/// The version of a package among those that `apt-cache madison` lists, one a line: name, version, place.
fn offered_package<'a>(offered: &'a str, version: &str) -> Option<&'a str> {
    offered.lines().filter_map(|line| line.split('|').nth(1)).map(str::trim).find(|found| is_of_version(found, version))
}

/// Whether a Debian package, such as `1.95.0+dfsg1-2`, holds this version.
fn is_of_version(package: &str, version: &str) -> bool {
    package.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', '-', '~']))
}

fn is_library(folder: &Path) -> bool {
    folder.join("std/Cargo.toml").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_source_of_the_very_compiler_will_do() {
        assert_eq!(release("rustc 1.95.0 (5980 2026-04-14)\nbinary: rustc\nrelease: 1.95.0\n").as_deref(), Some("1.95.0"));
        let offered =
            "  rust-src | 1.95.1+dfsg1-1 | http://a b/main amd64\n  rust-src | 1.95.0+dfsg1-2~bpo13+1 | http://a b/main amd64\n";
        assert_eq!(offered_package(offered, "1.95.0"), Some("1.95.0+dfsg1-2~bpo13+1"));
        assert_eq!(offered_package(offered, "1.95"), None);
        assert_eq!(offered_package("", "1.95.0"), None);
    }

    #[test]
    fn a_folder_of_another_version_or_of_none_is_refused() {
        let folder = workspace::own_place(&std::env::temp_dir(), "headframe-library", "").expect("a temporary folder");
        let library = folder.join("library");
        fs::create_dir_all(library.join("std")).expect("made");
        let refused = |library: &Path| named_source(library, "1.95.0").expect_err("refused").to_string();
        assert!(refused(&library).starts_with("there is no std/Cargo.toml in "));
        fs::write(library.join("std/Cargo.toml"), "").expect("written");
        assert_eq!(named_source(&library, "1.95.0").expect("rustup's has no version beside it"), library);
        fs::create_dir(folder.join("src")).expect("made");
        fs::write(folder.join("src/version"), "1.94.0\n").expect("written");
        assert_eq!(refused(&library), "it is of version 1.94.0, and the compiler of 1.95.0");
        fs::remove_dir_all(&folder).expect("our own");
    }
}
