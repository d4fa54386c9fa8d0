//! The decoder of fields against the server's own words: what its output functions write, what its
//! `to_json` makes of it.
//!
//! Every type that travels in binary form is tried, so that one that has no decoder, or for which
//! nobody made values, fails.

mod values;

use crate::harness::{Database, fresh_database};
use crate::support::LONG;
use bytes::Bytes;
use counterfoil::error::{ErrorKind, Result};
use counterfoil::event::frame::{CopyFormat, FramedRow, RowFramer};
use counterfoil::event::range::IdRange;
use counterfoil::event::store::{EventStore, IdEnds, RowStream};
use counterfoil::event::value::FieldDecoder;
use counterfoil::event::value::{BINARY_STABLE, is_binary_stable};
use counterfoil::event::wire::Wire;
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::postgres::session::{Session, SessionPurpose};
use counterfoil::postgres::table::compatible::wire;
use counterfoil::postgres::table::describe;
use counterfoil::postgres::table::store::PgTable;
use counterfoil::postgres::table::{EventTable, TableName};
use counterfoil::sql::ident;
use futures::future::BoxFuture;
use futures::{SinkExt, TryStreamExt};
use postgres_types::{Kind as TypeKind, Type};
use std::pin::pin;
use tokio_postgres::Client;

/// Built-in types are below the oids that a database gives to its own (PostgreSQL manual, system
/// columns).
const OID_MAX: u32 = 16_384;

/// Makes the arrays of the scalars in `scalars`, of one to six dimensions, with NULLs, with bounds
/// of all sorts, and empty ones.
const ARRAYS: &str = "
    insert into arrays (v) select array_agg(v order by id) from scalars where id <= 300 group by id / 7;
    insert into arrays (v) select array[v] from scalars where id <= 300;
    insert into arrays (v) select array[[v, lead(v, 1) over o], [lead(v, 2) over o, lead(v, 3) over o]] from scalars where id <= 300
        window o as (order by id);
    insert into arrays (v) select array[[[v, lead(v, 1) over o]], [[lead(v, 2) over o, null]]] from scalars where id <= 300 window o as (order by id);
    insert into arrays (v) select ('[-3:-2]=' || array[v, lead(v, 1) over o]::text)::ARRAY from scalars where id <= 60 window o as (order by id);
    insert into arrays (v) select ('[0:0][5:6]=' || array[[v, lead(v, 1) over o]]::text)::ARRAY from scalars where id <= 60 window o as (order by id);
    insert into arrays (v) select ('[1:1][1:1][7:8]=' || array[[[v, lead(v, 1) over o]]]::text)::ARRAY from scalars where id <= 60
        window o as (order by id);
    insert into arrays (v) select array_fill(v, array[1, 1, 2, 1, 3, 1]) from scalars where id <= 60;
    insert into arrays (v) values ('{}'), (null), (array_fill(null::SCALAR, array[3])), (array_fill(null::SCALAR, array[2, 2], array[2, 2]));
    update arrays set v[2] = v[1] where id <= 20 and array_ndims(v) = 1;
";

/// A session as ours are, and a table of it with all that is asked of a decoder.
struct Subject {
    session: Session,
    table: &'static str,
    described: EventTable,
    wire: Wire,
}

/// What the server says of a value.
struct Said {
    id: i64,
    text: Option<String>,
    json: Option<String>,
}

impl Subject {
    async fn of(database: &Database, table: &'static str) -> Self {
        let purpose = SessionPurpose { what: "check", side: ErrorSide::Source };
        let session = Session::open(&database.conninfo, purpose, LONG).await.unwrap();
        let described = describe::table(&session, &TableName::parse(table).unwrap(), "id")
            .await
            .unwrap()
            .unwrap();
        let wire = wire(&described, &described, "id").unwrap();
        Self { session, table, described, wire }
    }

    async fn rows(&self, format: CopyFormat) -> Vec<FramedRow> {
        let wire = Wire { format, ..self.wire.clone() };
        let (columns, form) = (wire.select_list(), wire.format_option());
        let statement = format!(
            "copy (select {columns} from public.{} as e order by e.id) to stdout (format {form})",
            self.table
        );
        let mut messages = pin!(self.session.copy_out(statement.as_str()).await.unwrap());
        let (mut rows, mut read) = (RowFramer::new(wire.layout("id", None).unwrap()), Vec::new());
        while let Some(message) = messages.try_next().await.unwrap() {
            rows.push(message);
            while let Some(row) = rows.next().unwrap() {
                read.push(row);
            }
        }
        rows.finish().unwrap();
        read
    }

    /// What the server says of a column, at its place in the wire.
    async fn said(&self, column: usize) -> Vec<Said> {
        let column = &self.wire.columns[column];
        let (text, value) = (column.text("e"), column.value("e"));
        let ask = format!(
            "select e.id::int8, {text}, pg_catalog.to_json({value})::text from public.{} as e \
             order by e.id",
            self.table
        );
        let rows = self.session.query(&ask, &[]).await.unwrap();
        let said =
            |row: &tokio_postgres::Row| Said { id: row.get(0), text: row.get(1), json: row.get(2) };
        rows.iter().map(said).collect()
    }

    /// Compares every value of a column with what the server says of it, and returns how many there
    /// were.
    async fn agrees(&self, column: usize, format: CopyFormat, of: &Type) -> usize {
        let decoder = FieldDecoder::new(&self.wire.columns[column], format)
            .unwrap_or_else(|error| panic!("{of}: {}", error.report()));
        let (rows, said) = (self.rows(format).await, self.said(column).await);
        assert_eq!(rows.len(), said.len());
        for (row, said) in rows.iter().zip(&said) {
            let field = row.fields(format)[column];
            let shown = || {
                format!("{of} as {format:?}: {field:?}, which the server writes as {:?}", said.text)
            };
            assert_eq!(row.id, said.id);
            let text = field.map(|field| {
                decoder.text(field).unwrap_or_else(|error| panic!("{}: {error}", shown()))
            });
            assert_eq!(text.as_deref(), said.text.as_deref(), "{}", shown());
            let mut json = b"before ".to_vec();
            decoder.json(field, &mut json).unwrap_or_else(|error| panic!("{}: {error}", shown()));
            let json = String::from_utf8(json).unwrap();
            assert_eq!(
                json.strip_prefix("before ").unwrap(),
                expected_json(said, of),
                "{}",
                shown()
            );
        }
        rows.len()
    }
}

/// What `to_json` makes of a value, but for what we do otherwise.
fn expected_json(said: &Said, of: &Type) -> String {
    let (Some(text), Some(json)) = (&said.text, &said.json) else {
        return "null".to_owned();
    };
    let scalar = match of.kind() {
        TypeKind::Array(element) => element,
        _ => of,
    };
    match *scalar {
        // A bound other than 1 is kept, in a string.
        _ if scalar != of && (text.starts_with('[') || *of == Type::INT2_VECTOR) => {
            serde_json::to_string(text).unwrap()
        }
        Type::TIMESTAMP | Type::TIMESTAMPTZ => json.replace('T', " ").replace("+00:00", "+00"),
        _ => json.clone(),
    }
}

/// Fills a table of this type with values.
pub async fn fill_scalars(client: &Client, of: &Type, version_num: u32) {
    let (name, null) = (ident(of.name()), "insert into scalars (v) values (null)");
    let table =
        format!("create table scalars (id bigserial primary key, v pg_catalog.{name}); {null}");
    client.batch_execute(&table).await.unwrap();
    for (format, data) in
        [("text", values::spelt(of, version_num)), ("binary", values::random(of, version_num))]
    {
        let statement = format!("copy scalars (v) from stdin (format {format})");
        let mut sink = pin!(client.copy_in(statement.as_str()).await.unwrap());
        sink.send(Bytes::from(data)).await.unwrap();
        let copied = sink.as_mut().finish().await;
        copied.unwrap_or_else(|error| panic!("{of}, {format}: {error:?}"));
    }
}

/// Fills a table of arrays of this type with what is in the other one.
pub async fn fill_arrays(client: &Client, scalar: &Type, array: &Type) {
    let [scalar, array] = [scalar, array].map(|of| format!("pg_catalog.{}", ident(of.name())));
    let table = format!("create table arrays (id bigserial primary key, v {array})");
    client.batch_execute(&table).await.unwrap();
    let fill = ARRAYS.replace("ARRAY", &array).replace("SCALAR", &scalar);
    client.batch_execute(&fill).await.unwrap_or_else(|error| panic!("{error:?} in {fill}"));
}

/// The types that travel in binary form, arrays included.
pub fn stable_types() -> Vec<Type> {
    (1..OID_MAX).filter(|oid| is_binary_stable(*oid)).filter_map(Type::from_oid).collect()
}

#[tokio::test]
async fn every_type_of_the_list_is_decoded_as_the_server_writes_it() {
    let all = stable_types();
    let mut values = 0;
    for scalar in BINARY_STABLE {
        let database = fresh_database().await;
        let client = database.client().await;
        fill_scalars(&client, &scalar, version_num(&database).await).await;
        let subject = Subject::of(&database, "scalars").await;
        assert_eq!(subject.wire.format, CopyFormat::Binary);
        let array = all.iter().find(|array| array.name() == format!("_{}", scalar.name())).unwrap();
        fill_arrays(&client, &scalar, array).await;
        let of_arrays = Subject::of(&database, "arrays").await;
        assert_eq!(of_arrays.wire.format, CopyFormat::Binary);
        for format in [CopyFormat::Binary, CopyFormat::Text] {
            values +=
                subject.agrees(1, format, &scalar).await + of_arrays.agrees(1, format, array).await;
        }
    }
    println!("{values} values");
    // What is stable besides the list and its arrays has a test of its own.
    let others = all.iter().filter(|of| !BINARY_STABLE.contains(of) && !of.name().starts_with('_'));
    assert_eq!(others.collect::<Vec<_>>(), [&Type::INT2_VECTOR]);
    assert_eq!(all.len(), 2 * BINARY_STABLE.len() + 1);
}

async fn version_num(database: &Database) -> u32 {
    database.query("show server_version_num").await[0].parse().unwrap()
}

/// A table with these columns besides its id, filled by a list of values.
async fn table(columns: &str, values: &str) -> (Database, Subject) {
    let database = fresh_database().await;
    let fill = format!(
        "create table events (id bigserial primary key, {columns}); insert into events values \
         {values}"
    );
    database.execute(&fill).await;
    let subject = Subject::of(&database, "events").await;
    (database, subject)
}

#[tokio::test]
async fn a_vector_of_int2_is_written_with_blanks_and_is_a_string() {
    let (_database, subject) =
        table("v int2vector", "(1, '1 -2 3'), (2, ''), (3, '7'), (4, null)").await;
    for format in [CopyFormat::Binary, CopyFormat::Text] {
        assert_eq!(subject.agrees(1, format, &Type::INT2_VECTOR).await, 4);
    }
}

#[tokio::test]
async fn types_with_a_modifier_are_decoded_as_the_server_writes_them() {
    let columns = "a numeric(10,3), b char(7), c varchar(3), d timestamp(3), e interval hour to \
                   minute, f bit(11), g varbit(9), h time(0), i numeric(5,0)[], j char(3)[]";
    let row = "1.5, 'ä  b', 'x', '2026-01-02 03:04:05.6', '26 hours 3 minutes', B'10101010101', \
               B'1', '03:04:05.6', '{7,-12345}', '{a,\"b \",NULL}'";
    let (_database, subject) = table(columns, &format!("(1, {row})")).await;
    let of = [
        Type::NUMERIC,
        Type::BPCHAR,
        Type::VARCHAR,
        Type::TIMESTAMP,
        Type::INTERVAL,
        Type::BIT,
        Type::VARBIT,
        Type::TIME,
        Type::NUMERIC_ARRAY,
        Type::BPCHAR_ARRAY,
    ];
    for (column, of) in of.iter().enumerate() {
        for format in [CopyFormat::Binary, CopyFormat::Text] {
            assert_eq!(subject.agrees(column + 1, format, of).await, 1);
        }
    }
}

/// Without knowing them: their text is what arrives, and a string in JSON, whatever they are made
/// of.
#[tokio::test]
async fn types_outside_of_the_list_are_their_text_and_are_refused_in_binary_form() {
    let database = fresh_database().await;
    let make = r#"create type mood as enum ('sad', 'gl"ad');
        create domain amount as numeric;
        create type pair as (a int, b text);
        create table events (id bigserial primary key, a mood, b mood[], c amount, d pair, e int4range, f money, g oid, h tsvector, i box[], j regtype, k xml);
        insert into events values (1, 'gl"ad', '{sad,NULL}', 1.50, (1, E'x	y'), '[1,5)', 12.5, 7, 'a b', '{(1,2),(3,4);(5,6),(7,8)}', 'int4',
            '<?xml version="1.0"?><a>x</a>')"#;
    database.execute(make).await;
    let subject = Subject::of(&database, "events").await;
    assert_eq!(subject.wire.format, CopyFormat::Text);
    let (rows, mut seen) = (subject.rows(CopyFormat::Text).await, 0);
    for (at, column) in subject.wire.columns.iter().enumerate().skip(1) {
        let decoder = FieldDecoder::new(column, CopyFormat::Text).unwrap();
        let field = rows[0].fields(CopyFormat::Text)[at].unwrap();
        let said = subject.said(at).await;
        let (text, mut json) = (decoder.text(field).unwrap(), Vec::new());
        assert_eq!(Some(text.as_ref()), said[0].text.as_deref());
        decoder.json(Some(field), &mut json).unwrap();
        assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), text);
        seen += 1;
        // What arrives of an xml is text.
        if column.name != "k" {
            let refused = FieldDecoder::new(column, CopyFormat::Binary).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Unsuitable, "{refused}");
        }
    }
    assert_eq!(seen, 11);
}

#[tokio::test]
async fn an_id_that_is_widened_is_decoded_as_what_arrives() {
    let (narrow, wide) = (fresh_database().await, fresh_database().await);
    narrow
        .execute(
            "create table events (id serial primary key); insert into events values (1), \
             (2147483647)",
        )
        .await;
    wide.execute("create table events (id bigint primary key)").await;
    let mut subject = Subject::of(&narrow, "events").await;
    subject.wire =
        wire(&subject.described, &Subject::of(&wide, "events").await.described, "id").unwrap();
    for format in [CopyFormat::Binary, CopyFormat::Text] {
        assert_eq!(subject.agrees(0, format, &Type::INT8).await, 2);
    }
}

/// A store that gives its rows and its ends, and leaves everything else to what follows from them.
struct RowsOnly<'a>(PgTable<&'a Session>);

impl EventStore for RowsOnly<'_> {
    fn place(&self) -> String {
        self.0.place()
    }

    fn wire(&self) -> &Wire {
        self.0.wire()
    }

    fn ends(&self) -> BoxFuture<'_, Result<IdEnds>> {
        self.0.ends()
    }

    fn rows(&self, range: IdRange) -> RowStream<'_> {
        self.0.rows(range)
    }
}

#[tokio::test]
async fn an_event_has_the_same_digests_and_texts_whether_the_server_makes_them_or_its_rows_are_read()
 {
    let columns = "event jsonb, body bytea, ts timestamptz, price numeric(10, 3), ratio float8, \
                   tags text[], day date, note text";
    let values = "(1, '{\"ä\": [1, 2.50]}', '\\x00ff5c78', '2026-04-03 10:11:12.5+00', 12.500, \
                  1e-7, array['a b', null, '\"'], 'infinity', E'two\\nlines \\\\ and \\t')";
    let (_database, subject) = table(columns, values).await;
    let nulls = format!("insert into public.{} (id) values (2)", subject.table);
    subject.session.batch_execute(&nulls).await.unwrap();
    for format in [CopyFormat::Binary, CopyFormat::Text] {
        let wire = Wire { format, ..subject.wire.clone() };
        let of = || PgTable::new(&subject.session, &subject.described.name, "id", &wire);
        let (server, rows) = (of(), RowsOnly(of()));
        for id in [1, 2, 3] {
            assert_eq!(
                rows.event_digest(id).await.unwrap(),
                server.event_digest(id).await.unwrap(),
                "{format:?} {id}"
            );
            assert_eq!(
                rows.event_text(id).await.unwrap(),
                server.event_text(id).await.unwrap(),
                "{format:?} {id}"
            );
        }
        assert!(server.event_digest(1).await.unwrap().unwrap().iter().all(Option::is_some));
    }
}
