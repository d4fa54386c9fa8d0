//! A private server starts, crashes, recovers, freezes, and leaves nothing behind, however we end.

use crate::harness::{
    binaries, connect, fresh_database, fresh_database_on, fresh_destination,
    own_destination_server, own_server, template,
};
use counterfoil::postgres::server::{
    ClusterTemplate, PrivateServer, ServerBinaries, ServerSettings,
};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const NONE: [u32; 0] = [];

#[tokio::test]
async fn a_server_has_committed_rows_and_its_port_again_after_each_kind_of_end() {
    let server = own_server(&ServerSettings::new());
    let database = fresh_database_on(&server).await;
    let port = server.port();
    database.execute("create table t (what text)").await;
    let ends = ["fast", "immediate", "kill"].into_iter().zip([
        PrivateServer::stop_fast,
        PrivateServer::stop_immediate,
        PrivateServer::kill_nine,
    ]);
    for (what, end) in ends {
        database.execute(&format!("insert into t values ('{what}')")).await;
        let pids = server.pids();
        server.aside(end).await.unwrap();
        assert!(connect(&database.conninfo).await.is_err(), "{what}");
        assert_eq!(living(&pids), NONE, "{what}");
        server.aside(PrivateServer::start).await.unwrap();
    }
    assert_eq!(database.query("select what from t").await, ["fast", "immediate", "kill"]);
    assert_eq!(server.port(), port);
}

#[tokio::test]
async fn a_frozen_server_stands_still_until_it_is_thawed() {
    let server = own_server(&ServerSettings::new());
    let database = fresh_database_on(&server).await;
    let client = database.client().await;
    server.aside(PrivateServer::freeze).await;
    let states: Vec<String> = server.pids().iter().map(|pid| stat_of(*pid)).collect();
    assert!(states.len() > 5 && states.iter().all(|stat| stat.contains(") T ")), "{states:?}");
    let answer = tokio::spawn(async move { client.simple_query("select 1").await });
    server.thaw();
    assert!(answer.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_frozen_server_can_be_killed_and_started_again() {
    let server = own_server(&ServerSettings::new());
    server.aside(PrivateServer::freeze).await;
    let pids = server.pids();
    server.aside(PrivateServer::kill_nine).await.unwrap();
    assert_eq!(living(&pids), NONE);
    server.aside(PrivateServer::start).await.unwrap();
    assert_eq!(fresh_database_on(&server).await.query("select 1").await, ["1"]);
}

#[test]
fn a_dropped_server_leaves_no_process_no_directory_and_no_shared_memory() {
    for end in [
        PrivateServer::freeze,
        |_: &PrivateServer| {},
        |server: &PrivateServer| server.kill_nine().unwrap(),
    ] {
        let server = own_server(&ServerSettings::new());
        let (dir, pids) = (server.dir().to_owned(), server.pids());
        let segment = shared_memory_id(&server);
        assert!(shared_memory_exists(&segment));
        end(&server);
        drop(server);
        assert_eq!(living(&pids), NONE);
        assert!(!dir.exists());
        assert!(!shared_memory_exists(&segment), "{segment}");
    }
}

/// Two roles: run by the test runner, it starts itself again with a variable set, and kills that
/// process.
#[test]
fn a_server_dies_with_a_parent_that_is_killed_with_sigkill() {
    const ROLE: &str = "COUNTERFOIL_TEST_HOLDS_A_SERVER";
    if let Some(is_frozen) = std::env::var_os(ROLE) {
        let server = own_server(&ServerSettings::new());
        if is_frozen == "frozen" {
            server.freeze();
        }
        let held = format!("\nheld {} {:?}\n", server.dir().display(), server.pids());
        std::io::stdout().write_all(held.as_bytes()).unwrap();
        let _ = std::io::stdin().lines().count();
        return;
    }
    for state in ["running", "frozen"] {
        let mut parent = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "private_server::a_server_dies_with_a_parent_that_is_killed_with_sigkill",
                "--nocapture",
            ])
            .env(ROLE, state)
            .envs([
                ("PGPORT", "1"),
                ("PGDATA", "/nonexistent"),
                ("PGHOST", "nowhere"),
                ("PGDATESTYLE", "nonsense"),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines().map(Result::unwrap);
        let held = lines.find(|line| line.starts_with("held ")).unwrap();
        let mut words = held.split([' ', ',', '[', ']']).filter(|word| !word.is_empty()).skip(1);
        let dir = Path::new(words.next().unwrap()).to_owned();
        let pids: Vec<u32> = words.map(|word| word.parse().unwrap()).collect();
        assert!(pids.len() > 5 && living(&pids) == pids && dir.exists(), "{held}");
        parent.kill().unwrap();
        parent.wait().unwrap();
        // The watchdog is nobody's child now, so there is nothing else to wait for than what it
        // does.
        let start = Instant::now();
        while dir.exists() || !living(&pids).is_empty() {
            assert!(start.elapsed() < Duration::from_secs(60), "{dir:?} {:?}", living(&pids));
            std::thread::yield_now();
        }
    }
}

#[tokio::test]
async fn settings_reach_the_server_over_both_kinds_of_connection() {
    let settings = ServerSettings::new()
        .set("max_prepared_transactions", "7")
        .hba("host all stranger 127.0.0.1/32 reject");
    let server = own_server(&settings);
    let mut conninfo = server.conninfo_tcp("postgres");
    let client = connect(&conninfo).await.unwrap();
    let row = client.query_one("show max_prepared_transactions", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "7");
    let row =
        client.query_one("select current_setting('server_version_num')::int8", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), i64::from(server.version_num()));
    conninfo.user = "stranger".to_owned();
    assert!(
        connect(&conninfo)
            .await
            .is_err_and(|error| error.code().is_some_and(|code| code.code() == "28000"))
    );
}

#[test]
fn nobody_else_can_enter_the_directory_of_a_server_that_trusts_everybody() {
    let server = own_server(&ServerSettings::new());
    for dir in [server.dir(), &server.data_dir(), &server.socket_dir()] {
        assert_eq!(dir.metadata().unwrap().permissions().mode() & 0o777, 0o700, "{dir:?}");
    }
}

#[test]
fn a_server_that_cannot_start_says_what_its_log_says() {
    let error = PrivateServer::new(template(), &ServerSettings::new().set("no_such_setting", "1"))
        .unwrap_err();
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[test]
fn initdb_takes_arguments_and_says_why_it_refuses_them() {
    let error = ClusterTemplate::new(&binaries(), &["--encoding=KLINGON"]).unwrap_err();
    assert!(error.to_string().contains("KLINGON"), "{error}");
    let latin = PrivateServer::new(
        &ClusterTemplate::new(&binaries(), &["--encoding=LATIN1"]).unwrap(),
        &ServerSettings::new(),
    )
    .unwrap();
    assert!(latin.log().contains("ready to accept connections"), "{}", latin.log());
}

#[tokio::test]
async fn each_test_has_a_database_of_its_own_and_source_and_destination_are_two_servers() {
    let (one, other, destination) =
        (fresh_database().await, fresh_database().await, fresh_destination().await);
    one.execute("create table mine ()").await;
    for database in [&other, &destination] {
        assert_eq!(
            database.query("select to_regclass('mine'), current_setting('server_encoding')").await,
            ["|UTF8"]
        );
    }
    assert_ne!(one.server.port(), destination.server.port());
}

/// The versions that tools/test was asked for are those that the tests run on.
#[tokio::test]
async fn sources_and_destinations_run_on_the_programs_they_were_given() {
    let given = |name| std::env::var_os(name).map(std::path::PathBuf::from);
    let of_all = given("COUNTERFOIL_POSTGRES_BIN");
    let of_destinations = given("COUNTERFOIL_DESTINATION_POSTGRES_BIN").or(of_all.clone());
    let own_destination = fresh_database_on(&own_destination_server(&ServerSettings::new())).await;
    for (database, dir) in [
        (fresh_database().await, of_all),
        (fresh_destination().await, of_destinations.clone()),
        (own_destination, of_destinations),
    ] {
        let expected = ServerBinaries::find(dir.as_deref()).unwrap();
        assert_eq!(
            database.query("show server_version_num").await,
            [expected.version_num().to_string()]
        );
        let running =
            std::fs::read_link(format!("/proc/{}/exe", database.server.pids()[0])).unwrap();
        assert_eq!(running, expected.program("postgres").canonicalize().unwrap());
    }
}

/// Those that have not ended; a zombie has.
fn living(pids: &[u32]) -> Vec<u32> {
    let is_living = |pid: &&u32| {
        let stat = stat_of(**pid);
        !stat.is_empty() && !stat.contains(") Z ")
    };
    pids.iter().filter(is_living).copied().collect()
}

fn stat_of(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default()
}

/// The System V segment by which PostgreSQL knows that a data directory is in use.
fn shared_memory_id(server: &PrivateServer) -> String {
    let lock_file = std::fs::read_to_string(server.data_dir().join("postmaster.pid")).unwrap();
    lock_file.lines().nth(6).unwrap().split_whitespace().nth(1).unwrap().to_owned()
}

fn shared_memory_exists(id: &str) -> bool {
    let table = std::fs::read_to_string("/proc/sysvipc/shm").unwrap();
    table.lines().any(|line| line.split_whitespace().nth(1) == Some(id))
}
