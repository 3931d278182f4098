//! The relay's program in a container: on a volume of its own, which the job can read and not change.
//!
//! No path of the host is mounted and the job's work volume stays the job's. One volume serves all containers of a rig; it is filled
//! through the engine's archive call, in a container that never starts.

use std::{collections::HashMap, io, pin::Pin, time::Duration};

use bollard::{
    Docker, body_full,
    container::LogOutput,
    errors::Error as EngineError,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
    models::{ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions, VolumeCreateRequest},
    query_parameters::{
        CreateContainerOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveVolumeOptions,
        UploadToContainerOptionsBuilder,
    },
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use headframe_protocol::{DeviceId, Sha256};
use headframe_relay::{SERVE, START};
use tokio::{io::AsyncWrite, sync::OnceCell, time::timeout};

use crate::runner::{sandbox, work::seed};

/// The program, for the containers of this PC's processor. Empty in an agent that was built without it.
pub(in crate::runner) const PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/headframe-relay"));

/// Where it is in a container.
const FOLDER: &str = "/headframe";
const PATH: &str = "/headframe/relay";

/// Whose volume it is.
const LABEL: &str = "headframe.relay";

/// An engine that has not started a program by then is broken.
const EXEC_MAX: Duration = Duration::from_secs(30);

/// The volume, made when the first container needs it.
#[derive(Debug, Default)]
pub(in crate::runner) struct RelayVolume(OnceCell<String>);

impl RelayVolume {
    /// Its name, once it is there and filled.
    pub(in crate::runner) async fn make_ready(&self, docker: &Docker, device: DeviceId) -> Result<&str, EngineError> {
        self.0.get_or_try_init(|| make(docker, device)).await.map(String::as_str)
    }
}

async fn make(docker: &Docker, device: DeviceId) -> Result<String, EngineError> {
    // Named by its content: another agent's is another.
    let sum = Sha256::of(PROGRAM).to_string();
    let name = format!("headframe-relay-{device}-{}", &sum[..16]);
    remove_others(docker, device, &name).await;
    let request = VolumeCreateRequest {
        name: Some(name.clone()),
        labels: Some(HashMap::from([(LABEL.to_owned(), device.to_string())])),
        ..VolumeCreateRequest::default()
    };
    docker.create_volume(request).await?;
    let filler = format!("{name}-filler");
    let force = || Some(RemoveContainerOptionsBuilder::new().force(true).build());
    // Left by a life that was cut off here.
    docker.remove_container(&filler, force()).await.ok();
    let body = ContainerCreateBody {
        image: Some(seed::image(docker).await?),
        cmd: Some(vec!["never".to_owned()]),
        labels: Some(HashMap::from([(sandbox::label::DEVICE.to_owned(), device.to_string())])),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            mounts: Some(vec![Mount { read_only: Some(false), ..mount(&name) }]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    docker.create_container(Some(CreateContainerOptionsBuilder::new().name(&filler).build()), body).await?;
    let archive = packed().map_err(EngineError::from)?;
    let options = UploadToContainerOptionsBuilder::new().path(FOLDER).build();
    let filled = docker.upload_to_container(&filler, Some(options), body_full(archive.into())).await;
    docker.remove_container(&filler, force()).await?;
    filled.map(|()| name)
}

/// Those of earlier versions. One that is in use stays until a later start.
async fn remove_others(docker: &Docker, device: DeviceId, name: &str) {
    let filter = HashMap::from([("label", vec![format!("{LABEL}={device}")])]);
    let Ok(found) = docker.list_volumes(Some(ListVolumesOptionsBuilder::new().filters(&filter).build())).await else { return };
    for old in found.volumes.into_iter().flatten().filter(|volume| volume.name != name) {
        docker.remove_volume(&old.name, None::<RemoveVolumeOptions>).await.ok();
    }
}

fn packed() -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o555);
    header.set_size(PROGRAM.len() as u64);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, "relay", PROGRAM)?;
    tar.into_inner()
}

/// The mount by which a job's container has it.
pub(in crate::runner) fn mount(volume: &str) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(volume.to_owned()),
        target: Some(FOLDER.to_owned()),
        read_only: Some(true),
        volume_options: Some(MountVolumeOptions { no_copy: Some(true), ..MountVolumeOptions::default() }),
        ..Mount::default()
    }
}

/// What stands before the job's own program: it waits until the proxy is there.
pub(in crate::runner) fn before_the_program() -> [String; 2] {
    [PATH.to_owned(), START.to_owned()]
}

/// What tells the job's program of the proxy, by the names that programs look for.
pub(in crate::runner) fn environment() -> impl Iterator<Item = (String, String)> {
    let proxy = format!("http://127.0.0.1:{}", headframe_relay::PORT);
    let with = move |name: &str| [name.to_uppercase(), name.to_lowercase()].map(|name| (name, proxy.clone()));
    let except = ["NO_PROXY", "no_proxy"].map(|name| (name.to_owned(), "localhost,127.0.0.1,::1".to_owned()));
    ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].into_iter().flat_map(with).chain(except)
}

/// The relay's standard output and input.
pub(super) type Line = (Pin<Box<dyn Stream<Item = Bytes> + Send>>, Pin<Box<dyn AsyncWrite + Send>>);

/// Starts the relay in a container that runs, under the same limits and locks as the job.
pub(super) async fn start(docker: &Docker, container: &str) -> Result<Line, EngineError> {
    let options = CreateExecOptions {
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        tty: Some(false),
        privileged: Some(false),
        user: Some(sandbox::USER),
        working_dir: Some("/"),
        cmd: Some(vec![PATH, SERVE]),
        ..CreateExecOptions::default()
    };
    let started = async {
        let made = docker.create_exec(container, options).await?;
        docker
            .start_exec(&made.id, Some(StartExecOptions { output_capacity: Some(32 * 1024), ..StartExecOptions::default() }))
            .await
    };
    match timeout(EXEC_MAX, started).await.map_err(|_| EngineError::RequestTimeoutError)?? {
        StartExecResults::Attached { output, input } => {
            let bytes = output.take_while(|piece| std::future::ready(piece.is_ok())).filter_map(|piece| async {
                match piece {
                    Ok(LogOutput::StdOut { message }) => Some(message),
                    Ok(LogOutput::StdErr { .. } | LogOutput::StdIn { .. } | LogOutput::Console { .. }) | Err(_) => None,
                }
            });
            Ok((bytes.boxed(), input))
        }
        StartExecResults::Detached => Err(io::Error::other("the engine did not attach").into()),
    }
}
