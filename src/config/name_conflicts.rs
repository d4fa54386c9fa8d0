//! Names that a destination cannot have for the columns of the source, as far as the file alone shows
//! it.

use super::file::reader::ConfigReader;
use super::sections::DestinationSection;
use super::{GroupBy, SourceConfig};
use crate::config::nearest::did_you_mean;
use crate::sql::ColumnNames;

/// Tells which names cannot be, as far as the columns of the sources are written.
pub(super) fn require_possible(
    reader: &mut ConfigReader<'_>,
    destinations: &[DestinationSection],
    sources: &[SourceConfig],
) {
    for destination in destinations {
        let Some(kind) = &destination.kind else { continue };
        let rename = kind.settings().rename();
        for (from, there) in rename.renamed() {
            let Some((what, fix)) = wrong(rename, (from, there), sources) else {
                continue;
            };
            let key = format!("{}.rename.{from}", destination.path);
            reader.problem(destination.at, &key, what, fix);
        }
    }
}

/// What is wrong with a name, and what to do.
fn wrong(
    names: &ColumnNames,
    (from, there): (&str, &str),
    sources: &[SourceConfig],
) -> Option<(String, String)> {
    let has_it = |source: &&SourceConfig| {
        source.columns.is_empty() || source.columns.iter().any(|of| of == from)
    };
    if !sources.iter().any(|source| has_it(&source)) {
        let known: Vec<&str> =
            sources.iter().flat_map(|source| &source.columns).map(String::as_str).collect();
        let listed = format!("those that are copied are {}", known.join(", "));
        let guess = did_you_mean(from, &known);
        let what = format!("column {from:?} is renamed and not copied");
        return Some((what, if guess.is_empty() { listed } else { guess }));
    }
    let is_taken = |source: &SourceConfig| {
        known_columns(source).any(|of| of == there && names.there(of) == of)
    };
    sources.iter().filter(has_it).any(is_taken).then(|| {
        (
            format!("columns {from:?} and {there:?} would both be {there:?}"),
            "give each column a name of its own in rename".to_owned(),
        )
    })
}

/// The columns of a source that are copied, as far as they are written.
fn known_columns(source: &SourceConfig) -> impl Iterator<Item = &str> {
    let group_by = match &source.group_by {
        GroupBy::Column(column) => Some(column.as_str()),
        GroupBy::Off | GroupBy::IfPresent(_) => None,
    };
    let named = [Some(source.id_column.as_str()), group_by, source.time_column.as_deref()];
    source.columns.iter().map(String::as_str).chain(named.into_iter().flatten())
}
