//! A destination and its source, opened to be compared again and again.

use crate::error::{Error, ErrorKind, Result};
use crate::stop::Stop;
use crate::verify::compare::fence;
use crate::verify::compare::opening::{OpeningSettings, SidePair};
use crate::verify::compare::schema::SchemaComparison;
use crate::verify::compare::side::{SharedColumns, SidePlace};
use crate::verify::continuous::basis::ComparisonBasis;
use crate::verify::continuous::subject::SharedParts;

/// See the module.
pub(super) struct LanePair {
    pub sides: SidePair,
    pub columns: SharedColumns,
    /// What both were when they were opened.
    pub basis: ComparisonBasis,
    /// The lowest id of the source then.
    pub lowest: Option<i64>,
}

impl LanePair {
    /// Connects to both and describes their tables, when a turn to connect has come.
    pub async fn open(shared: &SharedParts<'_>, places: (&SidePlace, &SidePlace)) -> Result<Self> {
        let config = &shared.of.config;
        let id_column = config.source.id_column.as_str();
        let opening = OpeningSettings {
            first: places.0,
            second: places.1,
            id_column,
            connections: 1,
            timeout: config.limits.connect_timeout,
        };
        let opened = SidePair::open_lasting(opening, &shared.source, &shared.of.log);
        let sides = shared.of.limiter.take(opened).await?;
        let Some(columns) = sides.columns(id_column) else {
            return Err(unlike(&sides));
        };
        let basis = ComparisonBasis::ask(&sides.first, &sides.second, &columns).await?;
        let lowest = fence::ends(&sides.first, &columns, &Stop::never()).await?.lowest;
        Ok(Self { sides, columns, basis, lowest })
    }
}

fn unlike(sides: &SidePair) -> Error {
    let error = Error::new(ErrorKind::Unsuitable, "the columns of both tables cannot be compared")
        .at(sides.second.shown());
    let SchemaComparison::Unlike(problems) = &sides.schema else { return error };
    let error = problems.iter().fold(error, |error, problem| error.because(problem.what()));
    error.fix("alter the destination's table, so that it takes the rows of the source")
}
