//! Pages of a table, read by COPY: one transaction each, with the table's lock before the snapshot.

use crate::postgres::connect::Session;
use crate::sql::{self, TableName};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_postgres::{CopyOutStream, Error};

/// The session that reads, and whether a page of it is open.
#[derive(Debug)]
pub struct Paging {
    session: Session,
    begin: String,
    is_open: AtomicBool,
}

impl Paging {
    /// Takes a session for reading one table page by page: it is set up to follow the index of the id.
    ///
    /// # Errors
    /// What the connection or the server says, here and in the following.
    pub async fn new(session: Session, table: &TableName, id_column: &str) -> Result<Self, (Session, Error)> {
        if let Err(error) = session.batch_execute(sql::READ).await {
            return Err((session, error));
        }
        let names = [
            ("schema", sql::text(&table.schema)),
            ("table", sql::text(&table.name)),
            ("id", sql::text(id_column)),
        ];
        Ok(Self {
            session,
            begin: sql::fill(sql::without_header(include_str!("../../sql/session/begin_page.sql")), &names),
            is_open: AtomicBool::new(false),
        })
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Begins a page. One that was given up on its way is ended first.
    pub async fn begin(&self, copy: &str) -> Result<Pin<Box<CopyOutStream>>, Error> {
        if self.is_open.swap(true, Ordering::Relaxed) {
            self.session.batch_execute("rollback").await?;
        }
        // Sent in this order, in one flush.
        let (begun, stream) = futures::join!(self.session.batch_execute(&self.begin), self.session.copy_out(copy));
        begun?;
        stream.map(Box::pin)
    }

    /// Ends a page whose stream has ended.
    pub async fn end(&self) -> Result<(), Error> {
        self.session.batch_execute("commit").await?;
        self.is_open.store(false, Ordering::Relaxed);
        Ok(())
    }
}
