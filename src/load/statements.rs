//! The statements of a writer, filled for its table and prepared.

use super::method::InsertMethod;
use super::table::TableShape;
use crate::error::Result;
use crate::postgres::session::Session;
use crate::sql::{self, fill, literal, sql, text};
use bytes::{BufMut, BytesMut};
use postgres_types::{IsNull, ToSql, Type, to_sql_checked};
use std::fmt;
use tokio_postgres::Statement;

/// What a method needs.
pub(super) enum InsertStatements {
    /// `insert_events(jsonb[])`.
    Call {
        /// Takes the events.
        call: Statement,
    },
    /// `insert_events(text)`.
    CallText {
        /// Takes the text that follows VALUES.
        call: Statement,
    },
    /// INSERT.
    Insert {
        /// For a group of one event.
        one: Statement,
        /// For any other.
        many: Statement,
    },
    /// COPY in a transaction.
    Copy {
        /// Begins it, and gives the first id, if the counter gives it, and the ts.
        begin: String,
        /// Takes the rows.
        copy: Statement,
        /// The statement that moves the counter to the next id, if there is one.
        set_counter: Option<SetCounter>,
    },
}

/// The statement that moves the counter, for a next id.
pub(super) type SetCounter = Box<dyn Fn(i64) -> String + Send + Sync>;

/// JSON text as a parameter of type jsonb.
#[derive(Debug)]
pub(super) struct JsonText<'a>(pub(super) &'a str);

impl InsertStatements {
    /// Prepares what the method needs.
    pub(super) async fn prepare(
        session: &Session,
        shape: &TableShape,
        insert_method: InsertMethod,
    ) -> Result<Self> {
        let prepared = async {
            session.batch_execute(&search_path(shape, "false")).await?;
            match insert_method {
                InsertMethod::Typed => {
                    let call = filled(include_str!("../../sql/load/insert_events.sql"), shape);
                    let call = session.prepare(&call).await?;
                    Ok(Self::Call { call })
                }
                InsertMethod::Text => {
                    let call = filled(include_str!("../../sql/load/insert_events_text.sql"), shape);
                    let call = session.prepare(&call).await?;
                    Ok(Self::CallText { call })
                }
                InsertMethod::Insert => Ok(Self::Insert {
                    one: session
                        .prepare(&filled(include_str!("../../sql/load/insert_one.sql"), shape))
                        .await?,
                    many: session
                        .prepare(&filled(include_str!("../../sql/load/insert_many.sql"), shape))
                        .await?,
                }),
                InsertMethod::CopyFed | InsertMethod::CopyCounted => {
                    Self::prepare_copy(session, shape, insert_method == InsertMethod::CopyCounted)
                        .await
                }
            }
        };
        prepared.await.map_err(|error| {
            session
                .error(&error, format!("cannot prepare to write into {}", shape.table))
                .at(format!("{} {}", session.place(), shape.table))
        })
    }

    async fn prepare_copy(
        session: &Session,
        shape: &TableShape,
        is_counted: bool,
    ) -> Result<Self, tokio_postgres::Error> {
        let id = is_counted.then_some(shape.id_column.as_str());
        let ts = shape.has_ts.then_some("ts");
        let columns: Vec<String> =
            id.into_iter().chain(ts).chain(["event"]).map(sql::ident).collect();
        let names = [
            ("schema", text(&*shape.table.schema)),
            ("table", text(&*shape.table.name)),
            ("columns", sql(columns.join(", "))),
        ];
        let copy = session.prepare(&fill(include_str!("../../sql/load/copy.sql"), &names)).await?;
        if !is_counted {
            let begin =
                if shape.has_ts { include_str!("../../sql/load/begin_fed.sql") } else { "begin" };
            return Ok(Self::Copy { begin: begin.to_owned(), copy, set_counter: None });
        }
        let id_newest =
            filled(sql::without_header(include_str!("../../sql/source/id_newest.sql")), shape);
        let event_ts =
            filled(sql::without_header(include_str!("../../sql/source/event_ts.sql")), shape);
        let schema = shape.table.schema.clone();
        let names = [
            ("schema", text(&*schema)),
            ("id_newest", sql(id_newest)),
            ("event_ts", sql(event_ts)),
            ("search_path", sql(search_path(shape, "true"))),
        ];
        let begin = fill(include_str!("../../sql/load/begin_counted.sql"), &names);
        let set_counter = move |next: i64| {
            let names = [("schema", text(&*schema)), ("next", sql(next.to_string()))];
            fill(include_str!("../../sql/load/end_counted.sql"), &names)
        };
        Ok(Self::Copy { begin, copy, set_counter: Some(Box::new(set_counter)) })
    }
}

fn search_path(shape: &TableShape, is_local: &str) -> String {
    let names = [("schema", text(&*shape.table.schema)), ("is_local", sql(is_local))];
    fill(include_str!("../../sql/load/search_path.sql"), &names)
}

fn filled(file: &str, shape: &TableShape) -> String {
    let (columns, stamp) = if shape.has_ts { ("ts,", "pg_catalog.now(),") } else { ("", "") };
    let names = [
        ("schema", text(&*shape.table.schema)),
        ("table", text(&*shape.table.name)),
        ("columns", sql(columns)),
        ("stamp", sql(stamp)),
    ];
    fill(file, &names)
}

/// The text that slate's function puts behind VALUES.
pub(super) fn values(events: &[String]) -> String {
    let rows: Vec<String> = (1..)
        .zip(events)
        .map(|(place, event)| format!("($1[{place}], $2, {})", literal(event)))
        .collect();
    rows.join(", ")
}

impl ToSql for JsonText<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.put_u8(1); // the version of jsonb's binary form
        out.put_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::JSONB
    }

    to_sql_checked!();
}

impl fmt::Debug for InsertStatements {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Statements")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slates_text_numbers_the_events_and_quotes_them() {
        let events = ["{\"a\":\"it's\"}".to_owned(), "{\"b\":\"\\\"\"}".to_owned()];
        assert_eq!(
            values(&events),
            "($1[1], $2, '{\"a\":\"it''s\"}'), ($1[2], $2, E'{\"b\":\"\\\\\"\"}')"
        );
    }
}
