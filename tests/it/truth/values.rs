//! Values arrive bit for bit: by binary COPY where all types are built in, by text COPY where one
//! is a user's.

use super::prefix::assert_same_bytes;
use super::program::Program;
use super::running::copy_all;
use crate::configured::config;
use crate::harness::{Database, fresh_database, fresh_destination};

/// Types whose binary form is the same everywhere.
pub const BUILT_IN: &str = "ts timestamptz, event jsonb, bo bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, n2 numeric(20,5),
    t text, v varchar(40), c char(5), o \"char\", nm name, by bytea, u uuid, d date, ti time, tiz timetz, tsn timestamp, iv interval, j json,
    bi bit(5), vb varbit, ip inet, ci cidr, m macaddr, m8 macaddr8, ai int[], at text[], an numeric[], aj jsonb[], ats timestamptz[]";
/// Types that only their text form is sure of.
pub const OWN: &str = "mood mood, moods mood[], small small, smalls small[], place place, places place[], span int4range, spans tstzrange[],
    price money, word public.json_value, words_ public.json_value[], x xml, p point, box box, words tsvector, lsn pg_lsn";
/// The name of the second type is a key word since PostgreSQL 17.
pub const MAKE_OWN: &str = "create type mood as enum ('', 'so so', 'it''s \"fine\", {really}', 'größer', E'tab\\tand\\\\slash');
    create domain small as int check (value < 100); create domain public.json_value as text; create type place as (name text, \"at, (x)\" point, notes text[])";
pub const ROWS: [&str; 10] = [
    "insert into events (id) values (1)",
    "insert into events (id, ts, tsn, d, ti, tiz, iv) values
        (2, '2026-04-03 10:11:12.123456+05:45', '0001-01-01 00:00:00.000001', '4713-01-01 BC', '23:59:59.999999', '00:00:00.000001-15:59', '-178000000 years 3 days -04:05:06.789012'),
        (3, 'infinity', '-infinity', 'infinity', '24:00:00', '24:00:00+15:59', '1 mon -1 day 1 us'),
        (4, '-infinity', 'infinity', '-infinity', '00:00', '12:00:00.5+05:30', '0'),
        (5, '294276-12-31 23:59:59.999999+00', '4714-11-24 00:00:00 BC', '5874897-12-31', '12:34:56.7', '12:34:56.7+00:00:01', '2147483647:59:59.999999')",
    r#"insert into events (id, event, j) values
        (6, '{"n": 9007199254740993, "m": 12345678901234567890123456789.10, "a": 1.10, "b": 1.0, "c": 1e400, "d": -1e-400, "e": -0.0, "f": 0.10e1}', '{"a":1.10,  "a":1e400, "b" : 1.0}'),
        (7, 'null', 'null'), (8, '"a\\b\"c\u0001\n\t\\. €\ud83d\ude00"', '"\u0000 \\. \ud83d\ude00"'), (9, '[]', ' [ 1 ,2] '), (10, '{"": {"": [[], {}]}}', '{}')"#,
    "insert into events (id, f4, f8) values (11, 'NaN', 'NaN'), (12, 'Infinity', '-Infinity'), (13, '-0', '-0'), (14, 1.17549435e-38, 5e-324),
        (15, 3.4028235e38, 1.7976931348623157e308), (16, 0.1, 0.1), (17, 16777217, 9007199254740993)",
    "insert into events (id, n, n2, i2, i4, i8) values (18, 'NaN', 'NaN', -32768, -2147483648, -9223372036854775808),
        (19, 1.10, 1.10, 32767, 2147483647, 9223372036854775807), (20, 1e1000, -0.00001, 0, 0, 0), (21, -1e-1000, 999999999999999.99999, 1, 1, 1), (22, 0.000, 0, -1, -1, -1)",
    r"insert into events (id, t, v, c, o, nm) values (23, '', '', '', '', ''), (24, E'\\.', E'\\.', E'\\.', E'\\', E'\\.'), (25, E'\\N', E'\\N', E'\\N', 'N', E'\\N'),
        (26, E'a\tb\nc\rd\be\ff\vg\\h\\n\\x41', E'\n\\.\n', E'\t', E'\t', 'ñ'), (27, E'\u0001\u007f\u0080\u00e9\u0301\u20ac\u2028\ufeff\uffff\U0001F600\U0010FFFF', '日本語', ' é', 'z', 'Ω'),
        (28, E'\r\n\\.\r\n', '  x  ', '  x', ' ', ' ')",
    "insert into events (id, t, by) values (29, (select string_agg(chr(i), '' order by i) from generate_series(1, 1000) i), (select string_agg(set_byte('\\x00', 0, i), '' order by i) from generate_series(0, 255) i)),
        (30, repeat(E'\\\\.\\n', 100000), decode(repeat('00ff5c2e0a', 100000), 'hex')), (31, null, '')",
    r#"insert into events (id, ai, at, an, aj, ats) values (32, '{}', '{}', '{}', '{}', '{}'), (33, '{1,NULL,3}', '{"",NULL,"NULL","{}","a,b","\\\"","\\."}', '{NaN,1.10,NULL}', array['null'::jsonb, null, '1.10'], '{infinity,NULL,"2026-04-03 10:11:12.123456+00"}'),
        (34, '[-1:0][2:3]={{1,2},{NULL,4}}', '{{{a}},{{NULL}}}', '{{1.0},{1.00}}', null, null)"#,
    "insert into events (id, bo, u, bi, vb, ip, ci, m, m8) values (35, true, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '10101', '', '192.168.1.1/24', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05'),
        (36, false, '00000000-0000-0000-0000-000000000000', '00000', '1', '::ffff:1.2.3.4', '2001:db8::/32', '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff:ff:ff')",
    "insert into events (id) values (9223372036854775807)",
];
pub const OWN_ROWS: &str = r#"insert into events (id, mood, moods, small, smalls, place, places, span, spans, price, x, p, box, words, lsn) values
    (100, '', array['', null, E'tab\tand\\slash', 'it''s "fine", {really}']::mood[], 99, '{1,NULL}', ('a,b"(', '(1,-0)', '{NULL,"",x}'), array[('\.', null, null)::place, null],
        '[1,5)', array['empty'::tstzrange, '[2026-04-03 10:11:12.123456+00,infinity)'], 12345.67, '<a>é\.</a>', '(0.1,NaN)', '(1e300,2),(3,4)', 'fat:1A cat:2', '16/B374D848'),
    (101, 'größer', '{}', -5, '{{1},{2}}', row(null, null, null), '{}', 'empty', '{}', -0.01, null, '(Infinity,-Infinity)', null, '', '0/0'),
    (102, null, null, null, null, null, null, '(,)', null, null, null, null, null, null, null),
    (103, null, null, null, null, null, null, null, null, null, '<?xml version="1.0" encoding="UTF-8"?><invoice>1</invoice>', null, null, null, null)"#;

async fn tables(columns: &str, own: &str) -> (Database, Database) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    for database in [&source, &destination] {
        database.execute(own).await;
        database.execute(&format!("create table events (id bigint primary key, {columns})")).await;
    }
    source
        .execute("create sequence ids; alter table events alter id set default nextval('ids')")
        .await;
    for rows in ROWS {
        source.execute(rows).await;
    }
    if has_infinity(&source) && has_infinity(&destination) {
        source
            .execute(
                "insert into events (id, n, an) values (40, 'Infinity', '{Infinity,-Infinity}'), \
                 (41, '-Infinity', null)",
            )
            .await;
    }
    (source, destination)
}

/// Whether `numeric` holds infinite values: since PostgreSQL 14.
fn has_infinity(database: &Database) -> bool {
    database.server.version_num() >= 140_000
}

/// The whole rows as text, and every column in both forms; and by what each server makes of a value
/// itself, which no COPY has seen.
async fn assert_all_same(source: &Database, destination: &Database, format: &str) {
    let sums =
        "select string_agg(format('md5(string_agg(md5(%1$I::text), '','' order by id)), count(%1$I)', attname), ', ' order by attname)
        from pg_attribute where attrelid = 'events'::regclass and attnum > 0 and not attisdropped";
    let of_all = format!("select {} from events", source.query(sums).await[0]);
    assert_eq!(destination.query(&of_all).await, source.query(&of_all).await);
    assert_same_bytes(source, destination, "select * from public.events order by id", format).await;
    assert_same_bytes(
        source,
        destination,
        "select e::text, event::text from public.events e order by id",
        "text",
    )
    .await;
}

/// Drops a column whose type has had another form since this version, if only one of the two has
/// that form.
async fn drop_if_only_one_is(since: u32, column: &str, sides: [&Database; 2]) {
    let [is_one, is_other] = sides.map(|database| database.server.version_num() >= since);
    for database in sides {
        if is_one != is_other {
            database.execute(&format!("alter table events drop {column}")).await;
        }
    }
}

/// Where only one side knows infinite intervals, these would let everything travel as text.
async fn binary_tables() -> (Database, Database) {
    let (source, destination) = tables(BUILT_IN, "").await;
    drop_if_only_one_is(170_000, "iv", [&source, &destination]).await;
    (source, destination)
}

#[tokio::test]
async fn every_built_in_value_arrives_bit_for_bit_by_binary_copy() {
    let (source, destination) = binary_tables().await;
    let config = config(&source, &[("copy", &destination)]);
    source.execute("select setval('ids', 9223372036854775807)").await;
    copy_all(&config).await;
    assert_all_same(&source, &destination, "binary").await;
}

/// A destination that holds the first event already is read for by a query.
#[tokio::test]
async fn every_built_in_value_arrives_bit_for_bit_by_a_query_too() {
    let (source, destination) = binary_tables().await;
    source.execute("select setval('ids', 9223372036854775807)").await;
    destination.execute(ROWS[0]).await;
    let mut config = config(&source, &[("copy", &destination)]);
    config.limits.max_events_per_write = 3;
    copy_all(&config).await;
    assert_all_same(&source, &destination, "binary").await;
    let enough = "select count(distinct xmin::text) >= 1 + ceil((count(*) - 1) / 3.0) from events";
    let transactions = destination.query(enough).await;
    assert_eq!(transactions, ["t"], "batches of three events at most");
}

#[tokio::test]
async fn values_of_enums_domains_composites_and_ranges_arrive_by_text_copy_with_all_others() {
    let (source, destination) = tables(&format!("{BUILT_IN}, {OWN}"), MAKE_OWN).await;
    source.execute(OWN_ROWS).await;
    drop_if_only_one_is(160_000, "o", [&source, &destination]).await;
    source.execute("select setval('ids', 9223372036854775807)").await;
    copy_all(&config(&source, &[("copy", &destination)])).await;
    assert_all_same(&source, &destination, "text").await;
    assert_same_bytes(
        &source,
        &destination,
        "select by, f4, f8, n, ts, iv, event from public.events order by id",
        "binary",
    )
    .await;
}

#[tokio::test]
async fn generated_columns_identities_wider_ids_and_columns_in_another_order_find_their_places() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source
        .execute(
            "create table events (id int generated always as identity primary key, ts timestamptz \
             default now(), event jsonb, twice int generated always as (id * 2) stored, ours int \
             generated always as (id * 3) stored)",
        )
        .await;
    destination
        .execute(
            "create table events (more text default 'more', event jsonb, ours int, id bigint \
             generated always as identity primary key, ts timestamptz, twice int generated always \
             as (id * 2) stored)",
        )
        .await;
    source
        .execute(
            "insert into events (event) select jsonb_build_object('n', i) from generate_series(1, \
             50) i",
        )
        .await;
    copy_all(&config(&source, &[("copy", &destination)])).await;
    assert_same_bytes(
        &source,
        &destination,
        "select id::bigint, ts, event, twice, ours from public.events order by id",
        "binary",
    )
    .await;
    assert_eq!(
        destination.query("select count(*), sum(twice), sum(ours), min(more) from events").await,
        ["50|2550|3825|more"]
    );
}

/// Only a destination that is older than the value rejects it; between all others it arrives, or
/// cannot be at the source.
#[tokio::test]
async fn an_infinite_number_or_interval_arrives_or_stops_the_lane_before_it_and_nothing_else_is_ever_made_of_it()
 {
    for (of, since, old) in [
        ("numeric", 140_000, "NaN"),
        ("interval", 170_000, "3 days"),
        ("interval[]", 170_000, "{}"),
    ] {
        let (source, destination) = (fresh_database().await, fresh_destination().await);
        for database in [&source, &destination] {
            database.execute(&format!("create table events (id bigint primary key, n {of})")).await;
        }
        let knows = |database: &Database| database.server.version_num() >= since;
        let value = match (knows(&source), of) {
            (false, _) => old,
            (true, "interval[]") => "{infinity,-infinity}",
            (true, _) => "-infinity",
        };
        source
            .execute(
                "create sequence ids; alter table events alter id set default nextval('ids'); \
                 insert into events (n) values (null)",
            )
            .await;
        source
            .execute(&format!(
                "insert into events (n) values ('{value}'); insert into events (n) values (null)"
            ))
            .await;
        let program = Program::between(&source.conninfo, "", &[("copy", &destination.conninfo)]);
        let ended = program.run(&["--until-caught-up"]).await;
        if knows(&source) && !knows(&destination) {
            assert_eq!(ended.code, 7, "{of}: {}", ended.stderr);
            assert!(ended.stderr.contains("id 2\n"), "{of}: {}", ended.stderr);
            assert_eq!(destination.query("select id, n from events").await, ["1|"], "{of}");
        } else {
            assert_eq!(ended.code, 0, "{of}: {}", ended.stderr);
            assert_same_bytes(
                &source,
                &destination,
                "select id, n::text from public.events order by id",
                "text",
            )
            .await;
        }
    }
}

/// By binary COPY between any two servers, as text where both write it alike; else it would become
/// another one.
#[tokio::test]
async fn a_single_byte_arrives_as_itself_or_its_table_is_refused() {
    for (other, is_binary) in [("int", true), ("point", false)] {
        let (source, destination) = (fresh_database().await, fresh_destination().await);
        for database in [&source, &destination] {
            let table = format!(
                "create table events (id bigint primary key, kind \"char\", place {other})"
            );
            database.execute(&table).await;
        }
        let is_new =
            [&source, &destination].map(|database| database.server.version_num() >= 160_000);
        // An older server writes other bytes than ASCII as they are, which is no UTF-8, and nothing
        // that is read as text can be checked then.
        let byte = if is_new == [true, true] { -128 } else { 120 };
        source
            .execute(&format!(
                "create sequence ids; alter table events alter id set default nextval('ids'); \
                 insert into events (kind) values (({byte})::\"char\")"
            ))
            .await;
        let program = Program::between(&source.conninfo, "", &[("copy", &destination.conninfo)]);
        let ended = program.run(&["--until-caught-up"]).await;
        let arrived = destination.query("select id, kind::int from events").await;
        if is_binary || is_new[0] == is_new[1] {
            assert_eq!(
                (ended.code, arrived),
                (0, vec![format!("1|{byte}")]),
                "{other}: {}",
                ended.stderr
            );
        } else {
            assert_eq!((ended.code, arrived), (3, vec![]), "{other}: {}", ended.stderr);
            assert!(
                ended.stderr.contains("column \"kind\" is \"char\", which"),
                "{}",
                ended.stderr
            );
        }
    }
}

/// Since PostgreSQL 18 a column can be computed whenever it is read.
#[tokio::test]
async fn a_virtual_column_is_copied_where_the_destination_stores_it_and_left_where_it_is_computed()
{
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    let computed = |database: &Database| match database.server.version_num() {
        180_000.. => "generated always as (id * 2) virtual",
        _ => "generated always as (id * 2) stored",
    };
    source
        .execute(&format!(
            "create table events (id bigint generated always as identity primary key, ts \
             timestamptz default now(), event jsonb default '{{}}', twice bigint {0}, ours bigint \
             {0})",
            computed(&source)
        ))
        .await;
    destination
        .execute(&format!(
            "create table events (id bigint primary key, ts timestamptz, event jsonb, twice bigint \
             {}, ours bigint)",
            computed(&destination)
        ))
        .await;
    source.execute("insert into events select from generate_series(1, 50)").await;
    copy_all(&config(&source, &[("copy", &destination)])).await;
    assert_same_bytes(&source, &destination, "select * from public.events order by id", "binary")
        .await;
    let (code, out, err) = crate::diff::compared(&source, &destination, &[]).await;
    assert_eq!(code, 0, "{out}{err}");
}

#[tokio::test]
async fn ids_below_and_at_zero_and_at_the_end_of_the_range_are_copied_in_order() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    source
        .execute(
            "create sequence ids minvalue -9223372036854775808 start -9223372036854775808; create \
             table events (id bigint primary key default nextval('ids'), ts timestamptz default \
             clock_timestamp(), event jsonb)",
        )
        .await;
    destination
        .execute("create table events (id bigint primary key, ts timestamptz, event jsonb)")
        .await;
    let config = config(&source, &[("copy", &destination)]);
    for before in ["-9223372036854775808, false", "-3", "9223372036854775804"] {
        source.execute(&format!("select setval('ids', {before})")).await;
        for _ in 0..3 {
            source.execute("insert into events (event) values ('{}'), ('{}')").await;
            copy_all(&config).await;
            if before.starts_with('9') {
                break;
            }
        }
    }
    source.execute("insert into events (event) values ('{\"the\": \"last\"}')").await;
    copy_all(&config).await;
    copy_all(&config).await;
    assert_same_bytes(&source, &destination, "select * from public.events order by id", "binary")
        .await;
    let ends = "select count(*), min(id), count(*) filter (where id = 0), max(id) from events";
    assert_eq!(destination.query(ends).await, ["15|-9223372036854775808|1|9223372036854775807"]);
}
