//! What a PostgreSQL table looks like as a destination, and whether it can hold what the source
//! has.

use crate::commands;
use crate::config::PostgresDestinationConfig;
use crate::destination::shape::DestinationShape;
use crate::destination::source_schema::SourceSchema;
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::postgres::session::Session;
use crate::postgres::session::server::ServerIdentity;
use crate::postgres::session::settings::{self, ServerOverview};
use crate::postgres::table::EventTable;
use crate::postgres::table::compatible;
use crate::postgres::table::describe;
use crate::postgres::table::fitness;

/// What a destination says of itself, before it is held against the source.
#[derive(Debug)]
pub struct ObservedDestination {
    name: String,
    place: String,
    identity: ServerIdentity,
    server: ServerOverview,
    table: EventTable,
}

impl ObservedDestination {
    /// Looks at a destination: server, table, privileges. Reads only.
    ///
    /// # Errors
    /// Why it cannot be a destination or cannot be looked at.
    pub async fn ask(
        session: &Session,
        name: &str,
        config: &PostgresDestinationConfig,
        id_column: &str,
    ) -> Result<Self, Problems> {
        let place = format!("destination {name:?}, {}", session.place());
        let looked = async {
            let server = settings::about(session).await?;
            fitness::encoding(&server)?;
            fitness::takes_writes(&server)?;
            let table =
                describe::destination_table(session, (&config.table, &config.rename), id_column)
                    .await?;
            let made =
                format!("{} makes it in the source's shape", commands::init_destination(name));
            let table = table.ok_or_else(|| fitness::missing(&config.table, &made))?;
            Ok::<_, Error>((server, table))
        };
        match looked.await {
            Ok((server, table)) => {
                let (name, identity) = (name.to_owned(), session.server().identity.clone());
                Ok(Self { name, place, identity, server, table })
            }
            Err(error) => Err(Problems::from(error).within(&place)),
        }
    }

    /// Whether it can hold what the source has.
    ///
    /// # Errors
    /// All refusals together, each with its remedy.
    pub fn judge(
        self,
        config: &PostgresDestinationConfig,
        source: SourceSchema<'_>,
    ) -> Result<DestinationShape, Problems> {
        let Self { name, place, identity, server, table } = self;
        // Before its privileges: those of a reader are enough for what it is.
        if (&identity, table.oid) == (source.identity, source.table.oid) {
            return Err(is_the_source(&name).at(place).into());
        }
        let mut problems = fitness::destination(&table, &server, source.id_column);
        let wire = compatible::wire(source.table, &table, source.id_column);
        let wire = wire.map_err(|unlike| problems.extend(unlike)).ok();
        let wire = wire.map(|wire| wire.of_rows(config.rows.clone()));
        if let Some(wire) = &wire {
            problems.extend(fitness::may_append(&table, &server, wire));
        }
        let judged = problems.or_ok(()).and_then(|()| {
            let wire = wire
                .ok_or_else(|| Error::new(ErrorKind::Bug, "a wire without problems is missing"))?;
            let writers = if table.allows_concurrent_writers() { config.writers } else { 1 };
            let mut warnings = compatible::cautions(source.table, &table, &wire);
            warnings.extend(fitness::destination_cautions(
                &table,
                &server,
                source.server,
                config.writers,
            ));
            Ok(DestinationShape { server, table, wire, writers, warnings })
        });
        judged.map_err(|problems: Problems| problems.within(&place))
    }
}

fn is_the_source(name: &str) -> Error {
    let what = format!("the source and destination {name:?} are the same database and table");
    Error::new(ErrorKind::Usage, what).because("both addresses lead to it").fix(
        "remove one of them from the configuration, correct its address, or name another table",
    )
}
