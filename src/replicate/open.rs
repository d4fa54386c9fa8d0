//! Connects and checks: the source, and one lane against it. Nothing is written before every check of a lane has passed.

use crate::config::DestinationConfig;
use crate::destination::Destination;
use crate::destination::concurrent::ConcurrentDestination;
use crate::destination::hold;
use crate::destination::postgres::{Appending, PostgresDestination};
use crate::error::{Error, Kind, Problems, Result};
use crate::event::feed::Gauge;
use crate::event::frame::Layout;
use crate::fail;
use crate::log::key;
use crate::postgres::attended::attended;
use crate::postgres::connect::{Canceller, Purpose, Session};
use crate::postgres::fault::Side;
use crate::postgres::pool::Pool;
use crate::postgres::pooler;
use crate::replicate::Replication;
use crate::replicate::check::notify::Wakeup;
use crate::replicate::check::shape::{DestinationShape, SourceShape, destination_shape, source_shape};
use crate::replicate::check::{Tables, contents, latecomer};
use crate::replicate::lane::{Compared, Lane};
use crate::replicate::source_state::Source;
use crate::source::discipline::Discipline;
use crate::source::drawn;
use crate::source::durability::Gate;
use crate::source::mark::Looker;
use crate::source::readers::Readers;
use crate::source::rule::Rule;
use crate::source::wait::{Bell, Follower, Following};
use crate::sql;
use futures::future::{join, join_all, try_join_all};
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
    let shape = source_shape(&session, config).await.map_err(worst)?;
    let is_durability_awaited = config.durability_gate && !shape.server.is_standby;
    let gate = Gate::new(
        Arc::clone(&session),
        &shape.table,
        sequences(&shape.ids.discipline),
        is_durability_awaited,
    )
    .await?;
    // From here on the gate notices every change; what changed before it was there is seen now.
    let again = source_shape(&session, config).await.map_err(worst)?;
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
    if !known.is_compared {
        pooler::probe(&config.postgres().conninfo, Side::Destination, limits.connect_timeout).await?;
    }
    let session = appending_session(config, limits.connect_timeout).await?;
    let (place, who) = (session.place().to_owned(), format!("destination \"{}\"", config.name));
    let held = async {
        set_synchronous_commit(&session, config).await?;
        let shape = destination_shape(&session, config, &source.shape).await.map_err(worst)?;
        hold::hold(&session, &config.name, shape.table.oid).await.map(|()| shape)
    };
    let patience = Patience {
        limit: limits.connect_timeout,
        who: &who,
        place: &place,
    };
    let shape = patience.with(vec![session.canceller()], held).await?;
    let known = known.of(shape.table.oid);
    run.told.of_destination(&config.name, &shape.warnings, &run.log);
    let (position, compared) = compare(source, run, index, &session, &shape, known).await?;
    fail::point!("lane.compared");
    let appending = Appending {
        name: config.name.clone(),
        table: config.postgres().table.clone(),
        oid: shape.table.oid,
        fingerprint: shape.table.fingerprint.clone(),
        asks: shape.table.asks(),
        id_column: source.shape.id_column.clone(),
        wire: shape.wire.clone(),
        layout: layout(&source.shape, &shape)?,
        stall_max: limits.append_timeout,
        is_relaxed: config.postgres().synchronous_commit.is_none(),
    };
    if known.is_first {
        let format = shape.wire.format_option();
        info!(run.log, "the destination was checked"; key::DESTINATION => &config.name, key::DATABASE => session.place().to_owned(), "copy_format" => format);
    }
    let writing = writing_sessions(config, limits.connect_timeout, &session, &shape).await?;
    let cancellers = std::iter::once(&session).chain(&writing).map(Session::canceller).collect();
    let is_concurrent = shape.table.allows_concurrent_writers();
    let preparing = prepared(config, session, writing, appending, is_concurrent);
    let (known_position, destination) = patience.with(cancellers, preparing).await?;
    if known_position != position {
        let what = format!("destination \"{}\" was changed while it was compared", config.name);
        return Err(Error::new(Kind::Unavailable, what).fix("nothing was written; it is compared anew"));
    }
    Ok(Lane {
        index,
        position,
        table: shape.table.oid,
        wire: shape.wire,
        epoch: source.epoch,
        history: source.history(),
        compared,
        gauge,
        destination,
    })
}

/// The destination itself, and what it holds when it is ready.
async fn prepared(
    config: &DestinationConfig,
    session: Session,
    writing: Vec<Session>,
    appending: Appending,
    is_concurrent: bool,
) -> Result<(Option<i64>, Box<dyn Destination>)> {
    if writing.is_empty() {
        let destination = PostgresDestination::open(session, appending, is_concurrent).await?;
        return Ok((destination.known_position(), Box::new(destination)));
    }
    try_join_all(writing.iter().map(|session| set_synchronous_commit(session, config))).await?;
    let destination = ConcurrentDestination::new(session, writing, appending).await?;
    Ok((destination.known_position(), Box::new(destination)))
}

/// Where the id and the group are in a row.
fn layout(source: &SourceShape, destination: &DestinationShape) -> Result<Layout> {
    let layout = destination.wire.layout(&source.id_column, source.group_by.as_deref());
    layout.ok_or_else(|| Error::new(Kind::Bug, "the id column does not travel"))
}

async fn appending_session(config: &DestinationConfig, connect_timeout: Duration) -> Result<Session> {
    let purpose = Purpose {
        what: "append",
        side: Side::Destination,
    };
    Session::open(&config.postgres().conninfo, purpose, connect_timeout).await
}

/// For more than one writer, a session for each, to the same server as the first.
async fn writing_sessions(
    config: &DestinationConfig,
    connect_timeout: Duration,
    first: &Session,
    shape: &DestinationShape,
) -> Result<Vec<Session>> {
    let writers = if shape.writers > 1 { shape.writers } else { 0 };
    let sessions = try_join_all((0..writers).map(|_| appending_session(config, connect_timeout))).await?;
    match sessions.iter().find(|session| session.server().identity != first.server().identity) {
        Some(other) => Err(Error::new(Kind::Unavailable, "another server answers than before").at(other.place())),
        None => Ok(sessions),
    }
}

/// How long is waited for short questions: behind a network that goes on acknowledging, nothing else tells that a server is gone.
struct Patience<'a> {
    limit: Duration,
    who: &'a str,
    place: &'a str,
}

impl Patience<'_> {
    /// Waits for what is asked over the sessions of these. What is given up is cancelled: a statement that waits for a lock would do so for ever, and keep
    /// the locks its session has.
    async fn with<T>(&self, cancellers: Vec<Canceller>, asking: impl Future<Output = Result<T>>) -> Result<T> {
        if let Ok(answered) = tokio::time::timeout(self.limit, asking).await {
            return answered;
        }
        join_all(cancellers.into_iter().map(Canceller::cancel)).await;
        Err(Error::new(Kind::Unavailable, format!("cannot open {}", self.who))
            .at(self.place)
            .because(format!("no answer for {} ms", self.limit.as_millis()))
            .because("perhaps somebody else has locked the table"))
    }
}

/// The cheap comparison of a lane that comes back, or the whole one of a lane that nobody has compared yet, which may take long. Gives the position
/// that was compared, and how.
async fn compare(
    source: &Source,
    run: &Replication,
    index: usize,
    session: &Session,
    shape: &DestinationShape,
    known: Known,
) -> Result<(Option<i64>, Compared)> {
    let config = &run.config.destinations[index];
    let lent = source.check_session().await?;
    let sessions = [(&*lent, &run.config.source.conninfo), (session, &config.postgres().conninfo)];
    let comparing = async {
        let (position, compared) = compare_by(source, &lent, (&config.name, session, shape), known).await?;
        if let (Some(position), Some(sequence)) = (position, source.rule.sequence()) {
            drawn::confirm(&lent, sequence, position, &config.name).await?;
        }
        Ok((position, compared))
    };
    let compared = attended(&sessions, run.config.limits.connect_timeout, &run.log, comparing).await;
    if compared.is_err() {
        // What one side still counts is of no use when the other has failed.
        join(lent.cancel(), session.cancel()).await;
    }
    compared
}

async fn compare_by(
    source: &Source,
    lent: &Session,
    (name, session, shape): (&str, &Session, &DestinationShape),
    known: Known,
) -> Result<(Option<i64>, Compared)> {
    // A standby that may only be late is waited for, once the two were known to belong together.
    if known.is_compared || (!known.is_first && source.shape.may_be_late()) {
        let tables = Tables::of(name, session, shape, (lent, &source.shape));
        let position = contents::last_event(&source.shape, &tables.lane()).await?;
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
    let contents = latecomer((name, session, shape), (lent, &source.shape), when)
        .await
        .map_err(worst)?;
    let is_final = contents.is_final;
    Ok((contents.ends.highest, Compared::Whole { is_final }))
}

async fn set_synchronous_commit(session: &Session, config: &DestinationConfig) -> Result<()> {
    let set = format!("set synchronous_commit = {}", sql::literal(config.postgres().commits()));
    let what = || format!("cannot set synchronous_commit of destination \"{}\"", config.name);
    session.batch_execute(&set).await.map_err(|error| session.error(&error, what()))
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

/// The worst of several problems carries the others as causes, so that none is lost on the way.
fn worst(problems: Problems) -> Error {
    let Some(worst) = problems.worst().cloned() else {
        return Error::new(Kind::Bug, "a refusal without a problem");
    };
    let others = problems.iter().filter(|other| other.to_string() != worst.to_string());
    others.fold(worst.clone(), |error, other| error.because(format!("and: {other}")))
}
