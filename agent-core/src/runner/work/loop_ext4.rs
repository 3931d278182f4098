//! An ext4 file system in a sparse file. Needs root, and tools that every Linux with a file system has.

use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

use super::WorkError;
use crate::fault;

/// The file system's file inside the attempt's folder.
const IMAGE: &str = "disk.img";
/// Where it is mounted.
const MOUNT_POINT: &str = "work";
/// Enough for ext4 to agree to be one.
const TRIAL_BYTES: u64 = 16 << 20;

/// Makes a file system of `bytes` in `folder` and mounts it. Its root belongs to the container's user.
pub(super) async fn make(folder: &Path, bytes: u64) -> Result<PathBuf, WorkError> {
    let image = folder.join(IMAGE);
    let made = async {
        let file = tokio::fs::File::create(&image).await?;
        file.set_len(bytes).await
    };
    made.await.map_err(|source| WorkError::Folder { path: image.clone(), source })?;
    fault::point("work.file");
    let mut mkfs = Command::new("mkfs.ext4");
    // No journal and tables written when needed: it need not survive a crash of the PC, and it must be made in
    // milliseconds. No reserved blocks: there is no root inside that could use them.
    mkfs.args(["-q", "-F", "-m", "0", "-O", "^has_journal", "-E"]);
    mkfs.arg("lazy_itable_init=1,nodiscard,root_owner=65534:65534").arg(&image);
    run("make a file system", &mut mkfs).await?;
    fault::point("work.formatted");
    let dir = mount(folder).await?;
    // An output named `lost+found` is the job's business, not the file system's.
    tokio::fs::remove_dir(dir.join("lost+found")).await.ok();
    Ok(dir)
}

/// Mounts what `make` made, unless it still is.
pub(super) async fn reopen(folder: &Path) -> Result<PathBuf, WorkError> {
    let dir = folder.join(MOUNT_POINT);
    if is_mounted(&dir) { Ok(dir) } else { mount(folder).await }
}

async fn mount(folder: &Path) -> Result<PathBuf, WorkError> {
    let dir = folder.join(MOUNT_POINT);
    tokio::fs::create_dir_all(&dir).await.map_err(|source| WorkError::Folder { path: dir.clone(), source })?;
    fault::point("work.mount_point");
    let mut mount = Command::new("mount");
    // With `loop` the device is let go of when the file system is unmounted; nothing is left behind.
    mount.args(["-t", "ext4", "-o", "loop,nosuid,nodev,noatime,discard"]).arg(folder.join(IMAGE)).arg(&dir);
    run("mount the work volume", &mut mount).await?;
    fault::point("work.mounted");
    Ok(dir)
}

/// Unmounts what is mounted in `folder`, if anything is.
pub(super) async fn unmount(folder: &Path) -> Result<(), WorkError> {
    let dir = folder.join(MOUNT_POINT);
    if !is_mounted(&dir) {
        return Ok(());
    }
    // Lazily: a container that is just being removed may hold it a moment longer, and the name must be free at once.
    run("unmount the work volume", Command::new("umount").arg("-l").arg(&dir)).await?;
    fault::point("work.unmounted");
    Ok(())
}

/// Whether this machine lets us do all that: makes, mounts and removes a tiny one.
pub(super) async fn try_out(root: &Path) -> Result<(), WorkError> {
    let folder = root.join("trial");
    super::remove_folder(&folder).await.map_err(|said| WorkError::Tool { act: "remove a trial volume", said })?;
    tokio::fs::create_dir_all(&folder).await.map_err(|source| WorkError::Folder { path: folder.clone(), source })?;
    let made = make(&folder, TRIAL_BYTES).await.map(drop);
    super::remove_folder(&folder).await.map_err(|said| WorkError::Tool { act: "remove a trial volume", said })?;
    made
}

/// A mount point is on another device than the folder it is in.
fn is_mounted(dir: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let device = |path: &Path| -> io::Result<u64> { Ok(std::fs::symlink_metadata(path)?.dev()) };
    let Some(parent) = dir.parent() else { return false };
    matches!((device(dir), device(parent)), (Ok(inner), Ok(outer)) if inner != outer)
}

async fn run(act: &'static str, command: &mut Command) -> Result<(), WorkError> {
    let done = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    match done {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            Err(WorkError::Tool { act, said: String::from_utf8_lossy(&output.stderr).trim().chars().take(300).collect() })
        }
        Err(error) => Err(WorkError::Tool { act, said: error.to_string() }),
    }
}
