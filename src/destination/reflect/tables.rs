//! The tables of a destination.

use super::mapping::TableMapping;
use super::order::parents_first;
use super::state::EntryState;
use super::statements::TableStatements;
use super::target::TargetTable;
use std::collections::BTreeMap;

/// The tables of a destination, and how each stands.
pub(super) struct ReflectionTables {
    pub all: Vec<ReflectedTable>,
    /// In which order rows are written: a table after those that its foreign keys lead to. Rows are
    /// deleted in the opposite order.
    pub order: Vec<usize>,
}

/// One table.
pub(super) struct ReflectedTable {
    pub mapping: TableMapping,
    pub target: TargetTable,
    pub statements: TableStatements,
    pub state: EntryState,
}

impl ReflectionTables {
    pub(super) fn new(
        tables: Vec<(TableMapping, TargetTable)>,
        statements: Vec<TableStatements>,
        mut entries: BTreeMap<String, EntryState>,
    ) -> Self {
        let order = parents_first(tables.iter().map(|(_, target)| target));
        let all = tables.into_iter().zip(statements).map(|((mapping, target), statements)| {
            let state = entries
                .remove(&mapping.entry())
                .unwrap_or_else(|| EntryState::new(target.oid, &mapping));
            ReflectedTable { mapping, target, statements, state }
        });
        Self { all: all.collect(), order }
    }
}
