//! Gives a fresh volume of the engine to nobody, without running anything.
//!
//! A new volume belongs to root, and no call of the engine changes that. But a volume mounted over a folder of an image takes
//! over that folder's owner when the container is made; so a container is made from an image that holds just
//! that folder, and removed again. It never starts.

use std::collections::HashMap;

use bollard::{
    Docker, body_full,
    errors::Error as EngineError,
    models::{ContainerCreateBody, HostConfig, Mount, MountType},
    query_parameters::{CreateContainerOptionsBuilder, CreateImageOptionsBuilder, RemoveContainerOptionsBuilder},
};
use futures_util::TryStreamExt as _;
use headframe_protocol::DeviceId;

use crate::{
    fault,
    runner::{inputs::NOBODY, sandbox},
};

/// The image's name here; it comes from nowhere and goes nowhere.
const REPOSITORY: &str = "headframe-work-folder";
const TAG: &str = "1";

/// The image, made if it is not there.
pub(in crate::runner) async fn image(docker: &Docker) -> Result<String, EngineError> {
    let image = format!("{REPOSITORY}:{TAG}");
    if docker.inspect_image(&image).await.is_err() {
        let options = CreateImageOptionsBuilder::new().from_src("-").repo(REPOSITORY).tag(TAG).build();
        let archive = one_folder().map_err(EngineError::from)?;
        docker.create_image(Some(options), Some(body_full(archive.into())), None).try_collect::<Vec<_>>().await?;
    }
    Ok(image)
}

pub(super) async fn give_to_nobody(docker: &Docker, volume: &str, device: DeviceId) -> Result<(), EngineError> {
    let image = image(docker).await?;
    let name = format!("{volume}-seed");
    let mount = Mount {
        typ: Some(MountType::VOLUME),
        source: Some(volume.to_owned()),
        target: Some("/work".to_owned()),
        ..Mount::default()
    };
    let body = ContainerCreateBody {
        image: Some(image),
        cmd: Some(vec!["never".to_owned()]),
        labels: Some(HashMap::from([(sandbox::label::DEVICE.to_owned(), device.to_string())])),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            mounts: Some(vec![mount]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    docker.create_container(Some(CreateContainerOptionsBuilder::new().name(&name).build()), body).await?;
    fault::point("volume.seed_made");
    docker.remove_container(&name, Some(RemoveContainerOptionsBuilder::new().force(true).build())).await?;
    fault::point("volume.seed_removed");
    Ok(())
}

fn one_folder() -> std::io::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(0o755);
    header.set_uid(NOBODY.into());
    header.set_gid(NOBODY.into());
    header.set_size(0);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, "work/", std::io::empty())?;
    tar.into_inner()
}
