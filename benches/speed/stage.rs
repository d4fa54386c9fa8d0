//! The stage of a race: a source with its events and a server for destinations, both private,
//! durable and set up alike.

use crate::Result;
use crate::psql::Psql;
use crate::settings::settings;
use counterfoil::postgres::server::{ClusterTemplate, PrivateServer, ServerBinaries};
use std::cell::RefCell;
use std::path::Path;
use std::process::{Command, Stdio};

/// Databases of the destination server, in the order in which they are used.
pub const DESTINATIONS: [&str; 8] = ["d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8"];

/// What the source is made with: ids from a sequence.
const SOURCE_FLAGS: [&str; 3] = ["source", "--ids", "sequence"];

/// See the module.
pub struct Stage {
    pub psql: Psql,
    pub source: PrivateServer,
    pub destination: PrivateServer,
    scratch: tempfile::TempDir,
    /// Lines for `[replication]` of every configuration.
    pub replication: String,
    digest: RefCell<String>,
}

impl Stage {
    /// Makes both servers, `events` of the usual size at the source, and the empty tables of the
    /// destinations.
    pub fn new(psql: Psql, events: u64, events_per_ts: u64, replication: &str) -> Result<Self> {
        let stage = Self::empty(psql, replication)?;
        let sql =
            include_str!("sql/events.sql").replace(":events_per_ts", &events_per_ts.to_string());
        stage.fill(&sql, events)?;
        Ok(stage)
    }

    /// Makes both servers with empty tables.
    pub fn empty(psql: Psql, replication: &str) -> Result<Self> {
        let given = std::env::var_os("COUNTERFOIL_POSTGRES_BIN");
        let template =
            ClusterTemplate::new(&ServerBinaries::find(given.as_deref().map(Path::new))?, &[])?;
        let settings = settings();
        let stage = Self {
            psql,
            source: PrivateServer::new(&template, &settings)?,
            destination: PrivateServer::new(&template, &settings)?,
            scratch: tempfile::tempdir()?,
            replication: replication.to_owned(),
            digest: RefCell::default(),
        };
        stage.init_source()?;
        stage.ask_source(include_str!("sql/made_up_event.sql"))?;
        for database in DESTINATIONS {
            init(&["destination"], &stage.destination, database)?;
        }
        Ok(stage)
    }

    /// Makes what is missing at the source, the doorbell among it.
    pub fn init_source(&self) -> Result<()> {
        init(&SOURCE_FLAGS, &self.source, "source").map(drop)
    }

    /// Adds events by a statement of ours in which `:events` stands for their number.
    pub fn fill(&self, sql: &str, events: u64) -> Result<()> {
        self.ask_source(&sql.replace(":events", &events.to_string()))?;
        self.ask_source("vacuum (analyze) events")?;
        self.ask_source("checkpoint")?;
        self.digest_source()
    }

    /// Notes what the source holds now: what destinations are compared with.
    pub fn digest_source(&self) -> Result<()> {
        *self.digest.borrow_mut() = self.digest_of(&self.source, "source")?;
        Ok(())
    }

    /// What the figures are about.
    pub fn description(&self) -> Result<String> {
        // A row of binary COPY is 31 bytes longer than the text of its event.
        let sizes =
            "select count(*) || ' events of ' || coalesce(sum(31 + octet_length(event::text)) / greatest(count(*), 1), 0) || ' bytes, '
                     || coalesce(count(*) / greatest(count(distinct ts), 1), 0) || ' of equal time' from events";
        Ok(format!(
            "{}; PostgreSQL {}, fsync on, shared_buffers 512 MB; {} cores",
            self.ask_source(sizes)?,
            self.version(),
            std::thread::available_parallelism().map_or(0, usize::from),
        ))
    }

    /// The version of both servers, such as 15.18.
    pub fn version(&self) -> String {
        let number = self.source.version_num();
        format!("{}.{}", number / 10_000, number % 10_000)
    }

    /// Makes a destination empty again, and both servers quiet.
    pub fn clear(&self, database: &str) -> Result<()> {
        self.ask_destination(database, "truncate events")?;
        self.checkpoint()
    }

    /// Makes the source empty again; its ids go on from 1.
    pub fn clear_source(&self) -> Result<()> {
        self.ask_source("alter table events disable trigger check_sql_command")?;
        self.ask_source("truncate events restart identity")?;
        self.ask_source("alter table events enable always trigger check_sql_command")?;
        self.checkpoint()
    }

    /// Leaves a destination no index but that of its primary key.
    pub fn drop_indexes(&self, database: &str) -> Result<()> {
        self.drop_indexes_of(&self.destination, database)
    }

    /// Leaves the source no index but that of its primary key.
    pub fn drop_indexes_of_source(&self) -> Result<()> {
        self.drop_indexes_of(&self.source, "source")
    }

    /// Gives a destination the indexes that it lacks, by the statements that `counterfoil init
    /// destination` tells.
    pub fn add_indexes(&self, database: &str) -> Result<()> {
        let said = init(&["destination"], &self.destination, database)?;
        for statement in said.lines().filter(|line| line.starts_with("create index ")) {
            self.ask_destination(database, statement)?;
        }
        let usable =
            "select count(*) from pg_index where indrelid = 'events'::regclass and indisvalid";
        match self.ask_destination(database, usable)?.as_str() {
            "6" => Ok(()),
            indexes => Err(format!(
                "the destination has {indexes} indexes instead of 6 after what init said:\n{said}"
            )
            .into()),
        }
    }

    fn drop_indexes_of(&self, server: &PrivateServer, database: &str) -> Result<()> {
        let drops = "select coalesce(string_agg(format('drop index %s', indexrelid::regclass), ';'), '') from pg_index
                      where indrelid = 'events'::regclass and not indisprimary";
        let drops = self.psql.ask(server, database, drops)?;
        self.psql.ask(server, database, &drops).map(drop)
    }

    /// So that none falls into a run.
    pub fn checkpoint(&self) -> Result<()> {
        self.ask_source("checkpoint")?;
        self.ask_destination("postgres", "checkpoint").map(drop)
    }

    /// Fails unless the destination holds exactly what the source held when it was digested.
    pub fn compare(&self, database: &str) -> Result<()> {
        let found = self.digest_of(&self.destination, database)?;
        if found == *self.digest.borrow() {
            return Ok(());
        }
        Err(format!(
            "the destination differs from the source, so its figure does not count: {found} \
             instead of {}",
            self.digest.borrow()
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

    pub fn ask_destination(&self, database: &str, sql: &str) -> Result<String> {
        self.psql.ask(&self.destination, database, sql)
    }

    fn digest_of(&self, server: &PrivateServer, database: &str) -> Result<String> {
        let digest = "select count(*), min(id), max(id), sum(hashtextextended(e::text, \
                      0)::numeric) from events e";
        self.psql.ask(server, database, digest)
    }
}

/// `counterfoil init` of one side; gives what it says.
fn init(side: &[&str], server: &PrivateServer, database: &str) -> Result<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    let output = command
        .arg("init")
        .args(side)
        .args(["--create-database", "--url", &url(server, database)])
        .stderr(Stdio::inherit())
        .output()?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        Err(format!("counterfoil init {side:?} failed").into())
    }
}

/// How a configuration names a database of a private server.
pub fn url(server: &PrivateServer, database: &str) -> String {
    let socket_dir =
        server.socket_dir().display().to_string().replace('%', "%25").replace('/', "%2F");
    format!("postgres://postgres@/{database}?host={socket_dir}&port={}", server.port())
}
