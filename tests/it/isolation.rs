//! Nobody waits for a slow destination: the others go on, share one read, and it loses nothing.

use crate::harness::{
    Database, fresh_database, fresh_database_on, fresh_destination, own_destination_server,
    own_server,
};
use crate::support::events::{
    arrives, equal, highest, init_destination, init_source, insert, prefix,
};
use crate::support::proxy::Network;
use crate::support::replicator::{Replicator, Setup};
use crate::support::{lock_out, through, until};
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use std::time::Duration;

/// How many events are inserted one by one while a destination is slow.
const ONE_BY_ONE: u32 = 15;

async fn destinations() -> (Database, Database) {
    let (one, two) = (fresh_destination().await, fresh_destination().await);
    init_destination(&one).await;
    init_destination(&two).await;
    (one, two)
}

async fn own_database() -> Database {
    fresh_database_on(&own_destination_server(&ServerSettings::new())).await
}

/// Inserts events one by one; each must arrive at both before the next.
async fn go_on(source: &Database, one: &Database, two: &Database) {
    for _ in 0..ONE_BY_ONE {
        insert(source, 1).await;
        let id = highest(source).await;
        arrives(one, id).await;
        arrives(two, id).await;
    }
}

/// How often the source was read, by its own log.
fn reads(source: &Database) -> usize {
    let is_read = |line: &&str| {
        line.starts_with("counterfoil/") && line.contains("The first rows after a position")
    };
    source.server.log().lines().filter(is_read).count()
}

#[tokio::test]
async fn two_destinations_go_on_from_one_read_while_a_third_is_frozen_and_it_loses_nothing() {
    let logging = ServerSettings::new().set("log_statement", "all").set("log_line_prefix", "%a ");
    let source = fresh_database_on(&own_server(&logging)).await;
    init_source(&source).await;
    let (one, two) = destinations().await;
    let frozen = own_database().await;
    init_destination(&frozen).await;
    insert(&source, 10).await;
    let setup = Setup::from(&source)
        .to("frozen", &frozen)
        .to("one", &one)
        .to("two", &two)
        .key("append_timeout_ms = 1500")
        .key("connect_timeout_ms = 1500")
        .key("retry_wait_max_ms = 500")
        .key("buffer_bytes_max = 1048576");
    let mut replicator = setup.start(&[]);
    for destination in [&frozen, &one, &two] {
        arrives(destination, 10).await;
    }
    frozen.server.aside(PrivateServer::freeze).await;
    insert(&source, 1).await;
    arrives(&one, 11).await;
    arrives(&two, 11).await;
    replicator.says(&["is slow; it continues in its own pass", "\"destination\":\"frozen\""]).await;
    let before = reads(&source);
    go_on(&source, &one, &two).await;
    let reads = reads(&source) - before;
    assert!(
        reads >= ONE_BY_ONE as usize && reads < 2 * ONE_BY_ONE as usize,
        "{reads} reads for {ONE_BY_ONE} events and two destinations"
    );
    replicator.says(&["the destination was lost", "\"destination\":\"frozen\""]).await;
    // Much more than the buffer holds: the frozen one takes no room of the others.
    insert(&source, 30_000).await;
    let through = highest(&source).await;
    arrives(&one, through).await;
    arrives(&two, through).await;
    assert_eq!(replicator.lines(&["the destination was lost", "\"destination\":\"one\""]), 0);
    frozen.server.thaw();
    replicator.says(&["the destination is back", "\"destination\":\"frozen\""]).await;
    for destination in [&frozen, &one, &two] {
        equal(&source, destination).await;
    }
    comes_together(&mut replicator, &source, &frozen).await;
    replicator.stops().await;
}

/// A destination that is quick again travels with the others again.
async fn comes_together(replicator: &mut Replicator, source: &Database, destination: &Database) {
    until("it travels with the others again", async || {
        insert(source, 1).await;
        arrives(destination, highest(source).await).await;
        replicator.lines(&["destination rejoined the shared read"]) > 0
    })
    .await;
}

#[tokio::test]
async fn a_destination_that_freezes_while_it_catches_up_alone_takes_nothing_from_the_others() {
    let source = fresh_database().await;
    init_source(&source).await;
    let (one, two) = destinations().await;
    insert(&source, 30_000).await;
    let setup =
        Setup::from(&source).to("one", &one).to("two", &two).key("buffer_bytes_max = 1048576");
    let first = setup.start(&[]);
    arrives(&one, 30_000).await;
    arrives(&two, 30_000).await;
    first.stops().await;

    let late = own_database().await;
    init_destination(&late).await;
    let slow = Network { bytes_per_s: Some(300_000), ..Network::default() };
    let proxy = through(&late, slow).await;
    let replicator = setup
        .and_url("late", &proxy.url(&late.conninfo.database))
        .key("max_events_per_write = 1000")
        .start(&[]);
    until("the late one catches up", async || highest(&late).await > 0).await;
    go_on(&source, &one, &two).await;
    late.server.aside(PrivateServer::freeze).await;
    go_on(&source, &one, &two).await;
    late.server.thaw();
    let position = prefix(&source, &late).await;
    assert!(position < 30_000, "{position}: it was not slow");
    replicator.stops().await;
}

#[tokio::test]
async fn a_destination_far_away_goes_on_alone_and_ends_level() {
    let source = fresh_database().await;
    init_source(&source).await;
    let (one, two) = destinations().await;
    let far = fresh_destination().await;
    init_destination(&far).await;
    let network = Network { delay: Duration::from_millis(100), ..Network::default() };
    let proxy = through(&far, network).await;
    insert(&source, 1).await;
    let replicator = Setup::from(&source)
        .and_url("far", &proxy.url(&far.conninfo.database))
        .to("one", &one)
        .to("two", &two)
        .start(&[]);
    arrives(&far, 1).await;
    // Until it has acknowledged its first event the others go on without it, and nobody is held up.
    until("the far one is cut off", async || {
        go_on(&source, &one, &two).await;
        replicator.lines(&["is slow; it continues in its own pass", "\"destination\":\"far\""]) > 0
    })
    .await;
    go_on(&source, &one, &two).await;
    for destination in [&far, &one, &two] {
        equal(&source, destination).await;
    }
    assert_eq!(replicator.lines(&["rejoined the shared read"]), 0);
    replicator.stops().await;
}

#[tokio::test]
async fn a_destination_whose_table_is_locked_is_no_standby_of_its_own_replicator() {
    let source = fresh_database().await;
    init_source(&source).await;
    let (one, two) = destinations().await;
    insert(&source, 10).await;
    let setup = Setup::from(&source)
        .to("one", &one)
        .to("two", &two)
        .key("connect_timeout_ms = 1500")
        .key("retry_wait_max_ms = 500");
    let mut replicator = setup.start(&[]);
    for destination in [&one, &two] {
        arrives(destination, 10).await;
    }
    let locker = lock_out(&one).await;
    insert(&source, 1).await;
    arrives(&two, 11).await;
    replicator.says(&["is slow; it continues in its own pass", "\"destination\":\"one\""]).await;
    // Its session was cut off while it waited: the server let go of it, or it is known as ours.
    replicator.says(&["a check waits for a lock that another session holds"]).await;
    assert_eq!(replicator.lines(&["standby"]), 0);
    locker.batch_execute("commit").await.unwrap();
    arrives(&one, 11).await;
    assert_eq!(replicator.lines(&["standby"]), 0);
    replicator.stops().await;
}
