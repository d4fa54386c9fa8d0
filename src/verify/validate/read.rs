//! Reads what a validation looks at: one pass over the table in id order, page by page.

use super::report::Validation;
use super::rules::{ValidatedRow, ValidationRules};
use super::stats::TestingStats;
use super::validator::Validator;
use crate::error::{Error, ErrorKind, Result};
use crate::event::frame::{CopyFormat, RowFramer, RowLayout};
use crate::event::wire::Wire;
use crate::postgres::session::Session;
use crate::postgres::table::pages;
use crate::postgres::table::store::PgTable;
use crate::postgres::table::{Column, EventTable};
use crate::sql;
use futures::StreamExt;
use postgres_types::Type;
use std::sync::atomic::AtomicBool;

/// Rows of one COPY, so that no snapshot lives long.
const PAGE_ROWS_MAX: u64 = 20_000;
/// What is read: id, time, stats.
const LAYOUT: RowLayout = RowLayout { format: CopyFormat::Binary, fields: 3, id: 0, group: None };
/// The time of an event.
const TS_COLUMN: &str = "ts";
/// The event.
const EVENT_COLUMN: &str = "event";

/// Validates a table by itself, over a session of its own.
///
/// Rows that are committed meanwhile up to [`ValidationRules::through`] may or may not be seen:
/// give an id below which nothing can appear any more. `progress` is told how many rows were read
/// so far.
///
/// # Errors
/// `Contents` when ids come out of order: then the index is damaged, and nothing is known.
/// Otherwise what the connection or the server says.
pub async fn validate(
    session: Session,
    table: &EventTable,
    id_column: &str,
    rules: &ValidationRules,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Validation> {
    let mut reading = ValidationRead {
        session,
        is_page_open: AtomicBool::new(false),
        table,
        id_column: table.names.there(id_column),
        through: rules.through,
        last: None,
        rows: 0,
    };
    let mut validator = Validator::new(rules);
    while reading.page(&mut validator, progress).await? {}
    validator.without_id(reading.without_id().await?);
    let mut validation = validator.finish();
    validation.notes = notes(table);
    Ok(validation)
}

/// What cannot be looked at.
fn notes(table: &EventTable) -> Vec<String> {
    let no_ts = ts(table)
        .is_none()
        .then(|| "there is no timestamp column \"ts\": times were not looked at".to_owned());
    let no_event = event(table)
        .is_none()
        .then(|| "there is no JSON column \"event\": groups were not looked at".to_owned());
    no_ts.into_iter().chain(no_event).collect()
}

fn ts(table: &EventTable) -> Option<&Column> {
    let is_time = |column: &&Column| {
        [Type::TIMESTAMPTZ.oid(), Type::TIMESTAMP.oid()].contains(&column.type_oid)
    };
    table.column(TS_COLUMN).filter(is_time)
}

fn event(table: &EventTable) -> Option<&Column> {
    let is_json =
        |column: &&Column| [Type::JSONB.oid(), Type::JSON.oid()].contains(&column.type_oid);
    table.column(EVENT_COLUMN).filter(is_json)
}

struct ValidationRead<'a> {
    session: Session,
    is_page_open: AtomicBool,
    table: &'a EventTable,
    id_column: &'a str,
    through: Option<i64>,
    /// The last id that was read, and how many rows of it.
    last: Option<(i64, u64)>,
    /// Rows that were looked at.
    rows: u64,
}

impl ValidationRead<'_> {
    /// Feeds one page; whether there may be more.
    async fn page(
        &mut self,
        validator: &mut Validator<'_>,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<bool> {
        let (table, statement) = (&self.table.name, self.statement());
        let begun =
            pages::begin(&self.session, (table, self.id_column), &statement, &self.is_page_open);
        let stream = pages::unless_stalled(&self.session, table, begun).await?;
        let mut stream = stream.map_err(|error| self.error(&error))?;
        let (mut rows, mut taken, mut known) = (RowFramer::new(LAYOUT), 0, self.last);
        while let Some(bytes) = pages::unless_stalled(&self.session, table, stream.next()).await? {
            rows.push(bytes.map_err(|error| self.error(&error))?);
            while let Some(row) = rows.next()? {
                taken += 1;
                // Rows of the last id were given by the page before.
                match &mut known {
                    Some((id, left)) if *id == row.id && *left > 0 => *left -= 1,
                    _ => validator.row(self.seen(&row)?),
                }
            }
            progress(self.rows);
        }
        rows.finish()?;
        let ended = pages::unless_stalled(
            &self.session,
            table,
            pages::end(&self.session, &self.is_page_open),
        )
        .await?;
        ended.map_err(|error| self.error(&error))?;
        let has_moved = taken < PAGE_ROWS_MAX
            || known.is_none_or(|(id, _)| self.last.is_some_and(|(last, _)| last > id));
        if !has_moved {
            return Err(Error::new(
                ErrorKind::Contents,
                format!("more than {PAGE_ROWS_MAX} rows have one id"),
            )
            .at(self.place())
            .fix("give the id column a unique index"));
        }
        Ok(taken == PAGE_ROWS_MAX)
    }

    /// Takes note of a row, and gives what is looked at.
    fn seen(&mut self, row: &crate::event::frame::FramedRow) -> Result<ValidatedRow> {
        self.last = match self.last {
            Some((id, rows)) if id == row.id => Some((id, rows + 1)),
            Some((id, _)) if id > row.id => {
                return Err(Error::new(
                    ErrorKind::Contents,
                    format!("id {} was read out of order", row.id),
                )
                .at(self.place())
                .fix("rebuild the index of the id: REINDEX TABLE"));
            }
            _ => Some((row.id, 1)),
        };
        self.rows += 1;
        let fields = row.fields(CopyFormat::Binary);
        let field = |at: usize| fields.get(at).copied().flatten();
        Ok(ValidatedRow {
            id: row.id,
            ts: field(1).and_then(|ts| ts.try_into().ok()).map(i64::from_be_bytes),
            testing: TestingStats::parse(field(2)),
        })
    }

    fn statement(&self) -> String {
        let id = sql::ident(self.id_column);
        let from = self.last.map(|(last, _)| format!("e.{id} >= '{last}'::int8"));
        let through = self.through.map(|through| format!("e.{id} <= '{through}'::int8"));
        // Rows without an id are counted apart.
        let has_id = std::iter::once(format!("e.{id} is not null"));
        let conditions: Vec<String> = has_id.chain(from).chain(through).collect();
        let names = [
            ("id", sql::text(self.id_column)),
            ("schema", sql::text(&self.table.name.schema)),
            ("table", sql::text(&self.table.name.name)),
            (
                "ts",
                sql::sql(ts(self.table).map_or("null::timestamptz".to_owned(), |ts| {
                    format!("e.{}", sql::ident(&ts.name))
                })),
            ),
            ("stats", sql::sql(event(self.table).map_or("null::text".to_owned(), stats))),
            ("where", sql::sql(format!("where {}", conditions.join(" and ")))),
            ("rows_max", sql::sql(PAGE_ROWS_MAX.to_string())),
        ];
        sql::fill(include_str!("../../../sql/verify/validate.sql"), &names)
    }

    /// How many rows no range of ids holds.
    async fn without_id(&self) -> Result<u64> {
        if self.table.column(self.id_column).is_some_and(|id| id.is_never_null) {
            return Ok(0);
        }
        let wire = Wire { columns: Vec::new(), format: LAYOUT.format, rows: None };
        PgTable::new(&self.session, &self.table.name, self.id_column, &wire)
            .count_without_id()
            .await
    }

    fn place(&self) -> String {
        format!("{} {}", self.session.place(), self.table.name)
    }

    fn error(&self, error: &tokio_postgres::Error) -> Error {
        self.session.error(error, format!("cannot read {}", self.table.name))
    }
}

/// Taken out in the server. What is longer than any loader's is cut, and so no JSON any more.
fn stats(event: &Column) -> String {
    format!("\"left\"((e.{} -> 'testingStats')::text, 2000)", sql::ident(&event.name))
}
