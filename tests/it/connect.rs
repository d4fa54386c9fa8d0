//! Sessions reach the right server, have their settings pinned, and say why they died.

use crate::certificates::file;
use crate::harness::{Database, connect, fresh_database, own_server};
use counterfoil::config::libpq::{Conninfo, Host, HostAt, Password, TargetSession};
use counterfoil::error::{Error, ErrorKind};
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::postgres::session::{Session, SessionPurpose};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SOURCE: SessionPurpose = SessionPurpose { what: "test", side: ErrorSide::Source };
const DESTINATION: SessionPurpose = SessionPurpose { what: "test", side: ErrorSide::Destination };
const LONG: Duration = Duration::from_secs(20);

async fn open(conninfo: &Conninfo) -> Result<Session, Error> {
    Session::open(conninfo, SOURCE, LONG).await
}

async fn show(session: &Session, setting: &str) -> String {
    let row = session
        .query_one("select current_setting($1)", &[&setting])
        .await
        .unwrap_or_else(|error| panic!("{error:?} for {setting}"));
    row.get(0)
}

fn with_hosts(conninfo: &Conninfo, hosts: &[&Host]) -> Conninfo {
    Conninfo { hosts: hosts.iter().map(|host| (*host).clone()).collect(), ..conninfo.clone() }
}

fn tcp(host: &str, port: u16) -> Host {
    Host { at: HostAt::Tcp { host: host.to_owned(), addr: None }, port }
}

/// A port of 127.0.0.1 where nobody listens, held by a socket that does not either.
fn dead_port() -> (tokio::net::TcpSocket, u16) {
    let held = tokio::net::TcpSocket::new_v4().unwrap();
    held.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let port = held.local_addr().unwrap().port();
    (held, port)
}

/// A login role with these settings, owned by the whole server: its name is the database's.
async fn role_with(database: &Database, settings: &[&str]) -> Conninfo {
    let role = format!("role_{}", database.conninfo.database);
    database.execute(&format!("create role {role} login")).await;
    for setting in settings {
        database.execute(&format!("alter role {role} set {setting}")).await;
    }
    Conninfo { user: role, ..database.conninfo.clone() }
}

#[tokio::test]
async fn unhelpful_defaults_of_a_role_change_nothing() {
    let database = fresh_database().await;
    let mut unhelpful = vec![
        "datestyle = 'German, DMY'",
        "intervalstyle = 'sql_standard'",
        "timezone = 'Asia/Kathmandu'",
        "extra_float_digits = 0",
        "bytea_output = 'escape'",
        "xmlbinary = 'hex'",
        "xmloption = 'document'",
        "row_security = on",
        "array_nulls = off",
        "quote_all_identifiers = on",
        "default_transaction_isolation = 'serializable'",
        "default_transaction_deferrable = on",
        "standard_conforming_strings = off",
        "statement_timeout = '1h'",
        "lock_timeout = '1h'",
        "idle_in_transaction_session_timeout = '1h'",
        "client_encoding = 'LATIN1'",
        "synchronous_commit = 'off'",
        "jit = on",
        "search_path = 'elsewhere'",
    ];
    if database.server.version_num() >= 140_000 {
        unhelpful.push("idle_session_timeout = '1h'");
    }
    if database.server.version_num() >= 170_000 {
        unhelpful.push("transaction_timeout = '1h'");
    }
    let conninfo = role_with(&database, &unhelpful).await;
    let source = Session::open(&conninfo, SOURCE, LONG).await.unwrap();
    let destination = Session::open(&conninfo, DESTINATION, LONG).await.unwrap();
    for session in [&source, &destination] {
        for (setting, value) in [
            ("datestyle", "ISO, YMD"),
            ("intervalstyle", "iso_8601"),
            ("timezone", "UTC"),
            ("extra_float_digits", "3"),
            ("bytea_output", "hex"),
            ("xmlbinary", "base64"),
            ("xmloption", "content"),
            ("lc_monetary", "C"),
            ("row_security", "off"),
            ("array_nulls", "on"),
            ("quote_all_identifiers", "off"),
            ("transaction_isolation", "read committed"),
            ("default_transaction_isolation", "read committed"),
            ("default_transaction_deferrable", "off"),
            ("standard_conforming_strings", "on"),
            ("statement_timeout", "0"),
            ("lock_timeout", "0"),
            ("idle_in_transaction_session_timeout", "0"),
            ("client_encoding", "UTF8"),
            ("jit", "off"),
            ("application_name", "counterfoil/test"),
        ] {
            assert_eq!(show(session, setting).await, value, "{setting}");
        }
        if session.server().major_version() >= 14 {
            assert_eq!(show(session, "idle_session_timeout").await, "0");
            assert_eq!(show(session, "client_connection_check_interval").await, "10s");
        }
        if session.server().major_version() >= 17 {
            assert_eq!(show(session, "transaction_timeout").await, "0");
        }
    }
    assert_eq!(show(&source, "search_path").await, "pg_catalog");
    assert_eq!(show(&source, "synchronous_commit").await, "local");
    assert_eq!(show(&destination, "search_path").await, "pg_catalog");
    assert_eq!(show(&destination, "synchronous_commit").await, "off");
}

#[tokio::test]
async fn the_server_watches_over_our_end_of_a_tcp_connection() {
    let database = fresh_database().await;
    let session = open(&database.server.conninfo_tcp(&database.conninfo.database)).await.unwrap();
    for (setting, value) in [
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
        ("tcp_user_timeout", "15000"),
    ] {
        assert_eq!(show(&session, setting).await, value, "{setting}");
    }
}

#[tokio::test]
async fn options_reach_the_server() {
    let mut conninfo = fresh_database().await.conninfo;
    conninfo.options = Some("-c geqo=off -c geqo_threshold=7".to_owned());
    let session = open(&conninfo).await.unwrap();
    assert_eq!(show(&session, "geqo").await, "off");
    assert_eq!(show(&session, "geqo_threshold").await, "7");
}

#[tokio::test]
async fn a_terminated_session_says_who_ended_it() {
    let database = fresh_database().await;
    let mut session = open(&database.conninfo).await.unwrap();
    assert!(session.death().is_none());
    let pid = session.server().backend_pid;
    database.execute(&format!("select pg_terminate_backend({pid})")).await;
    assert!(session.notifications().recv().await.is_none());
    let death = session.death().unwrap();
    assert_eq!((death.kind(), death.sqlstate()), (ErrorKind::Unavailable, Some("57P01")));
    let error = session.error(&session.simple_query("select 1").await.unwrap_err(), "cannot read");
    assert_eq!((error.kind(), error.sqlstate()), (ErrorKind::Unavailable, Some("57P01")));
    assert!(
        error.to_string().contains("terminating connection due to administrator command"),
        "{error}"
    );
    assert_eq!(error.place(), Some(session.place()));
}

#[tokio::test]
async fn the_first_host_that_answers_is_taken() {
    let database = fresh_database().await;
    let (_held, dead) = dead_port();
    let living = tcp("127.0.0.1", database.server.port());
    let hosts = [&tcp("127.0.0.1", dead), &tcp("no-such-host.invalid", 5432), &living];
    let session = open(&with_hosts(&database.conninfo, &hosts)).await.unwrap();
    assert_eq!(session.place(), format!("{living}/{}", database.conninfo.database));
}

#[tokio::test]
async fn when_no_host_answers_each_is_named_with_its_reason() {
    let database = fresh_database().await;
    let (_held, dead) = dead_port();
    let nowhere = Host { at: HostAt::Unix("/nowhere".into()), port: 1 };
    let hosts = [&tcp("127.0.0.1", dead), &tcp("no-such-host.invalid", 5432), &nowhere];
    let error = open(&with_hosts(&database.conninfo, &hosts)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let causes = error.causes();
    assert!(
        causes[0].starts_with(&format!("127.0.0.1:{dead}: "))
            && causes[0].contains("Connection refused (os error 111)"),
        "{error:?}"
    );
    assert!(
        causes[1].starts_with("no-such-host.invalid:5432: cannot find the address"),
        "{error:?}"
    );
    assert!(causes[2].contains("/nowhere:1: ") && causes[2].contains("(os error 2)"), "{error:?}");
    let place = format!(
        "127.0.0.1:{dead},no-such-host.invalid:5432,/nowhere:1/{}",
        database.conninfo.database
    );
    assert_eq!(error.place(), Some(place.as_str()));
}

#[tokio::test]
async fn a_single_host_that_refuses_is_told_with_the_systems_error() {
    let (_held, dead) = dead_port();
    let conninfo = with_hosts(&fresh_database().await.conninfo, &[&tcp("127.0.0.1", dead)]);
    let error = open(&conninfo).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.report().contains("Connection refused (os error 111)"), "{error:?}");
    assert!(error.remedy().unwrap().contains(&dead.to_string()), "{error:?}");
}

#[tokio::test]
async fn a_silent_host_leaves_the_others_their_share_of_the_time() {
    let silent = own_server(&ServerSettings::new());
    let database = fresh_database().await;
    silent.aside(PrivateServer::freeze).await;
    let hosts = [&tcp("127.0.0.1", silent.port()), &tcp("127.0.0.1", database.server.port())];
    let conninfo = with_hosts(&database.conninfo, &hosts);
    let start = Instant::now();
    assert!(Session::open(&conninfo, SOURCE, Duration::from_secs(4)).await.is_ok());
    assert!(start.elapsed() < Duration::from_secs(4));
    let impatient = Conninfo {
        connect_timeout: Some(Duration::from_millis(50)),
        ..with_hosts(&conninfo, &hosts[..1])
    };
    let error = Session::open(&impatient, SOURCE, LONG).await.unwrap_err();
    assert!(error.to_string().contains("timed out"), "{error}");
    assert!(start.elapsed() < LONG);
}

/// A copy of the shared server's kind that stays in recovery, as a standby does.
async fn standby() -> Arc<PrivateServer> {
    let server = own_server(&ServerSettings::new());
    server.aside(PrivateServer::stop_fast).await.unwrap();
    std::fs::write(server.data_dir().join("standby.signal"), "").unwrap();
    server.aside(PrivateServer::start).await.unwrap();
    server
}

#[tokio::test]
async fn target_session_attrs_finds_the_kind_of_server_it_names() {
    let (primary, standby) = (own_server(&ServerSettings::new()), standby().await);
    let (first, second) = (tcp("127.0.0.1", standby.port()), tcp("127.0.0.1", primary.port()));
    let reached = async |wanted, hosts: &[&Host]| {
        let conninfo = Conninfo {
            target_session_attrs: wanted,
            ..with_hosts(&primary.conninfo("postgres"), hosts)
        };
        open(&conninfo).await.map(|session| session.server().is_in_recovery())
    };
    let both = [&first, &second];
    let reversed = [&second, &first];
    for (wanted, is_standby) in [
        (TargetSession::Any, true),
        (TargetSession::ReadWrite, false),
        (TargetSession::ReadOnly, true),
        (TargetSession::Primary, false),
        (TargetSession::Standby, true),
        (TargetSession::PreferStandby, true),
    ] {
        assert_eq!(reached(wanted, &both).await.unwrap(), is_standby, "{wanted:?}");
    }
    assert!(reached(TargetSession::PreferStandby, &reversed).await.unwrap());
    assert!(!reached(TargetSession::PreferStandby, &[&second]).await.unwrap());
    for (wanted, host) in [
        (TargetSession::Primary, &first),
        (TargetSession::ReadWrite, &first),
        (TargetSession::Standby, &second),
        (TargetSession::ReadOnly, &second),
    ] {
        let error = reached(wanted, &[host]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{wanted:?}");
        assert!(error.remedy().unwrap().contains("target_session_attrs"), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_fenced_off_by_read_only_transactions_does_not_take_writes() {
    let database = fresh_database().await;
    let mut conninfo = role_with(&database, &["default_transaction_read_only = on"]).await;
    conninfo.target_session_attrs = TargetSession::ReadWrite;
    for purpose in [SOURCE, DESTINATION] {
        let error = Session::open(&conninfo, purpose, LONG).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("default_transaction_read_only"), "{error}");
    }
}

#[tokio::test]
async fn load_balancing_reaches_every_host() {
    let (one, two) = (own_server(&ServerSettings::new()), own_server(&ServerSettings::new()));
    let hosts = [tcp("127.0.0.1", one.port()), tcp("127.0.0.1", two.port())];
    let conninfo = Conninfo {
        load_balance: true,
        ..with_hosts(&one.conninfo("postgres"), &[&hosts[0], &hosts[1]])
    };
    let mut reached = std::collections::HashSet::new();
    // One in 2^64 runs would miss a host although all is well.
    for _ in 0..64 {
        reached.insert(open(&conninfo).await.unwrap().place().to_owned());
    }
    assert_eq!(reached.len(), 2);
}

#[tokio::test]
async fn two_sessions_know_whether_they_speak_to_the_same_server() {
    let server = own_server(&ServerSettings::new());
    let identity =
        async |conninfo: &Conninfo| open(conninfo).await.unwrap().server().identity.clone();
    let first = identity(&server.conninfo("postgres")).await;
    assert_eq!(identity(&server.conninfo_tcp("postgres")).await, first);
    assert_eq!(first.timeline, Some(1));
    assert!(first.system_identifier.is_some());
    assert_ne!(identity(&server.conninfo("template1")).await, first);
    assert_ne!(identity(&own_server(&ServerSettings::new()).conninfo("postgres")).await, first);
    server.aside(PrivateServer::restart).await.unwrap();
    assert_ne!(identity(&server.conninfo("postgres")).await, first);
}

#[tokio::test]
async fn a_system_identifier_that_may_not_be_read_is_no_obstacle() {
    let database = fresh_database().await;
    database.execute("revoke execute on function pg_catalog.pg_control_system() from public").await;
    let session = open(&role_with(&database, &[]).await).await.unwrap();
    assert_eq!(session.server().identity.system_identifier, None);
    assert_eq!(session.server().server_encoding, "UTF8");
}

/// A server that asks the role `reader` for a password.
/// Lets "reader" in by its password alone, "geh:eim".
pub async fn guarded() -> Arc<PrivateServer> {
    let server =
        own_server(&ServerSettings::new().hba("host all reader 127.0.0.1/32 scram-sha-256"));
    let admin = connect(&server.conninfo("postgres")).await.unwrap();
    let role =
        "set password_encryption = 'scram-sha-256'; create role reader login password 'geh:eim'";
    admin.batch_execute(role).await.unwrap();
    server
}

fn reader(server: &PrivateServer, password: Password) -> Conninfo {
    Conninfo { user: "reader".to_owned(), password, ..server.conninfo_tcp("postgres") }
}

fn by_passfile(path: &Path) -> Password {
    Password { passfile: Some(path.to_owned()), ..Password::default() }
}

#[tokio::test]
async fn a_password_is_taken_from_where_it_is_and_read_again_each_time() {
    let (server, dir) = (guarded().await, tempfile::tempdir().unwrap());
    let given = Password { given: Some("geh:eim".to_owned().into()), ..Password::default() };
    assert!(open(&reader(&server, given)).await.is_ok());
    let line = format!("127.0.0.1:{}:postgres:reader:geh\\:eim\n", server.port());
    let passfile = file(dir.path(), "passfile", &line);
    assert!(open(&reader(&server, by_passfile(&passfile))).await.is_ok());

    let rotated = file(dir.path(), "password", "wrong\n");
    let password = Password { file: Some(rotated.clone()), ..Password::default() };
    let conninfo = reader(&server, password);
    assert!(open(&conninfo).await.is_err());
    std::fs::write(&rotated, "geh:eim\n").unwrap();
    assert!(open(&conninfo).await.is_ok());
}

#[tokio::test]
async fn a_refused_password_is_told_with_the_place_it_came_from_and_never_shown() {
    let (server, dir) = (guarded().await, tempfile::tempdir().unwrap());
    let path = file(dir.path(), "password", "verraten\n");
    let password = Password { file: Some(path.clone()), ..Password::default() };
    let error = open(&reader(&server, password)).await.unwrap_err();
    assert_eq!((error.kind(), error.sqlstate()), (ErrorKind::Access, Some("28P01")));
    let report = error.report();
    assert!(report.contains("password authentication failed for user \"reader\""), "{report}");
    assert!(report.contains(&format!("checked password_file {}", path.display())), "{report}");
    assert!(report.contains(&format!("127.0.0.1:{}/postgres", server.port())), "{report}");
    assert!(!format!("{error:?}").contains("verraten"));
}

#[tokio::test]
async fn a_missing_password_is_told_with_the_places_that_were_checked() {
    let (server, dir) = (guarded().await, tempfile::tempdir().unwrap());
    let passfile = file(dir.path(), "passfile", "other:*:*:*:geheim\n");
    let error = open(&reader(&server, by_passfile(&passfile))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Access);
    let expected = format!(
        "{}: no line is for 127.0.0.1:{}:postgres:reader",
        passfile.display(),
        server.port()
    );
    assert!(error.report().contains(&expected), "{}", error.report());

    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&passfile, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = open(&reader(&server, by_passfile(&passfile))).await.unwrap_err();
    assert!(error.report().contains("others than its owner"), "{}", error.report());
}

#[tokio::test]
async fn a_refusal_by_the_server_ends_the_tour() {
    let (server, database) = (guarded().await, fresh_database().await);
    let conninfo = reader(&server, Password::default());
    let wrong = Conninfo {
        database: "nowhere".to_owned(),
        ..with_hosts(
            &database.conninfo,
            &[&tcp("127.0.0.1", database.server.port()), &conninfo.hosts[0]],
        )
    };
    let error = open(&wrong).await.unwrap_err();
    assert_eq!((error.kind(), error.sqlstate()), (ErrorKind::Access, Some("3D000")));
    assert_eq!(error.causes().len(), 1, "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_stopped_is_unavailable_and_reached_once_it_is_back() {
    let server = own_server(&ServerSettings::new());
    let conninfo = server.conninfo("postgres");
    server.aside(PrivateServer::stop_fast).await.unwrap();
    assert_eq!(open(&conninfo).await.unwrap_err().kind(), ErrorKind::Unavailable);
    server.aside(PrivateServer::start).await.unwrap();
    assert!(open(&conninfo).await.is_ok());
}

#[tokio::test]
async fn a_cancel_request_that_has_returned_hits_no_later_statement() {
    let database = fresh_database().await;
    for conninfo in [&database.conninfo, &database.server.conninfo_tcp(&database.conninfo.database)]
    {
        let session = open(conninfo).await.unwrap();
        for _ in 0..5 {
            session.cancel().await;
            // Long enough for a late request to hit it.
            session.batch_execute("select pg_sleep(0.2)").await.unwrap();
        }
    }
}
