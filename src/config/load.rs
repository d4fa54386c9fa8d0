//! What was written: TOML or JSON, environment, flags; all problems at once.

use super::file::document::Document;
use super::file::nearest::did_you_mean;
use super::file::reader::{Reader, Section};
use super::file::tree::Format;
use super::keys::{self, KeyTable};
use super::libpq::Environment;
use super::sections::Destination;
use super::{DestinationConfig, ProcessConfig, ReplicationConfig, SourceConfig, distinct, kinds, sections, settings};
use crate::error::{Error, Kind, Problems, Result};
use crate::sql::TableName;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// A larger file is no configuration and is refused.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// `retry_for_ms` when it is not set and the run ends when everything is copied.
const RETRY_FOR_UNTIL_CAUGHT_UP: Duration = Duration::from_secs(60);

/// What the command line says about the configuration.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--destination`: only these; all when empty.
    pub destinations: Vec<String>,
    /// `--until-caught-up`: gives `retry_for_ms` another default.
    pub until_caught_up: bool,
}

/// Reads a configuration file: TOML, or JSON (ours or slate's) when its name ends in `.json`.
///
/// # Errors
/// `Usage`: all problems together, each with file, line, column and key. None shows a password or the value of a variable.
pub fn load(path: &Path, env: &Environment<'_>) -> std::result::Result<ReplicationConfig, Problems> {
    load_with(path, &Flags::default(), env).map(|(_, replication)| replication)
}

/// Reads a configuration file as [`load`] does, with what it says of the process, and follows the command line.
///
/// # Errors
/// As [`load`]; also when a destination that was asked for is not in the file.
pub fn load_with(path: &Path, flags: &Flags, env: &Environment<'_>) -> std::result::Result<(ProcessConfig, ReplicationConfig), Problems> {
    let file = read(path)?;
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let format = if is_json { Format::Json } else { Format::Toml };
    let document = Document::parse(path.display().to_string(), format, file.text)?;
    let mut reader = Reader::new(&document, env, sections::tables());
    let mut config = config(&mut reader, flags);
    if reader.holds_password && file.is_open_to_others {
        let note = format!("{} holds a password and can be read by every user of this machine", path.display());
        reader.notes.push(format!("{note}: chmod o-r it, or use password_file"));
    }
    let notes = std::mem::take(&mut reader.notes);
    let mut problems = reader.into_problems();
    if let Some((_, replication)) = &mut config {
        replication.notes = notes;
        problems.extend(choose(replication, &flags.destinations));
    }
    config.filter(|_| problems.is_empty()).ok_or(problems)
}

struct File {
    text: String,
    is_open_to_others: bool,
}

fn read(path: &Path) -> Result<File> {
    let wrong = || Error::new(Kind::Usage, "cannot read the configuration file").at(path.display().to_string());
    let open = || -> std::io::Result<(Vec<u8>, u32)> {
        let mut file = std::fs::File::open(path)?;
        let mode = file.metadata()?.permissions().mode();
        let mut bytes = Vec::new();
        file.by_ref().take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        Ok((bytes, mode))
    };
    let fix = "correct --config (or COUNTERFOIL_CONFIG), or let the user of this process read the file";
    let (bytes, mode) = open().map_err(|error| wrong().caused_by(&error).fix(fix))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let fix = "name the configuration file: this one is something else";
        return Err(wrong().because(format!("it has more than {FILE_BYTES_MAX} bytes")).fix(fix));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        let why = format!("line {line} is not UTF-8");
        wrong()
            .at(format!("{}:{line}", path.display()))
            .because(why)
            .fix("save the file as UTF-8")
    })?;
    let is_open_to_others = mode & 0o004 != 0;
    Ok(File { text, is_open_to_others })
}

/// The configuration, unless something it needs is a problem.
fn config(reader: &mut Reader<'_>, flags: &Flags) -> Option<(ProcessConfig, ReplicationConfig)> {
    let root = reader.section(&reader.document.root, 0, "", kinds::keys_of(&keys::ROOT))?;
    let name = name(reader, &root);
    let (source_table, source) = source(reader, &root);
    let mut destinations = sections::destinations(reader, &root, &source_table);
    distinct::names(reader, &mut destinations);
    let source_place = source.as_ref().map(|source| (&source.conninfo, &source.table));
    distinct::tables(reader, source_place, &destinations);
    let limits = section(reader, &root, &keys::REPLICATION).map(|section| {
        let retry_for = flags.until_caught_up.then_some(RETRY_FOR_UNTIL_CAUGHT_UP);
        sections::limits(reader, &root, &section, retry_for)
    });
    let log = section(reader, &root, &keys::LOG).map(|section| sections::log(reader, &section));
    let replication = ReplicationConfig {
        name,
        source: source?,
        destinations: destinations.into_iter().map(destination).collect::<Option<_>>()?,
        limits: limits?,
        notes: Vec::new(),
    };
    Some((ProcessConfig { log: log? }, replication))
}

/// The name that is written, else that of the file without its ending.
fn name<'a>(reader: &mut Reader<'a>, root: &Section<'a>) -> String {
    let stem = Path::new(&reader.document.name).file_stem().unwrap_or_default();
    let stem = stem.to_string_lossy().into_owned();
    settings::found(reader, root, "name", sections::label).unwrap_or(stem)
}

/// A table that may be missing: then it is empty, and everything in it has its default.
fn section<'a>(reader: &mut Reader<'a>, root: &Section<'a>, table: &KeyTable) -> Option<Section<'a>> {
    let keys = kinds::keys_of(table);
    match reader.find(root, table.name) {
        Some(found) => reader.section(found.node, found.node.at, &found.key, keys),
        None => Some(Section::empty(table.name, keys)),
    }
}

/// The source's table, which is the default of the destinations', and the source, unless it is a problem.
fn source<'a>(reader: &mut Reader<'a>, root: &Section<'a>) -> (TableName, Option<SourceConfig>) {
    let Some(found) = reader.find(root, "source") else {
        let fix = match reader.document.format {
            Format::Toml => "add [source] with url beneath, such as url = \"postgres://reader@host/database\"",
            Format::Json => "add \"source\": { \"url\": \"postgres://reader@host/database\" }",
        };
        reader.problem(root.at, "source", "there is no source", fix);
        return (sections::default_table(), None);
    };
    match reader.section(found.node, found.node.at, &found.key, kinds::keys_of(&keys::SOURCE)) {
        Some(section) => sections::source(reader, &section),
        None => (sections::default_table(), None),
    }
}

fn destination(destination: Destination) -> Option<DestinationConfig> {
    Some(DestinationConfig {
        name: destination.name?,
        kind: destination.kind?,
    })
}

/// Keeps the destinations of these names, all when there are no names.
fn choose(config: &mut ReplicationConfig, names: &[String]) -> Problems {
    let mut problems = Problems::new();
    let known: Vec<&str> = config.destinations.iter().map(|destination| destination.name.as_str()).collect();
    for name in names.iter().filter(|name| !known.contains(&name.as_str())) {
        let guess = did_you_mean(name, &known);
        let listed = format!("the configuration has {}", known.join(", "));
        let fix = if guess.is_empty() { listed } else { guess };
        problems.push(
            Error::new(Kind::Usage, format!("there is no destination {name:?}"))
                .at("--destination")
                .fix(fix),
        );
    }
    if !names.is_empty() && problems.is_empty() {
        config.destinations.retain(|destination| names.contains(&destination.name));
    }
    problems
}

#[cfg(test)]
mod tests;
