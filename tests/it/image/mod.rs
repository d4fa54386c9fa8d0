//! The container image, run by a container engine as a cluster would: a job, its refusals, a
//! service and its end, TLS, passwords in files, and what is inside.

mod archive;
mod engine;
mod inside;
mod jobs;
mod service;
mod tls;

use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{init_destination, init_source, insert};
use crate::support::replicator::{Setup, url_at};
use archive::ImageArchive;
use engine::{Container, ContainerEnd, Engine};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Where a container finds its configuration.
const CONFIG: &str = "/etc/counterfoil/replication.toml";

/// The image in its engine, and what was seen of it.
struct Trial {
    engine: Engine,
    archive: ImageArchive,
    dir: TempDir,
    seen: Vec<String>,
}

impl Trial {
    /// Counts a statement that was found true, and tells it to whoever asks.
    fn saw(&mut self, what: &str) {
        crate::support::say(&format!("seen: {what}"));
        self.seen.push(what.to_owned());
    }

    /// A configuration file, readable for all.
    fn config(&self, setup: &Setup) -> PathBuf {
        self.file("replication.toml", &setup.text(), 0o644)
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// Runs `counterfoil run --until-caught-up` with this configuration, to its end.
    async fn job(&self, setup: &Setup) -> ContainerEnd {
        self.job_with(self.config(setup), Vec::new()).await
    }

    async fn job_with(&self, config: PathBuf, mut mounts: Vec<(PathBuf, &str)>) -> ContainerEnd {
        mounts.push((config, CONFIG));
        let arguments = vec!["run", "--config", CONFIG, "--until-caught-up"];
        self.engine.run(&Container { mounts, arguments, ..Container::default() }).await
    }
}

/// A database by TCP, as a container reaches it.
fn by_tcp(database: &Database) -> String {
    url_at(database.conninfo.hosts[0].port, &database.conninfo.database)
}

/// Copies from the one to the other, in vain for two seconds at most.
fn copying(source: &Database, destination: &Database) -> Setup {
    let setup = Setup::from_url(&by_tcp(source)).and_url("copy", &by_tcp(destination));
    setup.key("retry_for_ms = 2000")
}

/// A source with so many events, and an empty destination.
async fn pair(events: u32) -> (Database, Database) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&destination).await;
    insert(&source, events).await;
    (source, destination)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_image_copies_refuses_follows_and_stops_as_the_program_does_with_nothing_but_itself() {
    let Some((engine, archive)) = archive::loaded().await else { return };
    let start = std::time::Instant::now();
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut trial = Trial { engine, archive, dir, seen: Vec::new() };
    let size = inside::is_what_it_should_be(&mut trial).await;
    jobs::end_with_the_code_of_their_cause(&mut trial).await;
    jobs::read_a_password_from_a_file_of_their_group(&mut trial).await;
    let stop = service::follows_and_stops(&mut trial).await;
    service::a_job_is_stopped_before_its_end(&mut trial).await;
    service::runs_as_the_pod_of_the_chart(&mut trial).await;
    tls::is_verified_with_an_own_authority_and_with_those_of_the_system(&mut trial).await;
    let seconds = start.elapsed().as_secs();
    let checks = trial.seen.len();
    // Past the capture of tests: it is the result.
    let told = format!("image: {checks} checks passed, {size}, {stop}, {seconds} s");
    writeln!(std::io::stderr(), "{told}").unwrap();
}

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
