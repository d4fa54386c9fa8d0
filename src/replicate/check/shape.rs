//! What a source and a destination look like, and whether one can be copied into the other.

use crate::config::{DestinationConfig, GroupBy, SourceConfig};
use crate::error::{Error, Kind, Problems, Result, Warning};
use crate::event::compatible;
use crate::event::table::{Table, TableName};
use crate::event::wire::Wire;
use crate::postgres::about::{self, Server};
use crate::postgres::catalog;
use crate::postgres::connect::Session;
use crate::replicate::check::fitness;
use crate::replicate::check::notify::{self, Wakeup};
use crate::source::discipline::{self, Discipline, Judged, facts};
use crate::sql;

/// A source that passed every check of its own.
#[derive(Clone, Debug)]
pub struct SourceShape {
    /// Its server.
    pub server: Server,
    /// Its event table.
    pub table: Table,
    /// Its key.
    pub id_column: String,
    /// How its ids are given out.
    pub ids: Judged,
    /// The column whose equal neighbours share one destination transaction.
    pub group_by: Option<String>,
    /// What will wake the replicator.
    pub wakeup: Wakeup,
    /// What a person should know at every start.
    pub warnings: Vec<Warning>,
}

impl SourceShape {
    /// Whether what it shows may be older than what it showed before: a standby that starts again, a copy that lost its last events.
    pub fn may_be_late(&self) -> bool {
        self.server.is_standby || self.ids.discipline == Discipline::Copy
    }

    /// Whether a later look found the same table, and ids that are given out in the same way.
    pub fn is_still(&self, later: &Self) -> bool {
        let seen = |shape: &Self| (shape.table.oid, shape.ids.discipline.clone());
        seen(self) == seen(later) && self.table.columns == later.table.columns && self.table.types == later.table.types
    }
}

/// A destination that can hold what the source has.
#[derive(Clone, Debug)]
pub struct DestinationShape {
    /// Its server.
    pub server: Server,
    /// Its event table.
    pub table: Table,
    /// What is copied, and how. Lanes with equal wires can share one read of the source.
    pub wire: Wire,
    /// Concurrent COPYs: as configured, or 1 where triggers or foreign keys forbid more.
    pub writers: u8,
    /// What a person should know at every start.
    pub warnings: Vec<Warning>,
}

/// Looks at the source: server, table, privileges, ids, triggers. Reads only.
///
/// # Errors
/// All refusals together, each with its remedy; or what the server says.
pub async fn source_shape(session: &Session, config: &SourceConfig) -> Result<SourceShape, Problems> {
    let place = format!("source {}", session.place());
    let looked = async {
        let server = about::about(session).await?;
        fitness::encoding(&server)?;
        let table = catalog::table(session, &config.table, &config.id_column).await?;
        let table = table.ok_or_else(|| missing(&config.table, "init source"))?;
        let mut problems = fitness::source(&table, &server, &config.id_column);
        let group_by = problems.note(group_by(&table, &config.group_by)).flatten();
        problems.or_ok(())?;
        let facts = facts::ask(session, &table, &config.id_column, server.is_standby).await?;
        let ids = discipline::judge(&facts, config.ids, &config.known_gaps)?;
        let mut warnings = ids.warnings.clone();
        warnings.extend(fitness::source_cautions(&table, &server));
        warnings.extend(notify::cautions(&table, &server));
        Ok(SourceShape {
            wakeup: notify::wakeup(&table, &server, &config.channel),
            id_column: config.id_column.clone(),
            server,
            table,
            ids,
            group_by,
            warnings,
        })
    };
    looked.await.map_err(|problems: Problems| problems.within(&place))
}

/// Looks at a destination: server, table, privileges, columns against those of the source. Reads only.
///
/// # Errors
/// All refusals together, each with its remedy; or what the server says.
pub async fn destination_shape(session: &Session, config: &DestinationConfig, source: &SourceShape) -> Result<DestinationShape, Problems> {
    let seen = DestinationSeen::ask(session, config, &source.id_column).await?;
    seen.judge(config, source)
}

/// What a destination says of itself, before it is held against the source.
#[derive(Debug)]
pub struct DestinationSeen {
    place: String,
    server: Server,
    table: Table,
}

impl DestinationSeen {
    /// Looks at a destination: server, table, privileges. Reads only.
    ///
    /// # Errors
    /// Why it cannot be a destination or cannot be looked at.
    pub async fn ask(session: &Session, config: &DestinationConfig, id_column: &str) -> Result<Self, Problems> {
        let place = format!("destination {:?}, {}", config.name, session.place());
        let looked = async {
            let server = about::about(session).await?;
            fitness::encoding(&server)?;
            fitness::takes_writes(&server)?;
            let table = catalog::table(session, &config.postgres().table, id_column).await?;
            let table = table.ok_or_else(|| missing(&config.postgres().table, "init destination"))?;
            Ok::<_, Error>((server, table))
        };
        match looked.await {
            Ok((server, table)) => Ok(Self { place, server, table }),
            Err(error) => Err(Problems::from(error).within(&place)),
        }
    }

    /// Whether it can hold what the source has.
    ///
    /// # Errors
    /// All refusals together, each with its remedy.
    pub fn judge(self, config: &DestinationConfig, source: &SourceShape) -> Result<DestinationShape, Problems> {
        let Self { place, server, table } = self;
        let mut problems = fitness::destination(&table, &server, &source.id_column);
        let wire = compatible::wire(&source.table, &table, &source.id_column);
        let wire = wire.map_err(|unlike| problems.extend(unlike)).ok();
        if let Some(wire) = &wire {
            problems.extend(fitness::may_append(&table, &server, wire));
        }
        let judged = problems.or_ok(()).and_then(|()| {
            let wire = wire.ok_or_else(|| Error::new(Kind::Bug, "a wire without problems is missing"))?;
            let writers = if table.allows_concurrent_writers() {
                config.postgres().writers
            } else {
                1
            };
            let mut warnings = compatible::cautions(&source.table, &table, &wire);
            warnings.extend(fitness::destination_cautions(
                &table,
                &server,
                &source.server,
                config.postgres().writers,
            ));
            Ok(DestinationShape {
                server,
                table,
                wire,
                writers,
                warnings,
            })
        });
        judged.map_err(|problems: Problems| problems.within(&place))
    }
}

fn missing(table: &TableName, init: &str) -> Error {
    Error::new(Kind::Unsuitable, format!("there is no table {table}")).fix(format!(
        "counterfoil {init} --url URL --table {} creates it; or name another table",
        sql::literal(&table.to_string())
    ))
}

fn group_by(table: &Table, configured: &GroupBy) -> Result<Option<String>> {
    match configured {
        GroupBy::Off => Ok(None),
        GroupBy::IfPresent(name) => Ok(table.column(name).map(|column| column.name.clone())),
        GroupBy::Column(name) if table.column(name).is_some() => Ok(Some(name.clone())),
        GroupBy::Column(name) => Err(
            Error::new(Kind::Unsuitable, format!("there is no column {} to group by", sql::ident(name)))
                .at(table.name.to_string())
                .fix("name a column of the table in group_by, or say group_by = \"\""),
        ),
    }
}
