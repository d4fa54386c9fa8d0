//! A server that lies: between us and a real one, every message of the server may be replaced
//! before it reaches us, and what we say before it reaches the server; and which server that is, is
//! said of each session.

use super::replicator::url_at;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinSet;

/// What is sent instead of a message: its type and contents in, whole messages out; `what` is the
/// session's `application_name`. `None`: the message itself.
pub type Lie = Arc<dyn Fn(&str, u8, &[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// What is done to some bytes of a client on their way; `what` as above.
pub type Swap = Arc<dyn Fn(&str, &mut [u8]) + Send + Sync>;
/// The socket that a session is led to; `what` as above.
pub type Route = Arc<dyn Fn(&str) -> PathBuf + Send + Sync>;

/// What happens on the way.
#[derive(Clone)]
struct Way {
    route: Route,
    lie: Lie,
    swap: Swap,
}

/// A way to a server that lies.
pub struct Liar {
    port: u16,
    _tasks: JoinSet<()>,
}

impl Liar {
    /// Opens the way.
    pub async fn new(socket_dir: &Path, server_port: u16, lie: Lie) -> Self {
        let socket = socket(socket_dir, server_port);
        Self::open(Arc::new(move |_| socket.clone()), lie, Arc::new(|_, _| {})).await
    }

    /// Opens one on which the server says the truth, and what we say is altered.
    pub async fn swapping(socket_dir: &Path, server_port: u16, swap: Swap) -> Self {
        let socket = socket(socket_dir, server_port);
        Self::open(Arc::new(move |_| socket.clone()), Arc::new(|_, _, _| None), swap).await
    }

    /// Opens one that only leads sessions to different servers.
    pub async fn leading(route: Route) -> Self {
        Self::open(route, Arc::new(|_, _, _| None), Arc::new(|_, _| {})).await
    }

    async fn open(route: Route, lie: Lie, swap: Swap) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let way = Way { route, lie, swap };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                clients.spawn(carry(client, way.clone()));
            }
        });
        Self { port, _tasks: tasks }
    }

    /// The connection string of a database by this way.
    pub fn url(&self, database: &str) -> String {
        url_at(self.port, database)
    }
}

/// A message of the protocol.
pub fn message(kind: u8, contents: &[u8]) -> Vec<u8> {
    let length = u32::try_from(contents.len() + 4).unwrap();
    [&[kind], length.to_be_bytes().as_slice(), contents].concat()
}

/// Where a server listens.
pub fn socket(socket_dir: &Path, server_port: u16) -> PathBuf {
    socket_dir.join(format!(".s.PGSQL.{server_port}"))
}

async fn carry(mut client: TcpStream, way: Way) {
    // The first message has no type: a length, and what the client says of itself.
    let Ok(length) = client.read_u32().await else { return };
    let mut first = vec![0; length as usize - 4];
    if client.read_exact(&mut first).await.is_err() {
        return;
    }
    let text = String::from_utf8_lossy(&first).into_owned();
    let mut words = text.split('\0').skip_while(|word| *word != "application_name");
    let what = words.nth(1).unwrap_or_default().to_owned();
    let Ok(mut server) = UnixStream::connect((way.route)(&what)).await else {
        return;
    };
    let hello = [length.to_be_bytes().as_slice(), &first].concat();
    if server.write_all(&hello).await.is_err() {
        return;
    }
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(taken @ 1..) = from_client.read(&mut bytes).await {
            (way.swap)(&what, &mut bytes[..taken]);
            if to_server.write_all(&bytes[..taken]).await.is_err() {
                break;
            }
        }
        let _ = to_server.shutdown().await;
    };
    let down = async {
        while let Ok(kind) = from_server.read_u8().await {
            let Ok(length) = from_server.read_u32().await else { return };
            let mut contents = vec![0; length as usize - 4];
            if from_server.read_exact(&mut contents).await.is_err() {
                return;
            }
            let told =
                (way.lie)(&what, kind, &contents).unwrap_or_else(|| message(kind, &contents));
            if to_client.write_all(&told).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(up, down);
}
