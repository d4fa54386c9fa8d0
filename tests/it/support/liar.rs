//! A server that lies: between us and a real one, every message of the server may be replaced before it reaches us.

use super::replicator::url_at;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinSet;

/// What is sent instead of a message: its type and contents in, whole messages out; `what` is the session's `application_name`. `None`: the
/// message itself.
pub type Lie = Arc<dyn Fn(&str, u8, &[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// A way to a server that lies.
pub struct Liar {
    port: u16,
    _tasks: JoinSet<()>,
}

impl Liar {
    /// Opens the way.
    pub async fn new(socket_dir: &Path, server_port: u16, lie: Lie) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let socket = socket_dir.join(format!(".s.PGSQL.{server_port}"));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                clients.spawn(carry(client, socket.clone(), Arc::clone(&lie)));
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

async fn carry(mut client: TcpStream, socket: PathBuf, lie: Lie) {
    let Ok(mut server) = UnixStream::connect(&socket).await else {
        return;
    };
    // The first message has no type: a length, and what the client says of itself.
    let Ok(length) = client.read_u32().await else { return };
    let mut first = vec![0; length as usize - 4];
    if client.read_exact(&mut first).await.is_err() {
        return;
    }
    let text = String::from_utf8_lossy(&first).into_owned();
    let mut words = text.split('\0').skip_while(|word| *word != "application_name");
    let what = words.nth(1).unwrap_or_default().to_owned();
    let hello = [length.to_be_bytes().as_slice(), &first].concat();
    if server.write_all(&hello).await.is_err() {
        return;
    }
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
        let _ = to_server.shutdown().await;
    };
    let down = async move {
        while let Ok(kind) = from_server.read_u8().await {
            let Ok(length) = from_server.read_u32().await else { return };
            let mut contents = vec![0; length as usize - 4];
            if from_server.read_exact(&mut contents).await.is_err() {
                return;
            }
            let told = lie(&what, kind, &contents).unwrap_or_else(|| message(kind, &contents));
            if to_client.write_all(&told).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(up, down);
}
