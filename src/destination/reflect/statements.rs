//! The statements of one table: made once of its mapping and of what the table is.

use super::mapping::{MappedColumn, TableMapping};
use super::target::TargetTable;
use crate::event::captured::KeyRange;
use crate::event::net::RowKey;
use crate::sql::{ident, literal};

/// A row as it was before, of a key that still has one.
pub(super) const BEFORE: i16 = -1;
/// A row that is gone, as it was.
pub(super) const GONE: i16 = 0;
/// A row as it is now, of a key that had one.
pub(super) const CHANGED: i16 = 1;
/// A row of a key that had none.
pub(super) const ADDED: i16 = 2;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct TableStatements {
    /// Makes the temporary table of the captured columns, which expressions are evaluated over.
    pub create_stage: String,
    pub copy: String,
    /// How many rows are not as the log has them, and the key of one.
    pub drift: String,
    /// How the table differs from what was staged: the kind, the key, and the columns.
    pub differences: String,
    pub delete_gone: String,
    pub upsert: String,
    /// In place of an upsert, where rows exchange values of another unique index.
    pub delete_changed: String,
    pub insert: String,
    /// Takes away what holds a value that a loaded row has now, one for each other unique index.
    pub delete_clashes: Vec<String>,
    pub delete_all: String,
    /// Its columns as they are computed, behind the side.
    pub select: String,
    /// Evaluates every expression, of no row.
    pub try_out: String,
    table: String,
    keys: Vec<(String, usize)>,
    source: String,
    key_types: Vec<String>,
}

impl TableStatements {
    /// Of the table at this place of the configuration.
    pub(super) fn new(at: usize, mapping: &TableMapping, target: &TargetTable) -> Self {
        let stage = format!("pg_temp.counterfoil_src_{at}");
        let table = mapping.table.quoted();
        let place = |name: &str| mapping.columns.iter().position(|of| of.name == name);
        let keys: Vec<(String, usize)> = mapping
            .key
            .iter()
            .filter_map(|key| Some((ident(&key.name), place(&key.name)?)))
            .collect();
        let values: Vec<String> = mapping
            .columns
            .iter()
            .enumerate()
            .map(|(at, MappedColumn { expression, .. })| format!("({expression}\n) as m{at}"))
            .collect();
        let source = format!("(select counterfoil_side, {} from {stage})", values.join(", "));
        let WriteStatements { insert, upsert, try_out } = writes(mapping, &table, &source, &keys);
        let joined = joined(&keys);
        let delete = |sides: &str| {
            format!(
                "delete from {table} t using {source} b where b.counterfoil_side {sides} and {joined}"
            )
        };
        let (columns, typed) = staged(mapping, target);
        Self {
            create_stage: format!(
                "create temporary table if not exists counterfoil_src_{at} (counterfoil_side smallint not null, {typed}) on commit delete rows"
            ),
            copy: format!("copy {stage} (counterfoil_side, {columns}) from stdin"),
            differences: differences(mapping, target, &source, &keys),
            drift: drift(mapping, target, &source, &keys),
            delete_gone: delete(&format!("= {GONE}")),
            delete_changed: delete(&format!(">= {CHANGED}")),
            upsert,
            insert,
            delete_clashes: clashes(mapping, target, &source, &keys),
            delete_all: format!("delete from {table}"),
            select: format!("select * from {source} b"),
            try_out,
            key_types: mapping.key.iter().map(|key| target.type_of(&key.name).to_owned()).collect(),
            table,
            keys,
            source,
        }
    }

    /// Deletes the rows of a range of keys that are not among those that were staged.
    pub(super) fn delete_stale(&self, keys: &KeyRange) -> String {
        let names: Vec<String> = self.keys.iter().map(|(name, _)| format!("t.{name}")).collect();
        let bound = |key: &Option<RowKey>, operator: &str| {
            let values = key.as_ref()?.texts().into_iter().zip(&self.key_types);
            let values: Vec<String> =
                values.map(|(text, of)| format!("{}::{of}", literal(text))).collect();
            Some(format!("({}) {operator} ({})", names.join(", "), values.join(", ")))
        };
        let bounds = [bound(&keys.after, ">"), bound(&keys.through, "<=")].into_iter().flatten();
        let among =
            format!("not exists (select from {} b where {})", self.source, joined(&self.keys));
        let all: Vec<String> = bounds.chain([among]).collect();
        format!("delete from {} t where {}", self.table, all.join(" and "))
    }
}

/// The statements that write rows.
struct WriteStatements {
    insert: String,
    upsert: String,
    try_out: String,
}

fn writes(
    mapping: &TableMapping,
    table: &str,
    source: &str,
    keys: &[(String, usize)],
) -> WriteStatements {
    let names: Vec<String> = mapping.columns.iter().map(|of| ident(&of.name)).collect();
    let taken: Vec<String> = (0..names.len()).map(|at| format!("b.m{at}")).collect();
    let insert = format!(
        "insert into {table} ({}) select {} from {source} b where ",
        names.join(", "),
        taken.join(", ")
    );
    let key_names: Vec<&str> = keys.iter().map(|(name, _)| name.as_str()).collect();
    let others: Vec<String> = names
        .iter()
        .filter(|name| !key_names.contains(&name.as_str()))
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    // A row that is all key is written too, so that the count tells whether it arrived.
    let set = match (others.as_slice(), key_names.first()) {
        ([], Some(first)) => format!("{first} = excluded.{first}"),
        (others, _) => others.join(", "),
    };
    let written = format!("{insert}b.counterfoil_side >= {CHANGED}");
    let upsert = format!("{written} on conflict ({}) do update set {set}", key_names.join(", "));
    WriteStatements { try_out: format!("{insert}false"), insert: written, upsert }
}

/// The captured columns that are staged: their names, and their names with types.
fn staged(mapping: &TableMapping, target: &TargetTable) -> (String, String) {
    let columns = || mapping.source.columns.iter().filter(|of| !of.is_virtual);
    let names: Vec<String> = columns().map(|of| ident(&of.name)).collect();
    let typed = columns().map(|of| format!("{} {}", ident(&of.name), target.stage_type(of)));
    (names.join(", "), typed.collect::<Vec<_>>().join(", "))
}

fn joined(keys: &[(String, usize)]) -> String {
    let equal: Vec<String> = keys.iter().map(|(name, at)| format!("t.{name} = b.m{at}")).collect();
    equal.join(" and ")
}

fn drift(
    mapping: &TableMapping,
    target: &TargetTable,
    source: &str,
    keys: &[(String, usize)],
) -> String {
    let same: Vec<String> =
        (0..mapping.columns.len()).map(|at| is_same(mapping, target, at)).collect();
    let shown: Vec<String> = keys.iter().map(|(_, at)| format!("b.m{at}::text")).collect();
    let added = match mapping.deletes {
        // The row may be there still.
        crate::config::DeleteReaction::Ignore => "false".to_owned(),
        crate::config::DeleteReaction::Apply => {
            format!("b.counterfoil_side = {ADDED} and t.{} is not null", keys[0].0)
        }
    };
    format!(
        "select count(*), min(concat_ws(', ', {})) from {source} b left join {} t on {} \
         where (b.counterfoil_side in ({BEFORE}, {GONE}) and not (t.{} is not null and {})) or ({added})",
        shown.join(", "),
        mapping.table.quoted(),
        joined(keys),
        keys[0].0,
        same.join(" and "),
    )
}

/// That a column of the table holds what was computed.
fn is_same(mapping: &TableMapping, target: &TargetTable, at: usize) -> String {
    let column = &mapping.columns[at];
    let (name, of) = (ident(&column.name), target.type_of(&column.name));
    if target.has_equality(&column.name) {
        format!("t.{name} is not distinct from b.m{at}::{of}")
    } else {
        format!("t.{name}::text is not distinct from b.m{at}::{of}::text")
    }
}

fn differences(
    mapping: &TableMapping,
    target: &TargetTable,
    source: &str,
    keys: &[(String, usize)],
) -> String {
    let columns: Vec<String> = mapping
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let same = is_same(mapping, target, at);
            format!("case when not ({same}) then {} end", literal(&column.name))
        })
        .collect();
    let columns = format!("array_remove(array[{}]::text[], null)", columns.join(", "));
    let (key, at) = &keys[0];
    let shown: Vec<String> =
        keys.iter().map(|(name, at)| format!("coalesce(b.m{at}::text, t.{name}::text)")).collect();
    let kind = format!(
        "case when t.{key} is null then 'missing' when b.m{at} is null then 'extra' else 'changed' end"
    );
    format!(
        "select {kind} as kind, concat_ws(', ', {}) as key, \
         case when t.{key} is null or b.m{at} is null then '{{}}'::text[] else {columns} end as columns \
         from {source} b full join {} t on {} where t.{key} is null or b.m{at} is null or {columns} <> '{{}}'",
        shown.join(", "),
        mapping.table.quoted(),
        joined(keys),
    )
}

fn clashes(
    mapping: &TableMapping,
    target: &TargetTable,
    source: &str,
    keys: &[(String, usize)],
) -> Vec<String> {
    let place = |name: &String| mapping.columns.iter().position(|of| of.name == *name);
    let of_index = |columns: &Vec<String>| {
        let equal: Option<Vec<String>> = columns
            .iter()
            .map(|name| Some(format!("t.{} = b.m{}", ident(name), place(name)?)))
            .collect();
        Some(format!(
            "delete from {} t using {source} b where b.counterfoil_side >= {CHANGED} and {} and not ({})",
            mapping.table.quoted(),
            equal?.join(" and "),
            joined(keys)
        ))
    };
    target.other_unique_indexes(mapping).filter_map(of_index).collect()
}
