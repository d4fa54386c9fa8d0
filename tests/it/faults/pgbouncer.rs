//! PgBouncer itself, as Debian packages it: its session mode is welcome, the others are refused
//! before anything is set.

use crate::harness::{Database, connect, fresh_database, fresh_destination};
use crate::support::events::{arrives, equal, init_destination, init_source, insert};
use crate::support::replicator::{Setup, url_at};
use crate::support::{LONG, counting_process, hold_up_counts, until};
use counterfoil::config::libpq::{Conninfo, Host, HostAt};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A PgBouncer in front of one server; gone with its test.
struct PgBouncer {
    process: Child,
    port: u16,
    _dir: TempDir,
}

impl PgBouncer {
    async fn new(database: &Database, mode: &str, pool_size: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (users, ini) = (dir.path().join("users"), dir.path().join("pgbouncer.ini"));
        std::fs::write(&users, "\"postgres\" \"\"\n").unwrap();
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = \
             127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = \
             {}\npool_mode = {mode}\ndefault_pool_size = {pool_size}\nmax_client_conn = 200\n",
            database.server.port(),
            users.display()
        );
        std::fs::write(&ini, text).unwrap();
        let program = if std::path::Path::new("/usr/sbin/pgbouncer").exists() {
            "/usr/sbin/pgbouncer"
        } else {
            "pgbouncer"
        };
        let mut command = Command::new(program);
        if rustix::process::geteuid().is_root() {
            command.args(["-u", "nobody"]);
        }
        let process = command
            .arg(&ini)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("PgBouncer, which tools/setup installs");
        let pooler = Self { process, port, _dir: dir };
        let conninfo = pooler.through(database);
        until("PgBouncer answers", async || connect(&conninfo).await.is_ok()).await;
        pooler
    }

    fn url(&self, database: &Database) -> String {
        url_at(self.port, &database.conninfo.database)
    }

    fn through(&self, database: &Database) -> Conninfo {
        let at = HostAt::Tcp { host: "127.0.0.1".to_owned(), addr: None };
        Conninfo { hosts: vec![Host { at, port: self.port }], ..database.conninfo.clone() }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn pair() -> (Database, Database) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&destination).await;
    insert(&source, 5).await;
    (source, destination)
}

#[tokio::test]
async fn in_session_mode_events_are_followed_through_it_on_both_sides() {
    let (source, destination) = pair().await;
    let before = PgBouncer::new(&source, "session", 20).await;
    let behind = PgBouncer::new(&destination, "session", 20).await;
    let mut replicator = Setup::from_url(&before.url(&source))
        .and_url("copy", &behind.url(&destination))
        .destination_key("writers = 2")
        .key("retry_wait_max_ms = 300")
        .start(&[]);
    for _ in 0..20 {
        insert(&source, 3).await;
        equal(&source, &destination).await;
    }
    assert_eq!(replicator.lines(&["polling"]), 0, "{}", replicator.log());
    for side in [&source, &destination] {
        side.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = \
             current_database() and pid <> pg_backend_pid()",
        )
        .await;
        insert(&source, 3).await;
        equal(&source, &destination).await;
    }
    let diff = tokio::process::Command::new(env!("CARGO_BIN_EXE_events-diff"))
        .env_clear()
        .args([before.url(&source), behind.url(&destination)])
        .output();
    let diff = tokio::time::timeout(LONG, diff).await.unwrap().unwrap();
    assert_eq!(diff.status.code(), Some(0), "{}", String::from_utf8_lossy(&diff.stderr));
    assert!(replicator.is_running());
    replicator.stops().await;
}

/// Whoever looks whether the server still works for us finds its process, although the pooler has
/// opened it.
#[tokio::test(flavor = "multi_thread")]
async fn in_session_mode_a_comparison_that_takes_long_is_waited_for() {
    let (source, destination) = pair().await;
    insert(&source, 3).await;
    let before = PgBouncer::new(&source, "session", 20).await;
    let behind = PgBouncer::new(&destination, "session", 20).await;
    let locker = hold_up_counts(&destination).await;
    let mut replicator = Setup::from_url(&before.url(&source))
        .and_url("copy", &behind.url(&destination))
        .key("connect_timeout_ms = 1000")
        .start(&["--until-caught-up"]);
    let mut comparing = Vec::new();
    until("it is compared", async || {
        comparing = counting_process(&destination).await;
        comparing != ["0"]
    })
    .await;
    // Longer than it takes to look twice.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(counting_process(&destination).await, comparing, "{}", replicator.log());
    locker.batch_execute("rollback").await.unwrap();
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(!end.log.contains("trying again"), "{}", end.log);
    equal(&source, &destination).await;
}

/// No session behind it has other settings, listens, or holds a lock.
async fn assert_untouched(pooler: &PgBouncer, side: &Database) {
    let settings = "select current_setting('datestyle') || '|' || current_setting('search_path')";
    let direct = side.query(settings).await;
    let client = connect(&pooler.through(side)).await.unwrap();
    let listening =
        "select count(*) from pg_listening_channels() c where c not like 'counterfoil\\_probe\\_%'";
    for _ in 0..5 {
        let row =
            client.simple_query(&format!("{settings} || '|' || ({listening})")).await.unwrap();
        let text = row.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        assert_eq!(text.unwrap(), format!("{}|0", direct[0]));
    }
    let locks = "select count(*) from pg_locks where locktype = 'advisory' and database = (select \
                 oid from pg_database where datname = current_database())";
    assert_eq!(side.query(locks).await, ["0"]);
}

#[tokio::test]
async fn in_transaction_and_statement_mode_it_is_refused_on_either_side_and_left_as_it_was() {
    for mode in ["transaction", "statement"] {
        for pool_size in [1, 5] {
            let (source, destination) = pair().await;
            let pools = [
                PgBouncer::new(&source, mode, pool_size).await,
                PgBouncer::new(&destination, mode, pool_size).await,
            ];
            let at_source = Setup::from_url(&pools[0].url(&source)).to("copy", &destination);
            let at_destination = Setup::from(&source).and_url("copy", &pools[1].url(&destination));
            for setup in [at_source, at_destination] {
                let end = setup.start(&["--until-caught-up"]).ends().await;
                assert_eq!(end.code, Some(3), "{mode}, {pool_size}: {end:?}");
                assert!(
                    end.report.contains("pooler") && end.report.contains("session mode"),
                    "{}",
                    end.report
                );
            }
            assert_eq!(destination.query("select count(*) from events").await, ["0"]);
            let (source_url, destination_url) = (pools[0].url(&source), pools[1].url(&destination));
            let init = [
                env!("CARGO_BIN_EXE_counterfoil"),
                "init",
                "destination",
                "--url",
                &destination_url,
                "--guard",
            ];
            let diff = [env!("CARGO_BIN_EXE_events-diff"), &source_url, &destination_url];
            for (command, code) in [(init.as_slice(), 3), (diff.as_slice(), 2)] {
                let output = tokio::process::Command::new(command[0])
                    .env_clear()
                    .args(&command[1..])
                    .output();
                let output = tokio::time::timeout(LONG, output).await.unwrap().unwrap();
                let complaint = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.code(), Some(code), "{complaint}");
                assert!(
                    complaint.contains("pooler") && complaint.contains("session mode"),
                    "{complaint}"
                );
            }
            for (pooler, side) in pools.iter().zip([&source, &destination]) {
                assert_untouched(pooler, side).await;
            }
            arrives(&source, 5).await;
        }
    }
}
