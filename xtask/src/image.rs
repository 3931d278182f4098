//! Job images made here, from Debian packages that nobody here wrote.
//!
//! An image is a recipe: packages, and what of them no job needs. It is rebuilt when its recipe changes, and otherwise read from
//! `target/images` or found in the engine. What is built has no CMD, no ENV and no USER: the job says all of it.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::{
    process::{command, run, says_yes},
    story, workspace,
};

/// Work that customers really have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// A video made smaller by ffmpeg.
    Transcode,
    /// A frame drawn by Blender's Cycles.
    Render,
}

impl Workload {
    /// As the testbed's command line and the image's name spell it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Transcode => "transcode",
            Self::Render => "render",
        }
    }

    fn recipe(self) -> Recipe {
        match self {
            Self::Transcode => Recipe { packages: &["ffmpeg"], unneeded: UNNEEDED },
            Self::Render => Recipe { packages: &["blender"], unneeded: UNNEEDED },
        }
    }
}

/// What an image is made of.
#[derive(Debug, Hash)]
struct Recipe {
    packages: &'static [&'static str],
    unneeded: &'static [&'static str],
}

/// Drivers and papers that come along as dependencies. Without them the ffmpeg image is half the size (490 MB to 260 MB).
/// `*-linux-gnu` because a library's folder carries the architecture's name.
const UNNEEDED: &[&str] = &[
    "usr/share/bug",
    "usr/share/doc",
    "usr/share/icons",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/pixmaps",
    "usr/share/sounds",
    // OpenGL and video drivers: a job has no display, and a GPU brings its own libraries.
    "usr/lib/*-linux-gnu/dri",
    "usr/lib/*-linux-gnu/libLLVM*",
    "usr/lib/*-linux-gnu/libz3*",
    "usr/lib/*-linux-gnu/libmfxhw*",
    "usr/lib/*-linux-gnu/mfx",
    "usr/lib/*-linux-gnu/gconv",
    "var/cache",
    "var/lib/apt",
    "var/lib/dpkg",
];

/// The name, in the engine, of an image for this workload. Built, read from the cache, or found there already.
pub(crate) fn ensure(workload: Workload) -> Result<String> {
    let suite = host_suite()?;
    let recipe = workload.recipe();
    let reference = format!("headframe/{}:{}", workload.name(), fingerprint(&recipe, &suite));
    if says_yes(command("docker").args(["image", "inspect", &reference])) {
        story::tell(format_args!("The job image is in the engine: {reference}."));
        return Ok(reference);
    }
    let archive = workspace::target_folder("images")?.join(format!("{}.tar", reference.replace(['/', ':'], "-")));
    if !archive.exists() {
        let packages = recipe.packages.join(", ");
        story::tell(format_args!("Making the job image from Debian packages ({packages}). It is kept in {}.", archive.display()));
        build(&recipe, &suite, &archive)?;
    }
    run(command("docker").arg("import").arg(&archive).arg(&reference))?;
    Ok(reference)
}

/// Unpacks the packages without running a single script of theirs, drops what is not needed, and packs the rest.
fn build(recipe: &Recipe, suite: &str, archive: &Path) -> Result<()> {
    let unfinished = archive.with_extension("unfinished.tar");
    let mut mmdebstrap = command("mmdebstrap");
    // The same time for every file: the same packages give the same layer.
    mmdebstrap.env("SOURCE_DATE_EPOCH", "1767225600");
    mmdebstrap.args(["--quiet", "--variant=extract"]);
    mmdebstrap.arg(format!("--include=busybox-static,{}", recipe.packages.join(",")));
    mmdebstrap.arg(format!("--extract-hook={}", finish(recipe)));
    mmdebstrap.arg(suite).arg(&unfinished).args(host_sources()?);
    run(&mut mmdebstrap).context("could not make the job image")?;
    // Renamed only when whole: a build that was cut off is not found by the next run.
    std::fs::rename(&unfinished, archive).with_context(|| format!("could not keep {}", archive.display()))
}

/// The shell lines that turn unpacked packages into an image. They replace what the packages' own scripts would have done.
fn finish(recipe: &Recipe) -> String {
    let unneeded: Vec<String> = recipe.unneeded.iter().map(|path| format!("\"$1\"/{path}")).collect();
    [
        "set -e".to_owned(),
        format!("rm -rf {}", unneeded.join(" ")),
        // Debian picks one of several linear-algebra libraries by a link that an install script would make.
        "for lib in \"$1\"/usr/lib/*-linux-gnu; do for name in blas/libblas.so.3 lapack/liblapack.so.3; do \
         if [ -e \"$lib/$name\" ]; then ln -s $name \"$lib/\"; fi; done; done"
            .to_owned(),
        "ln -s busybox \"$1\"/bin/sh".to_owned(),
        "mkdir -p \"$1\"/etc \"$1\"/tmp \"$1\"/work".to_owned(),
        // Jobs run as this user whatever the image says; some programs insist on finding him in a list.
        "echo nobody:x:65534:65534::/tmp:/bin/sh > \"$1\"/etc/passwd".to_owned(),
        "echo nogroup:x:65534: > \"$1\"/etc/group".to_owned(),
        "ldconfig -r \"$1\"".to_owned(),
    ]
    .join("; ")
}

fn fingerprint(recipe: &Recipe, suite: &str) -> String {
    let mut hasher = DefaultHasher::new();
    recipe.hash(&mut hasher);
    finish(recipe).hash(&mut hasher);
    suite.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// The release this machine runs: its packages and its apt go together.
fn host_suite() -> Result<String> {
    let text = std::fs::read_to_string("/etc/os-release").context("job images are made from Debian packages; is this Debian?")?;
    suite_in(&text).context("/etc/os-release names no release; job images are made on Debian or Ubuntu")
}

fn suite_in(os_release: &str) -> Option<String> {
    let value = os_release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?.trim_matches('"');
    (!value.is_empty()).then(|| value.to_owned())
}

/// Wherever this machine gets its packages from, the image gets them too.
fn host_sources() -> Result<Vec<PathBuf>> {
    let single = PathBuf::from("/etc/apt/sources.list");
    let parts = std::fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut sources: Vec<PathBuf> = parts
        .chain([single])
        .filter(|path| path.extension().is_some_and(|extension| extension == "list" || extension == "sources"))
        .filter(|path| std::fs::read_to_string(path).is_ok_and(|text| has_entries(&text)))
        .collect();
    sources.sort();
    if sources.is_empty() {
        bail!("no package source was found in /etc/apt; job images are made from Debian packages");
    }
    Ok(sources)
}

fn has_entries(sources: &str) -> bool {
    sources.lines().any(|line| line.starts_with("deb ") || line.starts_with("deb\t") || line.starts_with("URIs:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_read_with_and_without_quotes() {
        assert_eq!(suite_in("ID=debian\nVERSION_CODENAME=bookworm\n").as_deref(), Some("bookworm"));
        assert_eq!(suite_in("VERSION_CODENAME=\"noble\"").as_deref(), Some("noble"));
        assert_eq!(suite_in("ID=arch\n"), None);
    }

    #[test]
    fn an_empty_sources_list_is_no_source() {
        assert!(!has_entries("# See the sources.list(5) manual page\n"));
        assert!(has_entries("deb [signed-by=/a] http://example.org/debian stable main"));
        assert!(has_entries("Types: deb\nURIs: http://example.org/debian\n"));
    }

    #[test]
    fn a_changed_recipe_is_another_image() {
        let before = Recipe { packages: &["ffmpeg"], unneeded: &[] };
        let after = Recipe { packages: &["ffmpeg"], unneeded: &["usr/share/doc"] };
        assert_eq!(fingerprint(&before, "bookworm"), fingerprint(&before, "bookworm"));
        assert_ne!(fingerprint(&before, "bookworm"), fingerprint(&after, "bookworm"));
        assert_ne!(fingerprint(&before, "bookworm"), fingerprint(&before, "trixie"));
    }
}
