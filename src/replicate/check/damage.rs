//! Whether the index of the id lacks rows at a side, where counts do not agree.

use crate::error::{Error, ErrorKind, Result};
use crate::event::range::IdRange;
use crate::event::store::{EventStore, IndexCounts};
use futures::future::try_join;

/// An index that does not know every row of its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexDamage {
    side: &'static str,
    counts: IndexCounts,
}

/// Counts the rows up to an id with and without the index of each side. Reads both tables whole.
///
/// # Errors
/// What a connection or a server says.
pub(crate) async fn find(
    source: &dyn EventStore,
    destination: &dyn EventStore,
    through: i64,
) -> Result<Option<IndexDamage>> {
    let range = IdRange::up_to(through);
    let (here, there) =
        try_join(source.index_counts(range), destination.index_counts(range)).await?;
    let damage =
        |side, counts: IndexCounts| counts.is_damaged().then_some(IndexDamage { side, counts });
    Ok(damage("source", here).or_else(|| damage("destination", there)))
}

impl IndexDamage {
    /// In the words of a problem of this destination.
    pub fn error(&self, destination: &str) -> Error {
        let Self { side, counts } = self;
        let what = format!(
            "destination \"{destination}\" cannot be compared: the index of the id at the {side} \
             is damaged"
        );
        let error = Error::new(ErrorKind::Contents, what);
        counts.explain(
            error,
            &format!("at the {side}"),
            "until then no event can be called missing",
        )
    }
}
