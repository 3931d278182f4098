//! The kernel says who connected.

use std::io;

use interprocess::local_socket::{ListenerOptions, tokio::Stream, traits::StreamCommon as _};

/// Whether the other end runs as the user we run as. The folder of the socket is closed to others already; this holds
/// even where somebody has opened it. Root is another user too: nothing is lost, since root can become any user.
pub(crate) fn is_owner(stream: &Stream) -> io::Result<bool> {
    let peer = stream.peer_creds()?.euid();
    Ok(peer == Some(rustix::process::geteuid().as_raw()))
}

/// The folder is 0700 and made before the socket; the mode says the same once more. Systems that cannot set the mode
/// of a socket have the folder.
pub(crate) fn for_owner_only(options: ListenerOptions<'_>) -> io::Result<ListenerOptions<'_>> {
    #[cfg(target_os = "linux")]
    let options = interprocess::os::unix::local_socket::ListenerOptionsExt::mode(options, 0o600);
    Ok(options)
}
