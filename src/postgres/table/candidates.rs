//! The tables of a database that may hold events: what a look at the catalog tells of each, with
//! what would cure it. A hint for a person; the checks of a start decide.

use crate::error::Result;
use crate::postgres::session::Session;
use crate::sql::{self, TableName};
use tokio_postgres::Row;

/// So many are told, the largest first.
pub(crate) const CANDIDATES_MAX: i64 = 500;
/// Where more than this part of what was inserted was changed later, rows are no events.
const CHANGED_PART_MAX: f64 = 0.01;

/// A table, as the catalog has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TableCandidate {
    pub(crate) name: TableName,
    pub(crate) id_column: String,
    pub(crate) id_type: String,
    /// `None` where the server has not counted yet.
    pub(crate) rows_estimated: Option<f64>,
    has_key: bool,
    may_select: bool,
    inserted: i64,
    updated: i64,
    deleted: i64,
    sequence: Option<(String, i64)>,
    is_guarded: bool,
    is_partitioned: bool,
    /// Ours, as the server has it.
    role: String,
}

/// How a table suits, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CandidateFitness {
    /// Nothing speaks against it.
    Fit,
    /// It is told, and may be right all the same.
    Doubtful,
    /// A start would refuse it.
    Unfit,
}

/// A judgement, with its reason and its cure; empty where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CandidateVerdict {
    pub(crate) fitness: CandidateFitness,
    pub(crate) reason: String,
    pub(crate) cure: String,
}

impl TableCandidate {
    fn of(row: &Row, role: &str) -> Result<Self, tokio_postgres::Error> {
        let (sequence, cache): (Option<String>, Option<i64>) =
            (row.try_get("sequence")?, row.try_get("cache")?);
        Ok(Self {
            name: TableName { schema: row.try_get("schema")?, name: row.try_get("name")? },
            id_column: row.try_get("id_column")?,
            id_type: row.try_get("id_type")?,
            rows_estimated: row.try_get("rows_estimated")?,
            has_key: row.try_get("has_key")?,
            may_select: row.try_get("may_select")?,
            inserted: row.try_get("inserted")?,
            updated: row.try_get("updated")?,
            deleted: row.try_get("deleted")?,
            sequence: sequence.zip(cache),
            is_guarded: row.try_get("is_guarded")?,
            is_partitioned: row.try_get("is_partitioned")?,
            role: role.to_owned(),
        })
    }

    /// How its ids are given out, as far as the catalog says.
    pub(crate) fn ids(&self) -> String {
        match &self.sequence {
            Some((name, cache)) => format!("sequence {name}, CACHE {cache}"),
            None => "no sequence of its own".to_owned(),
        }
    }

    /// Whether it is a table of events, what speaks against it, and the cure.
    pub(crate) fn verdict(&self) -> CandidateVerdict {
        let verdict =
            |fitness, reason: String, cure: String| CandidateVerdict { fitness, reason, cure };
        let (table, id) = (&self.name, sql::ident(&self.id_column));
        if !self.has_key {
            let reason = format!("no unique index has {id} alone");
            // A partitioned table takes no index without a lock.
            let how = if self.is_partitioned { "" } else { "CONCURRENTLY " };
            let cure = format!("CREATE UNIQUE INDEX {how}ON {} ({id});", table.quoted());
            return verdict(CandidateFitness::Unfit, reason, cure);
        }
        if let Some((sequence, cache)) = self.sequence.as_ref().filter(|(_, cache)| *cache != 1) {
            let reason = format!("its sequence hands out {cache} ids at a time");
            let cure = format!("ALTER SEQUENCE {sequence} CACHE 1;");
            return verdict(CandidateFitness::Unfit, reason, cure);
        }
        if !self.may_select {
            let reason = "this role may not read it".to_owned();
            let cure = format!("GRANT SELECT ON {} TO {};", table.quoted(), sql::ident(&self.role));
            return verdict(CandidateFitness::Unfit, reason, cure);
        }
        let changed = self.updated.saturating_add(self.deleted);
        let known = self.inserted.max(1);
        #[allow(clippy::cast_precision_loss, reason = "a share, told in per cent")]
        let part = changed as f64 / known as f64;
        if !self.is_guarded && part > CHANGED_PART_MAX {
            let reason = format!(
                "rows are changed: {} updates and {} deletes for {} inserts since the statistics \
                 began",
                self.updated, self.deleted, self.inserted
            );
            let cure = "not a table of events, unless those changes have ended".to_owned();
            return verdict(CandidateFitness::Doubtful, reason, cure);
        }
        verdict(CandidateFitness::Fit, String::new(), String::new())
    }
}

/// Looks for them: those that suit first, of those the largest.
///
/// # Errors
/// What the server says.
pub(crate) async fn candidates(session: &Session) -> Result<Vec<TableCandidate>> {
    let role = &session.server().role;
    let asked = session
        .query(include_str!("../../../sql/table/candidates.sql"), &[&CANDIDATES_MAX])
        .await
        .and_then(|rows| {
            rows.iter().map(|row| TableCandidate::of(row, role)).collect::<Result<Vec<_>, _>>()
        });
    let mut found = asked.map_err(|error| session.error(&error, "cannot look for tables"))?;
    found.sort_by_key(|table| table.verdict().fitness);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> TableCandidate {
        TableCandidate {
            name: TableName { schema: "public".to_owned(), name: "My Events".to_owned() },
            id_column: "id".to_owned(),
            id_type: "bigint".to_owned(),
            rows_estimated: Some(1_000.0),
            has_key: true,
            may_select: true,
            inserted: 1_000,
            updated: 0,
            deleted: 0,
            sequence: Some(("public.s".to_owned(), 1)),
            is_guarded: false,
            is_partitioned: false,
            role: "reader".to_owned(),
        }
    }

    #[test]
    fn a_table_that_only_grows_and_has_its_key_and_a_sequence_of_single_ids_is_fit() {
        assert_eq!(table().verdict().fitness, CandidateFitness::Fit);
        let few = TableCandidate { updated: 10, ..table() };
        assert_eq!(few.verdict().fitness, CandidateFitness::Fit);
        let guarded = TableCandidate { updated: 500, is_guarded: true, ..table() };
        assert_eq!(guarded.verdict().fitness, CandidateFitness::Fit);
    }

    #[test]
    fn what_is_refused_or_doubtful_has_its_reason_and_its_cure() {
        for (table, fitness, reason, cure) in [
            (
                TableCandidate { has_key: false, ..table() },
                CandidateFitness::Unfit,
                "no unique index",
                "CREATE UNIQUE INDEX CONCURRENTLY ON \"public\".\"My Events\" (\"id\");",
            ),
            (
                TableCandidate { sequence: Some(("public.s".to_owned(), 20)), ..table() },
                CandidateFitness::Unfit,
                "20 ids at a time",
                "ALTER SEQUENCE public.s CACHE 1;",
            ),
            (
                TableCandidate { may_select: false, ..table() },
                CandidateFitness::Unfit,
                "may not read",
                "GRANT SELECT ON \"public\".\"My Events\" TO \"reader\";",
            ),
            (
                TableCandidate { updated: 880, ..table() },
                CandidateFitness::Doubtful,
                "880 updates",
                "not a table of events",
            ),
        ] {
            let verdict = table.verdict();
            assert_eq!(verdict.fitness, fitness, "{verdict:?}");
            assert!(verdict.reason.contains(reason) && verdict.cure.contains(cure), "{verdict:?}");
        }
    }
}
