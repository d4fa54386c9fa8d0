//! Two tables that are compared: how each is read, and the columns by which they are.

use crate::config::libpq::Conninfo;
use crate::error::{Error, ErrorKind, Result};
use crate::event::frame::CopyFormat;
use crate::event::wire::{ReadAs, Wire};
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::{Session, SessionPurpose};
use crate::postgres::table::TableName;
use crate::postgres::table::store::PgTable;
use crate::sql::{ColumnNames, RowCondition};
use std::time::Duration;

/// A table, and how to connect to it.
#[derive(Clone, Copy, Debug)]
pub struct TableEndpoint<'a> {
    /// How to connect.
    pub conninfo: &'a Conninfo,
    /// The event table.
    pub table: &'a TableName,
    /// The key, as the source calls it.
    pub id_column: &'a str,
    /// Which of its rows count; `None`: all.
    pub rows: Option<&'a RowCondition>,
    /// What the table calls the columns of the source.
    pub names: &'a ColumnNames,
    /// `application_name = counterfoil/<what>`.
    pub what: &'static str,
    /// To connect.
    pub timeout: Duration,
}

impl<'a> TableEndpoint<'a> {
    /// A session of this kind.
    pub async fn session(&self, side: ErrorSide) -> Result<Session> {
        let purpose = SessionPurpose { what: self.what, side };
        Session::open(self.conninfo, purpose, self.timeout).await
    }

    /// The key, as the table calls it.
    pub(crate) fn own_id(&self) -> &'a str {
        self.names.there(self.id_column)
    }

    /// These columns of it, over a session that is open.
    pub fn over<'s>(&self, session: &'s Session, wire: &Wire) -> PgTable<&'s Session> {
        let table = PgTable::new(session, self.table, self.id_column, wire);
        table.matching(self.rows).called(self.names)
    }

    /// Opens it for reading these columns, in a session of its own.
    pub async fn read(&self, side: ErrorSide, wire: &Wire) -> Result<PgTable<Session>> {
        let session = self.session(side).await?;
        let table = PgTable::new(session, self.table, self.id_column, wire);
        Ok(table.matching(self.rows).called(self.names))
    }
}

/// The same columns in text form, in which a row can be judged by what it says. Byte strings stay
/// as they travel: in text they are twice as long.
pub(crate) fn judged_as(wire: &Wire) -> Wire {
    let has_bytes = wire.columns.iter().any(|column| column.read_as == ReadAs::Bytes);
    let format = if has_bytes { wire.format } else { CopyFormat::Text };
    Wire { format, ..wire.clone() }
}

/// The error of two sides that were found equal and are not any more.
pub(crate) fn moved(what: impl Into<String>, id: i64) -> Error {
    Error::new(ErrorKind::Contents, what)
        .at(format!("id {id}"))
        .because("it was not so when both sides were read before")
        .fix("nothing of this batch was written; find out which session writes, then start again")
}
