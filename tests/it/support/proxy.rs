//! A network between us and a server: it delays, limits the bandwidth, breaks in the ways networks
//! break, and ends with its test. Nothing in it is left to chance: what happens is asked for, byte
//! by byte where that matters.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What is on its way at most, in pieces: a slow network does not take in what it cannot carry.
const PIECES_MAX: usize = 64;
/// Breaks that a connection has not seen yet, at most.
const BREAKS_MAX: usize = 16;

/// How the network is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Network {
    /// How long a byte travels, each way.
    pub delay: Duration,
    /// How many bytes a second it carries towards the server; `None`: as many as come.
    pub bytes_per_s: Option<u32>,
    /// How many it carries back: what a client that reads slowly looks like to the server.
    pub bytes_per_s_back: Option<u32>,
}

/// The way of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Both sides see it end in an orderly way.
    Close,
    /// Both sides see it end; the client by a reset.
    Reset,
    /// Half-open: the server sees it end, the client is never told; what it sends vanishes.
    ClientForgotten,
    /// Half-open: the client sees a reset, the server is never told; what it sends vanishes.
    ServerForgotten,
}

/// A way to a server through such a network.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    network: watch::Sender<Network>,
    /// The ways in which nothing passes.
    holes: watch::Sender<Vec<Way>>,
    breaks: broadcast::Sender<Break>,
    /// The one break that is due after so many bytes more.
    due: Mutex<Option<(Way, u64, Break)>>,
    /// Counts how often those who wait in a half-open connection were told.
    told: watch::Sender<u64>,
    carried: [AtomicU64; 2],
}

impl Proxy {
    /// Opens the way.
    pub async fn new(socket_dir: &Path, server_port: u16, network: Network) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let socket = socket_dir.join(format!(".s.PGSQL.{server_port}"));
        let shared = Arc::new(Shared {
            network: watch::Sender::new(network),
            holes: watch::Sender::new(Vec::new()),
            breaks: broadcast::Sender::new(BREAKS_MAX),
            due: Mutex::default(),
            told: watch::Sender::new(0),
            carried: Default::default(),
        });
        let mut tasks = JoinSet::new();
        let for_clients = Arc::clone(&shared);
        tasks.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                clients.spawn(carry(client, socket.clone(), Arc::clone(&for_clients)));
                while clients.try_join_next().is_some() {}
            }
        });
        Self { port, shared, _tasks: tasks }
    }

    /// Where it takes connections, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The connection string of a database by this way, as superuser.
    pub fn url(&self, database: &str) -> String {
        self.url_as("postgres", database)
    }

    /// As [`Proxy::url`], for another role.
    pub fn url_as(&self, user: &str, database: &str) -> String {
        format!("host=127.0.0.1 port={} user={user} dbname={database} sslmode=disable", self.port)
    }

    /// The network is like this from now on, for old connections too.
    pub fn set(&self, network: Network) {
        self.shared.network.send_replace(network);
    }

    /// Black holes: in these ways nothing passes from now on, over old connections and new ones.
    /// What was held back arrives when the hole is gone (no ways), as after TCP has sent it again.
    pub fn swallow(&self, ways: &[Way]) {
        self.shared.holes.send_replace(ways.to_vec());
    }

    /// Breaks every connection there is.
    pub fn break_all(&self, how: Break) {
        let _ = self.shared.breaks.send(how);
    }

    /// Breaks the connection that carries the byte after so many more in this way, before that
    /// byte; once.
    pub fn break_after(&self, way: Way, bytes: u64, how: Break) {
        *self.due() = Some((way, bytes, how));
    }

    /// Whether the last break that was to come after some bytes has come.
    pub fn has_broken(&self) -> bool {
        self.due().is_none()
    }

    /// No break is to come after some bytes any more.
    pub fn spare(&self) {
        *self.due() = None;
    }

    /// Ends all half-open connections: those who were forgotten are told.
    pub fn tell(&self) {
        self.shared.told.send_modify(|times| *times += 1);
    }

    /// Everything is well again: no holes, no delay, no break to come, nobody forgotten.
    pub fn heal(&self) {
        self.spare();
        self.set(Network::default());
        self.swallow(&[]);
        self.tell();
    }

    /// Bytes carried so far in this way.
    pub fn carried(&self, way: Way) -> u64 {
        self.shared.carried[way as usize].load(Ordering::Relaxed)
    }

    fn due(&self) -> std::sync::MutexGuard<'_, Option<(Way, u64, Break)>> {
        self.shared.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// How many bytes of a piece pass before the connection breaks; `None`: all of them, and it
    /// goes on.
    fn breaks_within(&self, way: Way, bytes: usize) -> Option<(usize, Break)> {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, left, how) = due.as_mut().filter(|(its_way, ..)| *its_way == way)?;

        if *left < bytes as u64 {
            let broken = (usize::try_from(*left).unwrap(), *how);
            *due = None;
            return Some(broken);
        }
        *left -= bytes as u64;
        None
    }

    async fn passable(&self, way: Way) {
        let mut holes = self.holes.subscribe();
        let _ = holes.wait_for(|ways| !ways.contains(&way)).await;
    }
}

async fn carry(mut client: TcpStream, socket: PathBuf, shared: Arc<Shared>) {
    let mut breaks = shared.breaks.subscribe();
    let mut told = shared.told.subscribe();
    let Ok(mut server) = UnixStream::connect(&socket).await else {
        return;
    };
    let _ = client.set_nodelay(true);
    let how = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let both = async {
            tokio::try_join!(
                flow(from_client, to_server, Way::ToServer, &shared),
                flow(from_server, to_client, Way::ToClient, &shared)
            )
        };
        tokio::select! {
            ended = both => ended.err().unwrap_or(Break::Close),
            how = breaks.recv() => how.unwrap_or(Break::Close),
        }
    };
    if matches!(how, Break::Reset | Break::ServerForgotten) {
        let _ = client.set_zero_linger();
    }
    match how {
        Break::Close | Break::Reset => {}
        Break::ClientForgotten => {
            drop(server);
            tokio::select! { () = vanish(client) => {}, _ = told.changed() => {} }
        }
        Break::ServerForgotten => {
            drop(client);
            tokio::select! { () = vanish(server) => {}, _ = told.changed() => {} }
        }
    }
}

/// Takes in whatever comes, until the other side ends.
async fn vanish(mut from: impl AsyncRead + Unpin) {
    let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
}

async fn flow(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    way: Way,
    shared: &Shared,
) -> Result<(), Break> {
    let (sender, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES_MAX);
    let read = async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length) = from.read(&mut buffer).await {
            let due = Instant::now() + shared.network.borrow().delay;
            if length == 0 || sender.send((due, buffer[..length].to_vec())).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let write = async move {
        while let Some((due, piece)) = pieces.recv().await {
            tokio::time::sleep_until(due).await;
            let network = *shared.network.borrow();
            let bytes_per_s =
                if way == Way::ToServer { network.bytes_per_s } else { network.bytes_per_s_back };
            if let Some(bytes_per_s) = bytes_per_s {
                tokio::time::sleep(Duration::from_secs_f64(
                    piece.len() as f64 / f64::from(bytes_per_s),
                ))
                .await;
            }
            shared.passable(way).await;
            let broken = shared.breaks_within(way, piece.len());
            let passing = broken.map_or(piece.len(), |(bytes, _)| bytes);
            if to.write_all(&piece[..passing]).await.is_err() {
                break;
            }
            shared.carried[way as usize].fetch_add(passing as u64, Ordering::Relaxed);
            if let Some((_, how)) = broken {
                return Err(how);
            }
        }
        shared.passable(way).await;
        let _ = to.shutdown().await;
        Ok(())
    };
    tokio::try_join!(read, write).map(|_| ())
}
