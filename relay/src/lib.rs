//! The way out of a container that has no network.
//!
//! A job that may reach some hosts gets a proxy on its own loopback. It is this program: it takes HTTP proxy requests there and
//! carries each connection, as [`frame`]s, over its standard input and output to the agent, who decides. Nothing is decided here,
//! and nothing said here is believed there: what runs in the container is a stranger's, and may stand in this program's place.
//!
//! It is small and has no dependencies: the standard library and threads do, for the few connections a job has, and the agent
//! compiles it statically so that it runs in any image.

pub mod frame;

#[cfg(unix)]
mod connections;
#[cfg(unix)]
mod door;
#[cfg(unix)]
mod http;
#[cfg(unix)]
mod serve;
#[cfg(unix)]
mod start;

#[cfg(unix)]
pub use serve::serve;
#[cfg(unix)]
pub use start::start;

/// Where the proxy listens on the container's loopback. Squid's port, which people know as a proxy's.
pub const PORT: u16 = 3128;

/// What the agent asks of the program: carry connections until standard input ends.
pub const SERVE: &str = "serve";

/// The same: wait until the proxy is there, then become the job's own program.
pub const START: &str = "start";
