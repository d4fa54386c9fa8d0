//! What a destination must be able to hold: the event table of the source, as a destination needs
//! to know it.

use crate::event::captured::CapturedLog;
use crate::postgres::session::server::ServerIdentity;
use crate::postgres::session::settings::ServerOverview;
use crate::postgres::table::EventTable;

/// What a destination must be able to hold.
#[derive(Clone, Copy, Debug)]
pub struct SourceSchema<'a> {
    /// The event table of the source.
    pub table: &'a EventTable,
    /// Which server and database it is in.
    pub identity: &'a ServerIdentity,
    /// Its server.
    pub server: &'a ServerOverview,
    /// Its key.
    pub id_column: &'a str,
    /// The column whose equal neighbours share one destination transaction.
    pub group_by: Option<&'a str>,
    /// What is captured into it, where it is a log of changes of which whole transactions can be
    /// told.
    pub(crate) captured: Option<&'a CapturedLog>,
}

impl<'a> SourceSchema<'a> {
    /// Of a table whose events are copied, without groups.
    pub fn of_events(
        table: &'a EventTable,
        identity: &'a ServerIdentity,
        server: &'a ServerOverview,
        id_column: &'a str,
    ) -> Self {
        Self { table, identity, server, id_column, group_by: None, captured: None }
    }
}
