//! Images of a testbed: made here, pushed to its registry as any customer would, known by digest afterwards.

use std::{io::Write as _, path::Path};

use anyhow::{Context as _, Result, bail};
use bollard::{
    Docker,
    auth::DockerCredentials,
    body_full,
    query_parameters::{
        CreateImageOptionsBuilder, ListImagesOptions, PushImageOptionsBuilder, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
    },
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use headframe_protocol::ImageRef;

/// The only program in a tiny image, linked statically.
const BUSYBOX: &str = "/bin/busybox";

/// What a tiny image has beside its programs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ballast {
    /// Bytes that do not compress, so that pulling them takes its time on a slow line.
    pub bytes: usize,
}

/// The file system of a tiny image: busybox under all its names, an empty `/tmp` and `/work`.
///
/// # Errors
/// If this computer has no busybox.
pub fn busybox_tar(ballast: Ballast) -> Result<Vec<u8>> {
    let program = std::fs::read(BUSYBOX).with_context(|| format!("{BUSYBOX} is missing; install busybox-static"))?;
    let listed = std::process::Command::new(BUSYBOX).arg("--list").output().context("could not ask busybox what it can do")?;
    let mut archive = tar::Builder::new(Vec::new());
    for folder in ["bin/", "tmp/", "work/", "etc/"] {
        let mut header = header(tar::EntryType::Directory, 0, 0o755);
        archive.append_data(&mut header, folder, std::io::empty())?;
    }
    archive.append_data(&mut header(tar::EntryType::Regular, program.len() as u64, 0o755), "bin/busybox", &program[..])?;
    for name in String::from_utf8_lossy(&listed.stdout).lines().filter(|name| !name.is_empty() && *name != "busybox") {
        archive.append_link(&mut header(tar::EntryType::Symlink, 0, 0o777), Path::new("bin").join(name), "busybox")?;
    }
    if ballast.bytes > 0 {
        let noise = noise(ballast.bytes);
        archive.append_data(&mut header(tar::EntryType::Regular, noise.len() as u64, 0o644), "ballast", &noise[..])?;
    }
    archive.into_inner().context("could not finish the archive")
}

fn header(kind: tar::EntryType, bytes: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(bytes);
    header.set_mode(mode);
    header
}

/// Bytes that no compression shrinks, different each time.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = u64::from_le_bytes(*uuid::Uuid::new_v4().as_bytes().first_chunk().unwrap_or(&[1; 8])) | 1;
    let mut noise = Vec::with_capacity(bytes + 8);
    while noise.len() < bytes {
        // xorshift64: not secret, just not compressible.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let _whole = noise.write_all(&state.to_le_bytes());
    }
    noise.truncate(bytes);
    noise
}

/// Imports a file system as an image named `tag` (`repository:tag`).
///
/// # Errors
/// If the engine refuses.
pub async fn import(docker: &Docker, archive: Vec<u8>, tag: &str) -> Result<()> {
    let options = CreateImageOptionsBuilder::new().from_src("-").repo(tag).build();
    let mut steps = docker.create_image(Some(options), Some(body_full(archive.into())), None).boxed();
    while let Some(step) = steps.try_next().await.context("the engine did not import an image")? {
        if let Some(error) = step.error_detail {
            bail!("the engine did not import an image: {}", error.message.unwrap_or_default());
        }
    }
    Ok(())
}

/// Pushes the engine's image `local` as `registry/namespace/name`, and forgets it in the engine again, so that rigs on the
/// same engine really pull it.
///
/// # Errors
/// If engine or registry refuse.
pub async fn push(docker: &Docker, local: &str, repository: &str, api_key: &str) -> Result<ImageRef> {
    let tag = uuid::Uuid::new_v4().simple().to_string();
    let options = TagImageOptionsBuilder::new().repo(repository).tag(&tag).build();
    docker.tag_image(local, Some(options)).await.context("could not name an image")?;
    let login = DockerCredentials {
        username: Some("customer".to_owned()),
        password: Some(api_key.to_owned()),
        ..DockerCredentials::default()
    };
    let options = PushImageOptionsBuilder::new().tag(&tag).build();
    let mut steps = docker.push_image(repository, Some(options), Some(login)).boxed();
    while let Some(step) = steps.try_next().await.with_context(|| format!("could not push {repository}"))? {
        if let Some(error) = step.error_detail {
            bail!("could not push {repository}: {}", error.message.unwrap_or_default());
        }
    }
    drop(steps);
    let pushed = format!("{repository}:{tag}");
    let found = docker.inspect_image(&pushed).await.context("the pushed image is gone")?;
    let digests = found.repo_digests.unwrap_or_default();
    let name = digests.iter().find(|digest| digest.starts_with(&format!("{repository}@")));
    let image =
        name.with_context(|| format!("{repository} was pushed without a digest"))?.parse().context("a digest we do not know")?;
    forget(docker, &pushed).await?;
    Ok(image)
}

/// Removes a name, and the image with it if that was its last.
///
/// # Errors
/// If the engine refuses.
pub async fn forget(docker: &Docker, name: &str) -> Result<()> {
    let found = docker.inspect_image(name).await.context("no such image")?;
    // By digest first: the engine keeps an image that a digest still names.
    let repository = name.rsplit_once(':').map_or(name, |(repository, _)| repository);
    let digests = found.repo_digests.unwrap_or_default();
    let names = digests.into_iter().filter(|digest| digest.starts_with(&format!("{repository}@"))).chain([name.to_owned()]);
    for name in names {
        remove(docker, &name).await?;
    }
    Ok(())
}

/// Removes every image of `registry` that the engine has.
///
/// # Errors
/// If the engine refuses.
pub async fn forget_all_of(docker: &Docker, registry: &str) -> Result<()> {
    let prefix = format!("{registry}/");
    let images = docker.list_images(None::<ListImagesOptions>).await.context("could not list images")?;
    for image in images {
        let digests = image.repo_digests.iter().filter(|name| name.starts_with(&prefix));
        for name in digests.chain(image.repo_tags.iter().filter(|name| name.starts_with(&prefix))) {
            remove(docker, name).await?;
        }
    }
    Ok(())
}

/// Removes one name of an image.
async fn remove(docker: &Docker, name: &str) -> Result<()> {
    let options = RemoveImageOptionsBuilder::new().force(false).build();
    match docker.remove_image(name, Some(options), None).await {
        Ok(_) => Ok(()),
        // Removing the last name of an image removes the image, and with it the other names.
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("could not remove the image {name}")),
    }
}
