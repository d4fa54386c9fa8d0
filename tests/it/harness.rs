//! Servers shared by all tests of this process, a fresh database for each test, and a server of its
//! own for a test that crashes it.

use counterfoil::config::libpq::{Conninfo, HostAt};
use counterfoil::postgres::server::{
    ClusterTemplate, PrivateServer, ServerBinaries, ServerSettings,
};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

const SMALL_SEGMENTS: &[&str] = &["--wal-segsize=1"];

/// A database that only its test knows. It goes with its server, at the end of the process at the
/// latest.
pub struct Database {
    /// Connects as superuser through the Unix socket.
    pub conninfo: Conninfo,
    /// The server it is on; shared with other tests unless the test made it with [`own_server`].
    pub server: Arc<PrivateServer>,
}

/// A fresh, empty database on the server that the tests share as source.
pub async fn fresh_database() -> Database {
    static SERVER: OnceLock<Arc<PrivateServer>> = OnceLock::new();
    fresh_database_on(SERVER.get_or_init(|| own_server(&shared_settings()))).await
}

/// A fresh, empty database on the server that the tests share as destination.
pub async fn fresh_destination() -> Database {
    static SERVER: OnceLock<Arc<PrivateServer>> = OnceLock::new();
    fresh_database_on(SERVER.get_or_init(|| own_destination_server(&shared_settings()))).await
}

/// A fresh, empty database on this server, which must be running.
pub async fn fresh_database_on(server: &Arc<PrivateServer>) -> Database {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let database =
        |name: &str| Database { conninfo: server.conninfo(name), server: Arc::clone(server) };
    database("postgres").execute(&format!("create database {name} template template0")).await;
    database(&name)
}

/// A server for a test that stops, crashes or freezes it, or needs other settings; gone when the
/// last owner drops it.
pub fn own_server(settings: &ServerSettings) -> Arc<PrivateServer> {
    Arc::new(PrivateServer::new(template(), settings).unwrap())
}

/// The same for a destination: its version may be another one.
pub fn own_destination_server(settings: &ServerSettings) -> Arc<PrivateServer> {
    Arc::new(PrivateServer::new(destination_template(), settings).unwrap())
}

/// The data directory that all servers of this process are copied from, destinations of another
/// version aside; small segments make the copy quick.
pub fn template() -> &'static ClusterTemplate {
    static TEMPLATE: OnceLock<ClusterTemplate> = OnceLock::new();
    TEMPLATE.get_or_init(|| ClusterTemplate::new(&binaries(), SMALL_SEGMENTS).unwrap())
}

fn destination_template() -> &'static ClusterTemplate {
    static TEMPLATE: OnceLock<ClusterTemplate> = OnceLock::new();
    match std::env::var_os("COUNTERFOIL_DESTINATION_POSTGRES_BIN") {
        Some(dir) => TEMPLATE.get_or_init(|| {
            ClusterTemplate::new(
                &ServerBinaries::find(Some(Path::new(&dir))).unwrap(),
                SMALL_SEGMENTS,
            )
            .unwrap()
        }),
        None => template(),
    }
}

/// The programs under test: those of `COUNTERFOIL_POSTGRES_BIN`, else those that are found. Without
/// any the tests fail.
pub fn binaries() -> ServerBinaries {
    let given = std::env::var_os("COUNTERFOIL_POSTGRES_BIN");
    ServerBinaries::find(given.as_deref().map(Path::new)).unwrap()
}

/// Connects as a test needs it: plainly, without the settings that our own sessions pin.
pub async fn connect(conninfo: &Conninfo) -> Result<Client, tokio_postgres::Error> {
    let mut config = Config::new();
    match &conninfo.hosts[0].at {
        HostAt::Unix(dir) => config.host_path(dir),
        HostAt::Tcp { host, .. } => config.host(host),
    };
    config.port(conninfo.hosts[0].port).user(&conninfo.user).dbname(&conninfo.database);
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

impl Database {
    /// A session of its own, for a transaction that stays open or a setting that lasts.
    pub async fn client(&self) -> Client {
        connect(&self.conninfo).await.unwrap()
    }

    /// Runs statements in a session of their own; the test fails where one fails.
    pub async fn execute(&self, sql: &str) {
        self.client()
            .await
            .batch_execute(sql)
            .await
            .unwrap_or_else(|error| panic!("{error:?} in {sql}"));
    }

    /// Runs statements and returns their rows as `psql -At` prints them: columns separated by `|`,
    /// NULL as nothing.
    pub async fn query(&self, sql: &str) -> Vec<String> {
        let messages = self
            .client()
            .await
            .simple_query(sql)
            .await
            .unwrap_or_else(|error| panic!("{error:?} in {sql}"));
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        rows.map(|row| {
            (0..row.len())
                .map(|column| row.get(column).unwrap_or_default())
                .collect::<Vec<_>>()
                .join("|")
        })
        .collect()
    }
}

/// Room for many tests at once, and for two-phase commit.
fn shared_settings() -> ServerSettings {
    ServerSettings::new().set("max_connections", "400").set("max_prepared_transactions", "50")
}
