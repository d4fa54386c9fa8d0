//! A chain of copies: what Counterfoil feeds becomes visible in the order of its ids, and is a
//! source with `ids = "copy"`.

use super::prefix::assert_same_bytes;
use super::running::{Running, copy_all};
use crate::configured::config;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{Writers, arrives, equal, init_destination, init_source, insert};
use counterfoil::config::{IdsSetting, ReplicationConfig};
use counterfoil::error::ErrorKind;
use counterfoil::replicate::replicate;
use counterfoil::stop::Stop;
use std::time::Duration;

fn link(from: &Database, to: &Database, ids: IdsSetting) -> ReplicationConfig {
    let mut config = config(from, &[("copy", to)]);
    config.source.ids = ids;
    config.source.poll_interval = Duration::from_millis(20);
    config.limits.retry_wait_max = Duration::from_millis(100);
    config
}

#[tokio::test]
async fn a_copy_of_a_copy_is_the_source_while_it_is_written_and_both_links_are_restarted() {
    let (a, b, c) = (fresh_database().await, fresh_destination().await, fresh_database().await);
    init_source(&a).await;
    for copy in [&b, &c] {
        init_destination(copy).await;
    }
    let (first, mut second) = (link(&a, &b, IdsSetting::Auto), link(&b, &c, IdsSetting::Copy));
    second.limits.max_events_per_write = 7;
    let writers = Writers::start(&a, 4, 5);
    for _ in 0..4 {
        let (one, other) = (Running::start(&first), Running::start(&second));
        tokio::time::sleep(Duration::from_millis(700)).await;
        one.stop().await;
        other.stop().await;
    }
    assert!(writers.stop().await > 0);
    copy_all(&first).await;
    copy_all(&second).await;
    equal(&a, &b).await;
    equal(&a, &c).await;
    assert_same_bytes(&a, &c, "select * from public.events order by id", "binary").await;
    let gaps = "select max(id) > count(*) from events";
    assert_eq!(c.query(gaps).await, ["t"], "without a gap nothing was tried");
}

#[tokio::test]
async fn a_table_without_anything_that_gives_out_ids_is_followed_as_a_copy_only_where_that_was_said()
 {
    let (b, c) = (fresh_database().await, fresh_destination().await);
    for copy in [&b, &c] {
        init_destination(copy).await;
    }
    b.execute("insert into events values (1, now(), '{}'), (3, now(), '{}')").await;
    let run = super::running::replication(&link(&b, &c, IdsSetting::Auto), true);
    let problems = replicate(&run, &Stop::never()).await;
    let worst = problems.worst().expect("it is refused");
    assert_eq!(worst.kind(), ErrorKind::Unsuitable);
    assert!(worst.report().contains("ids = \"copy\""), "{}", worst.report());
    copy_all(&link(&b, &c, IdsSetting::Copy)).await;
    equal(&b, &c).await;
}

#[tokio::test]
async fn a_copy_that_lost_its_last_events_is_waited_for_until_it_is_fed_again() {
    let (a, b, c) = (fresh_database().await, fresh_destination().await, fresh_database().await);
    init_source(&a).await;
    for copy in [&b, &c] {
        init_destination(copy).await;
    }
    insert(&a, 10).await;
    let (first, second) = (link(&a, &b, IdsSetting::Auto), link(&b, &c, IdsSetting::Copy));
    copy_all(&first).await;
    let follows = Running::start(&second);
    arrives(&c, 10).await;
    b.execute("delete from events where id > 7").await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(!follows.has_ended());
    copy_all(&first).await;
    insert(&a, 1).await;
    copy_all(&first).await;
    equal(&a, &c).await;
    follows.stop().await;
}
