//! What roles have set to something unhelpful changes nothing.

use super::prefix::assert_same_bytes;
use super::running::{Running, copy_all, until_answer};
use crate::configured::config;
use crate::harness::{Database, fresh_database, fresh_destination};
use counterfoil::config::libpq::Conninfo;
use std::process::Command;
use std::time::Duration;

const COLUMNS: &str = "ts timestamptz, event jsonb, d date, tsn timestamp, iv interval, f4 float4, \
                       f8 float8, by bytea, price money, x xml, span tstzrange, a text[]";
const ROWS: &str = r"insert into events (ts, event, d, tsn, iv, f4, f8, by, price, x, span, a) values
    ('2026-04-03 10:11:12.123456+00', '{}', '2026-04-03', '2026-04-03 10:11:12.123456', '-1 year 2 mons -3 days 04:05:06.789', 0.1, 0.1, '\x00ff5c', 12345.67, '<a/>', '[2026-04-03 01:02:03+05,)', '{NULL,x}'),
    ('2026-10-25 01:30:00+00', '1.10', '2026-12-11', '0044-03-15 00:00:00 BC', '1 mon -1 us', 1e-30, 1.0000000000000002, '\x', -0.01, 'text', 'empty', '{}')";
const UNHELPFUL: [(&str, &str); 16] = [
    ("datestyle", "'SQL, DMY'"),
    ("timezone", "'Asia/Kathmandu'"),
    ("intervalstyle", "'sql_standard'"),
    ("extra_float_digits", "-15"),
    ("row_security", "on"),
    ("default_transaction_isolation", "'serializable'"),
    ("default_transaction_deferrable", "on"),
    ("bytea_output", "'escape'"),
    ("xmloption", "'document'"),
    ("xmlbinary", "'hex'"),
    ("array_nulls", "off"),
    ("quote_all_identifiers", "on"),
    ("statement_timeout", "'10s'"),
    ("lock_timeout", "'10s'"),
    ("client_encoding", "'LATIN1'"),
    ("standard_conforming_strings", "off"),
];
/// Functions and types that stand before those of the system for whoever has this path.
const EVIL: &str = "create schema evil;
    create function evil.broken() returns int8 language plpgsql as $$begin raise exception 'evil'; end$$;
    create aggregate evil.max(int8) (sfunc = int8smaller, stype = int8); create aggregate evil.min(int8) (sfunc = int8larger, stype = int8);
    create function evil.pg_advisory_xact_lock(int4, int4) returns void language sql as 'select evil.broken()';
    create function evil.pg_try_advisory_lock(int4, int4) returns bool language sql as 'select false';
    create function evil.current_database() returns name language sql as $$select 'evil'::name$$;
    create function evil.to_regclass(text) returns regclass language sql as 'select null::regclass';
    create function evil.int8_eq(int8, int8) returns bool language sql as 'select false';
    create operator evil.= (leftarg = int8, rightarg = int8, function = evil.int8_eq);
    create operator evil.<= (leftarg = int8, rightarg = int8, function = evil.int8_eq);
    create operator evil.> (leftarg = int8, rightarg = int8, function = evil.int8_eq);
    create view evil.pg_locks as select null::text locktype; create view evil.pg_class as select 1 as oid;
    grant usage on schema evil to public";

/// A trigger that finds its table only by the path of the role.
const TRIGGER: &str = "create table taken (id int8); grant insert on taken to public;
    create function take() returns trigger language plpgsql as $$begin insert into taken values (new.id); return null; end$$;
    create trigger take after insert on events for each row execute function take()";

/// A role of this database with everything set to something unhelpful.
async fn unhelpful_role(database: &Database, more: &[(&str, &str)], grants: &str) -> Conninfo {
    let role = format!("odd_{}", database.conninfo.database);
    database
        .execute(&format!("create role {role} login; grant {grants} on events to {role}; {EVIL}"))
        .await;
    for (name, value) in UNHELPFUL.iter().chain(more) {
        database.execute(&format!("alter role {role} set {name} = {value}")).await;
    }
    Conninfo { user: role, ..database.conninfo.clone() }
}

/// A locale whose money is written another way than that of C, where the machine has one.
fn foreign_locale() -> String {
    let output = Command::new("locale").arg("-a").output().unwrap();
    let all = String::from_utf8_lossy(&output.stdout).into_owned();
    let foreign = all
        .lines()
        .find(|name| name.starts_with("de_") || name.starts_with("fr_") || name.starts_with("en_"));
    format!("'{}'", foreign.unwrap_or("C"))
}

#[tokio::test]
async fn roles_with_unhelpful_settings_copy_the_same_bytes_by_text_and_by_binary_copy() {
    let money = foreign_locale();
    let is_text_or_not = [
        COLUMNS.to_owned(),
        COLUMNS.replace("price money, x xml, span tstzrange", "price numeric, x text, span text"),
    ];
    for columns in is_text_or_not {
        let (source, destination) = (fresh_database().await, fresh_destination().await);
        source.execute(&format!("create table events (id bigserial primary key, {columns})")).await;
        destination
            .execute(&format!("create table events (id bigint primary key, {columns})"))
            .await;
        let mut config = config(&source, &[("copy", &destination)]);
        let path = ("search_path", "evil, pg_catalog, public");
        let reading = [
            path,
            ("lc_monetary", money.as_str()),
            ("default_transaction_read_only", "on"),
            ("synchronous_commit", "off"),
        ];
        config.source.conninfo = unhelpful_role(&source, &reading, "select").await;
        config.destinations[0].postgres_mut().unwrap().conninfo = unhelpful_role(
            &destination,
            &[path, ("lc_monetary", money.as_str())],
            "select, insert",
        )
        .await;
        config.source.poll_interval = Duration::from_millis(20);
        destination.execute(TRIGGER).await;
        source.execute(ROWS).await;
        copy_all(&config).await;
        let running = Running::start(&config);
        source.execute(ROWS).await;
        until_answer(&destination, "select count(*) from events", &["4"]).await;
        running.stop().await;
        assert_eq!(destination.query("select count(*) from taken").await, ["4"]);
        assert_same_bytes(&source, &destination, "select * from public.events order by id", "text")
            .await;
        assert_same_bytes(
            &source,
            &destination,
            "select id, ts, event, d, tsn, iv, f4, f8, by, a from public.events order by id",
            "binary",
        )
        .await;
    }
}
