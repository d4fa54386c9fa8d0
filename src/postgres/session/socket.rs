//! The socket of a connection, read in large pieces: the driver asks for 8 KiB at a time, and every
//! question would be a call into the system.

use crate::config::libpq::{Host, HostAt};
use rustix::net::sockopt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// Read at most at once. Memory is taken from the system only as far as it is filled.
const READ_BYTES_MAX: usize = 128 * 1024;
/// Keepalive of the client's side: a peer that is gone is noticed within about 25 s.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;
/// Bytes that are sent and not acknowledged for so long end the connection.
const TCP_USER_TIMEOUT_MS: u32 = 15_000;

/// Where a session is connected to, so that its cancel request goes to the same server and to no
/// other of a name.
#[derive(Clone, Debug)]
pub(super) enum SocketPeer {
    /// An address, and the name for the certificate.
    Tcp(SocketAddr, String),
    /// A socket.
    Unix(PathBuf),
}

/// A socket with a buffer before it.
pub(super) type BufferedSocket = BufReader<Socket>;

/// A socket of either kind.
pub(super) enum Socket {
    /// Of the network.
    Tcp(TcpStream),
    /// Of this machine.
    Unix(UnixStream),
}

impl SocketPeer {
    /// Of a host; its address is always known where it matters: the tour looks names up itself.
    pub fn of(host: &Host, address: Option<IpAddr>) -> Self {
        match &host.at {
            HostAt::Unix(directory) => {
                Self::Unix(directory.join(format!(".s.PGSQL.{}", host.port)))
            }
            HostAt::Tcp { host: name, .. } => {
                let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
                Self::Tcp(SocketAddr::new(address, host.port), name.clone())
            }
        }
    }

    /// The name that a certificate must be for; empty for a socket of this machine.
    pub fn name(&self) -> &str {
        match self {
            Self::Tcp(_, name) => name,
            Self::Unix(_) => "",
        }
    }

    /// Connects, with keepalive where the system has it.
    pub async fn connect(&self) -> io::Result<BufferedSocket> {
        let socket = match self {
            Self::Tcp(address, _) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                keep_alive(&stream)?;
                Socket::Tcp(stream)
            }
            Self::Unix(path) => Socket::Unix(UnixStream::connect(path).await?),
        };
        Ok(BufReader::with_capacity(READ_BYTES_MAX, socket))
    }
}

fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_RETRIES)?;
    #[cfg(target_os = "linux")]
    sockopt::set_tcp_user_timeout(stream, TCP_USER_TIMEOUT_MS)?;
    Ok(())
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
