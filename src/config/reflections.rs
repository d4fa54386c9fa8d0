//! `[[destinations.reflections]]`: tables that are computed from the changes of captured ones.

use super::file::reader::{ConfigReader, ConfigSection, NamedValue};
use super::file::tree::{ConfigNode, ConfigValue};
use super::keys::REFLECTION;
use super::libpq::Conninfo;
use super::settings::{amount, boolean, found, word, written_table};
use crate::sql::TableName;

/// A destination whose tables are computed from change events: one position, and one transaction
/// for each batch over all of its tables.
#[derive(Clone, Debug)]
pub struct ReflectionsConfig {
    /// How to connect.
    pub conninfo: Conninfo,
    /// What follows where a row is not as the log has it.
    pub drift: DriftReaction,
    /// The tables, in the order of the file: at least one.
    pub reflections: Vec<ReflectionConfig>,
}

/// One table that is computed from one captured table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReflectionConfig {
    /// What the source calls the captured table: the name given at its capture.
    pub source: String,
    /// The table that is written.
    pub table: TableName,
    /// Its key; empty: the columns of the captured table's key, by the same names.
    pub key: Vec<String>,
    /// What its columns hold.
    pub columns: MappedColumns,
    /// What a deleted row of the source does.
    pub deletes: DeleteReaction,
    /// What a TRUNCATE of the source does.
    pub truncate: TruncateReaction,
    /// Whether the rows that are there already are loaded.
    pub loads: bool,
    /// Rows of one range of a load.
    pub load_rows: u32,
    /// Whether `init destination` makes the table.
    pub creates: bool,
}

/// `columns = …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappedColumns {
    /// Every column of the captured table, by its own name.
    Same,
    /// These columns, each with an expression of the destination's SQL over the columns of the
    /// captured table; those of the key are added where they are missing.
    Named(Vec<(String, String)>),
}

/// `drift = "…"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriftReaction {
    /// The destination stops, with exit code 4.
    Stop,
    /// It is told, and the row becomes what the log says.
    Report,
    /// Rows are not looked at.
    Off,
}

/// `deletes = "…"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteReaction {
    /// The row goes.
    Apply,
    /// It stays.
    Ignore,
}

/// `truncate = "…"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TruncateReaction {
    /// All rows go.
    Apply,
    /// They stay.
    Ignore,
    /// The destination stops, with exit code 7.
    Stop,
}

/// Reads the keys of such a destination; without a connection the rest is read for its problems.
pub(super) fn read<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    conninfo: Option<Conninfo>,
) -> Option<ReflectionsConfig> {
    refuse_those_of_copies(reader, section);
    let drift = match word(reader, section, "drift") {
        "report" => DriftReaction::Report,
        "off" => DriftReaction::Off,
        _ => DriftReaction::Stop,
    };
    let reflections = found(reader, section, "reflections", list)?;
    refuse_doubles(reader, section, &reflections);
    let reflections = reflections.into_iter().map(|(of, _)| of).collect::<Option<Vec<_>>>()?;
    Some(ReflectionsConfig { conninfo: conninfo?, drift, reflections })
}

/// Keys that say how an event table is copied.
fn refuse_those_of_copies<'a>(reader: &mut ConfigReader<'a>, section: &ConfigSection<'a>) {
    for name in ["table", "where", "rename", "writers"] {
        let Some(found) = reader.find(section, name) else { continue };
        let what = format!(
            "{} is of a destination that is a copy, and this one has reflections",
            found.key
        );
        let fix = match name {
            "table" => "write the table into each of its reflections",
            "rename" => "write columns = { … } into its reflections",
            _ => "leave it out",
        };
        reader.problem(found.node.at, &found.key, what, fix);
    }
}

type PlacedReflection = (Option<ReflectionConfig>, usize);

fn list<'a>(
    reader: &mut ConfigReader<'a>,
    found: &NamedValue<'a>,
) -> Option<Vec<PlacedReflection>> {
    let ConfigValue::List(items) = &found.node.value else {
        let what =
            format!("{} must be a list of tables, not {}", found.key, found.node.value.describe());
        let fix = "write each as [[destinations.reflections]], below its destination";
        reader.problem(found.node.at, &found.key, what, fix);
        return None;
    };
    if items.is_empty() {
        let what = format!("{} names no table", found.key);
        let fix = "write each as [[destinations.reflections]], or leave it out for a copy";
        reader.problem(found.node.at, &found.key, what, fix);
        return None;
    }
    let items = items.iter().enumerate();
    let written = |(index, node): (usize, &'a ConfigNode)| {
        (reflection(reader, node, &format!("{}[{index}]", found.key)), node.at)
    };
    Some(items.map(written).collect())
}

fn reflection<'a>(
    reader: &mut ConfigReader<'a>,
    node: &'a ConfigNode,
    path: &str,
) -> Option<ReflectionConfig> {
    let section = reader.section(node, node.at, path, REFLECTION.keys().collect())?;
    let source = found(reader, &section, "source", |reader, found| {
        reader.text(found).map(|text| text.value)
    });
    if !section.has("source") {
        let fix = "name a captured table, as counterfoil capture status lists it";
        reader.problem(node.at, path, format!("{path} has no source"), fix);
    }
    let table = written_table(reader, &section, "table");
    let key = found(reader, &section, "key", names).unwrap_or_default();
    let columns = found(reader, &section, "columns", columns).unwrap_or(MappedColumns::Same);
    let deletes = match word(reader, &section, "deletes") {
        "ignore" => DeleteReaction::Ignore,
        _ => DeleteReaction::Apply,
    };
    let truncate = match word(reader, &section, "truncate") {
        "ignore" => TruncateReaction::Ignore,
        "stop" => TruncateReaction::Stop,
        _ => TruncateReaction::Apply,
    };
    let loads = word(reader, &section, "load") == "rows";
    let load_rows = u32::try_from(amount(reader, &section, "load_rows")).unwrap_or(u32::MAX);
    let creates = boolean(reader, &section, "create");
    let source = source?;
    let table = table.or_else(|| TableName::parse(&source).ok());
    if table.is_none() {
        let what = format!("{path} has no table, and {source:?} is no name of one");
        reader.problem(node.at, path, what, "add table = \"…\": the table that is written");
    }
    Some(ReflectionConfig {
        source,
        table: table?,
        key,
        columns,
        deletes,
        truncate,
        loads,
        load_rows,
        creates,
    })
}

fn names<'a>(reader: &mut ConfigReader<'a>, found: &NamedValue<'a>) -> Option<Vec<String>> {
    let ConfigValue::List(items) = &found.node.value else {
        let what = format!("{} must be a list, not {}", found.key, found.node.value.describe());
        reader.problem(
            found.node.at,
            &found.key,
            what,
            "write the columns of the key, as in [\"id\"]",
        );
        return None;
    };
    let named = |(index, node): (usize, &'a ConfigNode)| {
        reader.identifier(&NamedValue { node, key: format!("{}[{index}]", found.key) })
    };
    items.iter().enumerate().map(named).collect()
}

fn columns<'a>(reader: &mut ConfigReader<'a>, found: &NamedValue<'a>) -> Option<MappedColumns> {
    const FIX: &str =
        "write \"same\", or each column with an expression, as in { total = \"amount\" }";
    let entries = match &found.node.value {
        ConfigValue::Table(entries) => entries,
        ConfigValue::Text(text) if text == "same" => return Some(MappedColumns::Same),
        other => {
            let what = format!("{} cannot be {}", found.key, other.describe());
            reader.problem(found.node.at, &found.key, what, FIX);
            return None;
        }
    };
    let mut named = Vec::new();
    for entry in entries {
        let key = format!("{}.{}", found.key, entry.key);
        let value = NamedValue { node: &entry.node, key: key.clone() };
        let expression = reader.text(&value)?.value;
        if expression.trim().is_empty() {
            let fix = "write an expression over the columns of the captured table, or null";
            reader.problem(entry.node.at, &key, format!("{key} is empty"), fix);
        }
        named.push((entry.key.clone(), expression));
    }
    Some(MappedColumns::Named(named))
}

/// Two entries that write one table would take each other's rows for their own.
fn refuse_doubles<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    written: &[PlacedReflection],
) {
    for (index, (reflection, at)) in written.iter().enumerate() {
        let Some(reflection) = reflection else { continue };
        let before = written[..index].iter().filter_map(|(before, _)| before.as_ref());
        if before.into_iter().any(|before| before.table == reflection.table) {
            let key = format!("{}.reflections[{index}]", section.path);
            let what = format!("two reflections write {}", reflection.table);
            let fix = "let one of them write a table of its own, and join both in a view";
            reader.problem(*at, &key, what, fix);
        }
    }
}
