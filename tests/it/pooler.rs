//! A pooler in transaction mode is found out and left as it was; one in session mode is welcome.

use crate::harness::{Database, connect, fresh_database, fresh_database_on, own_server};
use counterfoil::config::libpq::{Conninfo, Host, HostAt};
use counterfoil::error::{Error, ErrorKind};
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::postgres::session::pooler::{self, RouteCache};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinSet;

const LONG: Duration = Duration::from_secs(20);

/// How a pooler gives out its connections to the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// One for each client, for as long as it stays.
    Session,
    /// The only one, for a transaction.
    One,
    /// For a transaction, the one that was used last.
    LastUsed,
    /// For a transaction, each in turn.
    InTurn,
    /// One for each client, as long as nobody else comes, and a transaction of several statements
    /// is refused.
    Statement,
    /// One for each client, as long as nobody else comes; notifications get lost.
    Deaf,
}

/// A pooler in a few lines; it ends with its test.
pub struct Pooler {
    port: u16,
    _tasks: JoinSet<()>,
}

/// Connections to the server that no client uses.
type Idle = Arc<Mutex<VecDeque<UnixStream>>>;

impl Pooler {
    /// Opens one before the server of this database.
    pub async fn new(database: &Database, mode: Mode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let socket =
            database.server.socket_dir().join(format!(".s.PGSQL.{}", database.server.port()));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let (mut clients, idle) = (JoinSet::new(), Idle::default());
            while let Ok((client, _)) = listener.accept().await {
                clients.spawn(serve(client, socket.clone(), Arc::clone(&idle), mode));
            }
        });
        Self { port, _tasks: tasks }
    }
}

/// Reads one message; the first byte is its type, and the first of a connection has none.
async fn message(
    stream: &mut (impl AsyncReadExt + Unpin),
    has_type: bool,
) -> std::io::Result<Vec<u8>> {
    let head = if has_type { 5 } else { 4 };
    let mut bytes = vec![0; head];
    stream.read_exact(&mut bytes).await?;
    let length = u32::from_be_bytes(bytes[head - 4..].try_into().unwrap()) as usize;
    bytes.resize(head - 4 + length, 0);
    stream.read_exact(&mut bytes[head..]).await?;
    Ok(bytes)
}

/// Carries answers until the server is ready for more; tells whether it is outside of a
/// transaction.
async fn carry_answers(
    server: &mut UnixStream,
    client: &mut TcpStream,
    hears: bool,
) -> std::io::Result<bool> {
    loop {
        let answer = message(server, true).await?;
        if answer[0] != b'A' || hears {
            client.write_all(&answer).await?;
        }
        if answer[0] == b'Z' {
            return Ok(answer[5] == b'I');
        }
    }
}

async fn serve(mut client: TcpStream, socket: PathBuf, idle: Idle, mode: Mode) {
    let served: std::io::Result<()> = async {
        let startup = message(&mut client, false).await?;
        let mut server = UnixStream::connect(&socket).await?;
        server.write_all(&startup).await?;
        carry_answers(&mut server, &mut client, true).await?;
        if mode == Mode::Session {
            tokio::io::copy_bidirectional(&mut client, &mut server).await?;
            return Ok(());
        }
        let is_wanted = mode != Mode::One || idle.lock().unwrap().is_empty();
        is_wanted.then(|| idle.lock().unwrap().push_back(server));
        let mut held: Option<UnixStream> = None;
        loop {
            let request = message(&mut client, true).await?;
            if request[0] == b'X' {
                return Ok(());
            }
            if mode == Mode::Statement && request[5..].starts_with(b"begin") {
                return client.write_all(&refusal()).await;
            }
            let taken = held.take().or_else(|| match mode {
                Mode::InTurn => idle.lock().unwrap().pop_front(),
                _ => idle.lock().unwrap().pop_back(),
            });
            let mut server = taken.expect("there are as many connections as clients");
            server.write_all(&request).await?;
            let is_free = carry_answers(&mut server, &mut client, mode != Mode::Deaf).await?;
            match is_free && matches!(mode, Mode::One | Mode::LastUsed | Mode::InTurn) {
                true => idle.lock().unwrap().push_back(server),
                false => held = Some(server),
            }
        }
    }
    .await;
    drop(served);
}

/// What PgBouncer says before it hangs up.
fn refusal() -> Vec<u8> {
    let fields = b"SFATAL\0C08P01\0Mtransaction blocks not allowed in statement pooling mode\0\0";
    let length = u32::try_from(fields.len() + 4).unwrap();
    [b"E".as_slice(), &length.to_be_bytes(), fields].concat()
}

/// The database by way of the pooler.
pub fn through(pooler: &Pooler, database: &Database) -> Conninfo {
    let at = HostAt::Tcp { host: "127.0.0.1".to_owned(), addr: None };
    Conninfo { hosts: vec![Host { at, port: pooler.port }], ..database.conninfo.clone() }
}

#[tokio::test]
async fn a_direct_connection_and_a_pooler_in_session_mode_pass() {
    let database = fresh_database().await;
    pooler::probe(&database.conninfo, ErrorSide::Source, LONG).await.unwrap();
    let pooler = Pooler::new(&database, Mode::Session).await;
    pooler::probe(&through(&pooler, &database), ErrorSide::Source, LONG).await.unwrap();
}

async fn refusal_of(database: &Database, mode: Mode) -> (Conninfo, Pooler, Error) {
    let pooler = Pooler::new(database, mode).await;
    let conninfo = through(&pooler, database);
    let error = pooler::probe(&conninfo, ErrorSide::Source, LONG).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsuitable, "{error:?}");
    assert!(error.remedy().unwrap().contains("session mode"), "{error:?}");
    (conninfo, pooler, error)
}

#[tokio::test]
async fn a_pooler_in_transaction_mode_is_refused_and_left_as_it_was() {
    let two_processes = "answered first, then";
    for (mode, cause) in [
        (Mode::One, "answers on two connections"),
        (Mode::LastUsed, two_processes),
        (Mode::InTurn, two_processes),
    ] {
        let database = fresh_database().await;
        let name = &database.conninfo.database;
        database.execute(&format!("alter database {name} set datestyle = 'German, DMY'")).await;
        let (conninfo, _pooler, error) = refusal_of(&database, mode).await;
        assert!(error.to_string().contains(cause), "{mode:?}: {error}");

        let state = "select current_setting('datestyle'), (select count(*) from \
                     pg_listening_channels()) = 0";
        let client = connect(&conninfo).await.unwrap();
        for _ in 0..3 {
            let answer = client.simple_query(state).await.unwrap();
            let row = answer.iter().find_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => Some((row.get(0), row.get(1))),
                _ => None,
            });
            assert_eq!(row, Some((Some("German, DMY"), Some("t"))));
        }
    }
}

#[tokio::test]
async fn a_pooler_that_refuses_transactions_or_loses_notifications_is_refused() {
    for (mode, cause) in
        [(Mode::Statement, "statement pooling"), (Mode::Deaf, "a notification did not arrive")]
    {
        let (_, _, error) = refusal_of(&fresh_database().await, mode).await;
        assert!(error.to_string().contains(cause), "{mode:?}: {error}");
    }
}

#[tokio::test]
async fn a_pooler_in_transaction_mode_is_refused_to_all_that_share_the_way_to_it() {
    let database = fresh_database().await;
    let pooler = Pooler::new(&database, Mode::InTurn).await;
    let (conninfo, routes) = (through(&pooler, &database), RouteCache::unknown());
    let probe = || routes.probe(&conninfo, ErrorSide::Destination, LONG);
    let (one, another) = tokio::join!(probe(), probe());
    for verdict in [one, another, probe().await] {
        assert_eq!(verdict.unwrap_err().kind(), ErrorKind::Unsuitable);
    }
}

#[tokio::test]
async fn a_way_on_which_no_server_answered_is_tried_again_by_whoever_shares_it() {
    let database = fresh_database_on(&own_server(&ServerSettings::new())).await;
    database.server.aside(PrivateServer::stop_fast).await.unwrap();
    let routes = RouteCache::unknown();
    let probe = || routes.probe(&database.conninfo, ErrorSide::Destination, LONG);
    assert_eq!(probe().await.unwrap_err().kind(), ErrorKind::Unavailable);
    database.server.aside(PrivateServer::start).await.unwrap();
    probe().await.unwrap();
}

#[tokio::test]
async fn load_fake_data_does_not_write_through_one() {
    let database = fresh_database().await;
    crate::support::events::init_source(&database).await;
    let pooler = Pooler::new(&database, Mode::InTurn).await;
    let url = crate::support::replicator::url_at(pooler.port, &database.conninfo.database);
    let program = crate::load::program(&["--url", &url]);
    let output = tokio::process::Command::from(program).output().await.unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{complaint}");
    assert!(complaint.contains("pooler"), "{complaint}");
    assert_eq!(database.query("select count(*) from events").await, ["0"]);
}
