//! Types outside `pg_catalog`, and those whose text does not say everything: what would become
//! another value on its way is refused or told.

use super::{findings, refusal};
use crate::configured::config;
use crate::diff::compared;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::repair::repair;
use crate::truth::running::copy_all;
use counterfoil::event::wire::ReadAs;

/// Both sides with a column `v` of a type of each one's own.
async fn sides(of_source: &str, of_destination: &str, column: &str) -> (Database, Database) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source
        .execute(&format!(
            "{of_source}; create table events (id bigserial primary key, v {column})"
        ))
        .await;
    destination
        .execute(&format!(
            "{of_destination}; create table events (id bigint primary key, v {column})"
        ))
        .await;
    (source, destination)
}

#[tokio::test]
async fn definitions_that_would_make_another_value_are_refused_with_both() {
    for (of_source, of_destination, column, told) in [
        (
            "create domain t as numeric",
            "create domain t as numeric(10,2)",
            "t",
            ["t = domain of numeric", "t = domain of numeric(10,2)"],
        ),
        (
            "create type t as (a int, b int)",
            "create type t as (b int, a int)",
            "t[]",
            ["t = (\"a\" integer, \"b\" integer)", "t = (\"b\" integer, \"a\" integer)"],
        ),
        (
            "create domain at as timestamptz; create type t as (a at[])",
            "create domain at as timestamptz(0); create type t as (a at[])",
            "t",
            [
                "at = domain of timestamp with time zone",
                "at = domain of timestamp(0) with time zone",
            ],
        ),
        (
            "create type t as range (subtype = numeric)",
            "create type t as range (subtype = float8)",
            "t",
            ["t = range of numeric", "t = range of double precision"],
        ),
        (
            "create domain t as text",
            "create domain t as jsonb",
            "t",
            ["t = domain of text", "t = domain of jsonb"],
        ),
        (
            "create type t as enum ('a', 'b')",
            "create type t as enum ('b')",
            "t",
            ["t = enum ('a', 'b')", "t = enum ('b')"],
        ),
    ] {
        let (source, destination) = sides(of_source, of_destination, column).await;
        source.execute("insert into events select from generate_series(1, 2)").await;
        let (code, problem) = refusal(&config(&source, &[("copy", &destination)])).await;
        let report = problem.to_string();
        assert_eq!(code, 3, "{report}");
        assert!(told.iter().all(|told| report.contains(&format!("public.{told}"))), "{report}");
        let (code, out, err) = compared(&source, &destination, &[]).await;
        assert_eq!(code, 1, "{out}{err}");
        assert!(told.iter().all(|told| out.contains(&format!("public.{told}"))), "{out}");
    }
}

#[tokio::test]
async fn the_statement_that_a_lacking_label_names_cures_it() {
    let (source, destination) =
        sides("create type t as enum ('a', 'it''s')", "create type t as enum ('a')", "t").await;
    source.execute("insert into events (v) values ('it''s')").await;
    let config = config(&source, &[("copy", &destination)]);
    let (_, problem) = refusal(&config).await;
    assert_eq!(problem.remedy(), Some("ALTER TYPE public.t ADD VALUE 'it''s';"));
    super::cure(&destination, &problem).await;
    copy_all(&config).await;
    assert_eq!(destination.query("select v from events").await, ["it's"]);
}

/// The output of `xml` leaves the declaration out, which is stored.
#[tokio::test]
async fn xml_arrives_with_its_declaration_and_is_compared_and_mended_with_it() {
    let (source, destination) = sides("select 1", "select 1", "xml").await;
    source
        .execute(
            r#"insert into events (v) values ('<a/>'), ('<?xml version="1.0" encoding="UTF-8"?><invoice>1</invoice>'), (null), ('text'),
               ('<?xml version="1.0" standalone="yes"?><b/>'), ('<b/>')"#,
        )
        .await;
    let config = config(&source, &[("copy", &destination)]);
    copy_all(&config).await;
    let stored = "select id, md5(v::text) from events order by id";
    assert_eq!(destination.query(stored).await, source.query(stored).await);
    for flags in [&[] as &[&str], &["--exact"]] {
        assert_eq!(compared(&source, &destination, flags).await.0, 0, "{flags:?}");
    }
    destination
        .execute("update events set v = xmlparse(content '<invoice>1</invoice>') where id = 2")
        .await;
    for flags in [&[] as &[&str], &["--exact"]] {
        let (code, out, err) = compared(&source, &destination, flags).await;
        assert_eq!(code, 1, "{flags:?}: {out}{err}");
        assert!(out.contains("differs in v") || out.contains("id 2"), "{out}");
    }
    destination.execute("delete from events where id in (2, 3)").await;
    let (code, printed, complaint) = repair(&source, &destination, &["--insert-missing", "--yes"]);
    assert_eq!(code, Some(0), "{printed}{complaint}");
    assert_eq!(destination.query(stored).await, source.query(stored).await);
}

/// Whoever owns a type decides what its cast to text makes of it.
#[tokio::test]
async fn a_cast_to_text_of_the_types_owner_hides_nothing() {
    let addr = "create type addr as (street text, pin text);
        create function short(addr) returns text language sql immutable as $$select ($1).street$$;
        create cast (addr as text) with function short(addr) as assignment";
    let (source, destination) = sides(addr, addr, "addr").await;
    source.execute("insert into events (v) values (('a', '1')), (('b', '2'))").await;
    destination.execute("insert into events values (1, ('a', '1')), (2, ('b', '667'))").await;
    let (code, problem) = refusal(&config(&source, &[("copy", &destination)])).await;
    assert_eq!(code, 4, "{problem}");
    assert_eq!(compared(&source, &destination, &[]).await.0, 1);
}

#[tokio::test]
async fn blanks_at_the_end_of_a_padded_text_are_compared_beside_a_type_of_a_user() {
    let (source, destination) = sides(
        "create type mood as enum ('a')",
        "create type mood as enum ('a')",
        "mood, add_ bpchar",
    )
    .await;
    source.execute("insert into events (v, add_) values ('a', 'abc  ')").await;
    destination.execute("insert into events values (1, 'a', 'abc')").await;
    let (code, problem) = refusal(&config(&source, &[("copy", &destination)])).await;
    assert_eq!(code, 4, "{problem}");
    assert_eq!(compared(&source, &destination, &[]).await.0, 1);
}

/// Equal arrays can be stored, and sent, in two ways: with a map of NULLs that none of them is, and
/// without.
#[tokio::test]
async fn equal_arrays_are_equal_however_they_are_stored() {
    let (source, destination) = sides("select 1", "select 1", "int[]").await;
    source
        .execute("insert into events (v) values ('{1,2}'), ('{3,NULL}'), (null), ('[5:6]={1,2}')")
        .await;
    let config = config(&source, &[("copy", &destination)]);
    copy_all(&config).await;
    destination
        .execute(
            "update events set v = array_fill(null::int, array[2]) where id = 1; update events set \
             v[1] = 1 where id = 1; update events set v[2] = 2 where id = 1",
        )
        .await;
    let sent = "select md5(array_send(v)) from events where id = 1";
    assert_ne!(source.query(sent).await, destination.query(sent).await, "the two are stored alike");
    for flags in [&[] as &[&str], &["--exact"]] {
        let (code, out, err) = compared(&source, &destination, flags).await;
        assert_eq!(code, 0, "{flags:?}: {out}{err}");
    }
    let found = findings(&config).await;
    assert!(found.problems.is_empty(), "{}", found.problems.report());
    let wire = found.destinations[0].open.as_ref().unwrap().wire();
    assert_eq!(wire.columns[1].read_as, ReadAs::Stored);
    destination.execute("delete from events where id = 3").await;
    let (code, printed, complaint) = repair(&source, &destination, &["--insert-missing", "--yes"]);
    assert_eq!(code, Some(0), "{printed}{complaint}");
    destination.execute("update events set v = '[4:5]={1,2}' where id = 4").await;
    for flags in [&[] as &[&str], &["--exact"]] {
        assert_eq!(compared(&source, &destination, flags).await.0, 1, "{flags:?}");
    }
}

/// What `seg` prints is not what it stores.
#[tokio::test]
async fn a_type_of_which_nothing_is_known_is_told_at_every_start_and_its_comparison_is_inconclusive()
 {
    let (source, destination) = sides("create extension seg", "create extension seg", "seg").await;
    source.execute("insert into events (v) values ('0.12345678')").await;
    let config = config(&source, &[("copy", &destination)]);
    copy_all(&config).await;
    let found = findings(&config).await;
    let warnings = found.destinations[0].open.as_ref().unwrap().warnings();
    assert!(
        warnings
            .iter()
            .any(|warning| warning.what.contains("is copied as the text of type public.seg")),
        "{warnings:?}"
    );
    for flags in [&[] as &[&str], &["--exact"]] {
        let (code, out, err) = compared(&source, &destination, flags).await;
        assert_eq!(code, 3, "{flags:?}: {out}{err}");
        assert!(out.contains("public.seg"), "{out}");
    }
}

#[tokio::test]
async fn an_unlogged_table_is_told_of_either_side_and_of_a_partition() {
    let (source, destination) = sides("select 1", "select 1", "int").await;
    let warnings = async || {
        let found = findings(&config(&source, &[("copy", &destination)])).await;
        let of_source = found.source.unwrap().warnings;
        let of_destination = found.destinations[0].open.as_ref().unwrap().warnings().to_vec();
        let count = |warnings: Vec<counterfoil::error::Warning>| {
            warnings.iter().filter(|warning| warning.what.contains("is unlogged")).count()
        };
        (count(of_source), count(of_destination))
    };
    assert_eq!(warnings().await, (0, 0));
    destination.execute("alter table events set unlogged").await;
    assert_eq!(warnings().await, (0, 1));
    source.execute("alter table events set unlogged").await;
    assert_eq!(warnings().await, (1, 1));
    destination
        .execute(
            "drop table events; create table events (id bigint primary key, v int) partition by range (id);
             create table logged partition of events for values from (1) to (5); create unlogged table low partition of events for values from (5) to (9)",
        )
        .await;
    assert_eq!(warnings().await, (1, 1));
}

#[tokio::test]
async fn a_column_that_both_sides_compute_otherwise_is_told_and_its_values_are_compared() {
    let (source, destination) = sides("select 1", "select 1", "int").await;
    for (database, factor) in [(&source, 2), (&destination, 3)] {
        database
            .execute(&format!(
                "alter table events add w int generated always as (v * {factor}) stored"
            ))
            .await;
    }
    source.execute("insert into events (v) values (0), (0)").await;
    let config = config(&source, &[("copy", &destination)]);
    copy_all(&config).await;
    assert_eq!(compared(&source, &destination, &[]).await.0, 0, "0 is 0 by either");
    source.execute("insert into events (v) values (7)").await;
    copy_all(&config).await;
    let found = findings(&config).await;
    let warnings = found.destinations[0].open.as_ref().unwrap().warnings();
    assert!(
        warnings.iter().any(|warning| warning
            .what
            .contains("is computed as (v * 2) at the source and as (v * 3)")),
        "{warnings:?}"
    );
    for flags in [&[] as &[&str], &["--exact"]] {
        let (code, out, err) = compared(&source, &destination, flags).await;
        assert_eq!(code, 1, "{flags:?}: {out}{err}");
        assert!(
            out.contains("1 changed (w in 1)")
                && out.contains("is computed as (v * 2) in the first table"),
            "{out}"
        );
    }
}

#[tokio::test]
async fn a_column_that_only_the_second_table_computes_is_compared() {
    let (source, destination) = sides("select 1", "select 1", "int").await;
    source.execute("alter table events add w int").await;
    destination.execute("alter table events add w int generated always as (v * 2) stored").await;
    source.execute("insert into events (v, w) values (7, 14), (8, 15)").await;
    copy_all(&config(&source, &[("copy", &destination)])).await;
    let (code, out, err) = compared(&source, &destination, &[]).await;
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("1 changed (w in 1)"), "{out}");
}
