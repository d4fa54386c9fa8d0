//! The sides of a comparison as a configuration names them.

use crate::config::{DestinationConfig, PostgresDestinationConfig, SourceConfig};
use crate::sql::ColumnNames;
use crate::verify::compare::side::SidePlace;

/// The source, all of its rows; a destination that takes some is compared with those.
pub fn source_place(source: &SourceConfig) -> SidePlace {
    SidePlace {
        name: "source".to_owned(),
        conninfo: source.conninfo.clone(),
        table: source.table.clone(),
        rows: None,
        columns: source.columns.clone(),
        names: ColumnNames::default(),
    }
}

/// A destination.
pub fn destination_place(
    to: &DestinationConfig,
    postgres: &PostgresDestinationConfig,
) -> SidePlace {
    SidePlace {
        name: format!("destination {:?}", to.name),
        conninfo: postgres.conninfo.clone(),
        table: postgres.table.clone(),
        rows: None,
        columns: Vec::new(),
        names: postgres.rename.clone(),
    }
}
