//! A destination in a file of SQLite, as written: `sqlite:` and the path of the file.

use super::connection::beside;
use super::file::reader::{ConfigReader, ConfigSection};
use super::settings::{condition, found};
use super::{DestinationKind, SqliteDestinationConfig, rename};
use crate::sql::TableName;
use std::path::PathBuf;

const URL_FIX: &str = "write sqlite: and the path of a file, as in sqlite:/var/lib/orders.db; a \
                       relative one is looked for beside the configuration file";

/// Reads the keys of such a destination; its table is called as the source's.
pub(super) fn read<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    source_table: &TableName,
) -> Option<DestinationKind> {
    let path = path(reader, section);
    let table = table(reader, section);
    let rows = condition(reader, section, "where");
    let rename = rename::written(reader, section);
    let path = path?;
    Some(DestinationKind::Sqlite(SqliteDestinationConfig {
        stem: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        path,
        table: table.unwrap_or_else(|| source_table.name.clone()),
        rows,
        rename,
    }))
}

/// The file.
fn path<'a>(reader: &mut ConfigReader<'a>, section: &ConfigSection<'a>) -> Option<PathBuf> {
    let place = reader.find(section, "url")?;
    let url = reader.text(&place)?;
    let path = url.value.trim().strip_prefix("sqlite:").unwrap_or_default();
    // Programs read two slashes in several ways, and options and a database in memory are none of a
    // file that others read.
    let is_path = !path.is_empty() && !path.contains(['?', '#', '\0']);
    if !is_path || ["//", ":", "file:"].iter().any(|begin| path.starts_with(begin)) {
        let what = format!("{} is not the path of a file: {:?}", place.key, url.written);
        reader.problem(place.node.at, &place.key, what, URL_FIX);
        return None;
    }
    Some(beside(reader, PathBuf::from(path)))
}

/// The name of a table, as it is.
fn table<'a>(reader: &mut ConfigReader<'a>, section: &ConfigSection<'a>) -> Option<String> {
    found(reader, section, "table", |reader, found| {
        let text = reader.text(found)?;
        let is_name = !text.value.is_empty()
            && !text.value.contains(char::is_control)
            && !text.value.to_lowercase().starts_with("sqlite_");
        if !is_name {
            let what = format!("{} cannot be {:?}", found.key, text.written);
            let fix = "write the name of the table as it is, without quotes and schema: events";
            reader.problem(found.node.at, &found.key, what, fix);
        }
        is_name.then_some(text.value)
    })
}
