//! A writer appends a few rows in one flush.

use super::small_batch::{
    FlushContext, FlushFailure, RowFields, SmallBatchOutcome, SmallBatchStatements,
};
use super::target::CommitDurability;
use super::transaction::TransactionWriter;
use crate::error::Result;
use crate::event::chunk::BatchClose;
use crate::fail;
use crate::stop::Stop;
use bytes::Bytes;
use std::sync::atomic::AtomicBool;

impl TransactionWriter {
    /// Prepares what appends a few rows in one flush, where that can be had. A lost connection is
    /// noticed by what comes next.
    pub(super) async fn prepare_few(&mut self) {
        self.few = SmallBatchStatements::new(&self.session, &self.to).await;
    }

    /// Whether a batch of a few rows may go in one flush.
    pub(super) fn takes_few(&self) -> bool {
        self.few.is_some()
    }

    /// Appends a whole batch of a few rows on top of a position, in one flush; commits it in the
    /// same one where the rows are durable at the source already. `is_answered` is set once they
    /// may be committed.
    ///
    /// # Errors
    /// Those of the connection: then the outcome is unknown.
    pub(super) async fn append_few(
        &mut self,
        position: i64,
        rows: &Bytes,
        close: &BatchClose,
        is_answered: &AtomicBool,
    ) -> Result<SmallBatchOutcome> {
        let fields = RowFields::of(rows, &self.to)?;
        let Some(mut few) = self.few.take() else {
            return Ok(SmallBatchOutcome::Refused);
        };
        let never = Stop::never();
        let preparing = async { Ok(few.prepared(&self.session, &self.to, fields.rows).await) };
        let Some(statement) = self.within(&never, preparing).await? else {
            return Ok(SmallBatchOutcome::Refused);
        };
        let how = self.to.commit_of(close);
        let way = FlushContext {
            session: &self.session,
            statement,
            fence: &self.fence,
            oid: self.to.oid,
            is_answered,
        };
        let parameters = fields.parameters(&position, &self.to.fingerprint);
        let is_durable = matches!(close.durable.peek(), Some(Ok(())));
        let appended = way.append(&parameters, is_durable.then_some(how.text()));
        match self.within(&never, async { Ok(appended.await) }).await? {
            Ok(()) => {}
            Err(FlushFailure::Unknown(error)) => return Err(self.failed(&error)),
            Err(refused @ FlushFailure::Refused(_)) => {
                self.few = (!refused.is_for_good()).then_some(few);
                self.end("rollback").await?;
                return Ok(SmallBatchOutcome::Refused);
            }
        }
        self.few = Some(few);
        Ok(if is_durable {
            SmallBatchOutcome::Committed(how)
        } else {
            SmallBatchOutcome::Inserted(how)
        })
    }

    /// Commits what was inserted. After an error the outcome is unknown.
    ///
    /// # Errors
    /// Those of the server; `Unavailable` without an answer.
    pub(super) async fn commit_few(&self, how: CommitDurability) -> Result<()> {
        fail::point!("destination.before-few-commit");
        self.end(how.text()).await
    }

    /// Rolls back what was inserted.
    pub(super) async fn roll_back_few(&self) -> Result<()> {
        self.end("rollback").await
    }
}
