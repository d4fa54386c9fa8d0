//! Connects to the source and checks it, and makes ready what looks for the mark, listens and
//! reads.

use crate::error::{Error, ErrorKind, Problems, Result};
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::patience::Patience;
use crate::postgres::session::pool::SessionPool;
use crate::postgres::session::pooler::RouteCache;
use crate::postgres::session::{Session, SessionPurpose};
use crate::replicate::check::shape::{self, SourceShape, source_shape};
use crate::replicate::check::{SETTLE_MAX, open_source};
use crate::replicate::replication::Replication;
use crate::replicate::source_state::SourceConnection;
use crate::source::durability::DurabilityGate;
use crate::source::follow::{FollowSettings, Follower};
use crate::source::gauge::SourceGauge;
use crate::source::ids::Discipline;
use crate::source::ids::rule::MarkRule;
use crate::source::mark::MarkProbe;
use crate::source::read::sessions::ReadSessions;
use crate::source::wakeup::DOORBELL_CHANNEL;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// What a new connection to the source takes over from those before.
pub(crate) struct PriorConnection {
    /// All sequences that fed the table, by oid.
    pub sequences: Vec<u32>,
    /// Up to which id everything is to be decided.
    pub wanted: watch::Receiver<Option<i64>>,
    /// What is counted of the source.
    pub gauge: Arc<SourceGauge>,
}

/// Connects to the source and checks it: over one session that looks for the mark, one that
/// listens, and others as they are needed.
///
/// # Errors
/// Those of the connection and of the checks of the source, all of them together; `Unavailable`
/// when it does not answer them within `connect_timeout`.
pub(super) async fn source(
    run: &Replication,
    connection_id: u64,
    before: PriorConnection,
    routes: &RouteCache,
) -> Result<(SourceConnection, Follower), Problems> {
    let (config, limits) = (&run.config.source, &run.config.limits);
    let session = Arc::new(open_source(config, routes, "mark", limits.connect_timeout).await?);
    let patience =
        Patience { limit: limits.connect_timeout, who: "the source", place: session.place() };
    let cancels = || vec![session.canceller()];
    let checking = async { Ok(checked(run, Arc::clone(&session), &before.sequences).await) };
    let (shape, gate, probe) = patience.with(cancels(), checking).await??;
    let gate = gate.counted_by(Arc::clone(&before.gauge));
    let following = FollowSettings {
        conninfo: config.conninfo.clone(),
        channels: vec![DOORBELL_CHANNEL.to_owned(), config.channel.clone()],
        wakeup: shape.wakeup.clone(),
        table_oid: shape.table.oid,
        poll_interval: config.poll_interval,
        connect_timeout: limits.connect_timeout,
        wanted: before.wanted,
        gauge: before.gauge,
    };
    let mut follower = patience
        .with(cancels(), Follower::new(probe, following, gate.clone(), run.log.clone()))
        .await?;
    follower.listen().await?;
    let (highest, decided) = patience.with(cancels(), follower.first_look(SETTLE_MAX)).await?;
    let server = session.server().identity.clone();
    let readers = |permits| {
        ReadSessions::new(config.conninfo.clone(), server.clone(), limits.connect_timeout, permits)
    };
    // One for each destination, so that one that does not answer in the middle of a check keeps no
    // other from being checked.
    let check = SessionPurpose { what: "check", side: ErrorSide::Source };
    let lanes = u32::try_from(run.config.destinations.len()).unwrap_or(u32::MAX);
    let source = SourceConnection {
        connection_id,
        rule: shape.mark_rule(&config.known_gaps),
        highest,
        decided,
        near_ids: i64::try_from(limits.max_events_per_write).unwrap_or(i64::MAX),
        gate,
        leading: readers(Arc::new(Semaphore::new(1))),
        behind: readers(run.shared.readers(&config.conninfo, limits.readers_max)),
        server,
        // A destination that freezes while it is compared keeps one, and the others must find one
        // all the same.
        checks: SessionPool::new(
            &config.conninfo,
            check,
            lanes.saturating_add(1),
            limits.connect_timeout,
            &run.log,
        ),
        shape,
    };
    Ok((source, follower))
}

async fn checked(
    run: &Replication,
    session: Arc<Session>,
    sequences_before: &[u32],
) -> Result<(SourceShape, DurabilityGate, MarkProbe), Problems> {
    let config = &run.config.source;
    let shape = source_shape(&session, &run.config).await?;
    let is_durability_awaited = config.durability_gate && !shape.server.is_standby;
    let gate = DurabilityGate::new(
        Arc::clone(&session),
        &shape.table,
        sequences(&shape.ids.discipline),
        is_durability_awaited,
    )
    .await?;
    // From here on the gate notices every change; what changed before it was there is seen now.
    let again = shape::look(&session, config).await?;
    if !shape.is_still(&again) {
        let changed = Error::new(
            ErrorKind::Unavailable,
            "the source's table was changed while it was checked",
        );
        return Err(changed.at(session.place()).into());
    }
    run.told.of_source(&shape.warnings, &run.log);
    let mut rule = shape.mark_rule(&config.known_gaps);
    if let MarkRule::Horizon { relations, .. } = &mut rule {
        let former = sequences_before
            .iter()
            .filter(|oid| !relations.contains(oid))
            .copied()
            .collect::<Vec<u32>>();
        relations.extend(former);
    }
    let probe = MarkProbe::new(session, &config.table, &config.id_column, rule).await?;
    Ok((shape, gate, probe))
}

/// The sequences that feed a table, by oid.
fn sequences(discipline: &Discipline) -> Vec<u32> {
    match discipline {
        Discipline::Sequence { sequence, .. } => vec![*sequence],
        Discipline::Consecutive | Discipline::Copy | Discipline::Grace(_) => Vec::new(),
    }
}
