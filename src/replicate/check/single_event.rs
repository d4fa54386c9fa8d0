//! How one event of a destination compares with the source's of that id.

use super::disagreement::EventComparison;
use super::lane_stores::LaneStores;
use crate::error::Result;
use crate::event::store::EventDigest;
use crate::event::wire::Wire;
use crate::sql;
use futures::future::try_join;

pub(super) async fn compare_event(lane: &LaneStores<'_>, id: i64) -> Result<EventComparison> {
    let (source, destination) =
        try_join(lane.source.event_digest(id), lane.destination.event_digest(id)).await?;
    Ok(match (source, destination) {
        (None, _) => EventComparison::AbsentAtSource,
        (source, destination) if source == destination => EventComparison::Equal,
        (Some(source), destination) => EventComparison::Unlike {
            columns: unlike_columns(lane.source.wire(), &source, &destination.unwrap_or_default()),
        },
    })
}

fn unlike_columns(wire: &Wire, source: &EventDigest, destination: &EventDigest) -> Vec<String> {
    let columns = wire.columns.iter().enumerate();
    let unlike = columns.filter(|(index, _)| source.get(*index) != destination.get(*index));
    unlike.map(|(_, column)| sql::ident(&column.name)).collect()
}
