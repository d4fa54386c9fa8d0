//! What a table of PostgreSQL is as a destination, once it was found to hold what the source has.

use crate::error::Warning;
use crate::event::wire::Wire;
use crate::postgres::session::settings::ServerOverview;
use crate::postgres::table::EventTable;

/// A destination that can hold what the source has.
#[derive(Clone, Debug)]
pub struct DestinationShape {
    /// Its server.
    pub server: ServerOverview,
    /// Its event table.
    pub table: EventTable,
    /// What is copied, and how. Lanes with equal wires can share one read of the source.
    pub wire: Wire,
    /// Concurrent COPYs: as configured, or 1 where triggers or foreign keys forbid more.
    pub writers: u8,
    /// What a person should know at every start.
    pub warnings: Vec<Warning>,
}
