//! What one side holds of the copied columns: its ends, its counts, digests of single events and of ranges.

use crate::error::{Error, Kind, Result};
use crate::event::range::IdRange;
use crate::event::table::TableName;
use crate::event::wire::{ReadAs, Wire, WireColumn, output};
use crate::postgres::connect::Session;
use crate::postgres::index_damage::{self, Counts};
use crate::sql;
use tokio_postgres::{Row, SimpleQueryMessage, SimpleQueryRow};

/// A table as one session reads it, with the columns that are copied.
#[derive(Clone, Copy, Debug)]
pub struct Holding<'a> {
    /// The session that reads.
    pub session: &'a Session,
    /// The event table.
    pub table: &'a TableName,
    /// Its key.
    pub id_column: &'a str,
    /// What is copied, and so compared.
    pub wire: &'a Wire,
}

/// The lowest and the highest id; both `None` while there is no event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Lowest id.
    pub lowest: Option<i64>,
    /// Highest id: at a destination its position.
    pub highest: Option<i64>,
}

/// One event by the digests of its columns, in the order of the wire; `None` is NULL.
pub type EventDigest = Vec<Option<Vec<u8>>>;

impl Holding<'_> {
    /// The lowest and the highest id, of one snapshot.
    ///
    /// # Errors
    /// What the connection or the server says; so all of these.
    pub async fn ends(&self) -> Result<Ends> {
        let row = self.one(&self.fill(include_str!("../../../sql/check/ends.sql"), &[])).await?;
        let ends = |row: &Row| {
            Ok(Ends {
                lowest: row.try_get("lowest")?,
                highest: row.try_get("highest")?,
            })
        };
        ends(&row).map_err(|e| self.error(&e))
    }

    /// The highest id that is not above `through`.
    pub async fn highest_through(&self, through: i64) -> Result<Option<i64>> {
        let asked = self.fill(include_str!("../../../sql/check/highest_through.sql"), &[]);
        let row = self.session.query_one(&asked, &[&through]).await;
        row.and_then(|row| row.try_get("highest")).map_err(|e| self.error(&e))
    }

    /// The event of this id, if it is there. Values stay in the server; only digests travel.
    pub async fn event(&self, id: i64) -> Result<Option<EventDigest>> {
        let digests: Vec<String> = self.wire.columns.iter().map(digest).collect();
        let asked = self.fill(include_str!("../../../sql/check/event.sql"), &[("digests", digests.join(", "))]);
        let row = self.session.query_opt(&asked, &[&id]).await.map_err(|e| self.error(&e))?;
        let columns = |row: Row| (0..row.len()).map(|column| row.try_get(column)).collect();
        row.map(columns).transpose().map_err(|e| self.error(&e))
    }

    /// The text of the columns of one event, if it is there; `None` for NULL and for more than a megabyte. For decisions only, never for a message.
    pub async fn event_text(&self, id: i64) -> Result<Option<Vec<Option<String>>>> {
        let texts: Vec<String> = self.wire.columns.iter().map(short_text).collect();
        let asked = self.fill(include_str!("../../../sql/check/event_text.sql"), &[("texts", texts.join(", "))]);
        let row = self.session.query_opt(&asked, &[&id]).await.map_err(|e| self.error(&e))?;
        let columns = |row: Row| (0..row.len()).map(|column| row.try_get(column)).collect();
        row.map(columns).transpose().map_err(|e| self.error(&e))
    }

    /// How many events have an id in the range; parallel workers help. `through` of `None` is no upper end.
    pub async fn count(&self, after: Option<i64>, through: Option<i64>) -> Result<i64> {
        let range = self.condition(after, through);
        let row = self
            .simple(&self.fill(include_str!("../../../sql/check/count.sql"), &[("range", range)]))
            .await?;
        number(&row, 0).ok_or_else(|| self.odd())
    }

    /// How many events there are up to the highest id, which is this one unless somebody is appending.
    pub async fn count_all(&self, highest: i64) -> Result<i64> {
        let row = self
            .simple(&self.fill(include_str!("../../../sql/check/count_all.sql"), &[]))
            .await?;
        if number(&row, 1) != Some(highest) {
            return self.count(None, Some(highest)).await;
        }
        number(&row, 0).ok_or_else(|| self.odd())
    }

    /// How many rows up to an id the table itself holds, and how many its index of the id knows.
    pub async fn index_counts(&self, through: i64) -> Result<Counts> {
        let counts = index_damage::counts(self.session, self.table, self.id_column, through).await;
        counts.map_err(|error| self.error(&error))?.ok_or_else(|| self.odd())
    }

    /// [`Self::count`] of a holding that is moved along.
    pub async fn counted(self, after: Option<i64>, through: i64) -> Result<i64> {
        self.count(after, Some(through)).await
    }

    /// Count and sum of digests of a range. Fails with SQLSTATE 57014 when it takes longer than the limit.
    pub async fn digest(&self, range: IdRange, limit_ms: u32) -> Result<(i64, Option<String>)> {
        let columns: Vec<String> = self.wire.columns.iter().map(value).collect();
        let asked = self.fill(
            include_str!("../../../sql/check/digest.sql"),
            &[
                ("range", self.condition(range.after, Some(range.through))),
                ("columns", columns.join(", ")),
                ("limit_ms", limit_ms.to_string()),
            ],
        );
        let row = self.simple(&asked).await?;
        let count = number(&row, 0).ok_or_else(|| self.odd())?;
        Ok((count, row.get(1).map(str::to_owned)))
    }

    /// Bytes an event takes in the table on the average of the next two hundred after an id, large values as they are stored; `None` when there are none.
    pub async fn event_bytes(&self, after: Option<i64>) -> Result<Option<f64>> {
        let range = self.condition(after, None);
        let row = self
            .one(&self.fill(include_str!("../../../sql/check/event_bytes.sql"), &[("range", range)]))
            .await?;
        row.try_get("bytes").map_err(|e| self.error(&e))
    }

    fn fill(&self, statement: &str, more: &[(&str, String)]) -> String {
        let mut values = vec![("table", sql::sql(self.table.quoted())), ("id", sql::text(self.id_column))];
        values.extend(more.iter().map(|(name, value)| (*name, sql::sql(value.as_str()))));
        sql::fill(statement, &values)
    }

    fn condition(&self, after: Option<i64>, through: Option<i64>) -> String {
        let id = sql::ident(self.id_column);
        let bounds = [
            after.map(|after| format!("t.{id} > {after}")),
            through.map(|through| format!("t.{id} <= {through}")),
        ];
        let bounds: Vec<String> = bounds.into_iter().flatten().collect();
        if bounds.is_empty() {
            "true".to_owned()
        } else {
            bounds.join(" and ")
        }
    }

    async fn one(&self, asked: &str) -> Result<Row> {
        self.session.query_one(asked, &[]).await.map_err(|e| self.error(&e))
    }

    async fn simple(&self, asked: &str) -> Result<SimpleQueryRow> {
        let messages = self.session.simple_query(asked).await.map_err(|e| self.error(&e))?;
        let mut rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        rows.next().ok_or_else(|| self.odd())
    }

    fn error(&self, error: &tokio_postgres::Error) -> Error {
        self.session.error(error, format!("cannot check the events of {}", self.table))
    }

    fn odd(&self) -> Error {
        Error::new(Kind::Bug, format!("cannot check the events of {}", self.table)).because("the server's answer has no number")
    }
}

/// The value of a column as a record of them is compared: as its output function writes it, but `bytea`, whose text can be too long for the server.
fn value(column: &WireColumn) -> String {
    match column.read_as {
        ReadAs::Bytes => digest(column),
        _ => column.value("t"),
    }
}

fn digest(column: &WireColumn) -> String {
    match column.read_as {
        ReadAs::Bytes => format!("pg_catalog.sha256({})", column.value("t")),
        _ => format!("pg_catalog.sha256(pg_catalog.convert_to({}, 'UTF8'))", column.text("t")),
    }
}

fn short_text(column: &WireColumn) -> String {
    let text = match column.read_as {
        ReadAs::Bytes => output(&column.value("t")),
        _ => column.text("t"),
    };
    format!("case when pg_catalog.octet_length({text}) <= 1048576 then {text} end")
}

fn number(row: &SimpleQueryRow, column: usize) -> Option<i64> {
    row.get(column)?.parse().ok()
}
