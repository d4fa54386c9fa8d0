//! Rows that are collected for one transaction: bounded in number and bytes.

use crate::event::frame::FramedRow;

/// What a transaction may hold.
#[derive(Clone, Copy, Debug)]
pub struct TransactionLimits {
    /// Events (`max_events_per_write`).
    pub events_max: u64,
    /// Bytes (`max_bytes_per_write`); one row may be larger.
    pub bytes_max: u64,
}

/// Rows in id order.
#[derive(Debug)]
pub struct RowBatch {
    limits: TransactionLimits,
    /// The rows that go in.
    pub rows: Vec<FramedRow>,
    bytes: u64,
}

impl RowBatch {
    /// Holds nothing yet.
    pub fn new(limits: TransactionLimits) -> Self {
        Self { limits, rows: Vec::new(), bytes: 0 }
    }

    /// Whether so many more bytes must wait for the next transaction.
    pub(crate) fn is_full_for(&self, bytes: usize) -> bool {
        let is_full = self.rows.len() as u64 >= self.limits.events_max
            || self.bytes + bytes as u64 > self.limits.bytes_max;
        !self.rows.is_empty() && is_full
    }

    /// Adds a row, which counts as so many bytes.
    pub fn push(&mut self, row: FramedRow, bytes: usize) {
        self.rows.push(own(row));
        self.bytes += bytes as u64;
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.bytes = 0;
    }
}

/// A row that keeps no more in memory than itself: as it came, it holds on to the whole message it
/// came in.
pub(crate) fn own(mut row: FramedRow) -> FramedRow {
    row.bytes = bytes::Bytes::copy_from_slice(&row.bytes);
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::frame::{CopyFormat, RowFramer, RowLayout};

    fn row() -> FramedRow {
        let layout = RowLayout { format: CopyFormat::Text, fields: 1, id: 0, group: None };
        let mut rows = RowFramer::new(layout);
        rows.push(bytes::Bytes::from_static(b"7\n"));
        rows.next().expect("a row").expect("a whole row")
    }

    fn held(limits: TransactionLimits, bytes: usize) -> usize {
        let mut batch = RowBatch::new(limits);
        while batch.rows.len() < 100 && !batch.is_full_for(bytes) {
            batch.push(row(), bytes);
        }
        batch.rows.len()
    }

    #[test]
    fn a_batch_is_bounded_in_events_and_bytes_and_takes_at_least_one_row() {
        let limits = |events_max, bytes_max| TransactionLimits { events_max, bytes_max };
        assert_eq!(held(limits(3, 1000), 10), 3);
        assert_eq!(held(limits(30, 45), 10), 4);
        assert_eq!(held(limits(30, 5), 10), 1);
    }
}
