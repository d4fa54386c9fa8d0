//! The past of the events at a source: whether what was compared before is still what is there.

use crate::source::durability::TableFiles;

/// The past of a source's events, as far as it can be told from another: where it differs, events
/// may be missing that were there before.
#[derive(Clone, Debug, Default)]
pub struct SourceHistory {
    server: (Option<u64>, Option<u32>, u32),
    table_oid: u32,
    files: TableFiles,
}

impl SourceHistory {
    /// Of a server by its [`history`](crate::postgres::session::server::ServerIdentity::history), a
    /// table by oid and its files.
    pub(super) fn new(
        server: (Option<u64>, Option<u32>, u32),
        table_oid: u32,
        files: TableFiles,
    ) -> Self {
        Self { server, table_oid, files }
    }

    /// Whether everything that was there in the earlier one is there still, as far as this can
    /// tell.
    pub(crate) fn continues(&self, earlier: &Self) -> bool {
        (self.server, self.table_oid) == (earlier.server, earlier.table_oid)
            && self.files.continue_those(&earlier.files)
    }
}
