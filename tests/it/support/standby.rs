//! Physical standbys: a copy of a primary's data directory that streams from it.

use super::until;
use crate::harness::{Database, own_server};
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// A standby of this primary, which is stopped for a moment; level with it.
pub async fn standby_of(primary: &Arc<PrivateServer>) -> Arc<PrivateServer> {
    let standby = own_server(&ServerSettings::new());
    standby.aside(PrivateServer::stop_fast).await.unwrap();
    primary.aside(PrivateServer::stop_fast).await.unwrap();
    let (from, to) = (primary.data_dir(), standby.data_dir());
    std::fs::remove_dir_all(&to).unwrap();
    assert!(Command::new("cp").arg("-a").arg(&from).arg(&to).status().unwrap().success());
    primary.aside(PrivateServer::start).await.unwrap();
    let host = primary.socket_dir();
    let follow = format!(
        "primary_conninfo = 'host={} port={} user=postgres'\n",
        host.display(),
        primary.port()
    );
    append(&to.join("postgresql.auto.conf"), &follow);
    std::fs::write(to.join("standby.signal"), "").unwrap();
    standby.aside(PrivateServer::start).await.unwrap();
    level(primary, &standby).await;
    standby
}

/// Waits until the standby has replayed everything.
pub async fn level(primary: &Arc<PrivateServer>, standby: &Arc<PrivateServer>) {
    let at = on(primary, "postgres").query("select pg_current_wal_insert_lsn()").await;
    let is_level = format!("select pg_last_wal_replay_lsn() >= '{}'", at[0]);
    let standby = on(standby, "postgres");
    until("the standby is level", async || standby.query(&is_level).await == ["t"]).await;
}

/// Makes a standby a primary.
pub async fn promote(standby: &Arc<PrivateServer>) {
    on(standby, "postgres").execute("select pg_promote()").await;
}

/// Lets a standby receive nothing more.
pub async fn cut_off(standby: &Arc<PrivateServer>) {
    let standby = on(standby, "postgres");
    standby.execute("alter system set primary_conninfo = ''").await;
    standby.execute("select pg_reload_conf()").await;
    until("the standby receives nothing more", async || {
        standby.query("select count(*) from pg_stat_wal_receiver").await == ["0"]
    })
    .await;
}

/// A database of this server.
pub fn on(server: &Arc<PrivateServer>, database: &str) -> Database {
    Database { conninfo: server.conninfo(database), server: Arc::clone(server) }
}

/// A connection string with both servers, of which the one that takes writes is wanted.
pub fn either(servers: [&Arc<PrivateServer>; 2], database: &str) -> String {
    let [one, other] = servers.map(|server| server.port());
    format!(
        "host=127.0.0.1,127.0.0.1 port={one},{other} user=postgres dbname={database} \
         sslmode=disable target_session_attrs=read-write"
    )
}

fn append(path: &Path, text: &str) {
    let before = std::fs::read_to_string(path).unwrap_or_default();
    std::fs::write(path, before + text).unwrap();
}
