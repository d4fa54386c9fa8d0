//! The checks before the first write: every side is looked at, everything that is wrong is told together, nothing is written.

pub mod agreement;
pub mod contents;
pub mod dry_run;
pub mod fitness;
pub mod holding;
pub mod notify;
pub mod pooler;
pub mod same_place;
pub mod shape;
pub mod slate;

use crate::config::{Config, DestinationConfig};
use crate::error::{Error, Kind, Problems};
use crate::postgres::connect::Session;
use crate::postgres::fault::Side;
use contents::{Contents, Lane};
use futures::future::join_all;
use shape::{DestinationShape, SourceShape};
use std::fmt;
use std::time::Duration;

/// A destination, and the session on it or why there is none.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// As configured.
    pub config: &'a DestinationConfig,
    /// A session, or why it could not be opened.
    pub session: Result<&'a Session, &'a Error>,
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
pub async fn everything(config: &Config, source: &Session, candidates: &[Candidate<'_>]) -> Findings {
    let timeout = config.replication.connect_timeout;
    let mut problems = Problems::new();
    let (source_problem, refused) = poolers(config, source, candidates, timeout).await;
    let is_source_kept = source_problem.is_none();
    source_problem.into_iter().for_each(|problem| problems.push(problem));
    let mut usable: Vec<Option<(&DestinationConfig, &Session)>> = Vec::new();
    for (candidate, refused) in candidates.iter().zip(refused) {
        usable.push(if refused.is_none() {
            candidate.session.ok().map(|session| (candidate.config, session))
        } else {
            None
        });
        refused.into_iter().for_each(|problem| problems.push(problem));
    }
    let shape = match is_source_kept {
        true => shape::source_shape(source, &config.source)
            .await
            .map_err(|wrong| problems.extend(wrong))
            .ok(),
        false => None,
    };
    let shapes = shapes(shape.as_ref(), &usable, &mut problems).await;
    let duplicates = duplicates(source, shape.as_ref(), &usable, &shapes).await;
    problems.extend(duplicates);
    let contents = match (&shape, has_usage(&problems)) {
        (Some(shape), false) => compared(source, shape, &usable, &shapes, &mut problems).await,
        _ => vec![None; candidates.len()],
    };
    let destinations = candidates
        .iter()
        .zip(shapes)
        .zip(contents)
        .map(|((candidate, shape), contents)| DestinationFindings {
            name: candidate.config.name.clone(),
            place: candidate.session.ok().map(|session| session.place().to_owned()),
            shape,
            contents,
        });
    Findings {
        destinations: destinations.collect(),
        source: shape,
        problems,
    }
}

type Usable<'a> = Option<(&'a DestinationConfig, &'a Session)>;

/// Which sides are behind a pooler that does not keep a session, or could not be opened: the source's problem, and each destination's.
async fn poolers(
    config: &Config,
    source: &Session,
    candidates: &[Candidate<'_>],
    timeout: Duration,
) -> (Option<Error>, Vec<Option<Error>>) {
    let of_source = pooler::refuse_pooled(source, &config.source.conninfo, Side::Source, timeout);
    let of_destinations = candidates.iter().map(|candidate| async move {
        let place = format!("destination {:?}", candidate.config.name);
        let kept = match candidate.session {
            Ok(session) => pooler::refuse_pooled(session, &candidate.config.conninfo, Side::Destination, timeout).await,
            Err(error) => Err(error.clone()),
        };
        kept.err().and_then(|error| Problems::from(error).within(&place).into_iter().next())
    });
    let (source, destinations) = futures::future::join(of_source, join_all(of_destinations)).await;
    (source.err(), destinations)
}

async fn shapes(source: Option<&SourceShape>, usable: &[Usable<'_>], problems: &mut Problems) -> Vec<Option<DestinationShape>> {
    let looked = join_all(usable.iter().map(|usable| async move {
        match (source, usable) {
            (Some(source), Some((config, session))) => Some(shape::destination_shape(session, config, source).await),
            _ => None,
        }
    }));
    let looked = looked.await;
    let shape =
        |looked: Option<Result<DestinationShape, Problems>>| looked.and_then(|shape| shape.map_err(|wrong| problems.extend(wrong)).ok());
    looked.into_iter().map(shape).collect()
}

/// One side of the replication, for the comparison of places.
#[derive(Clone, Debug)]
struct Where {
    side: String,
    place: usize,
    table: Option<u32>,
}

/// Finds tables that are named twice, by whatever name of the host.
async fn duplicates(source: &Session, shape: Option<&SourceShape>, usable: &[Usable<'_>], shapes: &[Option<DestinationShape>]) -> Problems {
    let mut problems = Problems::new();
    let mut sides = vec![("the source".to_owned(), source, shape.map(|shape| shape.table.oid))];
    for (usable, shape) in usable.iter().zip(shapes) {
        let table = shape.as_ref().map(|shape| shape.table.oid);
        sides.extend(usable.map(|(config, session)| (format!("destination {:?}", config.name), session, table)));
    }
    let sessions: Vec<&Session> = sides.iter().map(|(_, session, _)| *session).collect();
    let mut found = Vec::new();
    for ((side, _, table), place) in sides.into_iter().zip(same_place::places(&sessions).await) {
        match place {
            Ok(place) => found.push(Where { side, place, table }),
            Err(error) => problems.extend(Problems::from(error).within(&side)),
        }
    }
    problems.extend(judge_places(&found));
    problems
}

/// The same database under two names is allowed, the same table in it is not.
fn judge_places(sides: &[Where]) -> Problems {
    let mut problems = Problems::new();
    for (index, side) in sides.iter().enumerate() {
        let is_same = |other: &&Where| other.place == side.place && other.table.is_some() && other.table == side.table;
        if let Some(first) = sides[..index].iter().find(is_same) {
            problems.push(
                Error::new(
                    Kind::Usage,
                    format!("{} and {} are the same database and table", first.side, side.side),
                )
                .because("a lock taken through one connection is seen through the other")
                .fix("remove one of them from the configuration, or name another table"),
            );
        }
    }
    problems
}

fn has_usage(problems: &Problems) -> bool {
    problems.iter().any(|problem| problem.kind() == Kind::Usage)
}

async fn compared(
    source: &Session,
    of: &SourceShape,
    usable: &[Usable<'_>],
    shapes: &[Option<DestinationShape>],
    problems: &mut Problems,
) -> Vec<Option<Contents>> {
    let lane = |(usable, shape): (&Usable<'_>, &'_ Option<DestinationShape>)| usable.is_some() && shape.is_some();
    let is_compared = usable.iter().zip(shapes).map(lane);
    let lanes = usable.iter().zip(shapes).filter_map(|(usable, shape)| {
        let (config, session) = (*usable)?;
        Some(Lane {
            name: &config.name,
            session,
            shape: shape.as_ref()?,
        })
    });
    let lanes: Vec<Lane<'_>> = lanes.collect();
    let mut verdicts = match contents::compare_all(source, of, &lanes).await {
        Ok(verdicts) => verdicts,
        Err(error) => {
            problems.push(error);
            Vec::new()
        }
    }
    .into_iter();
    is_compared
        .map(|is_compared| if is_compared { problems.note(verdicts.next()?) } else { None })
        .collect()
}

impl fmt::Display for DestinationFindings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "destination {:?}", self.name)?;
        self.place.iter().try_for_each(|place| write!(out, ", {place}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(name: &str, place: usize, table: u32) -> Where {
        Where {
            side: name.to_owned(),
            place,
            table: Some(table),
        }
    }

    #[test]
    fn the_same_table_named_twice_is_wrong_usage_and_another_table_of_the_same_database_is_not() {
        let sides = [
            side("the source", 0, 7),
            side("destination \"a\"", 1, 7),
            side("destination \"b\"", 0, 8),
            side("destination \"c\"", 1, 7),
        ];
        let problems: Vec<Error> = judge_places(&sides).into_iter().collect();
        assert_eq!(problems.len(), 1);
        assert_eq!(
            problems[0].what(),
            "destination \"a\" and destination \"c\" are the same database and table"
        );
        assert_eq!(problems[0].kind().consequence().exit_code, 2);
    }

    #[test]
    fn the_source_named_as_a_destination_is_wrong_usage() {
        assert!(has_usage(&judge_places(&[
            side("the source", 0, 7),
            side("destination \"a\"", 0, 7)
        ])));
    }
}
