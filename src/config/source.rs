//! `[source]`, and `[tables]` where several tables of it differ.

use super::columns::{self, ColumnList, ColumnRoles};
use super::file::reader::{ConfigReader, ConfigSection, NamedValue};
use super::file::tree::{ConfigEntry, ConfigValue};
use super::keys::{self, IntegerRange, MS_MAX, Unit};
use super::settings::{
    amount, boolean, duration, found, identifier, preset_table, preset_text, words,
    written_identifier, written_tables, written_word,
};
use super::{GroupBy, IdsSetting, SourceConfig, SourceRetention, connection, libpq};
use crate::config::nearest::did_you_mean;
use crate::sql::TableName;
use std::time::Duration;

/// The tables of a source, at least one, and the source for each of them unless its connection is a
/// problem.
pub(super) struct SourceTables {
    pub(super) tables: Vec<TableName>,
    pub(super) sources: Option<Vec<SourceConfig>>,
}

/// What is written for one table in place of what the source says.
struct TableOverride {
    table: TableName,
    ids: Option<IdsSetting>,
    id_column: Option<String>,
    group_by: Option<GroupBy>,
    /// `Some(None)`: found out, whatever the source says.
    time_column: Option<Option<String>>,
    known_gaps: Option<Vec<(i64, i64)>>,
    keeps: Option<SourceRetention>,
    columns: Option<ColumnList>,
}

impl SourceTables {
    /// Where the source could not be read.
    pub(super) fn unknown() -> Self {
        let key = keys::SOURCE.keys().find(|key| key.name == "table");
        Self { tables: vec![preset_table(key.expect("the source has a table"))], sources: None }
    }
}

impl TableOverride {
    /// What columns are for, where the source says this.
    fn roles<'a>(&'a self, of_source: ColumnRoles<'a>) -> ColumnRoles<'a> {
        ColumnRoles {
            copied: self.columns.as_ref().or(of_source.copied),
            id: self.id_column.as_deref().unwrap_or(of_source.id),
            group_by: self.group_by.as_ref().unwrap_or(of_source.group_by),
            time: self.time_column.as_ref().map_or(of_source.time, Option::as_deref),
        }
    }

    fn apply(&self, source: &mut SourceConfig) {
        let Self { table: _, ids, id_column, group_by, time_column, known_gaps, columns, keeps } =
            self;
        columns.iter().for_each(|columns| source.columns.clone_from(&columns.names));
        ids.inspect(|ids| source.ids = *ids);
        id_column.iter().for_each(|id_column| source.id_column.clone_from(id_column));
        group_by.iter().for_each(|group_by| source.group_by = group_by.clone());
        time_column.iter().for_each(|column| source.time_column.clone_from(column));
        known_gaps.iter().for_each(|known_gaps| source.known_gaps.clone_from(known_gaps));
        keeps.iter().for_each(|keeps| source.keeps = *keeps);
    }
}

/// Reads `[source]` and `[tables]`.
pub(super) fn sources<'a>(
    reader: &mut ConfigReader<'a>,
    root: &ConfigSection<'a>,
    section: &ConfigSection<'a>,
) -> SourceTables {
    let conninfo = connection::read(reader, section, libpq::unknown_scheme);
    let mut tables = written_tables(reader, section, "table");
    if tables.is_empty() {
        tables.push(preset_table(section.known("table")));
    }
    let columns = columns::written(reader, section);
    let ids = written_ids(reader, section);
    let ids = ids.unwrap_or_else(|| {
        ids_of(preset_text(section.known("ids")))
            .expect("the table of keys names ids that are known")
    });
    let known_gaps = known_gaps(reader, section, ids).unwrap_or_default();
    let keeps = written_keeps(reader, section).unwrap_or(SourceRetention::All);
    let id_column = identifier(reader, section, "id_column");
    let group_by = written_group_by(reader, section);
    let group_by = group_by
        .unwrap_or_else(|| GroupBy::IfPresent(preset_text(section.known("group_by")).to_owned()));
    let time_column = written_time_column(reader, section).flatten();
    let group_events_max = amount(reader, section, "group_events_max");
    let channel = identifier(reader, section, "channel");
    let poll_interval = duration(reader, section, "poll_interval_ms");
    let durability_gate = boolean(reader, section, "durability_gate");
    let overrides = overrides(reader, root, &tables, ids);
    let of_source = ColumnRoles {
        copied: columns.as_ref(),
        id: &id_column,
        group_by: &group_by,
        time: time_column.as_deref(),
    };
    require_copied(reader, of_source, &tables, &overrides);
    // Only now: without a connection the rest has been read for its problems.
    let source = conninfo.map(|conninfo| SourceConfig {
        conninfo,
        table: tables[0].clone(),
        id_column,
        columns: columns.map(|columns| columns.names).unwrap_or_default(),
        ids,
        group_by,
        time_column,
        group_events_max,
        channel,
        known_gaps,
        keeps,
        poll_interval,
        durability_gate,
    });
    let sources = source
        .map(|source| tables.iter().map(|table| of_table(&source, table, &overrides)).collect());
    SourceTables { tables, sources }
}

/// Tells of each table which columns it needs and does not copy.
fn require_copied(
    reader: &mut ConfigReader<'_>,
    of_source: ColumnRoles<'_>,
    tables: &[TableName],
    overrides: &[TableOverride],
) {
    let mut told: Vec<ColumnRoles<'_>> = Vec::new();
    for table in tables {
        let own = overrides.iter().find(|own| own.table == *table);
        let of_table = own.map_or(of_source, |own| own.roles(of_source));
        if !told.contains(&of_table) {
            of_table.require_copied(reader);
            told.push(of_table);
        }
    }
}

/// The source as it is for one of its tables.
fn of_table(source: &SourceConfig, table: &TableName, overrides: &[TableOverride]) -> SourceConfig {
    let mut source = source.clone();
    source.table = table.clone();
    overrides.iter().filter(|own| own.table == *table).for_each(|own| own.apply(&mut source));
    source
}

/// Reads `[tables."…"]`, each the name of a table of the source; `ids` is what the source says.
fn overrides<'a>(
    reader: &mut ConfigReader<'a>,
    root: &ConfigSection<'a>,
    tables: &[TableName],
    ids: IdsSetting,
) -> Vec<TableOverride> {
    let Some(list) = reader.find(root, "tables") else {
        return Vec::new();
    };
    let ConfigValue::Table(entries) = &list.node.value else {
        let what = format!("{} must be a table, not {}", list.key, list.node.value.describe());
        reader.problem(
            list.node.at,
            &list.key,
            what,
            format!("write each as {}", keys::TABLE.header),
        );
        return Vec::new();
    };
    let read = entries.iter().filter_map(|entry| table_override(reader, entry, tables, ids));
    read.collect()
}

fn table_override<'a>(
    reader: &mut ConfigReader<'a>,
    entry: &'a ConfigEntry,
    tables: &[TableName],
    ids: IdsSetting,
) -> Option<TableOverride> {
    let path = format!("{}.{:?}", keys::TABLE.name, entry.key);
    let section = reader.section(&entry.node, entry.key_at, &path, keys::TABLE.keys().collect())?;
    let table = TableName::parse(&entry.key).ok().filter(|table| tables.contains(table));
    if table.is_none() {
        let known: Vec<String> = tables.iter().map(ToString::to_string).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let guess = did_you_mean(&entry.key, &known);
        let fix =
            if guess.is_empty() { format!("the source has {}", known.join(", ")) } else { guess };
        reader.problem(
            entry.key_at,
            &path,
            format!("the source has no table {:?}", entry.key),
            fix,
        );
    }
    let own_ids = written_ids(reader, &section);
    let id_column = written_identifier(reader, &section, "id_column");
    let group_by = written_group_by(reader, &section);
    let time_column = written_time_column(reader, &section);
    let columns = columns::written(reader, &section);
    let known_gaps = known_gaps(reader, &section, own_ids.unwrap_or(ids));
    let keeps = written_keeps(reader, &section);
    Some(TableOverride {
        table: table?,
        ids: own_ids,
        id_column,
        group_by,
        time_column,
        known_gaps,
        columns,
        keeps,
    })
}

fn written_keeps<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
) -> Option<SourceRetention> {
    let word = written_word(reader, section, "keeps")?;
    Some(if word == "tail" { SourceRetention::Tail } else { SourceRetention::All })
}

fn written_group_by<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
) -> Option<GroupBy> {
    let column = written_identifier(reader, section, "group_by")?;
    Some(if column.is_empty() { GroupBy::Off } else { GroupBy::Column(column) })
}

/// The inner `None` is "": found out.
fn written_time_column<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
) -> Option<Option<String>> {
    let column = written_identifier(reader, section, "time_column")?;
    Some(Some(column).filter(|column| !column.is_empty()))
}

fn written_ids<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
) -> Option<IdsSetting> {
    let key = section.known("ids");
    found(reader, section, "ids", |reader, found| {
        let text = reader.text(found)?;
        let ids = ids_of(&text.value);
        if ids.is_none() {
            let what = format!("{} cannot be {:?}", found.key, text.written);
            let known = words(key).join(", ");
            let fix = format!("use one of {known}, grace:500ms (any time above zero in s or ms)");
            reader.problem(found.node.at, &found.key, what, fix);
        }
        ids
    })
}

fn ids_of(word: &str) -> Option<IdsSetting> {
    match word {
        "auto" => Some(IdsSetting::Auto),
        "consecutive" => Some(IdsSetting::Consecutive),
        "sequence" => Some(IdsSetting::Sequence),
        "copy" => Some(IdsSetting::Copy),
        other => other.strip_prefix("grace:").and_then(grace).map(IdsSetting::Grace),
    }
}

/// `5s` or `500ms`, above zero.
fn grace(text: &str) -> Option<Duration> {
    let (digits, unit_ms) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => (text.strip_suffix('s')?, 1_000),
    };
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let ms = digits.parse::<i64>().ok().filter(|_| is_plain)?.checked_mul(unit_ms)?;
    (1..=MS_MAX).contains(&ms).then(|| Duration::from_millis(ms.unsigned_abs()))
}

/// Ranges in ascending order, those that overlap or touch joined; `None` where nothing is written.
fn known_gaps<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    ids: IdsSetting,
) -> Option<Vec<(i64, i64)>> {
    let list = reader.find(section, "known_gaps")?;
    let ConfigValue::List(items) = &list.node.value else {
        let what = format!("{} must be a list, not {}", list.key, list.node.value.describe());
        reader.problem(
            list.node.at,
            &list.key,
            what,
            "write ids and ranges, as in [\"42\", \"100..120\"]",
        );
        return None;
    };
    if !items.is_empty()
        && matches!(ids, IdsSetting::Sequence | IdsSetting::Copy | IdsSetting::Grace(_))
    {
        let what = format!("{} applies to consecutive ids only", list.key);
        let fix = "remove known_gaps, or set ids to \"auto\" or \"consecutive\": in a sequence \
                   gaps are ordinary";
        reader.problem(list.node.at, &list.key, what, fix);
    }
    let mut gaps: Vec<(i64, i64)> = items
        .iter()
        .filter_map(|node| {
            let key = list.key.clone();
            gap(reader, &NamedValue { node, key })
        })
        .collect();
    gaps.sort_unstable();
    gaps.dedup_by(|next, previous| {
        let is_joined = next.0 <= previous.1.saturating_add(1);
        if is_joined {
            previous.1 = previous.1.max(next.1);
        }
        is_joined
    });
    Some(gaps)
}

/// `42`, `"42"` or `"100..120"`, ends included.
fn gap(reader: &mut ConfigReader<'_>, found: &NamedValue<'_>) -> Option<(i64, i64)> {
    if matches!(found.node.value, ConfigValue::Integer(_)) {
        let any = IntegerRange::new(i64::MIN, i64::MAX, Unit::None);
        return reader.integer(found, any).map(|id| (id, id));
    }
    let text = reader.text(found)?;
    let (first, last) = text.value.split_once("..").unwrap_or((&text.value, &text.value));
    let id = |text: &str| text.trim().parse::<i64>().ok();
    let gap = id(first).zip(id(last)).filter(|(first, last)| first <= last);
    if gap.is_none() {
        let what = format!("{} cannot hold {:?}", found.key, text.written);
        let fix = "write an id as \"42\", or the first and the last missing id as \"100..120\"";
        reader.problem(found.node.at, &found.key, what, fix);
    }
    gap
}
