//! Advice that a person can follow as it stands, and that harms nobody: keys, privileges, what was
//! mixed up.

use super::findings;
use super::tables::as_role;
use crate::configured::config;
use crate::harness::{Database, fresh_database, fresh_destination};
use counterfoil::config::ReplicationConfig;
use counterfoil::error::Error;

/// The first problem: what, and how it is mended.
async fn advice(config: &ReplicationConfig) -> (String, String) {
    let found = findings(config).await;
    let first = found.problems.iter().next().expect("a problem");
    (first.what().to_owned(), first.remedy().unwrap_or_default().to_owned())
}

async fn foreign(source: &str) -> (Database, Database) {
    let (from, to) = (fresh_database().await, fresh_destination().await);
    from.execute(source).await;
    (from, to)
}

#[tokio::test]
async fn a_table_whose_key_is_no_integer_is_told_which_column_to_name() {
    let (source, copy) = foreign(
        "create table events (id uuid primary key, global_position bigserial unique, kind int)",
    )
    .await;
    let mut config = config(&source, &[("copy", &copy)]);
    let (what, fix) = advice(&config).await;
    assert!(what.contains("is uuid, not an integer"), "{what}");
    assert!(fix.starts_with("id_column = \"global_position\""), "{fix}");
    config.source.id_column = "kind".to_owned();
    let (_, fix) = advice(&config).await;
    assert!(!fix.contains("CREATE UNIQUE INDEX"), "{fix}");
    config.source.id_column = "nowhere".to_owned();
    assert!(advice(&config).await.1.starts_with("id_column = \"global_position\""));
    config.source.id_column = "global_position".to_owned();
    copy.execute("create table events (id uuid, global_position bigint primary key, kind int)")
        .await;
    let found = findings(&config).await;
    assert!(found.problems.is_empty(), "{}", found.problems.report());
}

#[tokio::test]
async fn a_table_without_any_integer_key_is_given_one_by_the_advice() {
    let (source, copy) = foreign(
        "create table events (id uuid primary key default gen_random_uuid(), event text); insert \
         into events (event) select 'x' || i from generate_series(1, 20) i",
    )
    .await;
    let mut config = config(&source, &[("copy", &copy)]);
    let (_, fix) = advice(&config).await;
    let [add, index, then] = fix.split("; ").collect::<Vec<_>>()[..] else { panic!("{fix}") };
    source.execute(add).await;
    source.execute(index).await;
    assert!(then.starts_with("then set id_column = \"seq\""), "{then}");
    config.source.id_column = "seq".to_owned();
    copy.execute("create table events (id uuid, event text, seq bigint primary key)").await;
    let found = findings(&config).await;
    assert!(found.problems.is_empty(), "{}", found.problems.report());
}

#[tokio::test]
async fn a_partitioned_table_without_any_integer_key_is_given_one_by_the_advice() {
    let (source, copy) = foreign(
        "create table events (id uuid default gen_random_uuid(), tenant text, event text) partition \
         by list (tenant); create table events_a partition of events for values in ('a'); create \
         table events_b partition of events for values in ('b'); insert into events (tenant) \
         values ('b'), ('a')",
    )
    .await;
    let mut config = config(&source, &[("copy", &copy)]);
    let (_, fix) = advice(&config).await;
    let (choice, otherwise) = fix.split_once("; otherwise: ").unwrap();
    assert_eq!(
        choice,
        "name in id_column the integer column that a sequence feeds, if there is one"
    );
    let [add, index, then] = otherwise.split("; ").collect::<Vec<_>>()[..] else { panic!("{fix}") };
    source.execute(add).await;
    source.execute(index).await;
    assert!(then.starts_with("then set id_column = \"seq\""), "{then}");
    config.source.id_column = "seq".to_owned();
    copy.execute("create table events (id uuid, tenant text, event text, seq bigint primary key)")
        .await;
    let found = findings(&config).await;
    assert!(found.problems.is_empty(), "{}", found.problems.report());
}

#[tokio::test]
async fn a_destination_without_the_id_column_is_told_to_get_it_and_never_to_take_another() {
    let (source, copy) =
        foreign("create table events (id bigint primary key, seq bigserial unique)").await;
    copy.execute("create table events (id bigint primary key)").await;
    let mut config = config(&source, &[("copy", &copy)]);
    config.source.id_column = "seq".to_owned();
    for _ in 0..3 {
        let (what, fix) = advice(&config).await;
        assert!(!fix.contains("id_column"), "{what}: {fix}");
        copy.execute(&fix).await;
    }
    let found = findings(&config).await;
    assert!(found.problems.is_empty(), "{}", found.problems.report());
}

#[tokio::test]
async fn a_destination_that_is_the_source_is_told_so_before_any_privilege_is_asked_for() {
    let (source, _) = foreign("create table events (id bigserial primary key)").await;
    let reader = as_role(&source, "check_reader").await;
    source.execute("grant select on events, events_id_seq to check_reader").await;
    let mut config = config(&source, &[("copy", &source)]);
    config.source.conninfo = reader.clone();
    config.destinations[0].postgres_mut().unwrap().conninfo = reader;
    let found = findings(&config).await;
    let whats: Vec<&str> = found.problems.iter().map(Error::what).collect();
    assert_eq!(whats, ["the source and destination \"copy\" are the same database and table"]);
    assert!(!found.problems.report().contains("GRANT"), "{}", found.problems.report());
}

#[tokio::test]
async fn only_the_privilege_that_is_lacking_is_asked_for() {
    let table = "create table events (id bigserial primary key, event text)";
    let (source, copy) = foreign(table).await;
    let writer = as_role(&copy, "check_writer").await;
    copy.execute(
        "create table events (id bigint primary key, event text); grant select on events to \
         check_writer",
    )
    .await;
    let mut config = config(&source, &[("copy", &copy)]);
    config.destinations[0].postgres_mut().unwrap().conninfo = writer;
    let (what, fix) = advice(&config).await;
    assert_eq!(what, "role \"check_writer\" lacks INSERT on public.events");
    assert_eq!(fix, "GRANT INSERT ON public.events TO \"check_writer\";");
}

#[tokio::test]
async fn a_source_whose_ids_come_from_nowhere_is_asked_whether_it_is_the_destination() {
    let (source, copy) = foreign("create table events (id bigint primary key, event text)").await;
    copy.execute("create table events (id bigserial primary key, event text)").await;
    let config = config(&source, &[("copy", &copy)]);
    let report = findings(&config).await.problems.report();
    assert!(report.contains("source and destination may be swapped"), "{report}");
    assert!(report.contains("grace:5s"), "{report}");
    let ids = "give the table ids of its own: ALTER TABLE public.events ADD COLUMN seq bigint";
    assert!(report.contains(ids), "{report}");
}

#[tokio::test]
async fn a_foreign_table_is_not_advised_a_trigger_that_would_break_its_application() {
    let table = "create table events (id bigserial primary key, event text)";
    let (source, copy) = foreign(table).await;
    copy.execute("create table events (id bigint primary key, event text)").await;
    let shape = findings(&config(&source, &[("copy", &copy)])).await.source.unwrap();
    let warnings: Vec<String> =
        shape.warnings.iter().map(|warning| format!("{}: {}", warning.what, warning.fix)).collect();
    let told = warnings.join("\n");
    assert!(told.contains("nothing refuses UPDATE and DELETE"), "{told}");
    assert!(told.contains("REVOKE UPDATE") && !told.contains("check_sql_command"), "{told}");
}
