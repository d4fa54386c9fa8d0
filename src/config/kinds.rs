//! The kinds of destinations: which scheme of a URL picks which, what keys it has, and how they are
//! read.

use super::file::reader::{ConfigReader, ConfigSection};
use super::keys::{self, Key, KeyGroup, KeyTable};
use super::settings::{amount, condition, word, written_table};
use super::{
    DestinationKind, PostgresDestinationConfig, connection, libpq, reflections, rename, sqlite,
};
use crate::error::{Error, ErrorKind};
use crate::sql::TableName;

/// A kind: another one is a variant of [`DestinationKind`], a list of keys, and an entry here.
pub(super) struct KindEntry {
    /// As a message has it.
    pub(super) name: &'static str,
    /// What stands before the `:` of a URL.
    pub(super) schemes: &'static [&'static str],
    /// What follows, the `:` included.
    pub(super) before_place: &'static str,
    /// What it has besides `name` and `url`.
    pub(super) keys: &'static [KeyGroup],
    /// Reads these keys; the table is the source's. `None` when a problem was told without which it
    /// cannot be.
    pub(super) read: for<'a> fn(
        &mut ConfigReader<'a>,
        &ConfigSection<'a>,
        &TableName,
    ) -> Option<DestinationKind>,
}

/// All kinds. The first is that of a destination without a URL, or with a keyword string.
pub(super) const KINDS: &[KindEntry] = &[
    KindEntry {
        name: "PostgreSQL",
        schemes: libpq::SCHEMES,
        before_place: "://",
        keys: keys::POSTGRES,
        read: postgres,
    },
    KindEntry {
        name: "SQLite",
        schemes: &["sqlite"],
        before_place: ":",
        keys: keys::PLAIN,
        read: sqlite::read,
    },
];

/// The kind that a URL picks. A URL with an unknown scheme is refused when the first kind reads it.
pub(super) fn kind_of(url: Option<&str>) -> &'static KindEntry {
    let scheme = url.and_then(|url| url.trim().split_once(':')).map(|(scheme, _)| scheme);
    let chosen =
        KINDS.iter().find(|kind| scheme.is_some_and(|scheme| kind.schemes.contains(&scheme)));
    chosen.unwrap_or(&KINDS[0])
}

/// What is told of a URL whose scheme is of no kind.
fn unknown_scheme() -> Error {
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let shown = |kind: &'static KindEntry| {
        kind.schemes.iter().map(|scheme| format!("{scheme}{}", kind.before_place))
    };
    let schemes: Vec<String> = KINDS.iter().flat_map(shown).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    Error::new(ErrorKind::Usage, "cannot read the connection URL")
        .because(format!("only {} {verb} supported", names.join(" and ")))
        .fix(format!("begin it with {}", schemes.join(" or ")))
}

fn postgres<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    source_table: &TableName,
) -> Option<DestinationKind> {
    let conninfo = connection::read(reader, section, unknown_scheme);
    if section.has("reflections") {
        return reflections::read(reader, section, conninfo).map(DestinationKind::Reflections);
    }
    let table = written_table(reader, section, "table");
    let rows = condition(reader, section, "where");
    let rename = rename::written(reader, section);
    let writers = amount(reader, section, "writers");
    let synchronous_commit = word(reader, section, "synchronous_commit");
    // Only now: without a connection the rest has been read for its problems.
    Some(DestinationKind::Postgres(PostgresDestinationConfig {
        conninfo: conninfo?,
        table: table.unwrap_or_else(|| source_table.clone()),
        rows,
        rename,
        writers: u8::try_from(writers).unwrap_or(u8::MAX),
        synchronous_commit: Some(synchronous_commit)
            .filter(|word| *word != "auto")
            .map(str::to_owned),
    }))
}

/// The keys of a table as a person reads them, with those of each kind of destination; what several
/// kinds have, once.
pub(super) fn groups_of(table: &KeyTable) -> Vec<&'static KeyGroup> {
    let kinds = KINDS.iter().filter(|_| table.name == keys::DESTINATION.name);
    let mut groups: Vec<&'static KeyGroup> = table.groups.iter().collect();
    for group in kinds.flat_map(|kind| kind.keys) {
        let known = |key: &Key| {
            groups.iter().flat_map(|group| group.keys).any(|known| known.name == key.name)
        };
        if !group.keys.iter().all(known) {
            groups.push(group);
        }
    }
    groups
}

/// The keys of a table, with those of each kind of destination.
pub(super) fn keys_of(table: &KeyTable) -> Vec<&'static Key> {
    groups_of(table).iter().flat_map(|group| group.keys).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_picks_its_kind_and_what_has_none_is_postgresql() {
        for kind in KINDS {
            for scheme in kind.schemes {
                let url = format!("{scheme}{}host/database", kind.before_place);
                assert_eq!(kind_of(Some(&url)).name, kind.name);
            }
        }
        for url in
            [None, Some("host=a dbname=b"), Some(" postgres://a/b"), Some("mysql://a/b"), Some("")]
        {
            assert_eq!(kind_of(url).name, "PostgreSQL", "{url:?}");
        }
    }
}
