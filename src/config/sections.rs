//! The tables of the file, each turned into its typed form, with all defaults.

use super::file::reader::{Found, Reader, Section};
use super::file::tree::{Format as FileFormat, Node, Value};
use super::keys;
use super::libpq::Conninfo;
use super::{GroupBy, Ids, LogConfig, ReplicationConfig, SourceConfig, connection};
use crate::log::Format;
use crate::sql::TableName;
use slog::Level;
use std::time::Duration;

/// No duration is longer: a year.
const MS_MAX: i64 = 365 * 24 * 60 * 60 * 1000;
/// No amount of bytes or events is larger.
const AMOUNT_MAX: i64 = 1 << 40;
/// slate's own lower limit of `maxEventsPerWrite`.
const SLATES_EVENTS_MIN: i64 = 10_000;

const TABLE_FIX: &str = "write it as in SQL: events, public.events or \"My Schema\".\"Events\"";

/// A destination as written: its name may be missing, its table may be the source's.
pub(super) struct Destination {
    pub(super) name: Option<String>,
    pub(super) conninfo: Option<Conninfo>,
    pub(super) table: TableName,
    pub(super) writers: u8,
    pub(super) synchronous_commit: Option<String>,
    /// Where it stands in the file.
    pub(super) at: usize,
    /// How it is called in messages: `destinations[0]`.
    pub(super) path: String,
}

/// Reads `[source]`: its table, which is the default of the destinations', and all of it unless its connection is a problem.
pub(super) fn source<'a>(reader: &mut Reader<'a>, section: &Section<'a>) -> (TableName, Option<SourceConfig>) {
    let conninfo = connection::read(reader, section);
    let table = table(reader, section).unwrap_or_else(default_table);
    let ids = found(reader, section, "ids", self::ids).unwrap_or(Ids::Auto);
    let known_gaps = known_gaps(reader, section, ids);
    let id_column = found(reader, section, "id_column", Reader::identifier);
    let group_by = group_by(reader, section);
    let group_events_max = amount(reader, section, "group_events_max", 1_000_000);
    let channel = found(reader, section, "channel", Reader::identifier);
    let poll_interval = milliseconds(reader, section, "poll_interval_ms", 1, ms(1_000));
    let durability_gate = found(reader, section, "durability_gate", Reader::boolean);
    // Only now: without a connection the rest has been read for its problems.
    let source = conninfo.map(|conninfo| SourceConfig {
        conninfo,
        table: table.clone(),
        id_column: id_column.unwrap_or_else(|| "id".to_owned()),
        ids,
        group_by,
        group_events_max,
        channel: channel.unwrap_or_else(|| "eventsinsert".to_owned()),
        known_gaps,
        poll_interval,
        durability_gate: durability_gate.unwrap_or(true),
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
    let section = reader.section(node, node.at, &path, keys::DESTINATION)?;
    let name = found(reader, &section, "name", |reader, found| {
        let name = reader.text(found)?.value;
        let is_usable = !name.trim().is_empty() && name.len() <= 200 && !name.contains(char::is_control);
        if !is_usable {
            let what = format!("{} must be 1 to 200 bytes of text in one line", found.key);
            reader.problem(found.node.at, &found.key, what, "write a short name, such as \"reporting\"");
        }
        is_usable.then_some(name)
    });
    let commits = ["auto", "on", "off", "local", "remote_write", "remote_apply"].map(|word| (word, word));
    let synchronous_commit = found(reader, &section, "synchronous_commit", |reader, found| {
        reader.choice(found, &commits)
    });
    let writers = found(reader, &section, "writers", |reader, found| reader.integer(found, 1..=16, ""));
    Some(Destination {
        name,
        conninfo: connection::read(reader, &section),
        table: table(reader, &section).unwrap_or_else(|| source_table.clone()),
        writers: writers.and_then(|writers| u8::try_from(writers).ok()).unwrap_or(1),
        synchronous_commit: synchronous_commit.filter(|word| *word != "auto").map(str::to_owned),
        at: node.at,
        path,
    })
}

/// Reads `[replication]` and the two numbers slate has at the top of its file; `retry_for` is the default of `retry_for_ms`.
pub(super) fn replication<'a>(
    reader: &mut Reader<'a>,
    root: &Section<'a>,
    section: &Section<'a>,
    retry_for: Duration,
) -> ReplicationConfig {
    let retry_for = milliseconds(reader, section, "retry_for_ms", 0, retry_for);
    let mut replication = ReplicationConfig {
        max_events_per_write: amount(reader, section, "max_events_per_write", 10_000),
        max_bytes_per_write: amount(reader, section, "max_bytes_per_write", 16 << 20),
        connect_timeout: milliseconds(reader, section, "connect_timeout_ms", 1, ms(15_000)),
        retry_wait_max: milliseconds(reader, section, "retry_wait_max_ms", 1, ms(30_000)),
        retry_for: Some(retry_for).filter(|retry_for| !retry_for.is_zero()),
        hold_max: milliseconds(reader, section, "hold_max_ms", 1, ms(100)),
        readers_max: whole(reader, section, "readers_max", 1, 1_000, 4),
        append_timeout: milliseconds(reader, section, "append_timeout_ms", 1, ms(120_000)),
        buffer_bytes_max: whole(reader, section, "buffer_bytes_max", 64 << 10, AMOUNT_MAX, 16 << 20),
        shutdown_timeout: milliseconds(reader, section, "shutdown_timeout_ms", 0, ms(5_000)),
    };
    let events = slates(reader, root, section, "maxEventsPerWrite", "max_events_per_write");
    if let Some(written) = events.and_then(|found| reader.integer(&found, i64::MIN..=AMOUNT_MAX, "")) {
        if written < SLATES_EVENTS_MIN {
            let note = format!("maxEventsPerWrite was raised from {written} to {SLATES_EVENTS_MIN}");
            reader.notes.push(note);
        }
        replication.max_events_per_write = written.max(SLATES_EVENTS_MIN).unsigned_abs();
    }
    let timeout = slates(reader, root, section, "connectTimeout", "connect_timeout_ms");
    if let Some(written) = timeout.and_then(|found| reader.integer(&found, 1..=MS_MAX, "milliseconds")) {
        replication.connect_timeout = ms(written.unsigned_abs());
    }
    replication
}

/// A number of slate's at the top of its JSON, which must not stand in `[replication]` as well.
fn slates<'a>(reader: &mut Reader<'a>, root: &Section<'a>, section: &Section<'a>, theirs: &str, ours: &str) -> Option<Found<'a>> {
    let found = reader.find(root, theirs)?;
    if reader.find(section, ours).is_some() {
        let what = format!("\"{theirs}\" and \"replication.{ours}\" are the same setting");
        reader.problem(found.node.at, theirs, what, "keep one of them");
    }
    Some(found)
}

/// Reads `[log]`.
pub(super) fn log<'a>(reader: &mut Reader<'a>, section: &Section<'a>) -> LogConfig {
    let levels = [
        ("critical", Level::Critical),
        ("error", Level::Error),
        ("warning", Level::Warning),
        ("info", Level::Info),
        ("debug", Level::Debug),
        ("trace", Level::Trace),
    ];
    let formats = [("auto", Format::Auto), ("text", Format::Text), ("json", Format::Json)];
    LogConfig {
        level: found(reader, section, "level", |reader, found| reader.choice(found, &levels)).unwrap_or(Level::Info),
        format: found(reader, section, "format", |reader, found| reader.choice(found, &formats)).unwrap_or_default(),
    }
}

/// The value of a key, if it is there and right.
fn found<'a, T>(
    reader: &mut Reader<'a>,
    section: &Section<'a>,
    name: &str,
    read: impl FnOnce(&mut Reader<'a>, &Found<'a>) -> Option<T>,
) -> Option<T> {
    let found = reader.find(section, name)?;
    read(reader, &found)
}

const fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

fn milliseconds<'a>(reader: &mut Reader<'a>, section: &Section<'a>, name: &str, least: i64, default: Duration) -> Duration {
    let written = found(reader, section, name, |reader, found| {
        reader.integer(found, least..=MS_MAX, "milliseconds")
    });
    written.map_or(default, |written| Duration::from_millis(written.unsigned_abs()))
}

fn amount<'a>(reader: &mut Reader<'a>, section: &Section<'a>, name: &str, default: u64) -> u64 {
    let written = found(reader, section, name, |reader, found| reader.integer(found, 1..=AMOUNT_MAX, ""));
    written.map_or(default, i64::unsigned_abs)
}

fn whole<'a>(reader: &mut Reader<'a>, section: &Section<'a>, name: &str, least: i64, most: i64, default: usize) -> usize {
    let written = found(reader, section, name, |reader, found| reader.integer(found, least..=most, ""));
    written.and_then(|written| usize::try_from(written).ok()).unwrap_or(default)
}

/// `public.events`.
pub(super) fn default_table() -> TableName {
    TableName {
        schema: "public".to_owned(),
        name: "events".to_owned(),
    }
}

fn table<'a>(reader: &mut Reader<'a>, section: &Section<'a>) -> Option<TableName> {
    let place = reader.find(section, "table")?;
    let text = reader.text(&place)?;
    // The error of `parse` shows the value; what stands in the file is enough, and cannot be a secret out of a variable.
    let table = TableName::parse(&text.value).ok();
    if table.is_none() {
        let what = format!("{} cannot be {:?}", place.key, text.written);
        reader.problem(place.node.at, &place.key, what, TABLE_FIX);
    }
    table
}

fn group_by<'a>(reader: &mut Reader<'a>, section: &Section<'a>) -> GroupBy {
    let column = found(reader, section, "group_by", |reader, found| match &found.node.value {
        Value::Text(text) if text.is_empty() => Some(String::new()),
        _ => reader.identifier(found),
    });
    match column {
        None => GroupBy::IfPresent("ts".to_owned()),
        Some(column) if column.is_empty() => GroupBy::Off,
        Some(column) => GroupBy::Column(column),
    }
}

fn ids(reader: &mut Reader<'_>, found: &Found<'_>) -> Option<Ids> {
    let text = reader.text(found)?;
    let ids = match text.value.as_str() {
        "auto" => Some(Ids::Auto),
        "consecutive" => Some(Ids::Consecutive),
        "sequence" => Some(Ids::Sequence),
        "copy" => Some(Ids::Copy),
        other => other.strip_prefix("grace:").and_then(grace).map(Ids::Grace),
    };
    if ids.is_none() {
        let what = format!("{} cannot be {:?}", found.key, text.written);
        let fix = "use one of auto, consecutive, sequence, copy, grace:5s, grace:500ms (any time above zero in s or ms)";
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
        return reader.integer(found, i64::MIN..=i64::MAX, "").map(|id| (id, id));
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
