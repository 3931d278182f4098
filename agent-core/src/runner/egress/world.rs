//! The world outside, as far as the proxy touches it: names, and connections to addresses.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
};

use futures_util::future::BoxFuture;
use tokio::net::TcpStream;

/// Names and connections, and no judgement: which address may be reached is the same in every world. A test puts a small one of its
/// own in this place; no setting does.
pub trait World: fmt::Debug + Send + Sync {
    /// The addresses of a name.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;

    /// Connects to an address that was judged.
    fn connect(&self, to: SocketAddr) -> BoxFuture<'_, io::Result<TcpStream>>;
}

/// The real one.
#[derive(Debug, Clone, Copy)]
pub struct Internet;

impl World for Internet {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            // The dot at the end: a name that does not exist must not be looked for in the owner's own domain.
            Ok(tokio::net::lookup_host((format!("{name}."), 0)).await?.map(|address| address.ip()).collect())
        })
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<'_, io::Result<TcpStream>> {
        Box::pin(TcpStream::connect(to))
    }
}
