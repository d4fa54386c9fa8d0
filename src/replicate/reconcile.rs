//! The late-arrival audit: an event that appears at an id that was proven dead would be lost
//! silently; this makes it loud.
//!
//! It compares counts of id ranges on both sides: all that was appended since the last audit, what
//! lies shortly before, and in rotation a part of everything older. It finds what no proof can
//! exclude: ids drawn in an earlier transaction, or set by hand.

use crate::commands;
use crate::config::SourceRetention;
use crate::destination::connector::{Connector, ObservedPlace, OpenLimits};
use crate::destination::registry::connector;
use crate::error::{Error, ErrorKind, Result};
use crate::event::range::IdRange;
use crate::event::store::{EventStore, WholeCount};
use crate::event::wire::Wire;
use crate::fail;
use crate::postgres::session::error::no_answer;
use crate::postgres::session::pool::PooledSession;
use crate::postgres::session::pooler::RouteCache;
use crate::postgres::session::watchdog::{LockPatience, attended};
use crate::replicate::check::agreement;
use crate::replicate::check::tail::comparable;
use crate::replicate::check::{damage, source_store};
use crate::replicate::counted::CountedStores;
use crate::replicate::replication::Replication;
use crate::replicate::source_state::SourceConnection;
use futures::future::join_all;
use std::time::Duration;

/// A server that takes longer is not waited for: the next audit tries again.
const RECONCILE_MAX: Duration = Duration::from_secs(60);
/// So many ids before the last audit are looked at again.
const AGAIN_IDS: i64 = 65_536;
/// So many older ids are looked at in rotation.
const ROTATION_IDS: i64 = 1_000_000;

/// Up to where was audited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReconciledRange {
    /// Everything that was appended up to this id was counted at least once.
    pub through: Option<i64>,
    /// The rotation goes on after this id.
    pub rotated: Option<i64>,
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum ReconcileScope {
    /// What was appended since, and in rotation a part of what is older; given up when a server
    /// takes long.
    Since(ReconciledRange),
    /// All of it, as long as that takes while both servers answer.
    Everything,
}

/// What an audit found where nothing is wrong for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReconcileOutcome {
    /// Both sides hold as many events.
    Agreed(ReconciledRange),
    /// The destination's last events are gone, after a crash say: its highest id lies below its
    /// position, and nothing was counted.
    WentBackwards(Option<i64>),
}

/// What a destination is known to hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeldRange {
    /// Its highest id.
    pub position: Option<i64>,
    /// Up to here it is counted once more later: what it lacks there is told then.
    pub unconfirmed: Option<i64>,
}

/// Compares counts.
///
/// # Errors
/// `Order` with the first id that is missing at the destination, or `Contents` when it has more;
/// those of the servers, `Unavailable` when one takes too long included.
pub(super) async fn reconcile_lane(
    run: &Replication,
    source: &SourceConnection,
    index: usize,
    wire: &Wire,
    scope: ReconcileScope,
    held: HeldRange,
) -> Result<ReconcileOutcome> {
    let (to, limits) = (
        &run.config.destinations[index],
        OpenLimits::of(&run.config, "audit", RouteCache::known()),
    );
    let connector = connector(to);
    let both = both(source, &*connector, &to.name, wire, &limits).await?;
    let ours = source_store((&both.lent, &source.shape), wire);
    let compared = both.counted(&ours, source);
    let before = match scope {
        ReconcileScope::Since(before) => before,
        ReconcileScope::Everything => {
            return both
                .while_attended(run, compare_counts(compared, ReconciledRange::default(), held))
                .await;
        }
    };
    let counted = tokio::time::timeout(RECONCILE_MAX, compare_counts(compared, before, held)).await;
    counted.unwrap_or_else(|_| Err(no_answer(RECONCILE_MAX, "cannot check for late arrivals")))
}

async fn compare_counts(
    of: CountedStores<'_>,
    before: ReconciledRange,
    held: HeldRange,
) -> Result<ReconcileOutcome> {
    let Some(position) = held.position else {
        return Ok(ReconcileOutcome::Agreed(before));
    };
    if let Some(counted) = of.destination.whole_count().await? {
        return compare_whole(&of, before, position, counted).await;
    }
    let ends = of.destination.ends().await?;
    if ends.highest < Some(position) {
        return Ok(ReconcileOutcome::WentBackwards(ends.highest));
    }
    let (recent, old) = ranges(before, ends.lowest.unwrap_or(position), position);
    for range in std::iter::once(recent).chain(old) {
        let mut range = range;
        let (mut here, mut there) = of.counts(range).await?;
        if here > there && range.after < held.unconfirmed {
            range.after = held.unconfirmed;
            (here, there) = if range.is_empty() { (0, 0) } else { of.counts(range).await? };
        }
        if here != there {
            return Err(of.explain(range, (here, there)).await?);
        }
    }
    fail::point!("audit.counted");
    let rotated = old
        .map(|old| old.through)
        .filter(|through| recent.after.is_some_and(|after| *through < after));
    Ok(ReconcileOutcome::Agreed(ReconciledRange { through: Some(position), rotated }))
}

/// Compares all that a destination stands for.
async fn compare_whole(
    of: &CountedStores<'_>,
    before: ReconciledRange,
    position: i64,
    WholeCount { through: highest, events: there }: WholeCount,
) -> Result<ReconcileOutcome> {
    let Some(through) = highest.filter(|highest| *highest >= position) else {
        return Ok(ReconcileOutcome::WentBackwards(highest));
    };
    // Of a source that loses its oldest events the rest says nothing of the whole.
    let here = match of.keeps {
        SourceRetention::All => of.source.count(IdRange::up_to(through)).await?,
        SourceRetention::Tail => there,
    };
    if here != there {
        return Err(unlike_whole(of, through, (here, there)));
    }
    Ok(ReconcileOutcome::Agreed(ReconciledRange { through: Some(through), ..before }))
}

/// An event that appeared at an id that was proven dead, or one that is gone.
fn unlike_whole(of: &CountedStores<'_>, through: i64, (here, there): (u64, u64)) -> Error {
    let what = format!(
        "destination {:?} was computed from {there} events up to id {through}, and the source has \
         {here}",
        of.name
    );
    Error::new(ErrorKind::Order, what)
        .at(of.source.place())
        .because("an event was inserted at an id that was given out long before, or was taken away")
        .fix("find out who wrote to the log; then have every row loaded again: counterfoil reflect load")
}

/// Counts a destination once more up to an id, when every transaction has ended that could insert
/// at or below it while it was compared before. What it held then may have been brought by others
/// (a dump, a base backup, a promoted copy), or may be of a source before a failover: its gaps were
/// not proven.
///
/// # Errors
/// `Contents` when the source holds another number of events up to there, with the case;
/// `Unavailable` when the destination is behind that id; those of the servers.
pub(super) async fn confirm(
    run: &Replication,
    source: &SourceConnection,
    index: usize,
    wire: &Wire,
    through: i64,
) -> Result<()> {
    let (to, limits) = (
        &run.config.destinations[index],
        OpenLimits::of(&run.config, "audit", RouteCache::known()),
    );
    let (connector, name) = (connector(to), &to.name);
    let both = both(source, &*connector, name, wire, &limits).await?;
    let store = source_store((&both.lent, &source.shape), wire);
    let of = both.counted(&store, source);
    if let Some(counted) = of.destination.whole_count().await? {
        let comparing = compare_whole(&of, ReconciledRange::default(), through, counted);
        return match both.while_attended(run, comparing).await? {
            ReconcileOutcome::Agreed(_) => Ok(()),
            ReconcileOutcome::WentBackwards(_) => Err(decreased(&of)),
        };
    }
    let range = IdRange { after: None, through };
    let (here, there) = both.while_attended(run, of.counts(range)).await?;
    if here == there {
        return Ok(());
    }
    if of.destination.ends().await?.highest < Some(through) {
        return Err(decreased(&of));
    }
    if here < there {
        return of.explain(range, (here, there)).await.and_then(Err);
    }
    let destination = comparable(&store, of.destination, of.keeps).await?;
    if let Some(damage) = damage::find(&store, &destination, through).await? {
        return Err(damage.error(name));
    }
    let agreed = agreement::highest(&store, &destination, i64::MIN, through).await?;
    Err(Error::new(
        ErrorKind::Contents,
        format!(
            "destination \"{name}\" lacks {} that appeared since it was compared: a transaction \
             was open then",
            events(here - there)
        ),
    )
    .at(format!(
        "destination \"{name}\", {range}: {here} events at the source, {there} at the destination; \
         {agreed}"
    ))
    .because(
        "what it held at the start was brought by a dump, a base backup or a promoted copy, or the \
         source has failed over since; if not, the id was set by hand, or the event was removed at \
         the destination",
    )
    .fix(format!(
        "{} brings what is missing, if nothing else differs; then start again",
        commands::repair(name, "--insert-missing")
    )))
}

fn decreased(of: &CountedStores<'_>) -> Error {
    let what = "the destination's highest id decreased while it was counted";
    Error::new(ErrorKind::Unavailable, what).at(of.destination.place())
}

fn events(count: u64) -> String {
    match count {
        1 => "1 event".to_owned(),
        many => format!("{many} events"),
    }
}

/// Both sides of a lane, each asked over a session of its own.
struct StorePair<'a> {
    lent: PooledSession<'a>,
    destination: Box<dyn ObservedPlace + 'a>,
    name: &'a str,
}

/// Opens both sides.
async fn both<'a>(
    source: &'a SourceConnection,
    connector: &'a dyn Connector,
    name: &'a str,
    wire: &'a Wire,
    limits: &'a OpenLimits<'a>,
) -> Result<StorePair<'a>> {
    let destination = connector.observe(wire, limits).await?;
    let lent = source.check_session().await?;
    Ok(StorePair { lent, destination, name })
}

impl StorePair<'_> {
    /// What is counted of them.
    fn counted<'b>(
        &'b self,
        ours: &'b dyn EventStore,
        source: &SourceConnection,
    ) -> CountedStores<'b> {
        CountedStores {
            source: ours,
            destination: self.destination.store(),
            name: self.name,
            keeps: source.shape.keeps,
        }
    }

    /// Counts as long as both servers are alive; what one still counts is of no use when the other
    /// has failed.
    async fn while_attended<T>(
        &self,
        run: &Replication,
        counting: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let ours = (&*self.lent, &run.config.source.conninfo);
        let sessions: Vec<_> = std::iter::once(ours).chain(self.destination.sessions()).collect();
        let counted = attended(
            (&sessions, LockPatience::Endless),
            run.config.limits.connect_timeout,
            &run.log,
            counting,
        )
        .await;
        if counted.is_err() {
            join_all(sessions.iter().map(|(session, _)| session.cancel())).await;
        }
        counted
    }
}

/// What is counted: the recent range, and an older one where there is any. The rotation begins at
/// the lowest id, wherever that lies.
fn ranges(before: ReconciledRange, lowest: i64, position: i64) -> (IdRange, Option<IdRange>) {
    // A destination that went backwards has nothing beyond its position to be audited.
    let known = before.through.map(|through| through.min(position));
    let after = known.map(|through| through.saturating_sub(AGAIN_IDS));
    let recent = IdRange { after, through: position };
    let old = after.map(|end| {
        let from = before.rotated.unwrap_or_else(|| lowest.saturating_sub(1));
        IdRange { after: before.rotated, through: from.saturating_add(ROTATION_IDS).min(end) }
    });
    (recent, old.filter(|old| !old.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_appended_since_the_last_audit_is_counted_and_the_rest_in_rotation() {
        let before = ReconciledRange { through: Some(5_000_000), rotated: None };
        let (recent, old) = ranges(before, 1, 5_100_000);
        assert_eq!(recent, IdRange { after: Some(5_000_000 - AGAIN_IDS), through: 5_100_000 });
        assert_eq!(old, Some(IdRange { after: None, through: ROTATION_IDS }));
        let (_, next) =
            ranges(ReconciledRange { rotated: Some(ROTATION_IDS), ..before }, 1, 5_100_000);
        assert_eq!(next, Some(IdRange { after: Some(ROTATION_IDS), through: 2 * ROTATION_IDS }));
        assert_eq!(
            ranges(ReconciledRange::default(), 1, 7),
            (IdRange { after: None, through: 7 }, None)
        );
    }

    #[test]
    fn the_rotation_begins_at_the_lowest_id_and_a_short_one_is_counted_whole_each_time() {
        let high = 5_000_000_000;
        let before = ReconciledRange { through: Some(high + 3_000_000), rotated: None };
        let (_, old) = ranges(before, high, high + 3_000_000);
        assert_eq!(old.map(|old| old.through), Some(high - 1 + ROTATION_IDS));
        let before = ReconciledRange { through: Some(100_000), rotated: None };
        let (recent, old) = ranges(before, 1, 100_000);
        assert_eq!(old.map(|old| Some(old.through)), Some(recent.after));
    }

    #[test]
    fn of_a_destination_that_went_backwards_nothing_beyond_its_position_is_counted() {
        for position in [-5, 1, 100, 100_000, 2_000_000] {
            for rotated in [None, Some(1_000_000), Some(4_900_000)] {
                let before = ReconciledRange { through: Some(5_000_000), rotated };
                let (recent, old) = ranges(before, -5, position);
                assert_eq!(recent.through, position);
                assert!(
                    old.is_none_or(|old| old.through <= position),
                    "{position} {rotated:?}: {old:?}"
                );
            }
        }
    }
}
