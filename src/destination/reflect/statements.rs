//! The statements of one table: made once of its mapping and of what the table is.

use super::mapping::{MappedColumn, TableMapping};
use super::target::{TargetTable, UniqueIndex};
use crate::event::captured::KeyRange;
use crate::event::net::RowKey;
use crate::sql::{ident, literal};
use std::ops::Range;

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
    /// In place of it after rows were written: what was written under an equal key stays.
    pub delete_left: String,
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
    keys: Vec<StatementKey>,
    source: String,
}

/// A column of the key.
#[derive(Clone, Debug)]
struct StatementKey {
    /// Quoted.
    name: String,
    /// Which of the computed columns fills it.
    place: usize,
    /// Its type, by which keys are compared: the table may hold less of a value than was computed.
    type_name: String,
}

impl TableStatements {
    /// Of the table at this place of the configuration.
    pub(super) fn new(at: usize, mapping: &TableMapping, target: &TargetTable) -> Self {
        let stage = format!("pg_temp.counterfoil_src_{at}");
        let table = mapping.table.quoted();
        let place = |name: &str| mapping.columns.iter().position(|of| of.name == name);
        let key = |name: &str| {
            let type_name = target.type_of(name).to_owned();
            Some(StatementKey { name: ident(name), place: place(name)?, type_name })
        };
        let keys: Vec<StatementKey> = mapping.key.iter().filter_map(|of| key(&of.name)).collect();
        let values: Vec<String> = mapping
            .columns
            .iter()
            .enumerate()
            .map(|(at, MappedColumn { expression, .. })| format!("({expression}\n) as m{at}"))
            .collect();
        let source = format!("(select counterfoil_side, {} from {stage})", values.join(", "));
        let WriteStatements { insert, upsert, try_out } = writes(mapping, &table, &source, &keys);
        let joined = joined(&keys, "b");
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
            delete_left: format!(
                "{} and not {}",
                delete(&format!("= {GONE}")),
                staged_as_well(&source, &keys, &format!(">= {CHANGED}"))
            ),
            delete_changed: delete(&format!(">= {CHANGED}")),
            upsert,
            insert,
            delete_clashes: clashes(mapping, target, &source, &keys),
            delete_all: format!("delete from {table}"),
            select: format!("select * from {source} b"),
            try_out,
            table,
            keys,
            source,
        }
    }

    /// Deletes the rows of a range of keys that are not among those that were staged.
    pub(super) fn delete_stale(&self, keys: &KeyRange) -> String {
        let names: Vec<String> = self.keys.iter().map(|key| format!("t.{}", key.name)).collect();
        let bound = |key: &Option<RowKey>, operator: &str| {
            let values = key.as_ref()?.texts().into_iter().zip(&self.keys);
            let values: Vec<String> =
                values.map(|(text, of)| format!("{}::{}", literal(text), of.type_name)).collect();
            Some(format!("({}) {operator} ({})", names.join(", "), values.join(", ")))
        };
        let bounds = [bound(&keys.after, ">"), bound(&keys.through, "<=")].into_iter().flatten();
        let among =
            format!("not exists (select from {} b where {})", self.source, joined(&self.keys, "b"));
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
    keys: &[StatementKey],
) -> WriteStatements {
    let names: Vec<String> = mapping.columns.iter().map(|of| ident(&of.name)).collect();
    let taken: Vec<String> = (0..names.len()).map(|at| format!("b.m{at}")).collect();
    let insert = format!(
        "insert into {table} ({}) select {} from {source} b where ",
        names.join(", "),
        taken.join(", ")
    );
    let key_names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
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

/// That a row of the table has the key of a computed one.
fn joined(keys: &[StatementKey], computed: &str) -> String {
    let equal = keys.iter().map(|StatementKey { name, place, type_name }| {
        format!("t.{name} = {computed}.m{place}::{type_name}")
    });
    equal.collect::<Vec<_>>().join(" and ")
}

/// That a row of such a side was staged under the key of a row of the table, too: two texts of a key
/// can be equal to the server (1.0 and 1.00).
fn staged_as_well(source: &str, keys: &[StatementKey], sides: &str) -> String {
    format!(
        "exists (select from {source} s where s.counterfoil_side {sides} and {})",
        joined(keys, "s")
    )
}

fn drift(
    mapping: &TableMapping,
    target: &TargetTable,
    source: &str,
    keys: &[StatementKey],
) -> String {
    let shown: Vec<String> = keys.iter().map(|key| format!("b.m{}::text", key.place)).collect();
    let added = match mapping.deletes {
        // The row may be there still.
        crate::config::DeleteReaction::Ignore => "false".to_owned(),
        crate::config::DeleteReaction::Apply => {
            let goes = staged_as_well(source, keys, &format!("= {GONE}"));
            format!(
                "b.counterfoil_side = {ADDED} and t.{} is not null and not {goes}",
                keys[0].name
            )
        }
    };
    format!(
        "select count(*), min(concat_ws(', ', {})) from {source} b left join {} t on {} \
         where (b.counterfoil_side in ({BEFORE}, {GONE}) and not (t.{} is not null and {})) or ({added})",
        shown.join(", "),
        mapping.table.quoted(),
        joined(keys, "b"),
        keys[0].name,
        is_same(mapping, target, 0..mapping.columns.len()),
    )
}

/// That columns of the table hold what was computed, to the last bit: types have no equality (json),
/// or one that takes different values for one (1.0 and 1.00, citext). PostgreSQL manual, "Row and
/// Array Comparisons".
fn is_same(mapping: &TableMapping, target: &TargetTable, columns: Range<usize>) -> String {
    let held = mapping.columns[columns.clone()].iter().map(|of| format!("t.{}", ident(&of.name)));
    let computed = columns.map(|at| {
        let of = target.type_of(&mapping.columns[at].name);
        format!("b.m{at}::{of}")
    });
    let (held, computed): (Vec<_>, Vec<_>) = (held.collect(), computed.collect());
    format!("pg_catalog.record_image_eq(row({}), row({}))", held.join(", "), computed.join(", "))
}

fn differences(
    mapping: &TableMapping,
    target: &TargetTable,
    source: &str,
    keys: &[StatementKey],
) -> String {
    let columns: Vec<String> = mapping
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let same = is_same(mapping, target, at..at + 1);
            format!("case when not ({same}) then {} end", literal(&column.name))
        })
        .collect();
    let columns = format!("array_remove(array[{}]::text[], null)", columns.join(", "));
    let StatementKey { name: key, place: at, .. } = &keys[0];
    let shown = keys.iter().map(|StatementKey { name, place, .. }| {
        format!("coalesce(b.m{place}::text, t.{name}::text)")
    });
    let shown: Vec<String> = shown.collect();
    let kind = format!(
        "case when t.{key} is null then 'missing' when b.m{at} is null then 'extra' else 'changed' end"
    );
    format!(
        "select {kind} as kind, concat_ws(', ', {}) as key, \
         case when t.{key} is null or b.m{at} is null then '{{}}'::text[] else {columns} end as columns \
         from {source} b full join {} t on {} where t.{key} is null or b.m{at} is null or {columns} <> '{{}}'",
        shown.join(", "),
        mapping.table.quoted(),
        joined(keys, "b"),
    )
}

fn clashes(
    mapping: &TableMapping,
    target: &TargetTable,
    source: &str,
    keys: &[StatementKey],
) -> Vec<String> {
    let computed = |name: &String| {
        let at = mapping.columns.iter().position(|of| of.name == *name)?;
        Some(format!("b.m{at}::{}", target.type_of(name)))
    };
    let of_index = |index: &UniqueIndex| {
        let equal = index
            .columns
            .iter()
            .map(|name| computed(name).map(|computed| format!("t.{} = {computed}", ident(name))));
        let mut all = equal.collect::<Option<Vec<String>>>()?;
        if let Some(predicate) = &index.predicate {
            let values = index.needs.iter().map(|name| {
                computed(name).map(|computed| format!("{computed} as {}", ident(name)))
            });
            let values = values.collect::<Option<Vec<String>>>()?.join(", ");
            for row in ["t.*", values.as_str()] {
                all.push(format!("exists (select from (select {row}) as p where {predicate})"));
            }
        }
        Some(format!(
            "delete from {} t using {source} b where b.counterfoil_side >= {CHANGED} and {} and not ({})",
            mapping.table.quoted(),
            all.join(" and "),
            joined(keys, "b")
        ))
    };
    target.other_unique_indexes(mapping).filter_map(of_index).collect()
}
