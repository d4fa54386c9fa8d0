//! A seat among the writers of one destination.

use super::transaction::{OpenTransaction, TransactionWriter};
use crate::destination::feed::WorkGuard;
use crate::event::chunk::FeedItem;
use crate::stop::Stopper;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A seat: its writer, and what it has in hand.
pub(super) struct WriterSeat {
    /// Nothing else owns it between two steps: without it, the session is closed and its
    /// transaction rolled back.
    pub writer: Option<Arc<TransactionWriter>>,
    pub pid: i32,
    pub items: Option<mpsc::UnboundedSender<(FeedItem, WorkGuard)>>,
    pub cut: Option<Stopper>,
    pub arrived: Option<(OpenTransaction, WorkGuard)>,
}

/// What a transaction has come to.
pub(super) enum TransactionStep {
    /// All rows arrived; the end of the batch is not done before its commit.
    Copied(OpenTransaction, WorkGuard),
    Committed,
    RolledBack,
}

impl WriterSeat {
    pub(super) fn new((writer, pid): (Arc<TransactionWriter>, i32)) -> Self {
        Self { writer: Some(writer), pid, items: None, cut: None, arrived: None }
    }

    /// Rolls back whatever it has in hand, by closing its session.
    pub(super) fn close(&mut self) {
        if let Some(cut) = self.cut.take() {
            cut.request();
        }
        (self.writer, self.items, self.arrived) = (None, None, None);
    }
}
