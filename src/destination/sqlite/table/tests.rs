//! Affinities, keys and what is refused, on tables of all sorts.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::event::wire::ReadAs;
use postgres_types::Type;
use rusqlite::Connection;
use std::time::Duration;

fn described(sql: &str, name: &str) -> Option<SqliteTable> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let file = SqliteFile::open(&path, Duration::from_secs(1)).unwrap();
    SqliteTable::read(&file, name).unwrap()
}

fn column(of: &Type) -> WireColumn {
    WireColumn { name: "v".to_owned(), read_as: ReadAs::Plain, type_oid: Some(of.oid()) }
}

fn declared(type_name: &str) -> PlainColumn {
    PlainColumn {
        name: "v".to_owned(),
        type_name: type_name.to_owned(),
        is_not_null: false,
        has_default: false,
        is_computed: false,
    }
}

#[test]
fn a_declared_type_has_the_affinity_that_sqlite_gives_it() {
    for (declared, affinity) in [
        ("INTEGER", ColumnAffinity::Integer),
        ("bigint", ColumnAffinity::Integer),
        ("CHARINT", ColumnAffinity::Integer),
        ("FLOATING POINT", ColumnAffinity::Integer),
        ("varchar(9)", ColumnAffinity::Text),
        ("CLOB", ColumnAffinity::Text),
        ("BLOB", ColumnAffinity::Blob),
        ("double precision", ColumnAffinity::Real),
        ("uuid", ColumnAffinity::Other),
        ("NUMERIC", ColumnAffinity::Other),
        ("STRING", ColumnAffinity::Other),
        ("ANY", ColumnAffinity::Other),
        ("", ColumnAffinity::Other),
    ] {
        assert_eq!(ColumnAffinity::of(declared), affinity, "{declared}");
    }
}

#[test]
fn a_column_keeps_its_own_form_or_the_text_of_it_and_nothing_else() {
    for (of, type_name, form) in [
        (Type::INT8, "INTEGER", Some(ColumnForm::Integer)),
        (Type::INT8, "TEXT", Some(ColumnForm::Text)),
        (Type::INT8, "NUMERIC", None),
        (Type::INT8, "REAL", None),
        (Type::BOOL, "INT", Some(ColumnForm::Boolean)),
        (Type::FLOAT4, "REAL", Some(ColumnForm::Single)),
        (Type::FLOAT8, "TEXT", Some(ColumnForm::Text)),
        (Type::NUMERIC, "TEXT", Some(ColumnForm::Text)),
        (Type::NUMERIC, "NUMERIC", None),
        (Type::UUID, "uuid", None),
        (Type::UUID, "", None),
        (Type::BYTEA, "BLOB", Some(ColumnForm::Bytes)),
        (Type::BYTEA, "TEXT", Some(ColumnForm::Text)),
        (Type::TIMESTAMPTZ, "INTEGER", None),
        (Type::TEXT, "BLOB", None),
    ] {
        assert_eq!(SqliteTypes.form(&column(&of), &declared(type_name)), form, "{of} {type_name}");
    }
}

#[test]
fn what_init_makes_keeps_every_type() {
    for of in crate::event::value::BINARY_STABLE {
        let column = column(&of);
        let made = declared(&SqliteTypes.made_as(&column));
        assert_eq!(SqliteTypes.form(&column, &made), Some(ColumnForm::of(&column)), "{of}");
    }
}

#[test]
fn a_table_needs_a_key_on_its_id_that_no_null_gets_by() {
    for (sql, refused) in [
        ("create table events (id integer primary key, v text)", None),
        ("create table Events (ID INTEGER PRIMARY KEY) strict", None),
        ("create table events (id int primary key not null)", None),
        ("create table events (id integer primary key) without rowid", None),
        ("create table events (id integer not null unique)", None),
        ("create table events (id integer not null); create unique index i on events (id)", None),
        ("create table events (id int primary key)", Some("may be NULL")),
        ("create table events (id integer not null)", Some("no unique index")),
        ("create table events (id text primary key)", Some("not declared as INTEGER")),
        ("create table events (id integer not null, v, primary key (id, v))", Some("no unique")),
        (
            "create table events (id integer not null, v); create unique index i on events (id) \
             where v > 0",
            Some("no unique index"),
        ),
        (
            "create table events (id integer not null); create unique index i on events (abs(id))",
            Some("no unique index"),
        ),
        ("create view events as select 1 as id", Some("is a view")),
        ("create virtual table events using fts5(id)", Some("is a virtual")),
    ] {
        let table = described(sql, "events").unwrap();
        let problems = table.problems("id");
        let told = problems.report();
        match refused {
            None => assert!(problems.is_empty(), "{sql}: {told}"),
            Some(words) => assert!(told.contains(words), "{sql}: {told}"),
        }
    }
    assert_eq!(described("create table others (id integer primary key)", "events"), None);
}

#[test]
fn computed_columns_defaults_triggers_and_loose_types_are_seen() {
    let sql = "create table events (id integer primary key, a text not null default 'x', b text as \
               (a) stored, c blob not null); create trigger t after insert on events begin select \
               1; end; create trigger counterfoil_guard_insert_events before insert on events begin \
               select 1; end;";
    let table = described(sql, "EVENTS").unwrap();
    assert_eq!(table.plain.name, "events");
    let facts = |name: &str| {
        let column = table.plain.column(name).unwrap();
        (column.is_not_null, column.has_default, column.is_computed)
    };
    assert_eq!(facts("A"), (true, true, false));
    assert_eq!(facts("b"), (false, false, true));
    assert_eq!(facts("c"), (true, false, false));
    let warnings: Vec<String> =
        table.warnings().iter().map(|warning| warning.what.clone()).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("trigger \"t\"") && warnings[1].contains("no STRICT table"));
}

#[test]
fn any_change_of_a_table_changes_its_definition() {
    let base = "create table events (id integer primary key, v text);";
    let definition = |more: &str| described(&format!("{base}{more}"), "events").unwrap().definition;
    let all = [
        "",
        "alter table events add column w text",
        "create index i on events (v)",
        "create trigger t after insert on events begin select 1; end",
        "drop table events; create table events (id integer primary key, v blob)",
    ]
    .map(definition);
    for (at, one) in all.iter().enumerate() {
        assert!(all[..at].iter().all(|other| other != one), "{one}");
    }
    assert_eq!(definition("create table others (id integer)"), all[0]);
}
