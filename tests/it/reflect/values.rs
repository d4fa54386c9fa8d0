//! Values of every type come back to the last bit, whatever the sessions of both sides have set.

use super::{captured, catch_up, command, equal, init, reflecting, same};
use crate::harness::connect;

/// Types, each with a value that is easily lost.
const TYPES: &[(&str, &str)] = &[
    ("smallint", "-32768"),
    ("bigint", "9223372036854775807"),
    ("numeric", "1e400"),
    ("numeric", "NaN"),
    ("numeric", "Infinity"),
    ("numeric(20,4)", "1.5000"),
    ("real", "1.17549435e-38"),
    ("real", "-0"),
    ("double precision", "NaN"),
    ("double precision", "-Infinity"),
    ("double precision", "0.1"),
    ("double precision", "-0"),
    ("double precision", "1.7976931348623157e308"),
    ("money", "-1234567.89"),
    ("boolean", "f"),
    ("text", "a\tb\\N\r\n\u{1F600}"),
    ("varchar(5)", "  x  "),
    ("char(7)", "ab"),
    ("\"char\"", "x"),
    ("name", "n"),
    ("bytea", "\\x00ff5c"),
    ("timestamp", "0044-03-15 01:02:03.000001 BC"),
    ("timestamptz", "294276-12-31 23:59:59.999999+00"),
    ("timestamptz", "-infinity"),
    ("timestamptz(0)", "2026-07-01 12:00:00+14"),
    ("date", "infinity"),
    ("date", "4713-01-01 BC"),
    ("time", "24:00:00"),
    ("timetz", "12:00:00.123456-15:59"),
    ("interval", "-1 mons +3 days -04:05:06.789"),
    ("interval", "1 year -2 days"),
    ("interval", "-00:00:01"),
    ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("json", "{\"a\": 1, \"a\":  2, \"n\": \"\\u0000\"}"),
    ("jsonb", "{\"b\": 1.10, \"a\": [null]}"),
    ("json", "\"null\""),
    ("json", "1e2"),
    ("jsonb", "\"x\""),
    ("xml", "<a b=\"c\">&lt;</a>"),
    ("inet", "10.0.0.1/8"),
    ("cidr", "10.0.0.0/8"),
    ("macaddr", "08:00:2b:01:02:03"),
    ("macaddr8", "08:00:2b:01:02:03:04:05"),
    ("bit(5)", "10101"),
    ("varbit", "1"),
    ("bit", "1"),
    ("int4range", "[1,10)"),
    ("numrange", "(1.10,)"),
    ("tsrange", "[2026-01-02 03:04:05,2026-01-03)"),
    ("tstzrange", "[\"2026-01-02 03:04:05+02\",infinity)"),
    ("daterange", "empty"),
    ("int8multirange", "{[1,2),[5,)}"),
    ("point", "(0.1,-0)"),
    ("line", "{1,2,3}"),
    ("lseg", "[(0,0),(1,1)]"),
    ("box", "(1,1),(0,0)"),
    ("path", "[(0,0),(1,1)]"),
    ("polygon", "((0,0),(1,1),(1,0))"),
    ("circle", "<(0,0),0.1>"),
    ("tsvector", "'a':1A 'b c':2"),
    ("tsquery", "'a' & !'b'"),
    ("pg_lsn", "16/B374D848"),
    ("oid", "4294967295"),
    ("regclass", "pg_class"),
    ("pg_snapshot", "10:20:10,14"),
    ("mood", "so \"so\""),
    ("int[]", "{{1,NULL},{3,4}}"),
    ("text[]", "{\"a,b\",\"\",NULL,\"null\",\"q\\\"\\\\\"}"),
    ("bytea[]", "{\"\\\\x00ff\"}"),
    ("mood[]", "{sad,\"so \\\"so\\\"\"}"),
    ("double precision[]", "{NaN,-0,1e-300}"),
    ("timestamptz[]", "{2026-01-02 03:04:05+02}"),
    ("int4range[]", "{\"[1,2)\"}"),
    ("boolean[]", "{t,f}"),
    ("bit(3)[]", "{101}"),
    ("money[]", "{1.50}"),
    ("interval[]", "{-00:00:01}"),
    ("uuid[]", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"),
    ("djson", "{\"a\": \"b\"}"),
    ("dint", "7"),
    ("dtext", " x "),
    ("dtz", "2026-01-01 00:00:00+05"),
    ("dints", "{1,2}"),
    ("darr", "{\"{\\\"a\\\":1}\"}"),
];

const MADE: &str = "create type mood as enum ('sad', 'so \"so\"'); create domain djson as jsonb; create domain dint as int check (value > 0); create domain dtext as text; create domain dtz as timestamptz; create domain dints as int[]; create domain darr as json[];";

#[tokio::test]
async fn types_without_equality_are_compared() {
    let sql = "create table j (id int primary key, js json[], jb jsonb[], x xml, p point, pa point[], tv tsvector, mr int4multirange, xs xml[]); \
        insert into j values (1, array['{\"a\":1}'::json, null], array['1'::jsonb], '<a/>', '(1,2)', array['(1,2)'::point], 'a b', '{[1,3)}', array['<a/>'::xml])";
    let (source, destination) = captured(sql, &["j"]).await;
    let setup = reflecting(&source, &destination, "", &["source = \"public.j\"\ncreate = true"]);
    init(&setup);
    catch_up(&setup);
    source.execute("update j set id = 2, js = array['2'::json]").await;
    catch_up(&setup);
    equal(&setup);
    same(&source, &destination, "j").await;
}

#[tokio::test]
async fn the_json_value_null_is_kept_where_a_column_is_never_null() {
    let sql =
        "create table j (id int primary key, b jsonb not null); insert into j values (1, 'null')";
    let (source, destination) = captured(sql, &["j"]).await;
    destination.execute("create table j (id int primary key, b jsonb not null)").await;
    let setup = reflecting(&source, &destination, "", &["source = \"public.j\""]);
    init(&setup);
    catch_up(&setup);
    same(&source, &destination, "j").await;
}

#[tokio::test]
async fn what_is_equal_and_not_the_same_is_told() {
    let sql = "create extension citext; create table e (id int primary key, c citext, n numeric, f float8, i interval); insert into e values (1, 'Shop', 1.0, 0, '1 day')";
    let (source, destination) = captured(sql, &["e"]).await;
    destination.execute("create extension citext").await;
    let setup = reflecting(&source, &destination, "", &["source = \"public.e\"\ncreate = true"]);
    init(&setup);
    catch_up(&setup);
    for damage in [
        "update e set c = 'SHOP'",
        "update e set n = 1.00",
        "update e set f = '-0'",
        "update e set i = '24:00'",
    ] {
        destination.execute(damage).await;
        let (code, out, err) = command(&setup, &["reflect", "verify"]);
        assert_eq!(code, Some(1), "{damage}: {out}{err}");
        let _ = command(&setup, &["reflect", "load", "--destination", "shop", "--yes"]);
        catch_up(&setup);
    }
}

#[tokio::test]
async fn every_type_comes_back_to_the_last_bit() {
    let columns: Vec<String> =
        TYPES.iter().enumerate().map(|(i, (t, _))| format!("c{i} {t}")).collect();
    let sql = format!("{MADE} create table every (id int primary key, {})", columns.join(", "));
    let (source, destination) = captured(&sql, &["every"]).await;
    destination.execute(MADE).await;
    let d = &destination.conninfo.database;
    destination.execute(&format!("alter database {d} set lc_monetary = 'C'; alter database {d} set datestyle = 'SQL, DMY'; alter database {d} set intervalstyle = 'sql_standard'; alter database {d} set extra_float_digits = -15; alter database {d} set timezone = 'Asia/Kolkata'; alter database {d} set bytea_output = 'escape'; alter database {d} set xmloption = 'document'; alter database {d} set standard_conforming_strings = off")).await;
    let setup =
        reflecting(&source, &destination, "", &["source = \"public.every\"\ncreate = true"]);
    init(&setup);
    let values: Vec<String> = TYPES
        .iter()
        .map(|(t, v)| format!("E'{}'::{t}", v.replace('\\', "\\\\").replace('\'', "''")))
        .collect();
    let hostile = "set datestyle = 'German, MDY'; set intervalstyle = 'iso_8601'; set extra_float_digits = -10; set bytea_output = 'escape'; set timezone = 'America/Caracas'; set lc_monetary = 'C'; set xmloption = 'document';";
    let client = connect(&source.conninfo).await.unwrap();
    client.batch_execute(hostile).await.unwrap();
    client
        .batch_execute(&format!("insert into every values (1, {})", values.join(", ")))
        .await
        .unwrap();
    catch_up(&setup);
    client
        .batch_execute(&format!(
            "insert into every values (2, {}); update every set id = 3 where id = 1",
            values.join(", ")
        ))
        .await
        .unwrap();
    catch_up(&setup);
    let pins = "set datestyle = 'ISO'; set intervalstyle = 'postgres'; set extra_float_digits = 1; set bytea_output = 'hex'; set timezone = 'UTC'; set lc_monetary = 'C'";
    let columns: Vec<String> = (0..TYPES.len()).map(|at| format!("c{at}::text")).collect();
    let read = format!(
        "select array_to_string(array[id::text, {}], '|', 'NULL') from every order by id",
        columns.join(", ")
    );
    let mut both = Vec::new();
    for database in [&source, &destination] {
        let client = connect(&database.conninfo).await.unwrap();
        client.batch_execute(pins).await.unwrap();
        let rows = client.query(&read, &[]).await.unwrap();
        both.push(rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>());
    }
    assert_eq!(both[0].len(), 2);
    assert_eq!(both[0], both[1]);
}
