//! One session that appends: begin, rows, confirmation and end of one transaction at a time. Who
//! does what when is decided elsewhere.

use crate::destination::appender::cut_off;
use crate::destination::postgres::commit_order::{CommitCondition, TransactionStart};
use crate::destination::postgres::small_batch::SmallBatchStatements;
use crate::destination::postgres::target::{AppendTarget, CommitDurability, pieces};
use crate::error::{Error, ErrorKind, Result};
use crate::event::chunk::BatchClose;
use crate::event::frame::{self, CopyFormat};
use crate::event::range::{IdRange, shown};
use crate::fail;
use crate::postgres::session::answers::{parsed, rows};
use crate::postgres::session::{Canceller, Session};
use crate::sql;
use crate::stop::Stop;
use bytes::Bytes;
use futures::SinkExt;
use std::pin::Pin;
use std::time::Instant;
use tokio_postgres::error::SqlState;
use tokio_postgres::{CopyInSink, Statement};

/// See the module.
#[derive(Debug)]
pub struct TransactionWriter {
    pub(super) session: Session,
    pub(super) to: AppendTarget,
    copy: Statement,
    pub(super) fence: Statement,
    lock_table: Statement,
    position: Statement,
    fingerprint: Statement,
    unchanged: Statement,
    /// What appends a few rows, where that can be had.
    pub(super) few: Option<SmallBatchStatements>,
}

/// The transaction in hand.
pub struct OpenTransaction {
    /// When it was begun.
    pub began: Instant,
    sink: Pin<Box<CopyInSink<Bytes>>>,
    after: Option<i64>,
    /// Rows sent so far.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Id of the last of them.
    pub last_id: i64,
    /// How it is to be committed.
    pub commit: CommitDurability,
}

impl TransactionWriter {
    /// Prepares a session.
    pub async fn new(session: Session, to: AppendTarget) -> Result<Self> {
        let fence = include_str!("../../../sql/destination/fence.sql").to_owned();
        let copy = to.filled(include_str!("../../../sql/destination/append.sql"), 0);
        let lock_table = to.filled(include_str!("../../../sql/destination/lock_table.sql"), 0);
        let unchanged = to.filled(include_str!("../../../sql/destination/assert_unchanged.sql"), 0);
        let texts = [copy, fence, lock_table, to.ask_position(), to.fingerprint_query(), unchanged];
        let prepare = |at: usize| session.prepare(&texts[at]);
        let (copy, fence, lock_table, position, fingerprint, unchanged) = futures::try_join!(
            prepare(0),
            prepare(1),
            prepare(2),
            prepare(3),
            prepare(4),
            prepare(5)
        )
        .map_err(|error| session.error(&error, to.what()))?;
        Ok(Self {
            copy,
            fence,
            lock_table,
            position,
            fingerprint,
            unchanged,
            few: None,
            session,
            to,
        })
    }

    /// What it appends to.
    pub fn to(&self) -> &AppendTarget {
        &self.to
    }

    /// Why its connection died, once it has.
    pub fn death(&self) -> Option<Error> {
        self.session.death().map(|death| death.while_doing(self.to.what()))
    }

    /// What cancels what its session is at, also when that was dropped.
    pub fn canceller(&self) -> Canceller {
        self.session.canceller()
    }

    /// Asks for the position.
    pub async fn position(&self) -> Result<Option<i64>> {
        let row = self.session.query_one(&self.position, &[]).await;
        Ok(row.map_err(|error| self.failed(&error))?.get(0))
    }

    /// Begins a transaction and its COPY in one flush, statement by statement, each with a snapshot
    /// of its own: the fence; the position, which also locks the table against ALTER; whether its
    /// columns are still those that were compared with the source's. Ahead of its turn the fence
    /// and the position come later. No row is sent before the answers were compared.
    ///
    /// # Errors
    /// `Unavailable` when the destination moved or its columns changed; those of the server.
    pub async fn begin(&self, start: TransactionStart) -> Result<OpenTransaction> {
        fail::point!("destination.before-begin");
        let began = Instant::now();
        // Each is sent when it is first polled, which is in this order.
        let (begun, stands, fingerprint, path, copying) = futures::join!(
            self.session.batch_execute("begin"),
            self.stand(start),
            self.session.query_opt(&self.fingerprint, &[]),
            self.session
                .batch_execute(include_str!("../../../sql/destination/role_search_path.sql")),
            self.session.copy_in::<_, Bytes>(&self.copy)
        );
        let failed = |error| self.failed(&error);
        begun.map_err(failed)?;
        let after = stands?;
        let fingerprint: Option<String> = fingerprint.map_err(failed)?.and_then(|row| row.get(0));
        if fingerprint != self.to.fingerprint {
            return Err(self.altered());
        }
        path.map_err(failed)?;
        let mut sink = Box::pin(copying.map_err(failed)?);
        if self.to.wire.format == CopyFormat::Binary {
            let header = Bytes::from_static(frame::HEADER);
            sink.feed(header).await.map_err(failed)?;
        }
        Ok(OpenTransaction {
            began,
            sink,
            after,
            rows: 0,
            bytes: 0,
            last_id: 0,
            commit: CommitDurability::Durable,
        })
    }

    /// Confirms that a batch stands where it belongs, or locks the table until that can be asked;
    /// gives the id after which its rows come.
    async fn stand(&self, start: TransactionStart) -> Result<Option<i64>> {
        let failed = |error| self.failed(&error);
        match start {
            TransactionStart::OnTop(expected) => {
                let key = self.to.oid.cast_signed();
                let fence =
                    async { self.session.query_one(&self.fence, &[&sql::LOCK_FENCE, &key]).await };
                let (fenced, found) =
                    futures::join!(fence, self.session.query_one(&self.position, &[]));
                fenced.map_err(failed)?;
                self.confirm_position(found.map_err(failed)?.get(0), expected)?;
                Ok(expected)
            }
            TransactionStart::Ahead(first_id) => {
                self.session.query(&self.lock_table, &[]).await.map_err(failed)?;
                Ok(first_id.checked_sub(1))
            }
        }
    }

    fn altered(&self) -> Error {
        Error::new(
            ErrorKind::Unavailable,
            "the destination's table was replaced, or its columns or triggers have changed",
        )
        .at(self.place())
        .fix(
            "the batch was rolled back; source and destination are re-checked before anything else \
             is written",
        )
    }

    fn confirm_position(&self, found: Option<i64>, expected: Option<i64>) -> Result<()> {
        if found == expected {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "the destination has moved: another session changed it",
        )
        .at(self.place())
        .because(format!("its highest id is {}, {} was expected", shown(found), shown(expected)))
        .fix(
            "the batch was rolled back; source and destination are re-checked before anything else \
             is written",
        ))
    }

    /// Sends rows, the last of them with this id.
    ///
    /// # Errors
    /// Those of the server; `Unavailable` without progress; `Stopped` when it is cut off.
    pub async fn send(
        &self,
        open: &mut OpenTransaction,
        bytes: Bytes,
        rows: u64,
        last_id: i64,
        cut: &Stop,
    ) -> Result<()> {
        open.rows += rows;
        open.bytes += bytes.len() as u64;
        open.last_id = last_id;
        for piece in pieces(bytes) {
            self.within(cut, async {
                open.sink.feed(piece).await.map_err(|error| self.failed(&error))
            })
            .await?;
            fail::point!("destination.in-copy");
        }
        Ok(())
    }

    /// Ends the COPY: all rows must have arrived.
    ///
    /// # Errors
    /// `Rejected` when rows were discarded; those of the server.
    pub(super) async fn arrive(
        &self,
        open: &mut OpenTransaction,
        close: &BatchClose,
    ) -> Result<()> {
        if open.last_id != close.last_id {
            return Err(Error::new(
                ErrorKind::Bug,
                "a batch ends with another row than the one that arrived last",
            )
            .at(self.place()));
        }
        open.commit = self.to.commit_of(close);
        let rows = self.within(&Stop::never(), self.finish(open)).await?;
        if rows != open.rows {
            return Err(Error::new(ErrorKind::Rejected, "the destination did not take every row")
                .at(self.place_of(open))
                .because(format!("{} rows were sent, {rows} arrived", open.rows))
                .fix(
                    "a trigger or rule discards inserted rows; drop it; nothing of this batch was \
                     written",
                ));
        }
        Ok(())
    }

    async fn finish(&self, open: &mut OpenTransaction) -> Result<u64> {
        fail::point!("destination.before-copy-end");
        if self.to.wire.format == CopyFormat::Binary {
            let trailer = Bytes::from_static(frame::TRAILER);
            open.sink.feed(trailer).await.map_err(|error| self.failed(&error))?;
        }
        let finished = open.sink.as_mut().finish().await;
        finished.map_err(|error| self.failed(&error).at(self.place_of(open)))
    }

    /// Takes the fence, and confirms that the rows of a transaction that began ahead of its turn
    /// stand where they belong.
    ///
    /// # Errors
    /// `Unavailable` when another session changed the destination; those of the server.
    pub async fn confirm(&self, standing: CommitCondition) -> Result<()> {
        let confirm =
            self.to.filled(include_str!("../../../sql/destination/confirm.sql"), standing.first_id);
        let asked = async {
            self.session.simple_query(&confirm).await.map_err(|error| self.failed(&error))
        };
        let asked = rows(self.within(&Stop::never(), asked).await?);
        let [_, found] = asked.as_slice() else {
            return Err(Error::new(
                ErrorKind::Bug,
                "unexpected reply to the confirmation of a batch",
            )
            .at(self.place()));
        };
        self.confirm_position(parsed(found, 0), standing.before)?;
        self.confirm_position(parsed(found, 1), Some(standing.last_id))
    }

    /// Commits, if the table is still the one that was compared: its rows keep everybody from
    /// changing it by now. After an error the outcome is unknown. A crash of the server after
    /// [`CommitDurability::Soon`] may take the transaction back, and with it all later ones.
    ///
    /// # Errors
    /// `Unavailable` when the table is another, or without an answer; those of the server.
    pub async fn commit(&self, how: CommitDurability) -> Result<()> {
        fail::point!("destination.before-commit");
        // Each is sent when it is first polled, which is in this order: after a failed assertion
        // the commit commits nothing.
        let never = Stop::never();
        let commit = async {
            let unchanged = async {
                Ok(self.session.query_one(&self.unchanged, &[&self.to.fingerprint]).await)
            };
            let (unchanged, committed) =
                futures::join!(self.within(&never, unchanged), self.end(how.text()));
            match unchanged? {
                Err(error) if error.code() == Some(&SqlState::DIVISION_BY_ZERO) => {
                    Err(self.altered())
                }
                Err(error) => Err(self.failed(&error)),
                Ok(_) => committed,
            }
        };
        fail::midway!("destination.commit-sent", commit).await?;
        fail::point!("destination.committed");
        Ok(())
    }

    /// Waits until everything that was committed before is as durable as configured.
    ///
    /// # Errors
    /// Those of the connection: then it is not known. A server that lets the role write no message
    /// to its log writes it within a second anyway.
    pub async fn flush(&self) -> Result<()> {
        fail::point!("destination.before-flush");
        match self.end(include_str!("../../../sql/destination/flush.sql")).await {
            Err(error) if error.sqlstate() == Some("42501") => Ok(()),
            flushed => flushed,
        }
    }

    /// Rolls a transaction back in the middle of its COPY.
    ///
    /// # Errors
    /// Those of the server; `Unavailable` without an answer.
    pub async fn roll_back(&self, open: OpenTransaction) -> Result<()> {
        drop(open);
        self.end("rollback").await
    }

    pub(super) async fn end(&self, how: &str) -> Result<()> {
        let end =
            async { self.session.batch_execute(how).await.map_err(|error| self.failed(&error)) };
        self.within(&Stop::never(), end).await
    }

    /// Gives up when the destination makes no progress, or when it is cut off.
    ///
    /// # Errors
    /// Those of the work; `Unavailable` after `append_timeout_ms`; `Stopped` when it is cut off.
    pub async fn within<T>(&self, cut: &Stop, work: impl Future<Output = Result<T>>) -> Result<T> {
        let limited = tokio::time::timeout(self.to.stall_max, work);
        match cut.or(limited).await {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Error::new(ErrorKind::Unavailable, self.to.what())
                .at(self.place())
                .because(format!("no progress for {} ms", self.to.stall_max.as_millis()))
                .fix(
                    "nothing of this batch was written, or Counterfoil asks whether it was \
                     committed; append_timeout_ms sets the limit",
                )),
            None => Err(cut_off()),
        }
    }

    pub(super) fn failed(&self, error: &tokio_postgres::Error) -> Error {
        let ours = self.session.error(error, self.to.what());
        match ours.kind() {
            ErrorKind::Rejected => ours.fix(
                "fix the constraint that rejects this event, then restart; everything before it \
                 was written, nothing after it",
            ),
            _ => ours,
        }
    }

    fn place(&self) -> String {
        format!("{} {}", self.session.place(), self.to.table)
    }

    fn place_of(&self, open: &OpenTransaction) -> String {
        let range = IdRange {
            after: if open.rows == 1 { open.last_id.checked_sub(1) } else { open.after },
            through: open.last_id,
        };
        format!("{}, {range}", self.place())
    }
}
