//! An index of the id that lacks rows: whoever reads or counts by it sees fewer than there are, and calls them missing.

use crate::error::{Error, Kind, Result};
use crate::event::table::TableName;
use crate::replicate::check::holding::Holding;
use futures::future::try_join;

/// An index that does not know every row of its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    side: &'static str,
    table: TableName,
    /// Rows of the table.
    heap: i64,
    /// Rows that its index knows.
    index: i64,
}

/// Counts the rows up to an id with and without the index of each side. Reads both tables whole.
///
/// # Errors
/// What a connection or a server says.
pub async fn find((ours, theirs): (Holding<'_>, Holding<'_>), through: i64) -> Result<Option<Damage>> {
    let (here, there) = try_join(ours.heap_and_index(through), theirs.heap_and_index(through)).await?;
    let damage = |side, holding: Holding<'_>, (heap, index): (i64, i64)| {
        (heap != index).then(|| Damage {
            side,
            table: holding.table.clone(),
            heap,
            index,
        })
    };
    Ok(damage("source", ours, here).or_else(|| damage("destination", theirs, there)))
}

impl Damage {
    /// In the words of a problem of this destination.
    pub fn error(&self, destination: &str) -> Error {
        let Self { side, table, heap, index } = self;
        Error::new(
            Kind::Contents,
            format!("destination \"{destination}\" cannot be compared: the index of the id at the {side} is damaged"),
        )
        .because(format!(
            "it has {index} of the table's {heap} rows, and whoever reads by it misses the rest"
        ))
        .fix(format!(
            "REINDEX TABLE CONCURRENTLY {table}; at the {side}, then start again; until then no event can be called missing"
        ))
    }
}
