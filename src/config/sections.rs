//! The tables of the file, each turned into its typed form, with all defaults.

use super::file::reader::{Found, KnownTable, Reader, Section};
use super::file::tree::{Format as FileFormat, Node, Value};
use super::keys::{self, IntegerRange, Key, LABEL_BYTES_MAX, MS_MAX, Unit};
use super::kinds::{self, keys_of};
use super::libpq;
use super::settings::{
    amount, boolean, duration, found, identifier, preset_table, preset_text, size, word, words, written_identifier, written_integer,
    written_table,
};
use super::{DestinationKind, GroupBy, Ids, LogConfig, ReplicationLimits, SourceConfig, connection};
use crate::log::Format;
use crate::sql::TableName;
use std::time::Duration;

/// slate's own lower limit of `maxEventsPerWrite`.
const SLATES_EVENTS_MIN: i64 = 10_000;

/// A destination as written: its name may be missing, and what it is where that is a problem.
pub(super) struct Destination {
    pub(super) name: Option<String>,
    pub(super) kind: Option<DestinationKind>,
    /// Where it stands in the file.
    pub(super) at: usize,
    /// How it is called in messages: `destinations[0]`.
    pub(super) path: String,
}

/// Reads `[source]`: its table, which is the default of the destinations', and all of it unless its connection is a problem.
pub(super) fn source<'a>(reader: &mut Reader<'a>, section: &Section<'a>) -> (TableName, Option<SourceConfig>) {
    let conninfo = connection::read(reader, section, libpq::unknown_scheme);
    let table = written_table(reader, section, "table").unwrap_or_else(default_table);
    let ids = ids(reader, section);
    let known_gaps = known_gaps(reader, section, ids);
    let id_column = identifier(reader, section, "id_column");
    let group_by = group_by(reader, section);
    let group_events_max = amount(reader, section, "group_events_max");
    let channel = identifier(reader, section, "channel");
    let poll_interval = duration(reader, section, "poll_interval_ms");
    let durability_gate = boolean(reader, section, "durability_gate");
    // Only now: without a connection the rest has been read for its problems.
    let source = conninfo.map(|conninfo| SourceConfig {
        conninfo,
        table: table.clone(),
        id_column,
        ids,
        group_by,
        group_events_max,
        channel,
        known_gaps,
        poll_interval,
        durability_gate,
    });
    (table, source)
}

/// Reads all `[[destinations]]`; `source_table` is the default of their tables.
pub(super) fn destinations<'a>(reader: &mut Reader<'a>, root: &Section<'a>, source_table: &TableName) -> Vec<Destination> {
    let list = reader.find(root, "destinations");
    let is_toml = reader.document.format == FileFormat::Toml;
    let header = if is_toml {
        "[[destinations]]"
    } else {
        "\"destinations\": [{ … }]"
    };
    match list.as_ref().map(|found| (found, &found.node.value)) {
        Some((found, Value::List(items))) if !items.is_empty() => {
            let items = items.iter().enumerate();
            items
                .filter_map(|(index, node)| destination(reader, node, format!("{}[{index}]", found.key), source_table))
                .collect()
        }
        Some((found, Value::List(_))) => {
            reader.problem(
                found.node.at,
                &found.key,
                "there are no destinations",
                format!("add at least one: {header}"),
            );
            Vec::new()
        }
        Some((found, value)) => {
            let what = format!("{} must be a list of tables, not {}", found.key, value.describe());
            reader.problem(found.node.at, &found.key, what, format!("write each as {header}"));
            Vec::new()
        }
        None => {
            let fix = format!("add at least one: {header}");
            reader.problem(root.at, "destinations", "there are no destinations", fix);
            Vec::new()
        }
    }
}

fn destination<'a>(reader: &mut Reader<'a>, node: &'a Node, path: String, source_table: &TableName) -> Option<Destination> {
    let url = reader.peek(node, "url");
    let kind = kinds::kind_of(url.as_deref());
    let keys = keys::DESTINATION.keys().chain(kind.keys.iter().flat_map(|group| group.keys));
    let section = reader.section(node, node.at, &path, keys.collect())?;
    Some(Destination {
        name: found(reader, &section, "name", label),
        kind: (kind.read)(reader, &section, source_table),
        at: node.at,
        path,
    })
}

/// A name of our own.
pub(super) fn label(reader: &mut Reader<'_>, found: &Found<'_>) -> Option<String> {
    let name = reader.text(found)?.value;
    let is_usable = !name.trim().is_empty() && name.len() <= LABEL_BYTES_MAX && !name.contains(char::is_control);
    if !is_usable {
        let what = format!("{} must be 1 to {LABEL_BYTES_MAX} bytes of text in one line", found.key);
        reader.problem(found.node.at, &found.key, what, "write a short name, such as \"reporting\"");
    }
    is_usable.then_some(name)
}

/// Reads `[replication]` and the two numbers slate has at the top of its file; `retry_for` holds where `retry_for_ms` is not written.
pub(super) fn limits<'a>(
    reader: &mut Reader<'a>,
    root: &Section<'a>,
    section: &Section<'a>,
    retry_for: Option<Duration>,
) -> ReplicationLimits {
    let is_written = reader.find(section, "retry_for_ms").is_some();
    let written = duration(reader, section, "retry_for_ms");
    let retry_for = retry_for.filter(|_| !is_written).unwrap_or(written);
    let mut limits = ReplicationLimits {
        max_events_per_write: amount(reader, section, "max_events_per_write"),
        max_bytes_per_write: amount(reader, section, "max_bytes_per_write"),
        connect_timeout: duration(reader, section, "connect_timeout_ms"),
        retry_wait_max: duration(reader, section, "retry_wait_max_ms"),
        retry_for: Some(retry_for).filter(|retry_for| !retry_for.is_zero()),
        hold_max: duration(reader, section, "hold_max_ms"),
        readers_max: size(reader, section, "readers_max"),
        append_timeout: duration(reader, section, "append_timeout_ms"),
        buffer_bytes_max: size(reader, section, "buffer_bytes_max"),
        shutdown_timeout: duration(reader, section, "shutdown_timeout_ms"),
    };
    if let Some(written) = slates(reader, root, section, "maxEventsPerWrite", "max_events_per_write") {
        if written < SLATES_EVENTS_MIN {
            let note = format!("maxEventsPerWrite was raised from {written} to {SLATES_EVENTS_MIN}");
            reader.notes.push(note);
        }
        limits.max_events_per_write = written.max(SLATES_EVENTS_MIN).unsigned_abs();
    }
    if let Some(written) = slates(reader, root, section, "connectTimeout", "connect_timeout_ms") {
        limits.connect_timeout = Duration::from_millis(written.unsigned_abs());
    }
    limits
}

/// A number of slate's at the top of its JSON, which must not stand in `[replication]` as well.
fn slates<'a>(reader: &mut Reader<'a>, root: &Section<'a>, section: &Section<'a>, theirs: &str, ours: &str) -> Option<i64> {
    let found = reader.find(root, theirs)?;
    if reader.find(section, ours).is_some() {
        let what = format!("\"{theirs}\" and \"replication.{ours}\" are the same setting");
        reader.problem(found.node.at, theirs, what, "keep one of them");
    }
    written_integer(reader, root, theirs)
}

/// Reads `[log]`.
pub(super) fn log<'a>(reader: &mut Reader<'a>, section: &Section<'a>) -> LogConfig {
    let level = word(reader, section, "level");
    let format = word(reader, section, "format");
    LogConfig {
        level: level.parse().unwrap_or_else(|()| unreachable!("there is no level {level}")),
        format: match format {
            "auto" => Format::Auto,
            "text" => Format::Text,
            "json" => Format::Json,
            _ => unreachable!("there is no format {format}"),
        },
    }
}

/// All tables that a file can have, as they are written in TOML.
pub(super) fn tables() -> Vec<KnownTable> {
    keys::TABLES.iter().map(|table| (table.header, keys_of(table))).collect()
}

/// The table of the source where none is written.
pub(super) fn default_table() -> TableName {
    let key = keys::SOURCE.keys().find(|key| key.name == "table");
    preset_table(key.expect("the source has a table"))
}

fn group_by<'a>(reader: &mut Reader<'a>, section: &Section<'a>) -> GroupBy {
    match written_identifier(reader, section, "group_by") {
        None => GroupBy::IfPresent(preset_text(section.known("group_by")).to_owned()),
        Some(column) if column.is_empty() => GroupBy::Off,
        Some(column) => GroupBy::Column(column),
    }
}

fn ids<'a>(reader: &mut Reader<'a>, section: &Section<'a>) -> Ids {
    let key = section.known("ids");
    let written = found(reader, section, "ids", |reader, found| written_ids(reader, found, key));
    let preset = || ids_of(preset_text(key)).expect("the table of keys names ids that are known");
    written.unwrap_or_else(preset)
}

fn ids_of(word: &str) -> Option<Ids> {
    match word {
        "auto" => Some(Ids::Auto),
        "consecutive" => Some(Ids::Consecutive),
        "sequence" => Some(Ids::Sequence),
        "copy" => Some(Ids::Copy),
        other => other.strip_prefix("grace:").and_then(grace).map(Ids::Grace),
    }
}

fn written_ids(reader: &mut Reader<'_>, found: &Found<'_>, key: &Key) -> Option<Ids> {
    let text = reader.text(found)?;
    let ids = ids_of(&text.value);
    if ids.is_none() {
        let what = format!("{} cannot be {:?}", found.key, text.written);
        let known = words(key).join(", ");
        let fix = format!("use one of {known}, grace:500ms (any time above zero in s or ms)");
        reader.problem(found.node.at, &found.key, what, fix);
    }
    ids
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

/// Ranges in ascending order, those that overlap or touch joined.
fn known_gaps<'a>(reader: &mut Reader<'a>, section: &Section<'a>, ids: Ids) -> Vec<(i64, i64)> {
    let Some(list) = reader.find(section, "known_gaps") else {
        return Vec::new();
    };
    let Value::List(items) = &list.node.value else {
        let what = format!("{} must be a list, not {}", list.key, list.node.value.describe());
        reader.problem(list.node.at, &list.key, what, "write ids and ranges, as in [\"42\", \"100..120\"]");
        return Vec::new();
    };
    if !items.is_empty() && matches!(ids, Ids::Sequence | Ids::Copy | Ids::Grace(_)) {
        let what = format!("{} has a meaning for consecutive ids only", list.key);
        let fix = "remove known_gaps, or set ids to \"auto\" or \"consecutive\": in a sequence gaps are ordinary";
        reader.problem(list.node.at, &list.key, what, fix);
    }
    let mut gaps: Vec<(i64, i64)> = items
        .iter()
        .filter_map(|node| {
            let key = list.key.clone();
            gap(reader, &Found { node, key })
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
    gaps
}

/// `42`, `"42"` or `"100..120"`, ends included.
fn gap(reader: &mut Reader<'_>, found: &Found<'_>) -> Option<(i64, i64)> {
    if matches!(found.node.value, Value::Integer(_)) {
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
