//! Asks a window of this machine: what an image without a shell uses as its health check.

use crate::config::ListenAddress;
use crate::error::{Error, ErrorKind, Result};
use crate::postgres::session::tls::trusting_config;
use rustls::pki_types::ServerName;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

/// A window that does not answer in this time does not answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// No answer of a probe is longer, in bytes.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;

/// What a window answered.
pub(crate) struct ProbeAnswer {
    /// Whether it is as it should be.
    pub(crate) is_well: bool,
    /// The object it sent.
    pub(crate) text: String,
}

/// Asks the window that listens at this address.
///
/// # Errors
/// `Unavailable` where it does not answer.
pub(crate) async fn ask(listen: &ListenAddress, is_tls: bool, path: &str) -> Result<ProbeAnswer> {
    let silent = || {
        Error::new(ErrorKind::Unavailable, "the window does not answer")
            .at(format!("{listen}{path}"))
            .fix("check that `counterfoil run` is running on this machine, and the end of its log")
    };
    let asked = tokio::time::timeout(ANSWER_MAX, answered(listen, is_tls, path)).await;
    match asked {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(silent().caused_by(&error)),
        Err(_) => Err(silent().because(format!("nothing came within {} s", ANSWER_MAX.as_secs()))),
    }
}

async fn answered(listen: &ListenAddress, is_tls: bool, path: &str) -> io::Result<ProbeAnswer> {
    match listen {
        ListenAddress::Unix(socket) => {
            exchange(UnixStream::connect(socket).await?, "localhost", path).await
        }
        ListenAddress::Tcp(address) => {
            let address = reachable(*address);
            let host = address.to_string();
            let stream = TcpStream::connect(address).await?;
            if !is_tls {
                return exchange(stream, &host, path).await;
            }
            let name = ServerName::from(address.ip());
            // It asks itself, and nothing secret is sent: any certificate will do.
            let connector =
                TlsConnector::from(Arc::new(trusting_config().map_err(io::Error::other)?));
            exchange(connector.connect(name, stream).await?, &host, path).await
        }
    }
}

/// Where a window that listens at every address is asked.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    host: &str,
    path: &str,
) -> io::Result<ProbeAnswer> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    let read = (&mut stream).take(ANSWER_BYTES_MAX).read_to_end(&mut bytes).await;
    let answer = String::from_utf8_lossy(&bytes);
    let parts = answer.split_once("\r\n\r\n").zip(answer.split(' ').nth(1));
    // A peer that closes without a word of TLS has said everything before.
    let Some(((_, text), status)) = parts else {
        read?;
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "this is not the answer of a window",
        ));
    };
    Ok(ProbeAnswer { is_well: status == "200", text: text.to_owned() })
}
