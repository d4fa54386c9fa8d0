//! The tables of the file, each turned into its typed form, with all defaults.

use super::file::reader::{ConfigReader, ConfigSection, KnownTable, NamedValue};
use super::file::tree::{ConfigNode, ConfigValue, FileFormat};
use super::keys::{self, LABEL_BYTES_MAX};
use super::kinds::{self, keys_of};
use super::settings::{amount, duration, found, size, word, written_integer};
use super::{DestinationKind, LogConfig, ReplicationLimits};
use crate::log::LogFormat;
use crate::sql::TableName;
use std::time::Duration;

/// slate's own lower limit of `maxEventsPerWrite`.
const SLATES_EVENTS_MIN: i64 = 10_000;

/// A destination as written: its name may be missing, and what it is where that is a problem.
pub(super) struct DestinationSection {
    pub(super) name: Option<String>,
    pub(super) kind: Option<DestinationKind>,
    /// Whether it names a table, and not just has that of the source.
    pub(super) names_table: bool,
    /// Where it stands in the file.
    pub(super) at: usize,
    /// How it is called in messages: `destinations[0]`.
    pub(super) path: String,
}

/// Reads all `[[destinations]]`; `source_table` is the default of their tables.
pub(super) fn destinations<'a>(
    reader: &mut ConfigReader<'a>,
    root: &ConfigSection<'a>,
    source_table: &TableName,
) -> Vec<DestinationSection> {
    let list = reader.find(root, "destinations");
    let is_toml = reader.document.format == FileFormat::Toml;
    let header = if is_toml { "[[destinations]]" } else { "\"destinations\": [{ … }]" };
    match list.as_ref().map(|found| (found, &found.node.value)) {
        Some((found, ConfigValue::List(items))) if !items.is_empty() => {
            let items = items.iter().enumerate();
            items
                .filter_map(|(index, node)| {
                    destination(reader, node, format!("{}[{index}]", found.key), source_table)
                })
                .collect()
        }
        Some((found, ConfigValue::List(_))) => {
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

fn destination<'a>(
    reader: &mut ConfigReader<'a>,
    node: &'a ConfigNode,
    path: String,
    source_table: &TableName,
) -> Option<DestinationSection> {
    let url = reader.peek(node, "url");
    let kind = kinds::kind_of(url.as_deref());
    let keys = keys::DESTINATION.keys().chain(kind.keys.iter().flat_map(|group| group.keys));
    let section = reader.section(node, node.at, &path, keys.collect())?;
    Some(DestinationSection {
        name: found(reader, &section, "name", label),
        kind: (kind.read)(reader, &section, source_table),
        names_table: section.has("table"),
        at: node.at,
        path,
    })
}

/// A name of our own.
pub(super) fn label(reader: &mut ConfigReader<'_>, found: &NamedValue<'_>) -> Option<String> {
    let name = reader.text(found)?.value;
    let is_usable = !name.trim().is_empty()
        && name.len() <= LABEL_BYTES_MAX
        && !name.contains(char::is_control);
    if !is_usable {
        let what =
            format!("{} must be 1 to {LABEL_BYTES_MAX} bytes of text in one line", found.key);
        reader.problem(
            found.node.at,
            &found.key,
            what,
            "write a short name, such as \"reporting\"",
        );
    }
    is_usable.then_some(name)
}

/// Reads `[replication]` and the two numbers slate has at the top of its file; `retry_for` holds
/// where `retry_for_ms` is not written.
pub(super) fn limits<'a>(
    reader: &mut ConfigReader<'a>,
    root: &ConfigSection<'a>,
    section: &ConfigSection<'a>,
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
    if let Some(written) =
        slates(reader, root, section, "maxEventsPerWrite", "max_events_per_write")
    {
        if written < SLATES_EVENTS_MIN {
            let note =
                format!("maxEventsPerWrite was raised from {written} to {SLATES_EVENTS_MIN}");
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
fn slates<'a>(
    reader: &mut ConfigReader<'a>,
    root: &ConfigSection<'a>,
    section: &ConfigSection<'a>,
    theirs: &str,
    ours: &str,
) -> Option<i64> {
    let found = reader.find(root, theirs)?;
    if reader.find(section, ours).is_some() {
        let what = format!("\"{theirs}\" and \"replication.{ours}\" are the same setting");
        reader.problem(found.node.at, theirs, what, "keep one of them");
    }
    written_integer(reader, root, theirs)
}

/// Reads `[log]`.
pub(super) fn log<'a>(reader: &mut ConfigReader<'a>, section: &ConfigSection<'a>) -> LogConfig {
    let level = word(reader, section, "level");
    let format = word(reader, section, "format");
    let heartbeat = duration(reader, section, "heartbeat_ms");
    LogConfig {
        level: level.parse().unwrap_or_else(|()| unreachable!("there is no level {level}")),
        format: match format {
            "auto" => LogFormat::Auto,
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            _ => unreachable!("there is no format {format}"),
        },
        heartbeat: Some(heartbeat).filter(|heartbeat| !heartbeat.is_zero()),
    }
}

/// All tables that a file can have, as they are written in TOML.
pub(super) fn tables() -> Vec<KnownTable> {
    keys::TABLES.iter().map(|table| (table.header, keys_of(table))).collect()
}
