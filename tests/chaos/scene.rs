//! Where an act takes place: four servers that live as long as the run, a database on each for the
//! act, and a network before each.

use crate::harness::{Database, connect, fresh_database_on, own_server};
use crate::plan::{Act, Kind, SERVERS};
use crate::support::events::{init_destination, init_source_with};
use crate::support::proxy::{Network, Proxy};
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::sync::{Mutex, RwLock};
use tokio_postgres::Client;

/// Whoever reads and writes for the replicators; it may do no more than it must.
pub const ROLE: &str = "feeder";

/// The servers of a run; the first is the source's.
pub struct Servers {
    all: Vec<Arc<PrivateServer>>,
}

/// The databases of one act; the first is the source.
pub struct Scene {
    /// Of the destination in a file of SQLite.
    pub file: tempfile::TempDir,
    /// On each server one.
    pub databases: Vec<Database>,
    /// The way to each.
    pub links: Vec<Proxy>,
    /// How the way to the source is when nothing is wrong.
    pub ordinary: Network,
    /// Every commit is asynchronous just now.
    pub is_forgetful: AtomicBool,
    /// Nobody begins anything just now.
    pub is_paused: AtomicBool,
    /// Whoever ends or freezes a server has this.
    pub locks: Vec<Mutex<()>>,
    /// Whoever puts something else in the place of a table has this to write, whoever judges by
    /// what the table holds to read.
    pub tables: Vec<RwLock<()>>,
    /// Loaders have this to read in a transaction.
    pub loading: RwLock<()>,
}

impl Servers {
    /// Starts them. They write their logs to disk only when they must, so that a crash takes back
    /// what it may.
    pub async fn start() -> Self {
        let settings = ServerSettings::new()
            .set("wal_writer_delay", "10s")
            .set("max_prepared_transactions", "20")
            .set("max_wal_size", "64MB")
            .set("log_line_prefix", "%m [%p] %a ");
        let mut all = Vec::new();
        for _ in 0..SERVERS {
            let settings = settings.clone();
            all.push(tokio::task::spawn_blocking(move || own_server(&settings)).await.unwrap());
        }
        let servers = Self { all };
        for server in &servers.all {
            let client = connect(&server.conninfo("postgres")).await.unwrap();
            client.batch_execute(&format!("create role {ROLE} login")).await.unwrap();
        }
        servers
    }

    /// Makes the databases and tables of an act.
    pub async fn scene(&self, act: &Act) -> Scene {
        let (mut databases, mut links) = (Vec::new(), Vec::new());
        for server in &self.all {
            databases.push(fresh_database_on(server).await);
            links.push(Proxy::new(&server.socket_dir(), server.port(), Network::default()).await);
        }
        let (ids, notify) = match act.kind {
            Kind::Doorbell => ("sequence", "doorbell"),
            Kind::TwoPhase => ("sequence", "none"),
            Kind::Consecutive => ("consecutive", "doorbell"),
        };
        init_source_with(&databases[0], ids, notify).await;
        databases[0].execute(SLOW).await;
        for destination in &databases[1..] {
            init_destination(destination).await;
        }
        let file = tempfile::tempdir().unwrap();
        let made = rusqlite::Connection::open(file.path().join("copy.db")).unwrap();
        made.execute_batch(FILE).unwrap();
        let locks = databases.iter().map(|_| Mutex::new(())).collect();
        let tables = databases.iter().map(|_| RwLock::default()).collect();
        let ordinary = Network { delay: Duration::from_millis(act.way_ms), ..Network::default() };
        links[0].set(ordinary);
        let scene = Scene {
            file,
            databases,
            links,
            ordinary,
            is_forgetful: AtomicBool::new(false),
            is_paused: AtomicBool::new(false),
            locks,
            tables,
            loading: RwLock::default(),
        };
        for server in 0..SERVERS {
            scene.databases[server].execute(&scene.grant(server)).await;
        }
        scene
    }
}

impl Scene {
    /// The destination in a file of SQLite.
    pub fn file(&self) -> std::path::PathBuf {
        self.file.path().join("copy.db")
    }

    /// What the file answers, one text a row.
    pub fn ask_file(&self, query: &str) -> Vec<String> {
        let reader = rusqlite::Connection::open(self.file()).unwrap();
        reader.busy_timeout(Duration::from_secs(20)).unwrap();
        let mut statement = reader.prepare(query).unwrap();
        let texts = statement.query_map([], |row| row.get(0)).unwrap();
        texts.map(|text| text.unwrap()).collect()
    }

    /// Gives the rights that are needed.
    pub fn grant(&self, server: usize) -> String {
        format!("grant {} on events to {ROLE}", rights(server))
    }

    /// Takes them away.
    pub fn revoke(&self, server: usize) -> String {
        format!("revoke {} on events from {ROLE}", rights(server))
    }

    /// Makes a link ordinary again.
    pub fn calm(&self, link: usize) {
        self.links[link].set(if link == 0 { self.ordinary } else { Network::default() });
    }

    /// A session past the network; `None` while the server is away.
    pub async fn client(&self, server: usize) -> Option<Client> {
        let connecting = connect(&self.databases[server].conninfo);
        tokio::time::timeout(Duration::from_secs(20), connecting).await.ok()?.ok()
    }

    /// Runs statements in a session of their own; whether that succeeded.
    pub async fn try_execute(&self, server: usize, sql: &str) -> bool {
        match self.client(server).await {
            Some(client) => client.batch_execute(sql).await.is_ok(),
            None => false,
        }
    }

    /// Runs statements again and again until they succeed.
    pub async fn execute(&self, server: usize, sql: &str) {
        while !self.try_execute(server, sql).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Removes the databases.
    pub async fn leave(self) {
        for database in &self.databases {
            let admin = connect(&database.server.conninfo("postgres")).await.unwrap();
            let drop = format!("drop database {} with (force)", database.conninfo.database);
            admin.batch_execute(&drop).await.unwrap();
        }
    }
}

fn rights(server: usize) -> &'static str {
    if server == 0 { "select" } else { "select, insert" }
}

const FILE: &str = "pragma journal_mode = wal; create table events (id integer primary key, ts text \
                    not null, event text not null) strict";

const SLOW: &str = "create function slow() returns trigger language plpgsql as $$begin
        if new.event ? 'slow' then perform pg_sleep(0.02); end if; return new; end$$;
    create trigger slow before insert on events for each row execute function slow()";
