//! Objects that stand before those of the system, for whoever has this search_path, are not called
//! by any command.

use super::{Configured, role_of, runs, url_as};
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{arrives, digest, init_destination, init_source_with};
use crate::support::replicator::Setup;

const SHADOWS: &str = include_str!("shadows.sql");

/// A role for whom everything in `evil` stands first.
async fn misled_role(database: &Database, what: &str) -> String {
    let role = role_of(database, what).await;
    database.execute(SHADOWS).await;
    mislead(database, &role).await;
    role
}

async fn mislead(database: &Database, role: &str) {
    database
        .execute(&format!("alter role {role} set search_path = evil, pg_catalog, public"))
        .await;
}

/// Nothing in `evil` was called; else this tells in whose place.
async fn assert_untouched(database: &Database) {
    let called = "select case when is_called then coalesce((select oid::regprocedure::text from \
                  pg_proc where oid = last_value), (select oid::regoperator::text from pg_operator \
                  where oid = last_value), last_value::text) end from evil.calls";
    assert_eq!(database.query(called).await, [""], "in {}", database.conninfo.database);
}

#[tokio::test]
async fn what_stands_before_the_system_is_called_where_a_name_is_not_qualified() {
    let database = fresh_database().await;
    let role = misled_role(&database, "misled").await;
    for call in [
        "select max(1::pg_catalog.int8)",
        "select count(*)",
        "select 1::pg_catalog.int8 operator(pg_catalog.+) 1 where 2::pg_catalog.int8 = \
         2::pg_catalog.int8",
        "select 'a'::pg_catalog.text || 'b'::pg_catalog.text",
        "select 1::int8",
        "select now()",
        "select pg_try_advisory_lock(1, 2)",
        "select hashtextextended('a', 0)",
        "select sum(1::pg_catalog.numeric)",
        "select '{}'::pg_catalog.jsonb -> 'a'",
        "select * from pg_class",
        "select '{}'::jsonb",
    ] {
        database.execute("select setval('evil.calls', 1, false)").await;
        let failed = database
            .client()
            .await
            .batch_execute(&format!("set role {role}; set search_path = evil, pg_catalog; {call}"))
            .await;
        assert!(failed.is_err(), "{call}");
        assert_eq!(database.query("select is_called from evil.calls").await, ["t"], "{call}");
    }
}

#[tokio::test]
async fn no_command_calls_what_stands_before_the_system() {
    for ids in ["sequence", "consecutive"] {
        let (source, destination) = (fresh_database().await, fresh_destination().await);
        let owner = misled_role(&source, "owner").await;
        let writer = misled_role(&destination, "writer").await;
        for (database, role) in [(&source, &owner), (&destination, &writer)] {
            database.execute(&format!("grant create on schema public to {role}")).await;
        }
        let (from, to) = (url_as(&source, &owner), url_as(&destination, &writer));
        makes_and_loads(&source, &from, &to, ids).await;
        assert_untouched(&source).await;
        let configured = Configured::new(&from, &[("copy", &to)]);
        copies_and_compares(&configured).await;
        for database in [&source, &destination] {
            assert_untouched(database).await;
        }
        follows(&source, &destination, &from, &to, ids).await;
        mends(&configured, &destination).await;
        for database in [&source, &destination] {
            assert_untouched(database).await;
        }
        restores(&destination, &to, ids).await;
    }
}

async fn makes_and_loads(source: &Database, from: &str, to: &str, ids: &str) {
    let init = ["init", "source", "--url", from, "--ids", ids, "--notify", "doorbell"];
    runs("counterfoil", &init, 0).await;
    runs("counterfoil", &["init", "destination", "--url", to, "--guard"], 0).await;
    runs("counterfoil", &[&init[..], &["--dry-run"]].concat(), 0).await;
    assert_untouched(source).await;
    let ways = match ids {
        "sequence" => ["insert", "copy"],
        _ => ["insert-events", "copy"],
    };
    for way in ways {
        let amount = ["--url", from, "--persons", "20", "--fillers", "30", "--method", way];
        runs("load-fake-data", &amount, 0).await;
        assert_untouched(source).await;
    }
}

async fn copies_and_compares(configured: &Configured) {
    configured.runs("counterfoil", &["run", "--dry-run"], 0).await;
    configured.runs("counterfoil", &["run", "--until-caught-up"], 0).await;
    configured.runs("counterfoil", &["status", "--json"], 0).await;
    configured.runs("events-diff", &["--validate"], 0).await;
    configured.runs("events-diff", &["--exact"], 0).await;
}

async fn follows(source: &Database, destination: &Database, from: &str, to: &str, ids: &str) {
    let setup = Setup::from_url(from).and_url("copy", to).destination_key("writers = 2");
    let running = setup.start(&[]);
    source.execute(insert(ids)).await;
    arrives(destination, highest(source).await).await;
    running.stops().await;
    assert_eq!(digest(source, i64::MAX).await, digest(destination, i64::MAX).await);
}

async fn mends(configured: &Configured, destination: &Database) {
    let damage = "alter table events disable trigger all; delete from events where id between 5 \
                  and 9; alter table events enable always trigger counterfoil_guard";
    destination.execute(damage).await;
    let script = configured.dir.path().join("repair.sql").display().to_string();
    configured.runs("events-diff", &["--repair-sql", &script], 1).await;
    for how in [&["--insert-missing"][..], &["--rewind-to", "20"], &["--accept-slate"]] {
        let repair = [&["repair", "--destination", "copy", "--yes"], how].concat();
        configured.runs("counterfoil", &repair, 0).await;
        if how == ["--rewind-to", "20"] {
            configured.runs("counterfoil", &["run", "--until-caught-up"], 0).await;
        }
    }
}

/// A restore into a source whose owner is misled as well.
async fn restores(destination: &Database, to: &str, ids: &str) {
    let source = fresh_database().await;
    let owner = misled_role(&source, "owner").await;
    init_source_with(&source, ids, "slate").await;
    let objects = if ids == "sequence" { "events" } else { "events, id" };
    for object in objects.split(", ") {
        source.execute(&format!("alter table {object} owner to {owner}")).await;
    }
    let configured = Configured::new(&url_as(&source, &owner), &[("copy", to)]);
    configured.runs("counterfoil", &["restore", "--from", "copy", "--yes"], 0).await;
    assert_eq!(digest(&source, i64::MAX).await, digest(destination, i64::MAX).await);
    for database in [&source, destination] {
        assert_untouched(database).await;
    }
}

async fn highest(database: &Database) -> i64 {
    database.query("select max(id) from events").await[0].parse().unwrap()
}

fn insert(ids: &str) -> &'static str {
    match ids {
        "sequence" => "insert into events (ts, event) values (now(), '{}')",
        _ => "select insert_events(array['{}']::jsonb[])",
    }
}

#[tokio::test]
async fn a_role_that_may_create_in_public_misleads_nobody() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source_with(&source, "sequence", "doorbell").await;
    init_destination(&destination).await;
    for database in [&source, &destination] {
        let evil = SHADOWS
            .replace("create schema evil;", "")
            .replace("evil.", "public.")
            .replace("schema evil", "schema public");
        database.execute(&format!("set search_path = pg_catalog; {evil}")).await;
    }
    source
        .execute(
            "insert into public.events (ts, event) select pg_catalog.now(), '{}' from \
             pg_catalog.generate_series(1, 50)",
        )
        .await;
    let configured = Configured::new(
        &crate::support::replicator::url(&source),
        &[("copy", &crate::support::replicator::url(&destination))],
    );
    configured.runs("counterfoil", &["run", "--until-caught-up"], 0).await;
    configured.runs("events-diff", &["--validate"], 0).await;
    for database in [&source, &destination] {
        assert_eq!(
            database.query("select pg_catalog.text(is_called) from public.calls").await,
            ["false"]
        );
    }
}
