//! A way to a server on which a connection ends or freezes where certain bytes come by, and new
//! connections can be held.

use crate::harness::Database;
use counterfoil::config::libpq::Conninfo;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::Semaphore;

pub(super) enum Then {
    Close,
    Freeze,
    FreezeOnce,
}

/// A way to a server: a connection ends or freezes where these bytes come by; new ones can be held.
pub(super) struct Gate {
    pub(super) conninfo: Conninfo,
    admitted: Arc<Semaphore>,
    arrived: Arc<std::sync::atomic::AtomicUsize>,
    passed: Arc<std::sync::atomic::AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Gate {
    pub(super) async fn new(
        to: &Database,
        socket_dir: PathBuf,
        at: &'static [u8],
        then: Then,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut conninfo = to.server.conninfo_tcp(&to.conninfo.database);
        let server_port = to.server.port();
        let socket = socket_dir.join(format!(".s.PGSQL.{server_port}"));
        let admitted = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS >> 1));
        let (arrived, passed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (admitting, counting, passing) =
            (Arc::clone(&admitted), Arc::clone(&arrived), Arc::clone(&passed));
        let then = Arc::new(then);
        let has_frozen = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(async move {
            let mut all = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (admitting, socket, then, has_frozen) = (
                    Arc::clone(&admitting),
                    socket.clone(),
                    Arc::clone(&then),
                    Arc::clone(&has_frozen),
                );
                counting.fetch_add(1, Ordering::SeqCst);
                let passing = Arc::clone(&passing);
                all.spawn(async move {
                    admitting.acquire().await.unwrap().forget();
                    passing.fetch_add(1, Ordering::SeqCst);
                    carry(client, &socket, at, &then, &has_frozen).await;
                });
            }
        });
        conninfo.hosts[0].port = port;
        Self { conninfo, admitted, arrived, passed, task }
    }

    pub(super) fn hold(&self) {
        self.admitted.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(super) fn admit(&self, connections: usize) {
        self.admitted.add_permits(connections);
    }

    pub(super) fn waiting(&self) -> usize {
        use std::sync::atomic::Ordering;
        self.arrived.load(Ordering::SeqCst) - self.passed.load(Ordering::SeqCst)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Carries bytes between a client and the server, until these come.
async fn carry(
    mut client: TcpStream,
    socket: &Path,
    at: &[u8],
    then: &Then,
    has_frozen: &AtomicBool,
) {
    let mut server = UnixStream::connect(socket).await.unwrap();
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let back = async {
        let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
    };
    let forth = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length) = from_client.read(&mut buffer).await {
            if length == 0 {
                return;
            }
            if buffer[..length].windows(at.len()).any(|window| window == at) {
                match then {
                    Then::Close => return,
                    Then::Freeze => std::future::pending().await,
                    Then::FreezeOnce if !has_frozen.swap(true, Ordering::SeqCst) => {
                        std::future::pending().await
                    }
                    Then::FreezeOnce => {}
                }
            }
            if to_server.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! { () = back => {}, () = forth => {} }
}
