//! The three private servers of the demo, what `init` creates on them, and the configuration that
//! joins them.

use super::story::DemoStory;
use crate::config::ReplicationConfig;
use crate::config::libpq::{Conninfo, Environment};
use crate::config::load::load;
use crate::destination;
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::postgres::ddl::database;
use crate::postgres::server::{ClusterTemplate, PrivateServer, ServerBinaries, ServerSettings};
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::{Session, SessionPurpose};
use crate::postgres::table::TableName;
use crate::source;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Where the programs of PostgreSQL are, if a person says it.
const BINARIES_VARIABLE: &str = "COUNTERFOIL_POSTGRES_BIN";
const DATABASE: &str = "demo";
/// Names of the destinations; the second is the one that is killed.
pub(crate) const DESTINATIONS: [&str; 2] = ["north", "south"];
/// A server on the same machine answers at once, unless the machine has a lot to do.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// One source and two destinations, gone once this is dropped or our process has ended.
pub struct DemoServers {
    /// Where events are written.
    pub source: Arc<PrivateServer>,
    /// The destinations: the first is reached through its Unix socket, the second through TCP.
    pub destinations: [Arc<PrivateServer>; 2],
}

impl DemoServers {
    /// Runs `initdb` once and starts all three; about two seconds.
    ///
    /// # Errors
    /// `Unsuitable` with what to install, or with why a server did not start.
    pub async fn start() -> Result<Self> {
        let started = tokio::task::spawn_blocking(start_all).await;
        started.unwrap_or_else(|panic| {
            Err(Error::new(ErrorKind::Bug, "cannot start the servers").caused_by(&panic))
        })
    }

    /// The version of all three, as people write it: 15.18.
    pub fn version(&self) -> String {
        let version_num = self.source.version_num();
        format!("{}.{}", version_num / 10_000, version_num % 10_000)
    }

    /// Creates database and objects as `counterfoil init` does.
    pub(crate) async fn init(&self, story: &DemoStory) -> Result<(), Problems> {
        let table = TableName::parse("public.events")?;
        let session = new_database(&self.source.conninfo(DATABASE)).await?;
        let plan = source::setup::SourceSetup::new(
            table.clone(),
            source::setup::IdsOption::Sequence,
            None,
        );
        source::setup::apply(&session, &plan).await?;
        for conninfo in self.destination_conninfos() {
            let session = new_database(&conninfo).await?;
            destination::postgres::setup::apply(
                &session,
                &destination::postgres::setup::DestinationSetup::new(table.clone()),
            )
            .await?;
        }
        story.say(
            "counterfoil init has created the tables; ids come from a sequence, so writers do not \
             wait for each other",
        );
        Ok(())
    }

    /// Writes the configuration file and reads it; `is_verified`: rows are compared all the while.
    pub fn config(&self, is_verified: bool) -> Result<ReplicationConfig, Problems> {
        let [north, south] = &self.destinations;
        let verify = if is_verified { "[verify]\nevery = \"30s\"\n" } else { "" };
        let text = format!(
            "# Written by counterfoil demo; gone when it ends.\n[source]\n{}\n\
             [[destinations]]\nname = \"{}\"\n{}\n[[destinations]]\nname = \"{}\"\n{}\n\
             [replication]\nconnect_timeout_ms = {}\nretry_wait_max_ms = 1000\n{verify}",
            connection(&self.source.socket_dir().to_string_lossy(), &self.source),
            DESTINATIONS[0],
            connection(&north.socket_dir().to_string_lossy(), north),
            DESTINATIONS[1],
            connection("127.0.0.1", south),
            CONNECT_TIMEOUT.as_millis(),
        );
        let path = self.config_path();
        let written = std::fs::write(&path, text);
        written.map_err(|error| {
            let what = "cannot write the configuration of the demo";
            Error::new(ErrorKind::Unsuitable, what).at(path.display().to_string()).caused_by(&error)
        })?;
        load(&path, &Environment::empty())
    }

    /// What a person can type while the servers are kept.
    pub(crate) fn how_to_look_around(&self) -> String {
        let psql = |(name, server): (&str, &Arc<PrivateServer>)| {
            let program = Some(server.bin_dir().join("psql")).filter(|psql| psql.is_file());
            let program = program.unwrap_or_else(|| PathBuf::from("psql"));
            format!(
                "  {} -h 127.0.0.1 -p {} -U postgres {DATABASE}  # {name}",
                program.display(),
                server.port()
            )
        };
        let [north, south] = &self.destinations;
        let servers =
            [("source", &self.source), (DESTINATIONS[0], north), (DESTINATIONS[1], south)];
        let commands: Vec<String> = servers.into_iter().map(psql).collect();
        let ours = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("counterfoil"));
        let (ours, config) = (ours.display(), self.config_path());
        format!(
            "The servers run until Ctrl-C. To look around:\n{}\n  {ours} status --config {path}\n  \
             {ours} run --until-caught-up --config {path}",
            commands.join("\n"),
            path = config.display(),
        )
    }

    fn config_path(&self) -> PathBuf {
        self.source.dir().join("demo.toml")
    }

    fn destination_conninfos(&self) -> [Conninfo; 2] {
        let [north, south] = &self.destinations;
        [north.conninfo(DATABASE), south.conninfo_tcp(DATABASE)]
    }
}

/// What the demo does with a session of its own.
pub(crate) fn purpose() -> SessionPurpose {
    SessionPurpose { what: "demo", side: ErrorSide::Source }
}

fn start_all() -> Result<DemoServers> {
    let given = std::env::var_os(BINARIES_VARIABLE);
    let binaries = ServerBinaries::find(given.as_deref().map(Path::new))?;
    // Small segments make the copies quick.
    let template = ClusterTemplate::new(&binaries, &["--wal-segsize=1"])?;
    let start = |settings: ServerSettings| PrivateServer::new(&template, &settings).map(Arc::new);
    let failed = || Error::new(ErrorKind::Bug, "a thread that starts a server has panicked");
    std::thread::scope(|scope| {
        // The time of every commit is kept only to count afterwards how many came out of order.
        let source =
            scope.spawn(|| start(ServerSettings::new().set("track_commit_timestamp", "on")));
        let north = scope.spawn(|| start(ServerSettings::new()));
        let south = scope.spawn(|| start(ServerSettings::new()));
        let [source, north, south] =
            [source, north, south].map(|thread| thread.join().unwrap_or_else(|_| Err(failed())));
        Ok(DemoServers { source: source?, destinations: [north?, south?] })
    })
}

async fn new_database(conninfo: &Conninfo) -> Result<Session> {
    // A setup session writes, and so it has the settings of a destination's.
    let purpose = SessionPurpose { what: "init", side: ErrorSide::Destination };
    let maintenance = database::maintenance_session(conninfo, purpose, CONNECT_TIMEOUT).await?;
    database::create_database(&maintenance, &conninfo.database).await?;
    Session::open(conninfo, purpose, CONNECT_TIMEOUT).await
}

fn connection(host: &str, server: &PrivateServer) -> String {
    format!(
        "host = {host:?}\nport = {}\ndatabase = \"{DATABASE}\"\nuser = \"postgres\"\n",
        server.port()
    )
}
