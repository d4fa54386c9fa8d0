//! Comparisons while both sides are being written, with servers that die, and of several
//! destinations of a configuration.

use super::{compared, events_diff};
use crate::command::Running;
use crate::harness::{
    fresh_database, fresh_database_on, fresh_destination, own_destination_server,
};
use crate::support::events::{Writers, init_destination, init_source, insert};
use crate::support::lock_out;
use crate::support::replicator::url;
use counterfoil::postgres::server::ServerSettings;

#[tokio::test]
async fn a_copy_that_is_being_fed_is_equal_at_every_moment() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&copy).await;
    insert(&source, 2_000).await;
    let replicator = crate::support::replicator::Setup::from(&source).to("copy", &copy).start(&[]);
    let writers = Writers::start(&source, 4, 7);
    for round in 0..6 {
        let (code, out, err) = compared(&source, &copy, &[]).await;
        assert!(
            code == 0
                || (code == 3 && out.contains("copy is empty"))
                || (code == 3 && out.contains("second is empty")),
            "round {round}: {code}\n{out}{err}"
        );
    }
    writers.stop().await;
    replicator.stops().await;
}

#[tokio::test]
async fn a_gap_that_an_open_transaction_may_fill_makes_it_inconclusive_only_where_it_decides() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&copy).await;
    insert(&source, 10).await;
    let open = source.client().await;
    open.batch_execute("begin; insert into events (ts, event) values (now(), '{\"late\": true}')")
        .await
        .unwrap();
    insert(&source, 10).await;
    let rows =
        source.query("select format('(%s,%L,%L)', id, ts, event) from events").await.join(",");
    copy.execute(&format!("insert into events (id, ts, event) values {rows}")).await;
    let (code, out, _) = compared(&source, &copy, &[]).await;
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("no difference depends on them"), "{out}");
    copy.execute(
        "insert into events (id, ts, event) select 11, ts, '{\"late\": true}' from events where id \
         = 10",
    )
    .await;
    let (code, out, _) = compared(&source, &copy, &[]).await;
    assert_eq!(code, 3, "{out}");
    assert!(
        out.contains("at ids that open transactions of the first may still fill (ids 11; pid "),
        "{out}"
    );
    open.batch_execute("rollback").await.unwrap();
    let (code, out, _) = compared(&source, &copy, &[]).await;
    assert_eq!((code, out.contains("extra  id 11")), (1, true), "{out}");
}

#[tokio::test]
async fn a_copy_that_is_ahead_of_its_source_is_different() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&copy).await;
    insert(&source, 10).await;
    let rows =
        source.query("select format('(%s,%L,%L)', id, ts, event) from events").await.join(",");
    copy.execute(&format!("insert into events (id, ts, event) values {rows}, (11, now(), '{{}}')"))
        .await;
    let (code, out, _) = compared(&source, &copy, &[]).await;
    assert_eq!((code, out.contains("extra  id 11")), (1, true), "{out}");
}

#[tokio::test]
async fn a_row_that_appears_while_comparing_is_no_difference_once_both_have_it() {
    let (first, second) = super::equal_pair().await;
    // Rows of another kind of replication, which does not copy in id order: the second side lacks
    // one that comes while the first is read.
    second.execute("delete from events where id = 4").await;
    let blocker = lock_out(&first).await;
    let mut command = events_diff(&[&url(&first), &url(&second)]);
    command.stdout(std::process::Stdio::piped());
    let running = command.spawn().unwrap();
    crate::support::until("it waits for the table", async || {
        first
            .query("select count(*) from pg_locks where not granted and mode = 'AccessShareLock'")
            .await
            != ["0"]
    })
    .await;
    second
        .execute(
            "insert into events select i, timestamptz '2026-01-01 00:00:00.123456Z' + i * interval \
             '1 second', jsonb_build_object('n', i, 'amount', 1.10, 'nested', '[[1], 2]'::jsonb, \
             'name', 'Zoë ' || i) from generate_series(4, 4) i",
        )
        .await;
    blocker.batch_execute("commit").await.unwrap();
    let output =
        tokio::task::spawn_blocking(move || running.wait_with_output().unwrap()).await.unwrap();
    let (code, out, err) = crate::command::told(&output);
    assert_eq!(code, Some(0), "{out}{err}");
}

#[tokio::test]
async fn a_server_that_stops_in_the_middle_is_never_taken_for_an_end() {
    let server = own_destination_server(&ServerSettings::new());
    let (first, second) = (fresh_database().await, fresh_database_on(&server).await);
    for database in [&first, &second] {
        database
            .execute(&format!(
                "{}; insert into events select i, 'epoch', jsonb_build_object('n', \
                 repeat(md5(i::text), 20)) from generate_series(1, 100000) i; analyze events",
                super::TABLE
            ))
            .await;
    }
    second.execute("delete from events where id = 10").await;
    for flags in [&["--connections", "1"][..], &["--exact"]] {
        let mut arguments = vec![url(&first), url(&second)];
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut running = Running::start(events_diff(&arguments));
        running.line_with("missing  id 10");
        server.stop_immediate().unwrap();
        let code = running.end();
        assert_eq!(code, Some(2), "{}", running.told);
        assert!(running.told.ends_with("verdict: none, could not compare\n"), "{}", running.told);
        server.start().unwrap();
    }
}
