//! The socket of the window.

use crate::config::ListenAddress;
use crate::error::{Error, ErrorKind, Result};
use std::io;
use std::net::TcpListener as StdTcpListener;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A socket that is bound and does not listen to anyone yet.
#[derive(Debug)]
pub(super) struct BoundListener {
    socket: BoundSocket,
    address: ListenAddress,
}

#[derive(Debug)]
enum BoundSocket {
    Tcp(StdTcpListener),
    Unix(StdUnixListener),
}

/// A socket that takes connections.
pub(super) enum OpenListener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A connection of a reader.
pub(super) enum ReaderStream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl BoundListener {
    /// Takes the address.
    ///
    /// # Errors
    /// `Usage` where another program has it, or the system refuses it.
    pub(super) fn bind(address: &ListenAddress) -> Result<Self> {
        let failed = |error: io::Error| {
            let fix = match error.kind() {
                io::ErrorKind::AddrInUse => {
                    "another program listens there: choose another port, or port 0 for any that is free"
                }
                io::ErrorKind::PermissionDenied => {
                    "choose a port above 1023, or a folder that this user may write to"
                }
                io::ErrorKind::AddrNotAvailable => {
                    "take an address of this machine, 127.0.0.1 or [::]"
                }
                _ => "correct console.listen, or --console",
            };
            Error::new(ErrorKind::Usage, "the window cannot listen")
                .at(format!("console.listen, {address}"))
                .caused_by(&error)
                .fix(fix)
        };
        let (socket, address) = match address {
            ListenAddress::Tcp(address) => {
                let listener = StdTcpListener::bind(address).map_err(failed)?;
                let bound = listener.local_addr().map_err(failed)?;
                listener.set_nonblocking(true).map_err(failed)?;
                (BoundSocket::Tcp(listener), ListenAddress::Tcp(bound))
            }
            ListenAddress::Unix(path) => {
                remove_stale(path);
                let listener = StdUnixListener::bind(path).map_err(failed)?;
                // The owner and the group: whoever may connect may read the page.
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))
                    .map_err(failed)?;
                listener.set_nonblocking(true).map_err(failed)?;
                (BoundSocket::Unix(listener), address.clone())
            }
        };
        Ok(Self { socket, address })
    }

    /// Where it is bound, with the port that was chosen.
    pub(super) fn address(&self) -> &ListenAddress {
        &self.address
    }

    /// Begins to take connections, within a runtime.
    pub(super) fn open(self) -> io::Result<OpenListener> {
        Ok(match self.socket {
            BoundSocket::Tcp(listener) => OpenListener::Tcp(TcpListener::from_std(listener)?),
            BoundSocket::Unix(listener) => OpenListener::Unix(UnixListener::from_std(listener)?),
        })
    }
}

/// Removes a socket that nobody listens at any more, as a crash leaves it.
fn remove_stale(path: &Path) {
    let is_socket =
        std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let is_refused = || {
        StdUnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    if is_socket && is_refused() {
        let _ = std::fs::remove_file(path);
    }
}

impl OpenListener {
    /// Waits for a connection.
    pub(super) async fn accept(&self) -> io::Result<ReaderStream> {
        Ok(match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Fragments are small and are to arrive at once.
                let _ = stream.set_nodelay(true);
                ReaderStream::Tcp(stream)
            }
            Self::Unix(listener) => ReaderStream::Unix(listener.accept().await?.0),
        })
    }
}

impl AsyncRead for ReaderStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for ReaderStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
