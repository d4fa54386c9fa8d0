//! A table that is mended: changes of one transaction at a time, each counted, in the session that
//! holds the table.
//!
//! Why nothing is lost, doubled or overwritten: as for a batch of the replicator, a transaction
//! begins with the fence and then, in a statement of its own whose snapshot comes after the lock,
//! with a look at the position, which must be the expected one. Rows go in by COPY, which never
//! replaces a row, and their number is compared with the number sent. Rows that are taken out are
//! handed back by the statement that deletes them, so that what is judged is what is gone. Whatever
//! is not as expected ends in a rollback; a crash leaves whole transactions.

use crate::destination::postgres::target::{AppendTarget, pieces};
use crate::error::{Error, ErrorKind, Result};
use crate::event::frame::{self, CopyFormat, FramedRow, RowFramer};
use crate::event::range::{IdRange, shown};
use crate::event::wire::Wire;
use crate::postgres::session::Session;
use crate::postgres::session::answers::{field, parsed, rows};
use crate::postgres::session::error::{is_outcome_unknown, no_answer};
use crate::sql;
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use std::pin::pin;

/// See the module.
#[derive(Debug)]
pub struct TableEditor {
    session: Session,
    to: AppendTarget,
}

impl TableEditor {
    /// Takes a session that holds the table (see [`crate::destination::postgres::lock`]).
    pub fn new(session: Session, to: AppendTarget) -> Self {
        Self { session, to }
    }

    /// The session, for statements beside those of this file.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The table and the form of its rows.
    pub fn to(&self) -> &AppendTarget {
        &self.to
    }

    /// Asks for the position.
    pub async fn position(&self) -> Result<Option<i64>> {
        Ok(self.asked(self.session.query_one(&self.to.ask_position(), &[])).await?.get(0))
    }

    /// Begins a transaction under the fence.
    ///
    /// # Errors
    /// `Contents` when the position is not the expected one, `Unsuitable` when the columns are not
    /// those that were compared.
    pub async fn begin(&self, position: Option<i64>) -> Result<()> {
        self.begin_by(
            &self.to.filled(include_str!("../../../sql/destination/begin.sql"), 0),
            position,
        )
        .await
    }

    /// Begins a transaction that keeps all writers out of the table, after raising the next id.
    ///
    /// # Errors
    /// As [`TableEditor::begin`]; `Unavailable` when a writer is there for ten seconds.
    pub async fn begin_alone(&self, raise: &str, position: Option<i64>) -> Result<()> {
        let names = [
            ("schema", sql::text(&self.to.table.schema)),
            ("table", sql::text(&self.to.table.name)),
            ("id", sql::text(&self.to.id_column)),
            ("raise", sql::sql(raise)),
            ("fingerprint", sql::sql(self.to.fingerprint_query() + ";")),
        ];
        self.begin_by(
            &sql::fill(include_str!("../../../sql/destination/begin_restore.sql"), &names),
            position,
        )
        .await
    }

    async fn begin_by(&self, begin: &str, position: Option<i64>) -> Result<()> {
        let begun = rows(self.asked(self.session.simple_query(begin)).await?);
        let [.., found, fingerprint] = begun.as_slice() else {
            return Err(Error::new(ErrorKind::Bug, "unexpected reply to BEGIN").at(self.place()));
        };
        self.expect(parsed(found, 0), position)?;
        if field(fingerprint, 0) == self.to.fingerprint.as_deref() {
            return Ok(());
        }
        Err(self.altered())
    }

    fn altered(&self) -> Error {
        Error::new(
            ErrorKind::Unsuitable,
            "the table was replaced, or its columns or triggers were changed",
        )
        .at(self.place())
        .fix("this transaction was rolled back: run the command again")
    }

    /// Confirms that the table has not moved.
    ///
    /// # Errors
    /// `Contents` when it has.
    fn expect(&self, found: Option<i64>, position: Option<i64>) -> Result<()> {
        if found == position {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Contents, "another session has written into the table meanwhile")
            .at(self.place())
            .because(format!(
                "its highest id is {}, {} was expected",
                shown(found),
                shown(position)
            ))
            .fix(
                "nothing of this batch was written; find out which session it is, then start again",
            ))
    }

    /// Puts rows in, in the form of the wire.
    ///
    /// # Errors
    /// `Rejected` when the table refuses them or does not take every one.
    pub async fn put_in(&self, rows: &[FramedRow]) -> Result<()> {
        let copy = self.to.filled(include_str!("../../../sql/destination/append.sql"), 0);
        let refused = |error| self.refused(&error, rows);
        let sink = self.within(self.session.copy_in::<_, Bytes>(&copy)).await?.map_err(refused)?;
        let mut sink = pin!(sink);
        let is_binary = self.to.wire.format == CopyFormat::Binary;
        let framing =
            |bytes: &'static [u8]| is_binary.then_some(Bytes::from_static(bytes)).into_iter();
        let pieces = rows.iter().flat_map(|row| pieces(row.bytes.clone()));
        for piece in framing(frame::HEADER).chain(pieces).chain(framing(frame::TRAILER)) {
            self.within(sink.feed(piece)).await?.map_err(refused)?;
        }
        let arrived = self.within(sink.finish()).await?.map_err(refused)?;
        if arrived == rows.len() as u64 {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Rejected, "the table did not take every row")
            .at(self.place_of(rows))
            .because(format!("{} rows were sent, {arrived} arrived", rows.len()))
            .fix(
                "a trigger or rule discards inserted rows; drop it; nothing of this batch was \
                 written",
            ))
    }

    /// Takes the rows of these ids out and gives them in this form, in id order.
    pub async fn take_out(&self, ids: &[i64], form: &Wire) -> Result<Vec<FramedRow>> {
        self.copied(include_str!("../../../sql/destination/take_out.sql"), ids, form).await
    }

    /// The rows of these ids as the open transaction sees them, in this form and in id order.
    pub async fn read_back(&self, ids: &[i64], form: &Wire) -> Result<Vec<FramedRow>> {
        self.copied(include_str!("../../../sql/destination/read_back.sql"), ids, form).await
    }

    async fn copied(&self, copy: &str, ids: &[i64], form: &Wire) -> Result<Vec<FramedRow>> {
        let layout = form.layout(&self.to.id_column, None);
        let layout =
            layout.ok_or_else(|| Error::new(ErrorKind::Bug, "the id column is not copied"))?;
        let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
        let names = [
            ("schema", sql::text(&self.to.table.schema)),
            ("table", sql::text(&self.to.table.name)),
            ("id", sql::text(&self.to.id_column)),
            ("ids", sql::sql(format!("'{{{}}}'::pg_catalog.int8[]", ids.join(",")))),
            ("columns", sql::sql(form.select_list())),
            ("format", sql::sql(form.format_option())),
        ];
        let statement = sql::fill(copy, &names);
        let mut stream = pin!(self.asked(self.session.copy_out(statement.as_str())).await?);
        let (mut rows, mut copied) = (RowFramer::new(layout), Vec::new());
        while let Some(bytes) = self.within(stream.next()).await? {
            rows.push(bytes.map_err(|error| self.failed(&error))?);
            while let Some(row) = rows.next()? {
                copied.push(row);
            }
        }
        // After its last row the statement can still be refused: by what is asked at its end, such as
        // a foreign key. The driver has nothing more to give where it was not, and says so.
        if let Some(Err(error)) = self.within(stream.next()).await?
            && error.as_db_error().is_some()
        {
            return Err(self.failed(&error));
        }
        rows.finish()?;
        copied.sort_by_key(|row| row.id);
        Ok(copied)
    }

    /// Deletes the rows with ids above `after` up to `through`, and gives their number.
    ///
    /// # Errors
    /// `Access` without the privilege or with a trigger that refuses, `Rejected` with a trigger
    /// that refuses in other words.
    pub async fn delete(&self, after: i64, through: i64) -> Result<u64> {
        let statement = self.to.filled(include_str!("../../../sql/destination/delete.sql"), 0);
        self.asked(self.session.execute(&statement, &[&after, &through])).await
    }

    /// The id above which the highest so many events lie, if there are more than that above
    /// `after`.
    pub async fn below_highest(&self, events: u64, after: i64) -> Result<Option<i64>> {
        let statement =
            self.to.filled(include_str!("../../../sql/destination/below_highest.sql"), 0);
        let events = i64::try_from(events).unwrap_or(i64::MAX);
        let found = self.asked(self.session.query_opt(&statement, &[&after, &events])).await?;
        Ok(found.map(|row| row.get(0)))
    }

    /// The highest id below this one, and the lowest of all.
    pub async fn highest_before(&self, id: i64) -> Result<(Option<i64>, Option<i64>)> {
        let statement =
            self.to.filled(include_str!("../../../sql/destination/highest_before.sql"), 0);
        let row = self.asked(self.session.query_one(&statement, &[&id])).await?;
        Ok((row.get(0), row.get(1)))
    }

    /// The lowest id above this one.
    pub async fn lowest_after(&self, id: i64) -> Result<Option<i64>> {
        let statement =
            self.to.filled(include_str!("../../../sql/destination/lowest_after.sql"), 0);
        Ok(self.asked(self.session.query_one(&statement, &[&id])).await?.get(0))
    }

    /// Makes sure, as far as the catalog tells, that rows can be deleted.
    ///
    /// # Errors
    /// `Access` without the privilege; `Unsuitable` with the trigger of a source, which refuses it,
    /// or with a foreign key that follows; each with its cure.
    pub async fn require_delete(&self) -> Result<()> {
        let deleting = include_str!("../../../sql/destination/deleting.sql");
        let row = self.asked(self.session.query_one(deleting, &[&self.to.oid])).await?;
        let (may_delete, triggers, is_always): (bool, Vec<String>, bool) =
            (row.get(0), row.get(1), row.get(2));
        let following: Vec<String> = row.get(3);
        let table = self.to.table.quoted();
        if let Some(key) = following.first() {
            return Err(Error::new(
                ErrorKind::Unsuitable,
                format!("cannot delete from {}", self.to.table),
            )
            .at(self.place())
            .because(format!(
                "foreign key {key} would delete or change rows of another table with it"
            ))
            .fix("drop that key, or make it ON DELETE NO ACTION; nothing was written"));
        }
        if !may_delete {
            let role = sql::ident(&self.session.server().role);
            return Err(Error::new(
                ErrorKind::Access,
                format!("cannot delete from {}", self.to.table),
            )
            .at(self.place())
            .because(format!("role {role} may not"))
            .fix(format!("GRANT DELETE ON {table} TO {role}; nothing was written")));
        }
        if triggers.iter().any(|name| name == "check_sql_command") {
            let enable = if is_always { "enable always" } else { "enable" };
            return Err(Error::new(
                ErrorKind::Unsuitable,
                format!("cannot delete from {}", self.to.table),
            )
            .at(self.place())
            .because("trigger check_sql_command refuses it: the table was made as a source")
            .fix(format!(
                "run at the destination: alter table {table} disable trigger check_sql_command; \
                 then start again, and afterwards: alter table {table} {enable} trigger \
                 check_sql_command; nothing was written"
            )));
        }
        Ok(())
    }

    /// Commits, if the table is still the one that was compared: a trigger may have come between
    /// the begin and the first row.
    ///
    /// # Errors
    /// `Unsuitable` when it is not; `Unavailable` when the answer is lost: then the outcome is
    /// unknown, and a new start finds out.
    pub async fn commit(&self) -> Result<()> {
        let found = self.asked(self.session.query_opt(&self.to.fingerprint_query(), &[])).await?;
        if found.and_then(|row| row.get(0)) != self.to.fingerprint {
            self.roll_back().await;
            return Err(self.altered());
        }
        let committed = self.within(self.session.batch_execute("commit")).await?;
        committed.map_err(|error| {
            let ours = self.failed(&error);
            if !is_outcome_unknown(&error) {
                return ours;
            }
            ours.fix(
                "it is not known whether this batch was committed; start again: the command finds \
                 out and does what is left",
            )
        })
    }

    /// Rolls back, as well as it can: a session that is gone has done so.
    pub async fn roll_back(&self) {
        let _ = self.run("rollback").await;
    }

    /// Runs statements of our own.
    ///
    /// # Errors
    /// Those of the server; `Unavailable` without an answer for `append_timeout_ms`.
    pub async fn run(&self, statements: &str) -> Result<()> {
        self.asked(self.session.batch_execute(statements)).await
    }

    async fn asked<T>(
        &self,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        self.within(work).await?.map_err(|error| self.failed(&error))
    }

    /// Gives up without progress; the statement is cancelled, so that a rollback need not wait for
    /// it.
    async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        if let Ok(done) = tokio::time::timeout(self.to.stall_max, work).await {
            return Ok(done);
        }
        self.session.cancel().await;
        Err(no_answer(self.to.stall_max, what(&self.to))
            .at(self.place())
            .because("perhaps another session has locked what is to be changed")
            .fix("start again: whole batches stay; append_timeout_ms sets the limit"))
    }

    /// Makes our error of the driver's.
    pub fn failed(&self, error: &tokio_postgres::Error) -> Error {
        let ours = self.session.error(error, what(&self.to)).at(self.place());
        match ours.remedy() {
            Some(_) => ours,
            None => {
                ours.fix("nothing of this batch was written; remove the cause, then start again")
            }
        }
    }

    fn refused(&self, error: &tokio_postgres::Error, rows: &[FramedRow]) -> Error {
        self.failed(error).at(self.place_of(rows))
    }

    /// Name, server and table, for messages.
    pub fn place(&self) -> String {
        format!("{}, {}, {}", self.to.name, self.session.place(), self.to.table)
    }

    fn place_of(&self, rows: &[FramedRow]) -> String {
        let after = rows.first().and_then(|row| row.id.checked_sub(1));
        let through = rows.last().map_or(0, |row| row.id);
        format!("{}, {}", self.place(), IdRange { after, through })
    }
}

fn what(to: &AppendTarget) -> String {
    format!("cannot mend {}", to.name)
}
