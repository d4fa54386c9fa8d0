//! Which connector a destination has, by its kind: one line each.

use crate::config::{DestinationConfig, DestinationKind};
use crate::destination::connector::Connector;
use crate::destination::postgres::connector::PostgresConnector;
use crate::destination::reflect::ReflectionsConnector;
use crate::destination::sqlite::connector::SqliteConnector;

/// The connector of a destination, by its kind.
pub fn connector(config: &DestinationConfig) -> Box<dyn Connector + '_> {
    match &config.kind {
        DestinationKind::Postgres(postgres) => {
            Box::new(PostgresConnector { config: postgres, name: &config.name })
        }
        DestinationKind::Reflections(reflections) => {
            Box::new(ReflectionsConnector { config: reflections, name: &config.name })
        }
        DestinationKind::Sqlite(sqlite) => {
            Box::new(SqliteConnector { config: sqlite, name: &config.name })
        }
    }
}
