//! SQLite's kind, with both sorts of journals. What breaks a connection is that its file is not in
//! its place.

use super::{Opened, Place};
use crate::harness::fresh_database;
use crate::support::LONG;
use counterfoil::config::{DestinationConfig, DestinationKind, SqliteDestinationConfig};
use counterfoil::destination::connector::OpenLimits;
use counterfoil::destination::registry::connector;
use counterfoil::destination::source_schema::SourceSchema;
use counterfoil::error::{Error, Problems, Result};
use counterfoil::event::frame::CopyFormat;
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::postgres::session::pooler::RouteCache;
use counterfoil::postgres::session::server::ServerIdentity;
use counterfoil::postgres::session::settings::{self, ServerOverview};
use counterfoil::postgres::session::{Session, SessionPurpose};
use counterfoil::postgres::table::{EventTable, TableName, describe};
use counterfoil::sql::ColumnNames;
use futures::FutureExt;
use futures::future::BoxFuture;
use rusqlite::Connection;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;

/// So long is a step.
const STEP: Duration = Duration::from_micros(300);
/// What SQLite has beside a file.
const FILES: [&str; 4] = ["", "-wal", "-shm", "-journal"];

pub(super) struct Sqlite {
    dir: TempDir,
    journal: String,
    config: DestinationConfig,
    source: (EventTable, ServerIdentity, ServerOverview),
    breaking: Mutex<Option<JoinHandle<()>>>,
}

impl Sqlite {
    pub(super) async fn new(journal: &str) -> Self {
        let database = fresh_database().await;
        database.execute("create table events (id bigint primary key, note text)").await;
        let purpose = SessionPurpose { what: "check", side: ErrorSide::Source };
        let session = Session::open(&database.conninfo, purpose, LONG).await.unwrap();
        let name = TableName::parse("events").unwrap();
        let table = describe::table(&session, &name, "id").await.unwrap().unwrap();
        let server = settings::about(&session).await.unwrap();
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("copy.db");
        let made = Connection::open(&path).unwrap();
        set_journal(&made, journal);
        made.execute_batch("create table events (id integer primary key, note text unique) strict")
            .unwrap();
        let kind = DestinationKind::Sqlite(SqliteDestinationConfig {
            path,
            stem: "copy".to_owned(),
            table: "events".to_owned(),
            rows: None,
            rename: ColumnNames::default(),
        });
        Self {
            dir,
            journal: journal.to_owned(),
            config: DestinationConfig { name: "copy".to_owned(), kind },
            source: (table, session.server().identity.clone(), server),
            breaking: Mutex::default(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn connection(&self) -> Connection {
        connected(&self.path("copy.db"))
    }

    async fn opened(&self) -> Result<Opened> {
        let limits = OpenLimits {
            what: "append",
            id_column: "id",
            connect_timeout: LONG,
            append_timeout: LONG,
            routes: RouteCache::unknown(),
        };
        let (table, identity, server) = &self.source;
        let source = SourceSchema::of_events(table, identity, server, "id");
        let worst = |problems: Problems| -> Error { problems.into_worst() };
        let inspected = connector(&self.config).inspect(&limits).await.map_err(worst)?;
        let ready = inspected.judge(source).map_err(worst)?.into_destination().await?;
        Ok((ready.position, ready.destination))
    }
}

fn set_journal(of: &Connection, journal: &str) {
    of.query_row(&format!("pragma journal_mode = {journal}"), [], |_| Ok(())).unwrap();
}

fn connected(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(LONG).unwrap();
    connection
}

fn rename(from: &Path, to: &Path) {
    for end in FILES {
        let of = |path: &Path| PathBuf::from(format!("{}{end}", path.display()));
        let _ = std::fs::rename(of(from), of(to));
    }
}

impl Place for Sqlite {
    fn open(&self) -> BoxFuture<'_, Result<Opened>> {
        self.opened().boxed()
    }

    fn ids(&self) -> BoxFuture<'_, Vec<i64>> {
        let reader = self.connection();
        let mut ids = reader.prepare("select id from events order by id").unwrap();
        let ids = ids.query_map([], |row| row.get(0)).unwrap().map(|id| id.unwrap()).collect();
        std::future::ready(ids).boxed()
    }

    fn fill(&self, ids: RangeInclusive<i64>) -> BoxFuture<'_, ()> {
        let mut writer = self.connection();
        let transaction = writer.transaction().unwrap();
        for id in ids {
            let note = format!("note {id}");
            transaction.execute("insert into events values (?1, ?2)", (id, note)).unwrap();
        }
        transaction.commit().unwrap();
        std::future::ready(()).boxed()
    }

    /// A copy of what is committed takes the place of the file.
    fn kill(&self) -> BoxFuture<'_, ()> {
        let (path, old, new) = (self.path("copy.db"), self.path("old.db"), self.path("new.db"));
        rename(&path, &old);
        connected(&old).execute("vacuum into ?1", [new.to_str().unwrap()]).unwrap();
        set_journal(&connected(&new), &self.journal);
        rename(&new, &path);
        std::future::ready(()).boxed()
    }

    /// The file is away until nobody writes into it.
    fn break_after(&self, steps: u64) {
        let (path, away) = (self.path("copy.db"), self.path("away.db"));
        let thread = std::thread::spawn(move || {
            std::thread::sleep(STEP * u32::try_from(steps).unwrap());
            rename(&path, &away);
            connected(&away).execute_batch("begin immediate; rollback").unwrap();
            rename(&away, &path);
        });
        *self.breaking.lock().unwrap() = Some(thread);
    }

    fn heal(&self) {
        if let Some(thread) = self.breaking.lock().unwrap().take() {
            thread.join().unwrap();
        }
    }

    fn format(&self) -> CopyFormat {
        CopyFormat::Text
    }

    fn is_atomic(&self) -> bool {
        true
    }
}
