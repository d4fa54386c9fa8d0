//! The checks before the first write: every side is looked at, everything that is wrong is told together, nothing is written.

pub mod agreement;
pub mod contents;
pub(super) mod damage;
mod disagreement;
pub mod dry_run;
mod duplicates;
pub mod notify;
pub mod shape;

use crate::config::{DestinationConfig, ReplicationConfig, SourceConfig};
use crate::destination::connector::OpenPlace;
use crate::destination::postgres::checks::{DestinationSeen, DestinationShape};
use crate::error::{Error, Kind, Problems, Result};
use crate::event::wire::Wire;
use crate::postgres::session::Session;
use crate::postgres::table::store::PgTable;
use crate::replicate::Checked;
use crate::source::ids::settle::decided;
use contents::{Circumstances, Contents, Lane};
use duplicates::Named;
use futures::future::{join, join_all};
use shape::SourceShape;
use std::fmt;
use std::time::Duration;

/// Transactions that are open at the source before contents are compared are waited for so long: most end, and the counts are final.
const SETTLE_MAX: Duration = Duration::from_millis(300);

/// A destination, and the session on it or why there is none.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// As configured.
    pub config: &'a DestinationConfig,
    /// A session, or why it could not be opened.
    pub session: std::result::Result<&'a Session, &'a Error>,
}

/// Everything the checks found.
#[derive(Debug)]
pub struct Findings {
    /// The source, if nothing is wrong with it.
    pub source: Option<SourceShape>,
    /// The destinations, in the order they were given.
    pub destinations: Vec<DestinationFindings>,
    /// Everything that is wrong, of all sides.
    pub problems: Problems,
}

/// What was found about one destination.
#[derive(Debug)]
pub struct DestinationFindings {
    /// Name as configured.
    pub name: String,
    /// Host, port and database, if it was reached.
    pub place: Option<String>,
    /// Its table and what is copied, if the source's fits in.
    pub shape: Option<DestinationShape>,
    /// What it holds, if that equals what the source holds.
    pub contents: Option<Contents>,
}

impl DestinationFindings {
    /// Whether it was reached and passed every check; otherwise all checks are due when it is next opened.
    pub fn is_checked(&self) -> bool {
        self.contents.is_some()
    }

    /// What a run need not find out again.
    pub fn checked(&self) -> Option<Checked> {
        self.contents.map(Checked::from)
    }
}

impl Findings {
    /// Whether something was found that stops everything before the first write. A destination that could not be reached does not.
    pub fn is_refused(&self) -> bool {
        self.problems.iter().any(|problem| problem.kind().consequence().refuses_at_start)
    }
}

/// Runs every check of the source and of all destinations, as much as possible at the same time; reads only.
///
/// Problems of one side do not hide those of another; contents are compared for each destination with which nothing else is wrong.
/// `has_written`: whether this run has written already, for the words of what is wrong.
pub async fn everything(config: &ReplicationConfig, source: &Session, candidates: &[Candidate<'_>], has_written: bool) -> Findings {
    let Look {
        mut findings,
        sides,
        is_unambiguous,
    } = look(config, source, candidates).await;
    if let Some(shape) = findings.source.as_ref().filter(|_| is_unambiguous) {
        let decided = decided(source, &shape.table.name, &shape.id_column, &shape.ids.discipline, SETTLE_MAX).await;
        let decided = findings.problems.note(decided);
        let contents = match decided {
            Some(decided) => {
                let when = Circumstances { decided, has_written };
                compared(source, shape, &sides, when, &mut findings.problems).await
            }
            None => sides.iter().map(|_| None).collect(),
        };
        for (destination, contents) in findings.destinations.iter_mut().zip(contents) {
            destination.contents = contents;
        }
    }
    findings
}

/// Runs every check but the comparison of contents: whether each destination can hold what the source has, and whether no two sides are the
/// same table. Reads only.
pub async fn shapes(config: &ReplicationConfig, source: &Session, candidates: &[Candidate<'_>]) -> Findings {
    look(config, source, candidates).await.findings
}

/// What was found before contents are compared.
struct Look<'a> {
    findings: Findings,
    sides: Vec<Option<DestinationSide<'a>>>,
    /// Whether no two sides are the same table.
    is_unambiguous: bool,
}

async fn look<'a>(config: &ReplicationConfig, source: &Session, candidates: &[Candidate<'a>]) -> Look<'a> {
    let mut problems = Problems::new();
    let reached = reached(candidates, &mut problems);
    let (shape, seen) = join(shape::source_shape(source, &config.source), seen(&config.source, reached)).await;
    let shape = shape.map_err(|wrong| problems.extend(wrong)).ok();
    let sides = sides(shape.as_ref(), seen, &mut problems);
    let mut named = vec![Named::source(source, shape.as_ref())];
    named.extend(sides.iter().flatten().map(DestinationSide::named));
    let duplicates = duplicates::find(named).await;
    let is_unambiguous = duplicates.is_empty();
    problems.extend(duplicates);
    let destinations = candidates.iter().zip(&sides);
    let findings = Findings {
        destinations: destinations
            .map(|(candidate, side)| DestinationFindings {
                name: candidate.config.name.clone(),
                place: candidate.session.ok().map(|session| session.place().to_owned()),
                shape: side.as_ref().and_then(|side| side.shape.clone()),
                contents: None,
            })
            .collect(),
        source: shape,
        problems,
    };
    Look {
        findings,
        sides,
        is_unambiguous,
    }
}

/// Compares one destination that was out of reach at the start: it must not be the source itself, and hold what the source holds. Reads only.
///
/// # Errors
/// As [`everything`] finds them, of this destination alone.
pub async fn latecomer(
    (name, place): (&str, &dyn OpenPlace),
    (source, of): (&Session, &SourceShape),
    when: Circumstances,
) -> Result<Contents, Problems> {
    let sessions = place.sessions().into_iter().map(|(session, _)| session);
    let theirs = sessions
        .take(1)
        .map(|session| Named::destination(name, session, Some(place.table())));
    duplicates::find(std::iter::once(Named::source(source, Some(of))).chain(theirs).collect())
        .await
        .or_ok(())?;
    let (ours, theirs) = (source_store((source, of), place.wire()), place.store());
    let lane = Lane {
        name,
        source: &ours,
        destination: &*theirs,
    };
    let verdict = contents::compare_all(of, &[lane], when).await?.pop();
    Ok(verdict.unwrap_or_else(|| Err(Error::new(Kind::Bug, "a destination was not compared")))?)
}

/// What the source holds of the columns that are copied.
pub(super) fn source_store<'a>((source, of): (&'a Session, &SourceShape), wire: &Wire) -> PgTable<&'a Session> {
    PgTable::new(source, &of.table.name, &of.id_column, wire)
}

/// A destination that was reached.
struct DestinationSide<'a> {
    config: &'a DestinationConfig,
    session: &'a Session,
    shape: Option<DestinationShape>,
}

/// Which destinations were reached; why the others were not is noted.
fn reached<'a>(candidates: &[Candidate<'a>], problems: &mut Problems) -> Vec<Option<(&'a DestinationConfig, &'a Session)>> {
    let mut reached = Vec::new();
    for candidate in candidates {
        let place = format!("destination {:?}", candidate.config.name);
        let session = candidate
            .session
            .map_err(|error| problems.extend(Problems::from(error.clone()).within(&place)));
        reached.push(session.ok().map(|session| (candidate.config, session)));
    }
    reached
}

/// A destination that was reached, and what it says of itself.
type Seen<'a> = (&'a DestinationConfig, &'a Session, Result<DestinationSeen, Problems>);

/// Looks at every destination that was reached.
async fn seen<'a>(source: &SourceConfig, reached: Vec<Option<(&'a DestinationConfig, &'a Session)>>) -> Vec<Option<Seen<'a>>> {
    let seen = reached.into_iter().map(|destination| async move {
        let (config, session) = destination?;
        Some((config, session, DestinationSeen::ask(session, config, &source.id_column).await))
    });
    join_all(seen).await
}

/// Holds every destination against the source. Without one only those that cannot be looked at are told: a key that is named wrongly would be told
/// of each.
fn sides<'a>(source: Option<&SourceShape>, seen: Vec<Option<Seen<'a>>>, problems: &mut Problems) -> Vec<Option<DestinationSide<'a>>> {
    let mut side = |(config, session, seen): Seen<'a>| {
        let shape = seen.and_then(|seen| match source {
            Some(source) => seen.judge(config, source.schema()),
            None => Err(Problems::new()),
        });
        DestinationSide {
            config,
            session,
            shape: shape.map_err(|wrong| problems.extend(wrong)).ok(),
        }
    };
    seen.into_iter().map(|seen| seen.map(&mut side)).collect()
}

async fn compared(
    source: &Session,
    of: &SourceShape,
    sides: &[Option<DestinationSide<'_>>],
    when: Circumstances,
    problems: &mut Problems,
) -> Vec<Option<Contents>> {
    let tables: Vec<Option<Tables<'_>>> = sides.iter().map(|side| side.as_ref()?.tables((source, of))).collect();
    let known: Vec<Lane<'_>> = tables.iter().flatten().map(Tables::lane).collect();
    let verdicts = contents::compare_all(of, &known, when).await;
    let mut verdicts = problems.note(verdicts).unwrap_or_default().into_iter();
    let mut verdict = |tables: &Option<Tables<'_>>| tables.as_ref().and_then(|_| verdicts.next());
    let verdicts: Vec<_> = tables.iter().map(&mut verdict).collect();
    verdicts.into_iter().map(|verdict| problems.note(verdict?)).collect()
}

impl DestinationSide<'_> {
    fn named(&self) -> Named<'_> {
        Named::destination(&self.config.name, self.session, self.shape.as_ref().map(|shape| shape.table.oid))
    }

    fn tables<'a>(&'a self, of: (&'a Session, &SourceShape)) -> Option<Tables<'a>> {
        Some(Tables::of(&self.config.name, self.session, self.shape.as_ref()?, of))
    }
}

/// What the source and one destination hold of the columns that are copied.
#[derive(Debug)]
pub struct Tables<'a> {
    name: &'a str,
    /// At the source.
    pub source: PgTable<&'a Session>,
    /// At the destination.
    pub destination: PgTable<&'a Session>,
}

impl<'a> Tables<'a> {
    /// Of a destination, its session and shape, and those of the source.
    pub fn of(name: &'a str, session: &'a Session, shape: &DestinationShape, (source, of): (&'a Session, &SourceShape)) -> Self {
        Self {
            name,
            source: source_store((source, of), &shape.wire),
            destination: PgTable::new(session, &shape.table.name, &of.id_column, &shape.wire),
        }
    }

    /// As it is compared.
    pub fn lane(&self) -> Lane<'_> {
        Lane {
            name: self.name,
            source: &self.source,
            destination: &self.destination,
        }
    }
}

impl fmt::Display for DestinationFindings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "destination {:?}", self.name)?;
        self.place.iter().try_for_each(|place| write!(out, ", {place}"))
    }
}
