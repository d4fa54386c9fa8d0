//! Notifications are heard, drained, and told from a dead connection.

use crate::harness::{Database, fresh_database, own_server};
use counterfoil::error::ErrorKind;
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use counterfoil::postgres::session::listen::{ListenOutcome, ListeningConnection};
use futures::FutureExt;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

async fn listener(database: &Database, channels: &[&str]) -> Box<ListeningConnection> {
    let channels: Vec<String> = channels.iter().map(|name| (*name).to_owned()).collect();
    match ListeningConnection::open(&database.conninfo, &channels, LONG).await.unwrap() {
        ListenOutcome::On(listener) => listener,
        ListenOutcome::Unavailable(why) => panic!("{why}"),
    }
}

#[tokio::test]
async fn every_channel_is_heard_whatever_its_name() {
    let database = fresh_database().await;
    let long = "é".repeat(31) + "x";
    let names = ["counterfoil", "Events \"Insert\"", "it's", long.as_str()];
    let mut listener = listener(&database, &names).await;
    for name in names {
        let client = database.client().await;
        client.execute("select pg_notify($1, '{\"not\": \"read\"}')", &[&name]).await.unwrap();
        tokio::time::timeout(LONG, listener.wait()).await.expect(name).unwrap();
    }
}

#[tokio::test]
async fn one_wait_drains_all_that_have_come() {
    let database = fresh_database().await;
    let mut listener = listener(&database, &["counterfoil"]).await;
    let thousand = "select pg_notify('counterfoil', i::text) from generate_series(1, 1000) as i";
    database.execute(thousand).await;
    // The heartbeat's answer comes behind the notifications, so all of them have arrived.
    listener.heartbeat().await.unwrap();
    listener.wait().await.unwrap();
    assert!(listener.wait().now_or_never().is_none());
}

#[tokio::test]
async fn a_listener_that_is_terminated_says_so_with_the_cause() {
    let database = fresh_database().await;
    let mut listener = listener(&database, &["counterfoil"]).await;
    let pid = listener.session().server().backend_pid;
    database.execute(&format!("select pg_terminate_backend({pid})")).await;
    let error = tokio::time::timeout(LONG, listener.wait()).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.sqlstate()), (ErrorKind::Unavailable, Some("57P01")));
    assert_eq!(listener.heartbeat().await.unwrap_err().sqlstate(), Some("57P01"));
}

#[tokio::test]
async fn the_heartbeat_tells_how_full_the_queue_is() {
    let database = fresh_database().await;
    let usage = listener(&database, &["counterfoil"]).await.heartbeat().await.unwrap();
    assert!((0.0..=1.0).contains(&usage), "{usage}");
}

#[tokio::test]
async fn on_a_standby_notifications_are_unavailable_and_no_error() {
    let server = own_server(&ServerSettings::new());
    server.aside(PrivateServer::stop_fast).await.unwrap();
    std::fs::write(server.data_dir().join("standby.signal"), "").unwrap();
    server.aside(PrivateServer::start).await.unwrap();
    let listening =
        ListeningConnection::open(&server.conninfo("postgres"), &["counterfoil".to_owned()], LONG)
            .await
            .unwrap();
    let ListenOutcome::Unavailable(why) = listening else { panic!("a standby listens") };
    assert!(why.to_string().contains("standby"), "{why}");
    assert!(why.remedy().unwrap().contains("polled"));
}
