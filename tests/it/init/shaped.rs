//! `init destination --config` makes a table in the shape of its source's, whatever that is, and
//! the copy then runs and is proven equal.

use crate::command::{counterfoil, told};
use crate::diff::compared;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::replicator::{Setup, url};
use std::path::PathBuf;
use tempfile::TempDir;

/// A schema with types of many sorts, and a table made of them.
const RICH: &str = "create schema audit; create schema \"Other Types\";
    create type \"Other Types\".\"mood of day\" as enum ('it''s fine', 'back\\slash', 'c');
    create domain audit.amount as numeric(10,2) not null check (value >= 0);
    create type audit.line as (price audit.amount, moods \"Other Types\".\"mood of day\"[]);
    create domain audit.lines as audit.line[];
    create type audit.span as range (subtype = audit.amount);
    create extension citext; create extension hstore with schema \"Other Types\";
    create table audit.\"Record Version\" (
        \"Version No\" bigint generated always as identity primary key,
        at timestamptz not null default clock_timestamp(),
        name varchar(40) collate \"C\",
        tag citext, labels \"Other Types\".hstore,
        mood \"Other Types\".\"mood of day\", lines audit.lines, span audit.span,
        body jsonb not null, size int generated always as (length(body::text)) stored,
        parent bigint);
    create index \"by name\" on audit.\"Record Version\" using btree (lower(name) collate \"C\" desc) where parent is null;
    create unique index on audit.\"Record Version\" (at, \"Version No\") include (parent);
    create index on audit.\"Record Version\" using gin (labels);";

const ROWS: &str = "insert into audit.\"Record Version\" (name, tag, labels, mood, lines, span, body, parent)
    select 'n' || i, 'T' || i, '\"a\"=>\"1\"', 'it''s fine', array[row(i, array['c', 'back\\slash']::\"Other Types\".\"mood of day\"[])::audit.line],
           audit.span(1::numeric, (i + 2)::numeric), jsonb_build_object('i', i), nullif(i, 3)
    from generate_series(1, 50) as i";

/// A configuration in a folder of its own.
fn file(setup: &Setup) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.toml");
    std::fs::write(&path, setup.text()).unwrap();
    (dir, path)
}

fn rich_setup(source: &Database, copy: &Database) -> Setup {
    Setup::from(source)
        .source_key("table = 'audit.\"Record Version\"'")
        .source_key("id_column = \"Version No\"")
        .to("copy", copy)
}

fn runs(arguments: &[&str]) -> (Option<i32>, String, String) {
    told(&counterfoil(arguments).output().unwrap())
}

/// Copies everything, and compares it.
async fn is_copied_and_equal(path: &str, (source, copy): (&Database, &Database), flags: &[&str]) {
    let (code, printed, complaint) = runs(&["run", "--until-caught-up", "--config", path]);
    assert_eq!(code, Some(0), "{printed}{complaint}");
    let (code, out, err) = compared(source, copy, flags).await;
    assert_eq!(code, 0, "{out}{err}");
}

const RICH_TABLE: [&str; 4] = ["--table", "audit.\"Record Version\"", "--id-column", "Version No"];

#[tokio::test]
async fn a_table_of_many_types_is_made_copied_and_proven_equal() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source.execute(RICH).await;
    source.execute(ROWS).await;
    let (_dir, path) = file(&rich_setup(&source, &copy));
    let path = path.to_str().unwrap();
    // Before: the message that it is missing names the command.
    let (code, printed, complaint) = runs(&["run", "--until-caught-up", "--config", path]);
    assert_eq!(code, Some(3), "{printed}{complaint}");
    assert!(format!("{printed}{complaint}").contains("counterfoil init destination --config"));
    let (code, out, err) = runs(&["init", "destination", "--config", path, "--with-indexes"]);
    assert_eq!(code, Some(0), "{out}{err}");
    for words in [
        "created table audit.\"Record Version\"",
        "created type audit.span",
        "created type \"Other Types\".hstore, of extension hstore",
        "domain audit.amount is made without its CHECK constraints",
        "created index by name on",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    is_copied_and_equal(path, (&source, &copy), &RICH_TABLE).await;
    let shape = "select attname, format_type(atttypid, atttypmod), attnotnull, (select collname from pg_collation c
        where c.oid = attcollation) from pg_attribute where attrelid = 'audit.\"Record Version\"'::regclass and attnum > 0 order by attnum";
    assert_eq!(source.query(shape).await, copy.query(shape).await);
    let indexes = "select replace(pg_get_indexdef(indexrelid), '_pkey', '') from pg_index
        where indrelid = 'audit.\"Record Version\"'::regclass order by 1";
    assert_eq!(source.query(indexes).await, copy.query(indexes).await);
    // Again: nothing is made, and nothing is replaced.
    let (code, out, _) = runs(&["init", "destination", "--config", path]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("already there") && !out.contains("created"), "{out}");
    is_copied_and_equal(path, (&source, &copy), &RICH_TABLE).await;
}

#[tokio::test]
async fn what_is_printed_makes_the_same_table_and_prints_change_nothing() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source.execute(RICH).await;
    source.execute(ROWS).await;
    let (_dir, path) = file(&rich_setup(&source, &copy));
    let path = path.to_str().unwrap();
    let (code, script, err) = runs(&["init", "destination", "--config", path, "--dry-run"]);
    assert_eq!(code, Some(0), "{script}{err}");
    assert_eq!(
        copy.query("select count(*) from pg_namespace where nspname = 'audit'").await,
        ["0"]
    );
    assert!(script.contains("--with-indexes makes the other indexes"), "{script}");
    copy.execute(&script).await;
    is_copied_and_equal(path, (&source, &copy), &RICH_TABLE).await;
    // The indexes are added when it is filled, as is printed then.
    let indexed = ["init", "destination", "--config", path, "--with-indexes"];
    let (_, out, _) = runs(&indexed);
    let statements: Vec<&str> =
        out.lines().filter(|line| line.contains("index concurrently")).collect();
    assert_eq!(statements.len(), 3, "{out}");
    for statement in statements {
        copy.execute(statement.trim()).await;
    }
    let (_, out, _) = runs(&indexed);
    assert!(!out.contains("concurrently"), "{out}");
}

#[tokio::test]
async fn a_partitioned_table_and_one_of_another_name_become_plain_tables() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source
        .execute(
            "create table log (seq int generated always as identity primary key, body text) \
             partition by range (seq); create table log_1 partition of log for values from (1) to \
             (40); create table log_2 partition of log for values from (40) to (1000); create \
             index on log (body); insert into log (body) select 'x' || i from generate_series(1, \
             60) i",
        )
        .await;
    let setup = Setup::from(&source)
        .source_key("table = 'log'")
        .source_key("id_column = \"seq\"")
        .to("copy", &copy)
        .destination_key("table = 'far.events_of_log'");
    let (_dir, path) = file(&setup);
    let path = path.to_str().unwrap();
    let (code, out, err) = runs(&["init", "destination", "--config", path, "--with-indexes"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let (code, printed, complaint) = runs(&["run", "--until-caught-up", "--config", path]);
    assert_eq!(code, Some(0), "{printed}{complaint}");
    assert_eq!(copy.query("select count(*), max(seq) from far.events_of_log").await, ["60|60"]);
    let indexed = "select count(*) from pg_indexes where schemaname = 'far'";
    assert_eq!(copy.query(indexed).await, ["2"]);
}

#[tokio::test]
async fn a_type_that_cannot_be_made_is_named_and_nothing_is_made() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source
        .execute(
            "create type span as range (subtype = text, collation = \"C\"); create table events \
             (id bigint generated always as identity primary key, at span)",
        )
        .await;
    let (_dir, path) = file(&Setup::from(&source).to("copy", &copy));
    let path = path.to_str().unwrap();
    let (code, out, err) = runs(&["init", "destination", "--config", path]);
    assert_eq!(code, Some(3), "{out}{err}");
    for words in ["cannot create type public.span", "collation of its own", "destination \"copy\""]
    {
        assert!(err.contains(words), "{words}: {err}");
    }
    assert_eq!(copy.query("select count(*) from pg_class where relname = 'events'").await, ["0"]);
}

#[tokio::test]
async fn what_a_role_may_not_create_is_printed_for_another_one_with_its_privileges() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source.execute("create table events (id bigserial primary key, event text)").await;
    source.execute("insert into events (event) values ('a'), ('b')").await;
    let role = format!("writer_{}", copy.conninfo.database);
    copy.execute(&format!(
        "create role {role} login; revoke create on schema public from public, {role}"
    ))
    .await;
    let as_writer = url(&copy).replace("user=postgres", &format!("user={role}"));
    let (_dir, path) = file(&Setup::from(&source).and_url("copy", &as_writer));
    let path = path.to_str().unwrap();
    let (code, out, err) = runs(&["init", "destination", "--config", path]);
    assert_eq!(code, Some(3), "{out}{err}");
    assert!(err.contains("may not create objects") && err.contains("SQL of --dry-run"), "{err}");
    let (code, script, _) = runs(&["init", "destination", "--config", path, "--dry-run"]);
    assert_eq!(code, Some(3), "{script}");
    copy.execute(&script).await;
    is_copied_and_equal(path, (&source, &copy), &[]).await;
}

#[tokio::test]
async fn a_database_that_is_missing_is_created_or_printed_with_the_table() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source.execute("create table events (id bigserial primary key, event text)").await;
    let name = format!("{}_new", copy.conninfo.database);
    let missing = url(&copy).replace(&copy.conninfo.database, &name);
    let (_dir, path) = file(&Setup::from(&source).and_url("copy", &missing));
    let command = ["init", "destination", "--config", path.to_str().unwrap(), "--create-database"];
    let (code, out, err) = runs(&[&command[..], &["--dry-run"]].concat());
    assert_eq!(code, Some(0), "{out}{err}");
    for words in ["-- destination copy", "create database", "\\connect", "create table"] {
        assert!(out.contains(words), "{words}: {out}");
    }
    let there = format!("select count(*) from pg_database where datname = '{name}'");
    assert_eq!(copy.query(&there).await, ["0"]);
    for said in ["created table public.events", "already there: table public.events"] {
        let (code, out, err) = runs(&command);
        assert_eq!(code, Some(0), "{out}{err}");
        assert!(out.contains(said), "{out}");
    }
    assert_eq!(copy.query(&there).await, ["1"]);
}

#[tokio::test]
async fn every_destination_gets_its_table_although_one_cannot() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source.execute("create table events (id bigserial primary key, event text)").await;
    let nowhere = "postgres://nobody@127.0.0.1:1/nowhere?sslmode=disable";
    let setup = Setup::from(&source).and_url("away", nowhere).to("copy", &copy);
    let (_dir, path) = file(&setup);
    let path = path.to_str().unwrap();
    let (code, out, err) = runs(&["init", "destination", "--config", path, "--guard"]);
    assert_eq!(code, Some(8), "{out}{err}");
    assert!(err.contains("destination \"away\""), "{err}");
    assert!(out.contains("created trigger counterfoil_guard"), "{out}");
    let one = ["init", "destination", "--config", path, "--destination", "copy"];
    assert_eq!(runs(&one).0, Some(0));
    for flags in [&["--table", "x"][..], &["--url", "postgres://x"]] {
        assert_eq!(runs(&[&one, flags].concat()).0, Some(2), "{flags:?}");
    }
    assert_eq!(runs(&["init", "destination"]).0, Some(2));
}
