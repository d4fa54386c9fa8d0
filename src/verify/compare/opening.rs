//! Two sides opened for a comparison: both tables described, their columns compared, the discipline
//! of ids at the first side found out.

use crate::config::{IdsSetting, SourceRetention};
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::event::wire::Wire;
use crate::postgres::same_database;
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::pool::SessionPool;
use crate::postgres::session::pooler;
use crate::source::ids::rule::accepted_gaps;
use crate::source::ids::{self, Discipline, facts};
use crate::stop::Stop;
use crate::verify::class::ComparedColumn;
use crate::verify::compare::chunks::hashing;
use crate::verify::compare::schema::SchemaComparison;
use crate::verify::compare::side::{
    ComparisonSide, ReaderSource, SharedColumns, SideAccess, SidePlace,
};
use futures::future::try_join;
use slog::Logger;
use std::time::Duration;

/// Two sides that are asked whether they are one answer within this time.
const SAME_PLACE_MAX: Duration = Duration::from_secs(60);

/// What must be known to open two sides.
#[derive(Clone, Copy, Debug)]
pub struct OpeningSettings<'a> {
    /// The first side: the truth.
    pub first: &'a SidePlace,
    /// The second side.
    pub second: &'a SidePlace,
    /// The integer key of both.
    pub id_column: &'a str,
    /// Sessions of each side for short questions.
    pub connections: u32,
    /// How long a connection may take.
    pub timeout: Duration,
}

/// Two sides, opened.
#[derive(Debug)]
pub struct SidePair {
    /// The first side.
    pub first: ComparisonSide,
    /// The second side.
    pub second: ComparisonSide,
    /// Whether rows can be compared.
    pub schema: SchemaComparison,
}

/// How ids are given out at the first side, as far as it can be told.
#[derive(Clone, Debug)]
pub struct IdOrder {
    /// `None`: not known, or refused by the rules of a replicator.
    pub discipline: Option<Discipline>,
    /// Why, in words.
    pub reason: String,
}

impl SidePair {
    /// Connects to both at the same time; a pooler that would not keep a session is recognised
    /// before anything is set.
    pub async fn open(opening: OpeningSettings<'_>, log: &Logger) -> Result<Self> {
        let access = SideAccess {
            connections: opening.connections,
            timeout: opening.timeout,
            readers: ReaderSource::Own,
            pool: None,
        };
        let pair = Self::connect(opening, (access, access), log).await?;
        try_join(
            pair.first.confirm_unique(opening.id_column),
            pair.second.confirm_unique(opening.id_column),
        )
        .await?;
        Ok(pair)
    }

    /// Connects to both, to compare them again and again: over one session each, at the first side
    /// one that it shares with other pairs. Whoever compares looks for ids that are there twice.
    pub(in crate::verify) async fn open_lasting(
        opening: OpeningSettings<'_>,
        first: &SessionPool,
        log: &Logger,
    ) -> Result<Self> {
        let access = |pool| SideAccess {
            connections: opening.connections,
            timeout: opening.timeout,
            readers: ReaderSource::Pool,
            pool,
        };
        Self::connect(opening, (access(Some(first)), access(None)), log).await
    }

    async fn connect(
        opening: OpeningSettings<'_>,
        (ours, theirs): (SideAccess<'_>, SideAccess<'_>),
        log: &Logger,
    ) -> Result<Self> {
        let first = side(opening, opening.first, ours, log);
        let (first, second) = try_join(first, side(opening, opening.second, theirs, log)).await?;
        if are_one_table(&first, &second).await? {
            return Err(Error::new(ErrorKind::Usage, "both sides are the same table")
                .at(first.shown())
                .fix("name two tables: a table always equals itself"));
        }
        let schema = SchemaComparison::of(&first.table, &second.table, opening.id_column);
        Ok(Self { first, second, schema })
    }

    /// What both are asked for; `None` when rows cannot be compared.
    pub fn columns(&self, id_column: &str) -> Option<SharedColumns> {
        let SchemaComparison::Like { wire, uncertain, .. } = &self.schema else {
            return None;
        };
        let compared = wire.columns.iter().filter_map(|column| {
            // Where the types differ, the first side's value is cast to that of the second.
            let of_second = self.second.table.column(&column.name)?;
            Some(ComparedColumn { name: column.name.clone(), type_oid: of_second.type_oid })
        });
        Some(SharedColumns {
            wire: wire.clone(),
            uncertain: uncertain.clone(),
            compared: compared.collect(),
            id: id_column.to_owned(),
            hashing: hashing([self.first.size, self.second.size]),
        })
    }

    /// What an INSERT of a row into the second side gives.
    ///
    /// # Errors
    /// `Unsuitable` when there is no such INSERT, with the reasons.
    pub fn inserted(&self) -> Result<Wire> {
        let problems = match &self.schema {
            SchemaComparison::Like { inserted: Ok(inserted), .. } => return Ok(inserted.clone()),
            SchemaComparison::Like { inserted: Err(problems), .. }
            | SchemaComparison::Unlike(problems) => problems,
        };
        let what = format!("cannot write INSERTs for {}", self.second.name);
        let error = Error::new(ErrorKind::Unsuitable, what).at(self.second.shown());
        let error = problems.iter().fold(error, |error, problem| error.because(problem.what()));
        Err(error.fix(
            "leave --repair-sql out; or alter the second table, so that it takes the rows of the \
             first",
        ))
    }

    /// Finds out how ids are given out at the first side.
    ///
    /// # Errors
    /// What the server says; `Stopped`: then nothing is left running in it.
    pub async fn order(
        &self,
        id_column: &str,
        (ids, keeps): (IdsSetting, SourceRetention),
        known_gaps: &[(i64, i64)],
        stop: &Stop,
    ) -> Result<IdOrder> {
        order(&self.first, id_column, (ids, keeps), known_gaps, stop).await
    }
}

/// How ids are given out at a side.
///
/// # Errors
/// As [`SidePair::order`].
pub(super) async fn order(
    first: &ComparisonSide,
    id_column: &str,
    (ids, keeps): (IdsSetting, SourceRetention),
    known_gaps: &[(i64, i64)],
    stop: &Stop,
) -> Result<IdOrder> {
    let session = first.session().await?;
    let is_standby = session.server().is_in_recovery();
    let Some(facts) = stop.or(facts::ask(&session, &first.table, id_column, is_standby)).await
    else {
        session.cancel().await;
        return Err(Error::new(ErrorKind::Stopped, "nothing was compared"));
    };
    let facts = facts?;
    let gaps = accepted_gaps(keeps, known_gaps, facts.lowest);
    Ok(match ids::judge(&facts, ids, &gaps) {
        Ok(judged) => IdOrder { reason: judged.to_string(), discipline: Some(judged.discipline) },
        Err(problems) => {
            IdOrder { reason: format!("not known: {}", first_of(&problems)), discipline: None }
        }
    })
}

/// Whether both lead to one table, by whatever name of its host. A primary and its standby, or a
/// copy that was promoted, have the same numbers and are two.
async fn are_one_table(first: &ComparisonSide, second: &ComparisonSide) -> Result<bool> {
    let (ours, theirs) = (first.session().await?, second.session().await?);
    let clusters = (first.identity().system_identifier, second.identity().system_identifier);
    let may_be_one_cluster =
        clusters.0 == clusters.1 || clusters.0.is_none() || clusters.1.is_none();
    if !may_be_one_cluster || first.table.oid != second.table.oid {
        return Ok(false);
    }
    let places: Vec<usize> = same_database::places(&[&ours, &theirs], SAME_PLACE_MAX)
        .await
        .into_iter()
        .collect::<Result<_>>()?;
    Ok(places.first() == places.last())
}

fn first_of(problems: &Problems) -> String {
    problems.worst().map(|problem| problem.what().to_owned()).unwrap_or_default()
}

async fn side(
    opening: OpeningSettings<'_>,
    place: &SidePlace,
    access: SideAccess<'_>,
    log: &Logger,
) -> Result<ComparisonSide> {
    let named = |error: Error| error.while_doing(format!("cannot compare {}", place.name));
    pooler::probe(&place.conninfo, ErrorSide::Source, opening.timeout).await.map_err(named)?;
    ComparisonSide::open(place, opening.id_column, access, log).await.map_err(named)
}
