//! Between which ids two sides are judged.

use crate::config::SourceRetention;
use crate::error::Result;
use crate::event::range::IdRange;
use crate::event::store::EventStore;

/// The lowest id of a source that may lose its oldest events: what a copy has below is no
/// difference.
pub(super) async fn floor(source: &dyn EventStore, keeps: SourceRetention) -> Result<Option<i64>> {
    match keeps {
        SourceRetention::All => Ok(None),
        SourceRetention::Tail => Ok(source.ends().await?.lowest),
    }
}

/// Up to an id, from the floor on where there is one.
pub(super) fn range_from(floor: Option<i64>, through: i64) -> IdRange {
    IdRange { after: floor.and_then(|floor| floor.checked_sub(1)), through }
}
