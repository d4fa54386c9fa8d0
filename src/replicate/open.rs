//! Connects and checks: the source, and one lane against it. Nothing is written before every check of a lane has passed.

use crate::destination::connector::{OpenLimits, OpenPlace};
use crate::destination::feed::Gauge;
use crate::destination::registry::connector;
use crate::error::{Error, Kind, Problems, Result};
use crate::fail;
use crate::log::key;
use crate::postgres::session::error::Side;
use crate::postgres::session::patience::Patience;
use crate::postgres::session::pool::Pool;
use crate::postgres::session::watchdog::attended;
use crate::postgres::session::{Purpose, Session};
use crate::replicate::Replication;
use crate::replicate::check::notify::Wakeup;
use crate::replicate::check::shape::{SourceShape, source_shape};
use crate::replicate::check::{contents, latecomer, source_store};
use crate::replicate::lane::{Compared, Lane};
use crate::replicate::source_state::Source;
use crate::source::durability::Gate;
use crate::source::follow::{Bell, Follower, Following};
use crate::source::ids::Discipline;
use crate::source::ids::drawn;
use crate::source::ids::rule::Rule;
use crate::source::mark::Looker;
use crate::source::read::sessions::Readers;
use futures::future::join_all;
use slog::info;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The doorbell's own channel, listened to besides the configured one.
const DOORBELL_CHANNEL: &str = "counterfoil";
/// Transactions that are open at the first look are waited for so long: most end, and what lanes hold can be confirmed at once.
const SETTLE_MAX: Duration = Duration::from_millis(300);

/// What a new connection to the source takes over from those before.
pub struct Before {
    /// All sequences that fed the table, by oid.
    pub sequences: Vec<u32>,
    /// Up to which id everything is to be decided.
    pub wanted: watch::Receiver<Option<i64>>,
}

/// Connects to the source and checks it: over one session that looks for the mark, one that listens, and others as they are needed.
///
/// # Errors
/// Those of the connection and of the checks of the source; `Unavailable` when it does not answer them within `connect_timeout`.
pub async fn source(run: &Replication, epoch: u64, before: Before) -> Result<(Source, Follower)> {
    let purpose = Purpose {
        what: "mark",
        side: Side::Source,
    };
    let (config, limits) = (&run.config.source, &run.config.limits);
    let session = Arc::new(Session::open(&config.conninfo, purpose, limits.connect_timeout).await?);
    let patience = Patience {
        limit: limits.connect_timeout,
        who: "the source",
        place: session.place(),
    };
    let cancels = || vec![session.canceller()];
    let checking = checked(run, Arc::clone(&session), &before.sequences);
    let (shape, gate, looker) = patience.with(cancels(), checking).await?;
    let following = Following {
        conninfo: config.conninfo.clone(),
        channels: vec![DOORBELL_CHANNEL.to_owned(), config.channel.clone()],
        bell: bell(&shape.wakeup),
        table_oid: shape.table.oid,
        poll_interval: config.poll_interval,
        connect_timeout: limits.connect_timeout,
        wanted: before.wanted,
    };
    let mut follower = patience
        .with(cancels(), Follower::new(looker, following, gate.clone(), run.log.clone()))
        .await?;
    follower.listen().await?;
    let (highest, decided) = patience.with(cancels(), follower.first_look(SETTLE_MAX)).await?;
    let server = session.server().identity.clone();
    let readers = |max| Readers::new(config.conninfo.clone(), server.clone(), limits.connect_timeout, max);
    // One for each destination, so that one that does not answer in the middle of a check keeps no other from being checked.
    let check = Purpose {
        what: "check",
        side: Side::Source,
    };
    let lanes = u32::try_from(run.config.destinations.len()).unwrap_or(u32::MAX);
    let source = Source {
        epoch,
        rule: rule(&shape, &config.known_gaps),
        highest,
        decided,
        near_ids: i64::try_from(limits.max_events_per_write).unwrap_or(i64::MAX),
        gate,
        leading: readers(1),
        behind: readers(limits.readers_max),
        server,
        // A destination that freezes while it is compared keeps one, and the others must find one all the same.
        checks: Pool::new(&config.conninfo, check, lanes.saturating_add(1), limits.connect_timeout, &run.log),
        shape,
    };
    Ok((source, follower))
}

async fn checked(run: &Replication, session: Arc<Session>, sequences_before: &[u32]) -> Result<(SourceShape, Gate, Looker)> {
    let config = &run.config.source;
    let shape = source_shape(&session, config).await.map_err(Problems::into_worst)?;
    let is_durability_awaited = config.durability_gate && !shape.server.is_standby;
    let gate = Gate::new(
        Arc::clone(&session),
        &shape.table,
        sequences(&shape.ids.discipline),
        is_durability_awaited,
    )
    .await?;
    // From here on the gate notices every change; what changed before it was there is seen now.
    let again = source_shape(&session, config).await.map_err(Problems::into_worst)?;
    if !shape.is_still(&again) {
        return Err(Error::new(Kind::Unavailable, "the source's table was changed while it was looked at").at(session.place()));
    }
    run.told.of_source(&shape.warnings, &run.log);
    let mut rule = rule(&shape, &config.known_gaps);
    if let Rule::Horizon { relations, .. } = &mut rule {
        let former = sequences_before
            .iter()
            .filter(|oid| !relations.contains(oid))
            .copied()
            .collect::<Vec<u32>>();
        relations.extend(former);
    }
    let looker = Looker::new(session, &config.table, &config.id_column, rule).await?;
    Ok((shape, gate, looker))
}

/// What is known of a destination before it is opened.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// It was not opened since the process began.
    pub is_first: bool,
    /// First event, last event and count were compared with this past of the source: the last event is enough.
    pub is_compared: bool,
    /// The table that was compared then, by oid; `None`: that was at the start.
    pub table: Option<u32>,
    /// Everything up to this id is decided at the source: a count taken from now on is final up to there.
    pub decided: Option<i64>,
}

impl Known {
    /// What of it holds for a destination's table of this oid.
    fn of(self, table: u32) -> Self {
        let is_compared = self.is_compared && self.table.is_none_or(|compared| compared == table);
        Self { is_compared, ..self }
    }
}

/// Connects to a destination, makes it ours, and compares it with the source.
///
/// # Errors
/// `Fed` when another replicator holds it; those of the connection and of the checks; `Unavailable` when anything but the comparison, which may take
/// long, is not answered within `connect_timeout`.
pub async fn lane(run: &Replication, source: &Source, index: usize, gauge: Arc<Gauge>, known: Known) -> Result<Lane> {
    fail::point!("lane.opening");
    let (config, limits) = (&run.config.destinations[index], &run.config.limits);
    let opening = OpenLimits {
        connect_timeout: limits.connect_timeout,
        append_timeout: limits.append_timeout,
        is_way_known: known.is_compared,
    };
    let place = connector(config).open(source.shape.schema(), opening).await?;
    let known = known.of(place.table());
    run.told.of_destination(&config.name, place.warnings(), &run.log);
    let (position, compared) = compare(source, run, index, &*place, known).await?;
    fail::point!("lane.compared");
    let (table, wire) = (place.table(), place.wire().clone());
    if known.is_first {
        info!(run.log, "the destination was checked"; key::DESTINATION => &config.name, key::DATABASE => place.place(), "copy_format" => wire.format_option());
    }
    let ready = place.into_destination().await?;
    if ready.position != position {
        let what = format!("destination \"{}\" was changed while it was compared", config.name);
        return Err(Error::new(Kind::Unavailable, what).fix("nothing was written; it is compared anew"));
    }
    Ok(Lane {
        index,
        position,
        table,
        wire,
        epoch: source.epoch,
        history: source.history(),
        compared,
        gauge,
        destination: ready.destination,
    })
}

/// The cheap comparison of a lane that comes back, or the whole one of a lane that nobody has compared yet, which may take long. Gives the position
/// that was compared, and how.
async fn compare(source: &Source, run: &Replication, index: usize, place: &dyn OpenPlace, known: Known) -> Result<(Option<i64>, Compared)> {
    let config = &run.config.destinations[index];
    let lent = source.check_session().await?;
    let ours = (&*lent, &run.config.source.conninfo);
    let sessions: Vec<_> = std::iter::once(ours).chain(place.sessions()).collect();
    let comparing = async {
        let (position, compared) = compare_by(source, &lent, (&config.name, place), known).await?;
        if let (Some(position), Some(sequence)) = (position, source.rule.sequence()) {
            drawn::confirm(&lent, sequence, position, &config.name).await?;
        }
        Ok((position, compared))
    };
    let compared = attended(&sessions, run.config.limits.connect_timeout, &run.log, comparing).await;
    if compared.is_err() {
        // What one side still counts is of no use when the other has failed.
        join_all(sessions.iter().map(|(session, _)| session.cancel())).await;
    }
    compared
}

async fn compare_by(
    source: &Source,
    lent: &Session,
    (name, place): (&str, &dyn OpenPlace),
    known: Known,
) -> Result<(Option<i64>, Compared)> {
    // A standby that may only be late is waited for, once the two were known to belong together.
    if known.is_compared || (!known.is_first && source.shape.may_be_late()) {
        let (ours, theirs) = (source_store((lent, &source.shape), place.wire()), place.store());
        let lane = contents::Lane {
            name,
            source: &ours,
            destination: &*theirs,
        };
        let position = contents::last_event(&source.shape, &lane).await?;
        if known.is_compared {
            // What was compared before was this table, also where nothing was read of it since.
            source
                .gate
                .confirm_table()
                .await
                .map_err(|changed| changed.of_kind(Kind::Upstream))?;
            return Ok((position, Compared::LastEvent));
        }
    }
    let when = contents::Circumstances {
        decided: known.decided,
        has_written: !known.is_first,
    };
    let contents = latecomer((name, place), (lent, &source.shape), when)
        .await
        .map_err(Problems::into_worst)?;
    Ok((contents.ends.highest, Compared::Whole(contents.into())))
}

/// The sequences that feed a table, by oid.
fn sequences(discipline: &Discipline) -> Vec<u32> {
    match discipline {
        Discipline::Sequence { sequence, .. } => vec![*sequence],
        Discipline::Consecutive | Discipline::Copy | Discipline::Grace(_) => Vec::new(),
    }
}

fn rule(shape: &SourceShape, known_gaps: &[(i64, i64)]) -> Rule {
    match &shape.ids.discipline {
        Discipline::Consecutive => Rule::Consecutive {
            known_gaps: Arc::from(known_gaps),
        },
        Discipline::Sequence {
            lock_relations, readable, ..
        } => Rule::Horizon {
            relations: lock_relations.clone(),
            sequence: readable.clone(),
        },
        Discipline::Copy => Rule::Copy,
        Discipline::Grace(grace) => Rule::Grace(*grace),
    }
}

fn bell(wakeup: &Wakeup) -> Bell {
    match wakeup {
        Wakeup::Doorbell => Bell::Doorbell,
        Wakeup::Trigger { .. } => Bell::EveryInsert,
        Wakeup::Polling { .. } => Bell::None,
    }
}
