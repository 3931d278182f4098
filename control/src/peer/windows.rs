//! A pipe that only its owner may open, and a second look at whose process did.

use std::{
    io,
    os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle},
    ptr,
};

use interprocess::{
    local_socket::{ListenerOptions, tokio::Stream, traits::StreamCommon as _},
    os::windows::{local_socket::ListenerOptionsExt as _, security_descriptor::SecurityDescriptor},
};
use widestring::{U16CStr, U16CString};
use windows_sys::Win32::{
    Foundation::{HANDLE, LocalFree},
    Security::{Authorization::ConvertSidToStringSidW, GetTokenInformation, TOKEN_QUERY, TOKEN_USER, TokenUser},
    System::Threading::{GetCurrentProcess, OpenProcess, OpenProcessToken, PROCESS_QUERY_LIMITED_INFORMATION},
};

/// Whether the other end's process runs as the user we run as. The pipe's access list keeps others out; this also tells
/// a guest that the pipe is not one that somebody else made first under the same name.
pub(crate) fn is_owner(stream: &Stream) -> io::Result<bool> {
    let pid = stream.peer_creds()?.pid().ok_or_else(|| io::Error::other("the system does not say who is at the other end"))?;
    // SAFETY: no pointers are passed.
    let process = owned(unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, pid) })?;
    // SAFETY: returns a constant that needs no closing.
    let ourselves = unsafe { GetCurrentProcess() };
    Ok(user_of(process.as_raw_handle())? == user_of(ourselves)?)
}

/// All rights for this user, none for anyone else, nothing inherited.
pub(crate) fn for_owner_only(options: ListenerOptions<'_>) -> io::Result<ListenerOptions<'_>> {
    // SAFETY: returns a constant that needs no closing.
    let user = user_of(unsafe { GetCurrentProcess() })?;
    let text = U16CString::from_str(format!("D:P(A;;GA;;;{})", user.to_string_lossy())).map_err(io::Error::other)?;
    Ok(options.security_descriptor(SecurityDescriptor::deserialize(&text)?))
}

/// The security identifier of the user `process` runs as, in its text form.
fn user_of(process: HANDLE) -> io::Result<U16CString> {
    let mut token = ptr::null_mut();
    // SAFETY: `token` is a valid place for the handle.
    succeeded(unsafe { OpenProcessToken(process, TOKEN_QUERY, &mut token) })?;
    let token = owned(token)?;

    // Words of eight bytes, so that the structure at the beginning is aligned. Its identifier follows in the same buffer
    // and has at most 68 bytes.
    let mut buffer = [0_u64; 32];
    let mut length = 0;
    // SAFETY: the buffer lives through the call and its size in bytes is the one given.
    succeeded(unsafe {
        let size = u32::try_from(size_of_val(&buffer)).unwrap_or(0);
        GetTokenInformation(token.as_raw_handle(), TokenUser, buffer.as_mut_ptr().cast(), size, &mut length)
    })?;
    let mut text = ptr::null_mut();
    // SAFETY: the call above has written a TOKEN_USER, whose identifier points into the buffer.
    succeeded(unsafe { ConvertSidToStringSidW((*buffer.as_ptr().cast::<TOKEN_USER>()).User.Sid, &mut text) })?;
    // SAFETY: on success `text` is a zero-terminated text, ours to free, and it is copied before that.
    unsafe {
        let copy = U16CStr::from_ptr_str(text).to_ucstring();
        LocalFree(text.cast());
        Ok(copy)
    }
}

fn owned(handle: HANDLE) -> io::Result<OwnedHandle> {
    if handle.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: not null, just given to us, and closed by nobody else.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

fn succeeded(result: i32) -> io::Result<()> {
    if result == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
