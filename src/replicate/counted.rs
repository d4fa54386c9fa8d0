//! How many events of a range both sides of a lane hold, and what it means where they differ.

use crate::commands;
use crate::config::SourceRetention;
use crate::error::{Error, ErrorKind, Result};
use crate::event::floored::FlooredStore;
use crate::event::range::{IdRange, shown};
use crate::event::store::EventStore;
use crate::replicate::check::tail::comparable;
use crate::replicate::check::{agreement, damage};
use futures::future::try_join;

/// Both sides of a lane, as they are counted.
#[derive(Clone, Copy)]
pub(super) struct CountedStores<'a> {
    /// What the source holds of the columns that are copied.
    pub source: &'a dyn EventStore,
    /// What the destination holds of them.
    pub destination: &'a dyn EventStore,
    /// The destination's name.
    pub name: &'a str,
    /// Which of its events the source keeps.
    pub keeps: SourceRetention,
}

impl CountedStores<'_> {
    /// How many events of a range each side holds; of a source that may lose its oldest events,
    /// what lies below its lowest id is counted on neither.
    pub(super) async fn counts(&self, range: IdRange) -> Result<(u64, u64)> {
        let Self { source, destination, .. } = *self;
        if self.keeps == SourceRetention::All {
            return try_join(source.count(range), destination.count(range)).await;
        }
        match source.lowest_and_count(range).await? {
            (None, _) => Ok((0, 0)),
            (floor, here) => Ok((here, FlooredStore::new(destination, floor).count(range).await?)),
        }
    }

    /// Says which side lacks an event, and next after which id.
    pub(super) async fn explain(&self, range: IdRange, (here, there): (u64, u64)) -> Result<Error> {
        let name = self.name;
        let (ours, theirs) =
            (self.source, &comparable(self.source, self.destination, self.keeps).await?);
        if let Some(damage) = damage::find(ours, theirs, range.through).await? {
            return Ok(damage.error(name));
        }
        let lowest = range.after.map_or(i64::MIN, |after| after.saturating_add(1));
        let agreed = agreement::highest(ours, theirs, lowest, range.through).await?;
        let place = format!(
            "destination \"{name}\", {range}: {here} events at the source, {there} at the destination; \
         {agreed}"
        );
        Ok(if here > there {
            Error::new(
                ErrorKind::Order,
                format!(
                    "an event is missing at the destination, next after id {}",
                    shown(agreed.through)
                ),
            )
            .at(place)
            .because(
                "it appeared at an id that had been proven dead, or was removed at the destination",
            )
            .because(
                "an id appears late when it was drawn in an earlier transaction, set by hand, or \
             brought by a repair of a source that is a copy",
            )
            .fix(format!(
                "find out which it was ({} shows the event); {} brings it; then start again",
                commands::events_diff(name),
                commands::repair(name, "--insert-missing")
            ))
        } else {
            Error::new(
            ErrorKind::Contents,
            format!(
                "the destination holds an event that the source does not, next after id {}",
                shown(agreed.through)
            ),
        )
        .at(place)
        .fix(format!(
            "find out who removed it at the source or added it at the destination: {} shows which; \
             nothing more is written",
            commands::events_diff(name)
        ))
        })
    }
}
