//! Every value of every type arrives and is found equal, or is refused by name; against what the
//! server says, not only by our own comparison.

use super::*;
use crate::decoding::{fill_arrays, fill_scalars, stable_types};
use crate::truth::values::{BUILT_IN, MAKE_OWN, OWN, OWN_ROWS, ROWS};
use counterfoil::event::value::BINARY_STABLE;
use postgres_types::Type;

/// As a session of ours is set.
const PINS: &str = "set timezone = 'UTC'; set intervalstyle = 'iso_8601'; set datestyle = 'ISO, \
                    YMD'; set bytea_output = 'hex'; set extra_float_digits = 1;";

async fn version(database: &Database) -> u32 {
    database.query("show server_version_num").await[0].parse().unwrap()
}

/// Each type in a table of its own, with edges and thousands of random values, and so its arrays:
/// all in one file.
#[tokio::test(flavor = "multi_thread")]
async fn every_value_of_every_type_is_kept_and_gives_its_text_again() {
    let pair = Pair::of("select 1").await;
    let client = pair.source.client().await;
    let tables = fill_all(&pair.source, &client).await;
    let as_text = "create table s_float4 (id integer primary key, v text) strict; create table \
                   s_float8 (id integer primary key, v text) strict;";
    Connection::open(pair.file()).unwrap().execute_batch(as_text).unwrap();
    let listed: Vec<String> = tables.iter().map(|name| format!("'public.\"{name}\"'")).collect();
    let setup = Setup::from_url(&url(&pair.source))
        .source_key(&format!("table = [{}]", listed.join(", ")))
        .and_url("copy", &format!("sqlite:{}", pair.file().display()));
    for command in [&["init", "destination"][..], &["run", "--until-caught-up"]] {
        let (code, out, err) = run(counterfoil(command), &setup);
        assert_eq!(code, Some(0), "{out}{err}");
    }
    for name in &tables {
        let replication = format!("c/public.{name}");
        let (code, out, err) = run(events_diff(&["--replication", &replication]), &setup);
        assert_eq!(code, Some(0), "{name}: {out}{err}");
        if name.starts_with("a_") || name.starts_with("s_") && is_kept_as_text(&name[2..]) {
            let there = format!("select id, v from \"{name}\" order by id");
            let ours = format!(
                "{PINS} select id || '|' || case when v is null then 'null' else concat(v) end from \"{name}\" order by id"
            );
            let (theirs, ours) = (seen(&pair.file(), &there), as_texts(&client, &ours).await);
            assert_eq!(theirs.len(), ours.len(), "{name}");
            let unlike = theirs.iter().zip(&ours).find(|(theirs, ours)| theirs != ours);
            assert_eq!(unlike, None, "{name}");
        }
    }
    numbers_are_the_same(&pair).await;
}

/// Fills the tables; gives their names.
async fn fill_all(source: &Database, client: &tokio_postgres::Client) -> Vec<String> {
    let (version, stable) = (version(source).await, stable_types());
    let mut tables = Vec::new();
    for scalar in BINARY_STABLE {
        fill_scalars(client, &scalar, version).await;
        let array = stable.iter().find(|of| of.name() == format!("_{}", scalar.name())).unwrap();
        fill_arrays(client, &scalar, array).await;
        for (kind, made) in [("s", "scalars"), ("a", "arrays")] {
            let name = format!("{kind}_{}", scalar.name());
            let rename = format!("alter table {made} rename to \"{name}\"");
            client.batch_execute(&rename).await.unwrap();
            tables.push(name);
        }
    }
    // Numbers that are none are told of below.
    let finite = "v::text not in ('NaN', 'Infinity', '-Infinity', '-0') or v is null";
    for float in ["float4", "float8"] {
        let fill = format!(
            "create table finite_{float} (id bigserial primary key, v {float}); insert into \
             finite_{float} (v) select v from s_{float} where {finite}"
        );
        client.batch_execute(&fill).await.unwrap();
        tables.push(format!("finite_{float}"));
    }
    tables
}

/// What is a number there is the same number.
async fn numbers_are_the_same(pair: &Pair) {
    let sum = "select count(*) || '|' || sum(v % 1000003) from s_int8 where v is not null";
    assert_eq!(seen(&pair.file(), sum), pair.source.query(sum).await);
    let double = "select id || '|' || cast(v as text) from finite_float8 where id % 500 = 2";
    for line in seen(&pair.file(), double) {
        let (id, number) = line.split_once('|').unwrap();
        let query = format!(
            "select abs(v - '{number}'::float8) <= abs(v) * 1e-14 from finite_float8 where id = {id}"
        );
        assert_eq!(pair.source.query(&query).await, ["t"], "{line}");
    }
}

fn is_kept_as_text(name: &str) -> bool {
    let of = BINARY_STABLE.into_iter().find(|of| of.name() == name).unwrap();
    ![Type::INT2, Type::INT4, Type::INT8, Type::BOOL, Type::BYTEA].contains(&of)
}

async fn as_texts(client: &tokio_postgres::Client, query: &str) -> Vec<String> {
    let messages = client.simple_query(query).await.unwrap();
    let row = |message: tokio_postgres::SimpleQueryMessage| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    };
    messages.into_iter().filter_map(row).collect()
}

/// The hostile rows of the other tests, types of users included.
#[tokio::test]
async fn hostile_rows_of_built_in_types_and_of_users_are_found_equal() {
    let pair = Pair::of(MAKE_OWN).await;
    pair.source.execute("create sequence ids").await;
    pair.source
        .execute(&format!(
            "create table events (id bigint primary key default nextval('ids'), {BUILT_IN}, {OWN})"
        ))
        .await;
    for rows in ROWS.into_iter().chain([OWN_ROWS]) {
        pair.source.execute(rows).await;
    }
    pair.source.execute("select setval('ids', 9223372036854775807)").await;
    // Numbers that are none need a column of text; the rest of the table as init makes it.
    let (code, made, err) =
        pair.run(counterfoil(&["init", "destination", "--dry-run"]), &pair.setup());
    assert_eq!(code, Some(0), "{err}");
    let made = made.replace("\"f4\" REAL", "\"f4\" TEXT").replace("\"f8\" REAL", "\"f8\" TEXT");
    Connection::open(pair.file()).unwrap().execute_batch(&made).unwrap_or_else(|error| {
        panic!("{error}: {made}");
    });
    pair.copied();
    pair.is_equal();
    assert_eq!(
        seen(&pair.file(), "select count(*), min(id), max(id) from events"),
        [format!(
            "{}|1|9223372036854775807",
            pair.source.query("select count(*) from events").await[0]
        )]
    );
    assert_eq!(
        seen(
            &pair.file(),
            "select bo, typeof(i8), typeof(by), typeof(n), f8, ts from events where id in (3, 11, 35) order by id"
        ),
        [
            "null|null|null|null|null|infinity",
            "null|null|null|null|NaN|null",
            "1|null|null|null|null|null"
        ]
    );
}

#[tokio::test]
async fn a_number_that_the_column_cannot_keep_stops_the_lane_before_it_by_id_and_column() {
    for (of, value) in [("float8", "NaN"), ("float4", "-Infinity"), ("float8", "-0")] {
        let pair =
            Pair::of(&format!("create table events (id bigserial primary key, n {of})")).await;
        pair.init(&[]);
        pair.source.execute("insert into events (n) values (1.5), (null)").await;
        pair.copied();
        pair.source.execute(&format!("insert into events (n) values (2), ('{value}'), (3)")).await;
        let (code, out, err) = pair.copy();
        assert_eq!(code, Some(7), "{value}: {out}{err}");
        assert!(
            err.contains("id 4, column \"n\"") && err.contains("make the column TEXT"),
            "{err}"
        );
        let there = "select id, n from events";
        let before = ["1|1.5", "2|null", "3|2.0"];
        assert_eq!(seen(&pair.file(), there), before, "all that comes before it, and no more");
    }
}

#[tokio::test]
async fn ids_at_both_ends_of_the_range_are_copied_in_order() {
    let pair = Pair::of(
        "create sequence ids minvalue -9223372036854775808 start -9223372036854775808; create table \
         events (id bigint primary key default nextval('ids'), ts timestamptz default \
         clock_timestamp(), event jsonb)",
    )
    .await;
    pair.init(&[]);
    for before in ["-9223372036854775808, false", "-3", "9223372036854775804"] {
        pair.source.execute(&format!("select setval('ids', {before})")).await;
        for _ in 0..3 {
            pair.source.execute("insert into events (event) values ('{}')").await;
            pair.copied();
        }
    }
    pair.is_equal();
    let ends = "select count(*), min(id), max(id) from events";
    assert_eq!(seen(&pair.file(), ends), ["9|-9223372036854775808|9223372036854775807"]);
}
