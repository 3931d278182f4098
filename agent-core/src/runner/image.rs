//! Images: fetched by digest, looked at before use, forgotten when the owner's space for them is full.

use std::{collections::HashMap, time::Duration};

use bollard::{
    Docker,
    auth::DockerCredentials,
    errors::Error as EngineError,
    models::{CreateImageInfo, ImageInspect},
    query_parameters::CreateImageOptionsBuilder,
};
use futures_util::StreamExt as _;
use headframe_protocol::{ImageRef, job::Reason, session::RegistryLogin};

use super::failure::{Failure, is_disk_full};
use crate::fault;

mod shelf;

pub(super) use shelf::Shelf;

/// Tries of one pull. Layers that arrived are kept between them.
const PULL_TRIES: u32 = 3;
/// Between tries; doubles.
const PULL_PAUSE: Duration = Duration::from_secs(1);
/// A registry that sends nothing for this long will not send more.
const PULL_STALL_MAX: Duration = Duration::from_secs(120);

/// Variables that change how programs are loaded or which devices they see.
pub(super) fn is_forbidden_env(line: &str) -> bool {
    ["LD_", "NVIDIA_", "GLIBC_TUNABLES"].iter().any(|prefix| line.starts_with(prefix))
}

/// An image that is here and may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ready {
    /// The engine's own id of it.
    pub(super) id: String,
    /// What it starts unless the job says otherwise.
    pub(super) entrypoint: Vec<String>,
    /// Arguments after that.
    pub(super) args: Vec<String>,
}

/// Makes `image` ready: looks whether it is here, else pulls it, and looks at its settings. `progress` hears parts per
/// thousand.
pub(super) async fn make_ready(
    docker: &Docker,
    shelf: &Shelf,
    image: &ImageRef,
    login: Option<&RegistryLogin>,
    mut progress: impl FnMut(u16),
) -> Result<Ready, Failure> {
    let name = image.to_string();
    let inspected = match docker.inspect_image(&name).await {
        Ok(inspected) => inspected,
        Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => {
            // Noted before it is fetched: what a stop, a crash or a refusal leaves here is ours to remove.
            shelf.fetching(image).await;
            pull_with_retries(docker, image, login, shelf.cap_bytes(), &mut progress).await?;
            fault::point("image.pulled");
            docker.inspect_image(&name).await.map_err(|error| Failure::engine("inspect the image", &error))?
        }
        Err(error) => return Err(Failure::engine("inspect the image", &error)),
    };
    let bytes = bytes_of(&inspected);
    shelf.used(image, bytes).await;
    look_at(&inspected).map_err(|what| Failure::because(Reason::ImageRefused, what))?;
    if shelf.is_ours(image) && bytes > shelf.cap_bytes() {
        return Err(too_large());
    }
    let config = inspected.config.unwrap_or_default();
    match inspected.id {
        Some(id) => Ok(Ready { id, entrypoint: config.entrypoint.unwrap_or_default(), args: config.cmd.unwrap_or_default() }),
        None => Err(Failure::because(Reason::EngineFailed, "The engine does not name the image it has.")),
    }
}

fn bytes_of(image: &ImageInspect) -> u64 {
    image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default()
}

/// Another rig's owner may give more.
fn too_large() -> Failure {
    Failure::because(Reason::RigDiskFull, "The image is larger than all the space that the rig's owner gives to images.")
}

/// What makes an image unfit, as a sentence.
fn look_at(image: &ImageInspect) -> Result<(), String> {
    if let Some(os) = image.os.as_deref().filter(|os| *os != "linux") {
        return Err(format!("The image is for {os}; only Linux images run here."));
    }
    let Some(config) = &image.config else { return Ok(()) };
    if let Some(line) = config.env.iter().flatten().find(|line| is_forbidden_env(line)) {
        let name = line.split('=').next().unwrap_or_default();
        return Err(format!("The image sets {name}, which changes the loader or the devices."));
    }
    if config.on_build.as_ref().is_some_and(|triggers| !triggers.is_empty()) {
        return Err("The image has ONBUILD triggers.".to_owned());
    }
    if config.volumes.as_ref().is_some_and(|volumes| !volumes.is_empty()) {
        return Err("The image declares a VOLUME, which would escape the disk limit.".to_owned());
    }
    Ok(())
}

async fn pull_with_retries(
    docker: &Docker,
    image: &ImageRef,
    login: Option<&RegistryLogin>,
    bytes_max: u64,
    progress: &mut impl FnMut(u16),
) -> Result<(), Failure> {
    let mut pause = PULL_PAUSE;
    for tries_left in (0..PULL_TRIES).rev() {
        match pull(docker, image, login, bytes_max, progress).await {
            Ok(()) => return Ok(()),
            Err(PullError::TooLarge) => return Err(too_large()),
            Err(PullError::Missing) => return Err(Failure::plain(Reason::ImageMissing)),
            Err(PullError::DiskFull) => return Err(Failure::plain(Reason::RigDiskFull)),
            Err(PullError::BrokeOff(said)) if tries_left > 0 => {
                tracing::info!(image.digest = %image.digest(), "Pulling {image} broke off, trying again: {said}");
            }
            Err(PullError::BrokeOff(said)) => {
                tracing::warn!(image.digest = %image.digest(), "Could not pull {image}: {said}");
                return Err(Failure::plain(Reason::PullFailed));
            }
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    Err(Failure::plain(Reason::PullFailed))
}

/// How a pull ends when it does not end well.
#[derive(Debug, PartialEq, Eq)]
enum PullError {
    Missing,
    TooLarge,
    DiskFull,
    BrokeOff(String),
}

async fn pull(
    docker: &Docker,
    image: &ImageRef,
    login: Option<&RegistryLogin>,
    bytes_max: u64,
    progress: &mut impl FnMut(u16),
) -> Result<(), PullError> {
    let credentials = login.map(|login| DockerCredentials {
        username: Some(login.user.clone()),
        password: Some(login.password.clone()),
        serveraddress: Some(image.registry().to_owned()),
        ..DockerCredentials::default()
    });
    let options = CreateImageOptionsBuilder::new().from_image(&image.to_string()).build();
    let mut stream = std::pin::pin!(docker.create_image(Some(options), None, credentials));
    let mut layers = Layers::default();
    loop {
        match tokio::time::timeout(PULL_STALL_MAX, stream.next()).await {
            Err(_) => return Err(PullError::BrokeOff(format!("nothing came for {} s", PULL_STALL_MAX.as_secs()))),
            Ok(None) => return Ok(()),
            Ok(Some(Ok(info))) => {
                if let Some(permille) = layers.add(info) {
                    progress(permille);
                }
                // What is still packed is more when it lies here: this much is enough to know. The rest is seen afterwards.
                if layers.bytes() > bytes_max {
                    return Err(PullError::TooLarge);
                }
            }
            Ok(Some(Err(error))) => return Err(pull_error(&error)),
        }
    }
}

fn pull_error(error: &EngineError) -> PullError {
    let text = error.to_string();
    if is_disk_full(&text) {
        return PullError::DiskFull;
    }
    // A registry that is down is "connection refused" or "no such host"; only the registry itself says "unknown".
    if ["manifest unknown", "name unknown", "manifest for ", "repository name not known"].iter().any(|said| text.contains(said)) {
        return PullError::Missing;
    }
    PullError::BrokeOff(text.chars().take(300).collect())
}

/// Progress of the layers of one pull.
#[derive(Debug, Default)]
struct Layers {
    fetched: HashMap<String, (i64, i64)>,
    told: u16,
}

impl Layers {
    /// Takes one line of the engine in; says so when another percent is done.
    fn add(&mut self, info: CreateImageInfo) -> Option<u16> {
        let id = info.id?;
        match (info.status.as_deref(), info.progress_detail.and_then(|detail| Some((detail.current?, detail.total?)))) {
            (Some("Downloading"), Some((current, total))) if total > 0 => {
                self.fetched.insert(id, (current.min(total), total));
            }
            (Some("Download complete" | "Pull complete"), _) => {
                let layer = self.fetched.get_mut(&id)?;
                layer.0 = layer.1;
            }
            (Some(_) | None, _) => return None,
        }
        let (current, total) = self.fetched.values().fold((0, 0), |(all, of), (current, total)| (all + current, of + total));
        let permille = u16::try_from(current.saturating_mul(1_000) / total.max(1)).unwrap_or(1_000);
        (permille >= self.told + 10).then(|| {
            self.told = permille;
            permille
        })
    }

    /// Of those that are known so far, as they are sent.
    fn bytes(&self) -> u64 {
        self.fetched.values().filter_map(|(_, total)| u64::try_from(*total).ok()).fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::{ImageConfig, ProgressDetail};

    use super::*;

    fn verdict(change: impl Fn(&mut ImageConfig)) -> Result<(), String> {
        let mut config = ImageConfig { env: Some(vec!["PATH=/bin".to_owned()]), ..ImageConfig::default() };
        change(&mut config);
        look_at(&ImageInspect { os: Some("linux".to_owned()), config: Some(config), ..ImageInspect::default() })
    }

    #[test]
    fn a_plain_image_may_run() {
        assert_eq!(verdict(|_| {}), Ok(()));
    }

    #[test]
    fn images_that_change_the_loader_or_escape_the_limits_may_not() {
        for line in ["LD_PRELOAD=/x.so", "NVIDIA_VISIBLE_DEVICES=all", "GLIBC_TUNABLES=x"] {
            assert!(verdict(|config| config.env = Some(vec![line.to_owned()])).is_err(), "{line}");
        }
        assert!(verdict(|config| config.on_build = Some(vec!["RUN x".to_owned()])).is_err());
        assert!(verdict(|config| config.volumes = Some(vec!["/data".to_owned()])).is_err());
        assert!(look_at(&ImageInspect { os: Some("windows".to_owned()), ..ImageInspect::default() }).is_err());
    }

    #[test]
    fn missing_is_told_from_broken() {
        let said = |message: &str| pull_error(&EngineError::DockerStreamError { error: message.to_owned() });
        assert_eq!(said("manifest for a/b@sha256:0 not found: manifest unknown: manifest unknown"), PullError::Missing);
        assert_eq!(said("name unknown: repository name not known to registry"), PullError::Missing);
        assert!(matches!(said("Get http://127.0.0.1:5000/v2/: dial tcp: connect: connection refused"), PullError::BrokeOff(_)));
        assert_eq!(said("write /var/lib/x: no space left on device"), PullError::DiskFull);
    }

    #[test]
    fn progress_is_told_in_percents() {
        let line = |id: &str, current, total| CreateImageInfo {
            id: Some(id.to_owned()),
            status: Some("Downloading".to_owned()),
            progress_detail: Some(ProgressDetail { current: Some(current), total: Some(total) }),
            ..CreateImageInfo::default()
        };
        let mut layers = Layers::default();
        assert_eq!(layers.add(line("a", 1, 1_000)), None);
        assert_eq!(layers.add(line("a", 500, 1_000)), Some(500));
        assert_eq!(layers.add(line("b", 0, 1_000)), None, "it never goes back");
        assert_eq!(layers.add(line("b", 1_000, 1_000)), Some(750));
        assert_eq!(layers.bytes(), 2_000);
    }
}
