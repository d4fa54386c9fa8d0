//! A text that is not saved yet: what is wrong with it, and the sides that it says enough of to try
//! them.

use super::flags::Flags;
use super::one;
use crate::config::file::reader::{ConfigReader, ConfigSection};
use crate::config::keys;
use crate::config::kinds;
use crate::config::libpq::Environment;
use crate::config::source::SourceTables;
use crate::config::{DestinationConfig, ReplicationConfig, SourceConfig, sections, verify};
use crate::error::Problems;
use std::path::Path;

/// A text in place of that of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DraftedText<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

/// A replication, as far as a text says it.
#[derive(Debug)]
pub(crate) struct ConfiguredSides {
    /// Of the first table of the source, without destinations; `None` where something is wrong with
    /// the source or the settings.
    pub(crate) replication: Option<ReplicationConfig>,
    /// In their order; `None` where something is wrong with one.
    pub(crate) destinations: Vec<Option<DestinationConfig>>,
}

/// Everything that is wrong with a text by itself; `is_alone` where there is no other file.
pub(crate) fn problems_of(
    draft: DraftedText<'_>,
    is_alone: bool,
    env: &Environment<'_>,
) -> Problems {
    one::read(draft.path, Some(draft.text), is_alone, &Flags::default(), env).1
}

/// The sides that a text says enough of; a destination without a name is called by its place.
pub(crate) fn sides(draft: DraftedText<'_>, env: &Environment<'_>) -> ConfiguredSides {
    let nothing = ConfiguredSides { replication: None, destinations: Vec::new() };
    let Ok((document, ..)) = one::parsed(draft.path, Some(draft.text)) else { return nothing };
    let mut reader = ConfigReader::new(&document, env, sections::tables());
    let Some(root) = reader.section(&document.root, 0, "", kinds::keys_of(&keys::ROOT)) else {
        return nothing;
    };
    let SourceTables { tables, sources } = one::sources(&mut reader, &root);
    let written = sections::destinations(&mut reader, &root, &tables[0]);
    let destinations = written.into_iter().map(|section| {
        let path = section.path;
        section.kind.map(|kind| DestinationConfig { name: section.name.unwrap_or(path), kind })
    });
    let destinations = destinations.collect();
    let source = sources.and_then(|sources| sources.into_iter().next());
    let replication = source.and_then(|source| without_destinations(&mut reader, &root, source));
    ConfiguredSides { replication, destinations }
}

fn without_destinations<'a>(
    reader: &mut ConfigReader<'a>,
    root: &ConfigSection<'a>,
    source: SourceConfig,
) -> Option<ReplicationConfig> {
    let limits = one::section(reader, root, &keys::REPLICATION)?;
    let verify = one::section(reader, root, &keys::VERIFY)?;
    Some(ReplicationConfig {
        name: one::name(reader, root),
        source,
        destinations: Vec::new(),
        limits: sections::limits(reader, root, &limits, None),
        verify: verify::verify(reader, &verify),
        flags: String::new(),
        revision: 0,
        notes: Vec::new(),
    })
}
