//! Connects to all sides and checks them: at the start all together, later each as it comes back.
//! Nothing is written before every check of a lane has passed.

mod lanes;
mod source;

pub(super) use lanes::{LaneKnowledge, LaneOpening};
pub(super) use source::PriorConnection;

use crate::error::{Problems, Result};
use crate::postgres::session::limit::ConnectionLimiter;
use crate::postgres::session::pooler::RouteCache;
use crate::replicate::check::{inspect_all, judge_all};
use crate::replicate::lane::Lane;
use crate::replicate::replication::Replication;
use crate::replicate::source_state::SourceConnection;
use crate::source::follow::Follower;
use crate::stop::Stop;
use futures::future::join;

/// What came of opening all sides at the start.
pub struct OpenedSides {
    /// The source, or what is wrong with it.
    pub source: Result<(SourceConnection, Follower), Problems>,
    /// The lanes in their order, or what is wrong with each; nothing, where that cannot be told
    /// without the source.
    pub lanes: Vec<Result<Lane, Problems>>,
    /// What is wrong with several sides together.
    pub duplicates: Problems,
}

/// Opens the source and all lanes, beside others of the process that hold places by these keys;
/// none of them must have been opened before: whoever is refused, nobody has written yet.
pub(super) async fn everything(
    run: &Replication,
    connection_id: u64,
    before: PriorConnection,
    lanes: Vec<LaneOpening>,
    others: &[(String, String)],
    limiter: &ConnectionLimiter,
    stop: &Stop,
) -> OpenedSides {
    let routes = RouteCache::unknown();
    let limits = lanes::limits(run, routes.clone());
    let (source, seen) = join(
        source::source(run, connection_id, before, &routes),
        inspect_all(&run.config, &limits, limiter),
    )
    .await;
    let (lanes, duplicates) = match &source {
        Ok((source, _)) => {
            let mut lanes: Vec<_> = lanes.into_iter().zip(seen).collect();
            // A count taken from now on is final up to there.
            lanes.iter_mut().for_each(|(opening, _)| opening.known.decided = source.decided);
            lanes::opened(run, source, lanes, others, stop).await
        }
        Err(_) => {
            let lanes = judge_all(None, seen).into_iter();
            (lanes.map(|place| place.and(Err(Problems::new()))).collect(), Problems::new())
        }
    };
    OpenedSides { source, lanes, duplicates }
}

/// Opens the source anew.
///
/// # Errors
/// As for all sides together; the worst of several, with the others beneath it.
pub(super) async fn source(
    run: &Replication,
    connection_id: u64,
    before: PriorConnection,
) -> Result<(SourceConnection, Follower)> {
    source::source(run, connection_id, before, &RouteCache::known())
        .await
        .map_err(Problems::into_worst)
}

/// Opens one lane, beside others that hold places by these keys.
///
/// # Errors
/// `Fed` when another replicator holds it, `Usage` when another lane of this one does; those of the
/// connection and of the checks, the worst of several with the others beneath it; `Unavailable`
/// when anything but the comparison, which may take long, is not answered within `connect_timeout`.
pub(super) async fn lane(
    run: &Replication,
    source: &SourceConnection,
    opening: LaneOpening,
    others: &[(String, String)],
    stop: &Stop,
) -> Result<Lane> {
    lanes::one(run, source, opening, others, stop).await.map_err(Problems::into_worst)
}
