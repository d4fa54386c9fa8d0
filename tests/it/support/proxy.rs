//! A network between us and a server: it delays, limits the bandwidth, and ends with its test.

use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What is on its way at most, in pieces: a slow network does not take in what it cannot carry.
const PIECES_MAX: usize = 64;

/// How the network is.
#[derive(Clone, Copy, Default)]
pub struct Network {
    /// How long a byte travels, each way.
    pub delay: Duration,
    /// How many bytes a second it carries towards the server; `None`: as many as come.
    pub bytes_per_s: Option<u32>,
}

/// A way to a server through such a network.
pub struct Proxy {
    port: u16,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Opens the way.
    pub async fn new(socket_dir: &Path, server_port: u16, network: Network) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let socket = socket_dir.join(format!(".s.PGSQL.{server_port}"));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                clients.spawn(carry(client, socket.clone(), network));
            }
        });
        Self { port, _tasks: tasks }
    }

    /// The connection string of a database by this way, as superuser.
    pub fn url(&self, database: &str) -> String {
        format!("host=127.0.0.1 port={} user=postgres dbname={database} sslmode=disable", self.port)
    }
}

async fn carry(client: TcpStream, socket: PathBuf, network: Network) {
    let Ok(server) = UnixStream::connect(&socket).await else { return };
    let _ = client.set_nodelay(true);
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let back = Network {
        bytes_per_s: None,
        ..network
    };
    tokio::join!(flow(from_client, to_server, network), flow(from_server, to_client, back));
}

async fn flow(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, network: Network) {
    let (sender, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES_MAX);
    let read = async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length) = from.read(&mut buffer).await {
            let piece = (Instant::now() + network.delay, buffer[..length].to_vec());
            if length == 0 || sender.send(piece).await.is_err() {
                break;
            }
        }
    };
    let write = async move {
        while let Some((due, piece)) = pieces.recv().await {
            tokio::time::sleep_until(due).await;
            if let Some(bytes_per_s) = network.bytes_per_s {
                tokio::time::sleep(Duration::from_secs_f64(piece.len() as f64 / f64::from(bytes_per_s))).await;
            }
            if to.write_all(&piece).await.is_err() {
                break;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(read, write);
}
