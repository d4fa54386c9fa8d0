//! What a store of events answers.

use crate::error::{Error, Result};
use crate::event::frame::FramedRow;
use crate::event::range::shown;
use futures::stream::BoxStream;
use sha2::{Digest, Sha256};
use std::fmt;

/// The rows of a range in id order, each as the bytes it travels in.
pub type RowStream<'a> = BoxStream<'a, Result<FramedRow>>;

/// One event by the digests of its columns, in their order; `None` is NULL.
pub type EventDigest = Vec<Option<String>>;

/// The lowest and the highest id; both `None` while there is no event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdEnds {
    /// Lowest id.
    pub lowest: Option<i64>,
    /// Highest id: at a destination its position.
    pub highest: Option<i64>,
}

/// How far a store goes that counts only all that it stands for, and how many events that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WholeCount {
    /// The highest id; `None`: nothing.
    pub through: Option<i64>,
    /// Events up to it.
    pub events: u64,
}

/// What the digests of a store are made of: those of two stores can be compared where that is equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestOrigin {
    /// The rows that it gives.
    Rows,
    /// The texts of the columns, by the server that holds them.
    Server,
}

/// What a range holds: equal on both sides if the events are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeDigest {
    /// Events.
    pub events: u64,
    /// The sum of their digests; `None` of no event.
    pub sum: Option<String>,
}

/// What a chunk holds: equal on both sides exactly if the rows are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkDigest {
    /// Rows.
    pub rows: u64,
    /// SHA-256 over all of them, in hexadecimal digits; `None` of no row.
    pub sha256: Option<String>,
}

/// What a chunk's digest goes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestInput {
    /// The rows: quickest where they are small.
    Rows,
    /// The digest of each row, so that a chunk needs no more memory than its largest row.
    RowDigests,
}

/// How many rows a store holds, and how many its index of the id knows: a read by an index that
/// lacks rows calls them missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexCounts {
    /// Rows.
    pub rows: u64,
    /// Those that the index knows.
    pub indexed: u64,
    /// The statement that builds the index again.
    pub cure: String,
}

impl IndexCounts {
    /// Whether the index lacks rows, or has too many.
    pub fn is_damaged(&self) -> bool {
        self.rows != self.indexed
    }

    /// An error with both numbers and the cure; `at`: on which side that is run; `ending`: what is
    /// true until then.
    pub fn explain(&self, error: Error, at: &str, ending: &str) -> Error {
        let Self { rows, indexed, cure } = self;
        error
            .because(format!(
                "it has {indexed} of the table's {rows} rows, and a read by this index misses the \
                 rest"
            ))
            .fix(format!("{cure} {at}, then start again; {ending}"))
    }
}

/// Rows that were found without an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapCounts {
    /// Rows of the range.
    pub within: u64,
    /// Rows beyond it: found without an index, and by it.
    pub beyond: (u64, u64),
}

/// How many rows there are, the id of the last one, and a SHA-256 over all of them in id order.
///
/// A row goes in as COPY writes it, without the header and the trailer of the stream: in binary
/// form a count of fields (two bytes), then for each field its length (four bytes, -1 for NULL) and
/// its bytes, all big-endian; in text form a line. Both forms say where a row ends, so that
/// different rows never give the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDigest {
    /// Rows.
    pub events: u64,
    /// The highest id; `None` while there is no row.
    pub last_id: Option<i64>,
    /// The digest.
    pub sha256: [u8; 32],
}

impl TableDigest {
    /// Of one row.
    pub fn of(row: &FramedRow) -> Self {
        Self { events: 1, last_id: Some(row.id), sha256: Sha256::digest(&row.bytes).into() }
    }

    /// The digest in lower-case hexadecimal digits.
    pub fn sha256_hex(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// How what a destination holds differs from what this source holds, both asked for the same
    /// columns in the same form; `None` where it does not.
    pub fn difference(&self, destination: &Self) -> Option<String> {
        if self == destination {
            return None;
        }
        Some(if self.events != destination.events {
            format!("{} events where the source has {}", destination.events, self.events)
        } else if self.last_id != destination.last_id {
            let (source, destination) = (shown(self.last_id), shown(destination.last_id));
            format!("as many events, the last id is {destination} where the source has {source}")
        } else {
            "as many events and the same last id, but not the same bytes".to_owned()
        })
    }
}

impl fmt::Display for TableDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} events, last id {}, sha256 {}",
            self.events,
            shown(self.last_id),
            self.sha256_hex()
        )
    }
}
