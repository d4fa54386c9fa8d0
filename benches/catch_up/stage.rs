//! The stage of a race: a source with its events and a server for destinations, both private, durable and set up alike.

use crate::Result;
use crate::settings::settings;
use counterfoil::postgres::server::{Binaries, Server, Template};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Databases of the destination server, in the order in which they are used.
pub const DESTINATIONS: [&str; 8] = ["d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8"];

/// The client program that the raw pipe consists of; the data is made and compared through it, too.
pub struct Psql(PathBuf);

impl Psql {
    /// Finds it on `PATH`.
    pub fn find() -> Result<Self> {
        let works = Command::new("psql").arg("--version").stdout(Stdio::null()).status();
        match works {
            Ok(status) if status.success() => Ok(Self("psql".into())),
            _ => Err("psql is not on PATH: without it there is nothing to compare with (Debian: apt-get install postgresql-client)".into()),
        }
    }

    /// A psql that runs one statement in a database.
    pub fn command(&self, server: &Server, database: &str, sql: &str) -> Command {
        let mut psql = Command::new(&self.0);
        psql.args([
            "--no-psqlrc",
            "--quiet",
            "--no-align",
            "--tuples-only",
            "--set=ON_ERROR_STOP=1",
            "--username=postgres",
        ]);
        psql.arg(format!("--host={}", server.socket_dir().display()));
        psql.arg(format!("--port={}", server.port()));
        psql.arg(format!("--dbname={database}")).arg(format!("--command={sql}"));
        psql.stdin(Stdio::null());
        psql
    }

    fn ask(&self, server: &Server, database: &str, sql: &str) -> Result<String> {
        let answer = self.command(server, database, sql).stderr(Stdio::inherit()).output()?;
        if answer.status.success() {
            Ok(String::from_utf8(answer.stdout)?.trim().to_owned())
        } else {
            Err(format!("psql failed in database {database}: {sql}").into())
        }
    }
}

/// See the module.
pub struct Stage {
    pub psql: Psql,
    pub source: Server,
    pub destination: Server,
    scratch: tempfile::TempDir,
    events: u64,
    row_bytes: u64,
    events_per_ts: u64,
    /// Lines for `[replication]` of every configuration.
    pub replication: String,
    digest: String,
}

impl Stage {
    /// Makes both servers, the events of the source and the empty tables of the destinations.
    pub fn new(psql: Psql, events: u64, events_per_ts: u64, replication: &str) -> Result<Self> {
        let given = std::env::var_os("COUNTERFOIL_POSTGRES_BIN");
        let template = Template::new(&Binaries::find(given.as_deref().map(Path::new))?, &[])?;
        let settings = settings();
        let mut stage = Self {
            psql,
            source: Server::new(&template, &settings)?,
            destination: Server::new(&template, &settings)?,
            scratch: tempfile::tempdir()?,
            events,
            row_bytes: 0,
            events_per_ts,
            replication: replication.to_owned(),
            digest: String::new(),
        };
        stage.make_events()?;
        for database in DESTINATIONS {
            init(&["destination"], &stage.destination, database)?;
        }
        Ok(stage)
    }

    fn make_events(&mut self) -> Result<()> {
        init(&["source", "--ids", "sequence"], &self.source, "source")?;
        let events = include_str!("events.sql").replace(":events_per_ts", &self.events_per_ts.to_string());
        self.ask_source(&events.replace(":events", &self.events.to_string()))?;
        self.ask_source("vacuum (analyze) events")?;
        self.ask_source("checkpoint")?;
        self.digest = self.digest_of(&self.source, "source")?;
        // Also warms the source up.
        let whole = self
            .psql
            .command(&self.source, "source", "copy events to stdout (format binary)")
            .output()?;
        self.row_bytes = whole.stdout.len() as u64 / self.events;
        Ok(())
    }

    /// What the figures are about.
    pub fn description(&self) -> String {
        format!(
            "{} events of {} bytes, {} a ts; PostgreSQL {}, fsync on, shared_buffers 512 MB; destination with slate's five indexes; {} cores",
            self.events,
            self.row_bytes,
            self.events_per_ts,
            self.source.version_num(),
            std::thread::available_parallelism().map_or(0, usize::from),
        )
    }

    /// Makes a destination empty again, and both servers quiet.
    pub fn clear(&self, database: &str) -> Result<()> {
        self.psql.ask(&self.destination, database, "truncate events")?;
        self.psql.ask(&self.destination, database, "checkpoint").map(drop)
    }

    /// Fails unless the destination holds exactly what the source holds.
    pub fn compare(&self, database: &str) -> Result<()> {
        let found = self.digest_of(&self.destination, database)?;
        if found == self.digest {
            return Ok(());
        }
        Err(format!(
            "the destination differs from the source, so its figure does not count: {found} instead of {}",
            self.digest
        )
        .into())
    }

    /// Where configurations and logs of runs are written.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    pub fn ask_source(&self, sql: &str) -> Result<String> {
        self.psql.ask(&self.source, "source", sql)
    }

    fn digest_of(&self, server: &Server, database: &str) -> Result<String> {
        let digest = "select count(*), min(id), max(id), sum(hashtextextended(e::text, 0)::numeric) from events e";
        self.psql.ask(server, database, digest)
    }
}

/// `counterfoil init` of one side.
fn init(side: &[&str], server: &Server, database: &str) -> Result<()> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    let status = command
        .arg("init")
        .args(side)
        .args(["--create-database", "--url", &url(server, database)])
        .stdout(Stdio::null())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("counterfoil init {side:?} failed").into())
    }
}

/// How a configuration names a database of a private server.
pub fn url(server: &Server, database: &str) -> String {
    let socket_dir = server.socket_dir().display().to_string().replace('%', "%25").replace('/', "%2F");
    format!("postgres://postgres@/{database}?host={socket_dir}&port={}", server.port())
}
