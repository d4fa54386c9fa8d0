//! One file: what it says of the process, and the replications it holds.

use super::flags::Flags;
use super::text::{self, File};
use crate::commands;
use crate::config::file::document::Document;
use crate::config::file::reader::{ConfigReader, ConfigSection};
use crate::config::file::tree::{ConfigValue, FileFormat};
use crate::config::keys::{self, KeyTable};
use crate::config::libpq::Environment;
use crate::config::sections::DestinationSection;
use crate::config::source::{self, SourceTables};
use crate::config::{
    ConsoleConfig, DestinationConfig, ProcessConfig, ReplicationConfig, SourceConfig,
    SourceRetention, console, distinct, kinds, name_conflicts, sections, settings, verify,
};
use crate::error::{Error, ErrorKind, Problems};
use crate::sql::TableName;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `retry_for_ms` when it is not set and the run ends when everything is copied.
const RETRY_FOR_UNTIL_CAUGHT_UP: Duration = Duration::from_secs(60);

/// What a file says.
pub(super) struct FileConfig {
    pub(super) path: PathBuf,
    /// What it says of the process, and the defaults of what it does not.
    pub(super) process: ProcessConfig,
    /// The sections of the process that stand in it, as TOML heads them, each with its place.
    pub(super) process_sections: Vec<(&'static str, String)>,
    /// One for each table of its source; none in a file of the process.
    pub(super) replications: Vec<ReplicationConfig>,
}

/// Reads a file, or this text in its place, as far as it can be understood, with all its problems;
/// `is_alone` where there is no other, so that it must hold a replication.
pub(super) fn read(
    path: &Path,
    text: Option<&str>,
    is_alone: bool,
    flags: &Flags,
    env: &Environment<'_>,
) -> (Option<FileConfig>, Problems) {
    match parsed(path, text) {
        Ok((document, is_open_to_others, revision)) => {
            let (mut config, mut problems) =
                understood(path, &document, is_open_to_others, is_alone, flags, env);
            for replication in config.iter().flat_map(|config| &config.replications) {
                problems.extend(unprovable(path, replication));
            }
            let several = config.as_ref().is_some_and(|config| config.replications.len() > 1);
            for replication in config.iter_mut().flat_map(|config| &mut config.replications) {
                replication.revision = revision;
                let is_one_of_several = several.then_some(replication.name.as_str());
                replication.flags = commands::configuration(path, is_one_of_several);
            }
            (config, problems)
        }
        Err(problems) => (None, problems),
    }
}

/// A destination that takes some events has no event of its own at which a source that loses its
/// oldest could prove that none between was lost.
fn unprovable(path: &Path, replication: &ReplicationConfig) -> Problems {
    let mut problems = Problems::new();
    let partial = |destination: &&DestinationConfig| destination.settings().rows().is_some();
    if replication.source.keeps == SourceRetention::All {
        return problems;
    }
    for destination in replication.destinations.iter().filter(partial) {
        let what = format!(
            "destination {:?} takes only some events (where), and its source may lose its oldest \
             (keeps = \"tail\"): that none was lost uncopied could not be told",
            destination.name
        );
        problems.push(
            Error::new(ErrorKind::Usage, what)
                .at(path.display().to_string())
                .fix("leave where out, or keeps: a copy of everything can be the source of another, with ids = \"copy\""),
        );
    }
    problems
}

/// The file as a tree, whether others can read it, and what tells its text from another.
pub(super) fn parsed(path: &Path, text: Option<&str>) -> Result<(Document, bool, u64), Problems> {
    let File { text, is_open_to_others } = match text {
        Some(text) => File { text: text.to_owned(), is_open_to_others: false },
        None => text::read(path)?,
    };
    let revision = text::revision(&text);
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let format = if is_json { FileFormat::Json } else { FileFormat::Toml };
    let document = Document::parse(path.display().to_string(), format, text)?;
    Ok((document, is_open_to_others, revision))
}

fn understood(
    path: &Path,
    document: &Document,
    is_open_to_others: bool,
    is_alone: bool,
    flags: &Flags,
    env: &Environment<'_>,
) -> (Option<FileConfig>, Problems) {
    let mut reader = ConfigReader::new(document, env, sections::tables());
    let mut config = config(&mut reader, is_alone, flags);
    if reader.holds_password && is_open_to_others {
        let note = format!(
            "{} holds a password and can be read by every user of this machine",
            path.display()
        );
        reader.notes.push(format!("{note}: chmod o-r it, or use password_file"));
    }
    let notes = std::mem::take(&mut reader.notes);
    if let Some(config) = &mut config {
        config.path = path.to_owned();
        config.replications.iter_mut().take(1).for_each(|first| first.notes.clone_from(&notes));
    }
    (config, reader.into_problems())
}

/// The configuration, unless something it needs is a problem.
fn config(reader: &mut ConfigReader<'_>, is_alone: bool, flags: &Flags) -> Option<FileConfig> {
    let root = reader.section(&reader.document.root, 0, "", kinds::keys_of(&keys::ROOT))?;
    let log = section(reader, &root, &keys::LOG).map(|section| sections::log(reader, &section));
    let console = section(reader, &root, &keys::CONSOLE)
        .map(|section| console::console(reader, &section, flags.console.as_ref()));
    let metrics =
        section(reader, &root, &keys::METRICS).map(|section| console::metrics(reader, &section));
    let may_be_empty = flags.may_be_empty && console.as_ref().is_some_and(ConsoleConfig::may_edit);
    let replications = if is_alone && !may_be_empty || holds_replication(reader, &root) {
        replications(reader, &root, flags)
    } else {
        Some(Vec::new())
    };
    let mut process_sections = Vec::new();
    for table in keys::PROCESS {
        if let Some(found) = reader.find(&root, table.name) {
            process_sections.push((table.header, reader.document.place(found.node.at, &found.key)));
        }
    }
    if !is_alone
        && matches!(&reader.document.root.value, ConfigValue::Table(keys) if keys.is_empty())
    {
        let fix = "write a replication or what belongs to the process into it, or remove it";
        reader.problem(reader.document.root.at, "", "the file says nothing", fix);
    }
    Some(FileConfig {
        path: PathBuf::new(),
        process: ProcessConfig { log: log?, console: console?, metrics: metrics? },
        process_sections,
        replications: replications?,
    })
}

/// Whether anything stands in a file that belongs to a replication.
fn holds_replication<'a>(reader: &mut ConfigReader<'a>, root: &ConfigSection<'a>) -> bool {
    let of_process = |name: &str| keys::PROCESS.iter().any(|table| table.name == name);
    let mut keys = keys::ROOT.keys().filter(|key| !of_process(key.name));
    keys.any(|key| reader.find(root, key.name).is_some())
}

fn replications<'a>(
    reader: &mut ConfigReader<'a>,
    root: &ConfigSection<'a>,
    flags: &Flags,
) -> Option<Vec<ReplicationConfig>> {
    let name = name(reader, root);
    let SourceTables { tables, sources } = sources(reader, root);
    let mut destinations = sections::destinations(reader, root, &tables[0]);
    distinct::names(reader, &mut destinations);
    let source_place = sources.as_ref().and_then(|sources| sources.first());
    distinct::tables(
        reader,
        source_place.map(|source| (&source.conninfo, &source.table)),
        &destinations,
    );
    name_conflicts::require_possible(reader, &destinations, sources.as_deref().unwrap_or_default());
    for destination in
        destinations.iter().filter(|destination| destination.names_table && tables.len() > 1)
    {
        let what =
            format!("{}.table is one table, and the source has {}", destination.path, tables.len());
        let fix = "leave it out: each table is copied to the one of its name";
        reader.problem(destination.at, &destination.path, what, fix);
    }
    let limits = section(reader, root, &keys::REPLICATION).map(|section| {
        let retry_for = flags.until_caught_up.then_some(RETRY_FOR_UNTIL_CAUGHT_UP);
        sections::limits(reader, root, &section, retry_for)
    });
    let verify =
        section(reader, root, &keys::VERIFY).map(|section| verify::verify(reader, &section));
    let destinations: Vec<DestinationConfig> =
        destinations.into_iter().map(destination).collect::<Option<_>>()?;
    let (limits, verify) = (limits?, verify?);
    for to in destinations.iter().filter(|to| verify.every.is_some() && to.postgres().is_none()) {
        let note = "[verify] compares tables of PostgreSQL, and not destination";
        reader.notes.push(format!("{note} {:?}: events-diff does that", to.name));
    }
    let of_source = |source: SourceConfig| {
        let of_table = |to: &DestinationConfig| of_table(to, &source.table, tables.len());
        ReplicationConfig {
            name: if tables.len() > 1 { format!("{name}/{}", source.table) } else { name.clone() },
            destinations: destinations.iter().map(of_table).collect(),
            limits: limits.clone(),
            verify,
            flags: String::new(),
            revision: 0,
            notes: Vec::new(),
            source,
        }
    };
    Some(sources?.into_iter().map(of_source).collect())
}

/// The destination for one of so many tables.
fn of_table(to: &DestinationConfig, table: &TableName, tables: usize) -> DestinationConfig {
    let mut to = to.clone();
    if tables > 1 {
        to.kind.settings_mut().set_table(table);
    }
    to
}

/// The name that is written, otherwise that of the file without its ending.
pub(super) fn name<'a>(reader: &mut ConfigReader<'a>, root: &ConfigSection<'a>) -> String {
    let stem = Path::new(&reader.document.name).file_stem().unwrap_or_default();
    let stem = stem.to_string_lossy().into_owned();
    settings::found(reader, root, "name", sections::label).unwrap_or(stem)
}

/// A table that may be missing: then it is empty, and everything in it has its default.
pub(super) fn section<'a>(
    reader: &mut ConfigReader<'a>,
    root: &ConfigSection<'a>,
    table: &KeyTable,
) -> Option<ConfigSection<'a>> {
    let keys = kinds::keys_of(table);
    match reader.find(root, table.name) {
        Some(found) => reader.section(found.node, found.node.at, &found.key, keys),
        None => Some(ConfigSection::empty(table.name, keys)),
    }
}

pub(super) fn sources<'a>(reader: &mut ConfigReader<'a>, root: &ConfigSection<'a>) -> SourceTables {
    let Some(found) = reader.find(root, "source") else {
        let fix = match reader.document.format {
            FileFormat::Toml => {
                "add [source] with url beneath, such as url = \"postgres://reader@host/database\""
            }
            FileFormat::Json => "add \"source\": { \"url\": \"postgres://reader@host/database\" }",
        };
        reader.problem(root.at, "source", "there is no source", fix);
        return SourceTables::unknown();
    };
    match reader.section(found.node, found.node.at, &found.key, kinds::keys_of(&keys::SOURCE)) {
        Some(section) => source::sources(reader, root, &section),
        None => SourceTables::unknown(),
    }
}

fn destination(destination: DestinationSection) -> Option<DestinationConfig> {
    Some(DestinationConfig { name: destination.name?, kind: destination.kind? })
}
