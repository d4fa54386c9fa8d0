//! Cancels what a session is running, and returns only when the server has done so: a later
//! statement is never hit by mistake.

use crate::postgres::session::socket::SocketPeer;
use crate::postgres::session::tls::TlsSettings;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{CancelToken, NoTls};

/// Sends the request, encrypted as the session is. As libpq does, it waits until the server hangs
/// up; poolers forward it only then, too.
pub(super) async fn cancel(
    token: CancelToken,
    peer: &SocketPeer,
    tls: Option<&TlsSettings>,
) -> io::Result<()> {
    let sent = match (peer, tls) {
        (SocketPeer::Tcp(address, name), Some(tls)) => {
            let stream = UntilHungUp(TcpStream::connect(address).await?);
            let mut maker = tls.maker();
            let connector =
                MakeTlsConnect::<UntilHungUp<TcpStream>>::make_tls_connect(&mut maker, name);
            token.cancel_query_raw(stream, connector.map_err(io::Error::other)?).await
        }
        (SocketPeer::Tcp(address, _), None) => {
            token.cancel_query_raw(UntilHungUp(TcpStream::connect(address).await?), NoTls).await
        }
        (SocketPeer::Unix(path), _) => {
            token.cancel_query_raw(UntilHungUp(UnixStream::connect(path).await?), NoTls).await
        }
    };
    sent.map_err(io::Error::other)
}

/// A stream that is shut down only after the other side has hung up.
struct UntilHungUp<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for UntilHungUp<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for UntilHungUp<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.0).poll_flush(cx))?;
        loop {
            let mut space = [0; 512];
            let mut rest = ReadBuf::new(&mut space);
            // A reset is a way of hanging up.
            let is_open = ready!(Pin::new(&mut self.0).poll_read(cx, &mut rest)).is_ok()
                && !rest.filled().is_empty();
            if !is_open {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
