//! The socket of a service manager, and how often it wants to hear, as the environment has them.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram as StdDatagram};
use std::time::Duration;

/// Connects to the socket of this name; `@` begins an abstract one.
///
/// # Errors
/// What the system says, and that the name is neither a path nor an abstract one.
pub(super) fn connected(name: &OsStr) -> io::Result<tokio::net::UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', abstract_name @ ..] => abstract_address(abstract_name)?,
        [b'/', ..] => SocketAddr::from_pathname(name)?,
        _ => return Err(io::Error::other("it is neither a path nor an abstract name")),
    };
    let socket = StdDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    tokio::net::UnixDatagram::from_std(socket)
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_: &[u8]) -> io::Result<SocketAddr> {
    Err(io::Error::other("only Linux has abstract names"))
}

/// The time after which this process is taken for dead when it says nothing; `None` where no
/// manager watches it.
pub(super) fn watchdog() -> Option<Duration> {
    let is_for_us = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
    let microseconds = number("WATCHDOG_USEC").filter(|microseconds| *microseconds > 0)?;
    is_for_us.then(|| Duration::from_micros(microseconds))
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
