//! What an administrator or a busy server does to sessions: no connection left, cancels,
//! terminations, locks, limits of time.

use crate::harness::{
    Database, connect, fresh_database, fresh_database_on, fresh_destination, own_server,
};
use crate::support::events::{
    Writers, arrives, equal, highest, init_destination, init_source, init_source_with, insert,
    prefix, statement,
};
use crate::support::liar::{self, Liar};
use crate::support::replicator::{Replicator, Setup, url_at};
use crate::support::standby::{level, on, standby_of};
use crate::support::{lock_out, until};
use counterfoil::postgres::server::ServerSettings;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

async fn pair() -> (Database, Database) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&destination).await;
    (source, destination)
}

fn following(source: &Database, destination: &Database) -> Replicator {
    let setup = Setup::from(source).to("copy", destination);
    setup.key("retry_wait_max_ms = 500").start(&[])
}

/// A database on a server that takes few connections, and as many sessions as it takes for
/// superusers too.
async fn crowded() -> (Database, Vec<tokio_postgres::Client>) {
    let database = fresh_database_on(&own_server(
        &ServerSettings::new().set("max_connections", "12").set("max_wal_senders", "0"),
    ))
    .await;
    (database, Vec::new())
}

async fn fill(database: &Database, crowd: &mut Vec<tokio_postgres::Client>) {
    while let Ok(client) = connect(&database.conninfo).await {
        crowd.push(client);
    }
}

#[tokio::test]
async fn a_server_without_a_connection_left_is_waited_for_on_either_side() {
    let ((source, mut at_source), (destination, mut at_destination)) =
        (crowded().await, crowded().await);
    init_source(&source).await;
    init_destination(&destination).await;
    insert(&source, 3).await;
    fill(&source, &mut at_source).await;
    fill(&destination, &mut at_destination).await;
    let mut replicator = following(&source, &destination);
    replicator.says(&["the source cannot be reached", "SQLSTATE 53300"]).await;
    at_source.clear();
    replicator
        .says(&[
            "the destination was lost, trying again",
            "\"destination\":\"copy\"",
            "SQLSTATE 53300",
        ])
        .await;
    at_destination.clear();
    replicator.says(&["the destination is back"]).await;
    equal(&source, &destination).await;
    replicator.stops().await;
}

#[tokio::test]
async fn statements_and_sessions_that_an_administrator_ends_are_begun_again() {
    let (source, destination) = pair().await;
    let mut replicator = following(&source, &destination);
    let writers = Writers::start(&source, 4, 7);
    let mut random = StdRng::seed_from_u64(7);
    for round in 0..60 {
        let (side, act) = (
            [&source, &destination][round % 2],
            ["pg_cancel_backend", "pg_terminate_backend"][random.random_range(0..2)],
        );
        let ours = "from pg_stat_activity where datname = current_database() and application_name \
                    like 'counterfoil/%' and pid <> pg_backend_pid()";
        side.execute(&format!("select {act}(pid) {ours} order by random() limit 2")).await;
        tokio::time::sleep(Duration::from_millis(random.random_range(0..120))).await;
    }
    writers.stop().await;
    equal(&source, &destination).await;
    assert!(replicator.is_running());
    assert!(replicator.lines(&["was lost, trying again"]) > 3, "{}", replicator.log());
    replicator.stops().await;
}

#[tokio::test]
async fn a_table_that_is_locked_for_a_change_is_waited_for_on_either_side() {
    let (source, destination) = pair().await;
    insert(&source, 5).await;
    let replicator = following(&source, &destination);
    arrives(&destination, 5).await;
    for locked in [&destination, &source] {
        let change = lock_out(locked).await;
        // The source's own writers wait as well; at the destination the events wait for the change.
        let writer = source.client().await;
        let inserted = tokio::spawn(async move { writer.batch_execute(&statement(3)).await });
        until("we wait for the lock", async || {
            let waiting = "select count(*) from pg_stat_activity where datname = \
                           current_database() and application_name like 'counterfoil/%' and \
                           wait_event_type = 'Lock'";
            locked.query(waiting).await != ["0"]
        })
        .await;
        change.batch_execute("commit").await.unwrap();
        inserted.await.unwrap().unwrap();
        equal(&source, &destination).await;
    }
    replicator.stops().await;
}

#[tokio::test]
async fn limits_of_time_that_a_role_was_given_end_nothing_of_ours() {
    let (source, destination) = pair().await;
    for side in [&source, &destination] {
        let name = &side.conninfo.database;
        for setting in [
            "statement_timeout = '60ms'",
            "lock_timeout = '5ms'",
            "idle_in_transaction_session_timeout = '20ms'",
        ] {
            side.execute(&format!("alter database {name} set {setting}")).await;
        }
        if side.server.version_num() >= 140_000 {
            side.execute(&format!("alter database {name} set idle_session_timeout = '300ms'"))
                .await;
        }
    }
    // A trigger that takes its time.
    destination
        .execute(
            "create function slowly() returns trigger language plpgsql as $$begin perform \
             pg_sleep(0.2); return null; end$$; create trigger slowly after insert on events \
             execute function slowly()",
        )
        .await;
    let replicator = following(&source, &destination);
    let pins = "set statement_timeout = 0; set lock_timeout = 0; ";
    let insert = |events: u32| format!("{pins}{}", statement(events));
    source.execute(&insert(20_000)).await;
    // A silence longer than any limit.
    for _ in 0..3 {
        source.execute(&insert(2)).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    until("everything is there", async || highest(&destination).await == highest(&source).await)
        .await;
    assert_eq!(replicator.lines(&["was lost"]), 0, "{}", replicator.log());
    replicator.stops().await;
}

#[tokio::test]
async fn transactions_that_draw_no_id_of_the_table_hold_nothing() {
    let (source, destination) = pair().await;
    source
        .execute(
            "create table others (id bigserial primary key, other text); create sequence numbers",
        )
        .await;
    let elsewhere = fresh_database_on(&source.server).await;
    elsewhere.execute("create table events (id bigserial primary key)").await;
    let open = [
        (&source, "insert into others (other) values ('long'); select nextval('numbers')"),
        (&source, "select count(*) from events; lock table events in row share mode"),
        (&elsewhere, "insert into events default values"),
    ];
    let mut held = Vec::new();
    for (database, statements) in open {
        let client = database.client().await;
        client.batch_execute(&format!("begin; {statements}")).await.unwrap();
        held.push(client);
    }
    let mut replicator = following(&source, &destination);
    // A gap that was rolled back: whoever drew it is gone.
    source.execute(&format!("begin; {}; rollback; {}", statement(2), statement(4))).await;
    arrives(&destination, 6).await;
    prefix(&source, &destination).await;
    assert!(replicator.is_running());
    assert_eq!(replicator.lines(&["committed events wait"]), 0);
    assert_eq!(replicator.lines(&["replication is blocked"]), 0);
    drop(held);
    replicator.stops().await;
}

#[tokio::test]
async fn while_a_destination_is_stuck_no_snapshot_of_ours_is_held_at_the_source() {
    let source = fresh_database().await;
    let destination = fresh_database_on(&own_server(&ServerSettings::new())).await;
    init_source(&source).await;
    init_destination(&destination).await;
    insert(&source, 200_000).await;
    let replicator = Setup::from(&source)
        .to("copy", &destination)
        .key("max_events_per_write = 1000")
        .key("buffer_bytes_max = 65536")
        .start(&[]);
    until("the copy is under way", async || highest(&destination).await > 0).await;
    destination.server.aside(counterfoil::postgres::server::PrivateServer::freeze).await;
    let held = "select count(*) from pg_stat_activity where datname = current_database() and \
                application_name like 'counterfoil/%' and (backend_xmin is not null or state = \
                'active')";
    until("nothing is held at the source", async || source.query(held).await == ["0"]).await;
    destination.server.aside(counterfoil::postgres::server::PrivateServer::thaw).await;
    equal(&source, &destination).await;
    replicator.stops().await;
}

/// A balancer that gives each connection the next of two servers; it ends with its test.
async fn balanced(servers: [&Database; 2]) -> (String, tokio::task::JoinSet<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let ports = servers.map(|database| database.server.port());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let mut clients = tokio::task::JoinSet::new();
        for port in ports.into_iter().cycle() {
            let Ok((mut client, _)) = listener.accept().await else { return };
            clients.spawn(async move {
                if let Ok(mut server) = tokio::net::TcpStream::connect(("127.0.0.1", port)).await {
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    (url_at(port, &servers[0].conninfo.database), tasks)
}

#[tokio::test]
async fn sessions_that_are_spread_over_two_servers_are_noticed() {
    let one = fresh_database_on(&own_server(&ServerSettings::new())).await;
    let other_server = own_server(&ServerSettings::new());
    let postgres = Database {
        conninfo: other_server.conninfo("postgres"),
        server: std::sync::Arc::clone(&other_server),
    };
    postgres.execute(&format!("create database {}", one.conninfo.database)).await;
    let other =
        Database { conninfo: other_server.conninfo(&one.conninfo.database), server: other_server };
    let destination = fresh_destination().await;
    for source in [&one, &other] {
        init_source(source).await;
        insert(source, 5).await;
    }
    init_destination(&destination).await;
    let (url, _balancer) = balanced([&one, &other]).await;
    let end = Setup::from_url(&url).to("copy", &destination).start(&[]).ends().await;
    assert_eq!(end.code, Some(3), "{end:?}");
    assert!(end.report.contains("a notification did not arrive"), "{}", end.report);
    assert_eq!(highest(&destination).await, 0);
}

/// Nothing notifies, so nothing else tells: sessions that read are led to a standby that is late,
/// the one that looks to its primary.
#[tokio::test]
async fn a_session_that_reads_from_another_server_than_the_one_that_looks_loses_nothing() {
    let primary =
        fresh_database_on(&own_server(&ServerSettings::new().set("wal_keep_size", "64MB"))).await;
    let destination = fresh_destination().await;
    init_source_with(&primary, "consecutive", "none").await;
    init_destination(&destination).await;
    let standby = standby_of(&primary.server).await;
    let insert = async || {
        primary.execute("select insert_events(array['{}', '{}', '{}']::jsonb[])").await;
    };
    insert().await;
    level(&primary.server, &standby).await;
    on(&standby, "postgres").execute("select pg_wal_replay_pause()").await;
    insert().await;
    let is_spread = Arc::new(AtomicBool::new(true));
    let spread = Arc::clone(&is_spread);
    let sockets =
        [&primary.server, &standby].map(|server| liar::socket(&server.socket_dir(), server.port()));
    let route = move |what: &str| {
        sockets[usize::from(what == "counterfoil/read" && spread.load(Ordering::Relaxed))].clone()
    };
    let balancer = Liar::leading(Arc::new(route)).await;
    let mut replicator = Setup::from_url(&balancer.url(&primary.conninfo.database))
        .source_key("poll_interval_ms = 50")
        .to("copy", &destination)
        .key("retry_wait_max_ms = 300")
        .start(&[]);
    replicator.says(&["another server answers than before"]).await;
    assert_eq!(highest(&destination).await, 0);
    is_spread.store(false, Ordering::Relaxed);
    insert().await;
    equal(&primary, &destination).await;
    replicator.stops().await;
}
