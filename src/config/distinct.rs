//! Nothing is written twice to: names of destinations and the tables they lead to are distinct, and
//! none is the source.

use super::DestinationKind;
use super::file::reader::ConfigReader;
use super::libpq::Conninfo;
use super::sections::DestinationSection;
use crate::sql::TableName;

/// Tells names that stand twice, and gives each destination without a name the name of its
/// database, with a number where that is taken.
pub(super) fn names(reader: &mut ConfigReader<'_>, destinations: &mut [DestinationSection]) {
    let mut taken: Vec<String> = Vec::new();
    for destination in destinations.iter() {
        let Some(name) = &destination.name else { continue };
        if taken.contains(name) {
            let fix = "give each destination a name of its own";
            let key = format!("{}.name", destination.path);
            reader.problem(
                destination.at,
                &key,
                format!("two destinations are named {name:?}"),
                fix,
            );
        }
        taken.push(name.clone());
    }
    for destination in destinations.iter_mut().filter(|destination| destination.name.is_none()) {
        let Some(kind) = &destination.kind else { continue };
        let own = kind.settings().default_name();
        let numbered = (2..).map(|number| format!("{own}-{number}"));
        let mut candidates = std::iter::once(own.to_owned()).chain(numbered);
        let name = candidates.find(|name| !taken.contains(name)).unwrap_or_default();
        taken.push(name.clone());
        destination.name = Some(name);
    }
}

/// Tells destinations that are the source or another destination by what is written. Other names of
/// one server are found when it is connected to.
pub(super) fn tables(
    reader: &mut ConfigReader<'_>,
    source: Option<(&Conninfo, &TableName)>,
    destinations: &[DestinationSection],
) {
    for (index, destination) in destinations.iter().enumerate() {
        let Some(kind) = &destination.kind else { continue };
        let name = destination.name.as_deref().unwrap_or_default();
        let table = described(kind);
        if source.is_some_and(|(conninfo, table)| kind.settings().is_table(conninfo, table)) {
            let what = format!("destination {name:?} is the source itself: {table}");
            reader.problem(
                destination.at,
                &destination.path,
                what,
                "correct its host, database or table",
            );
        }
        let is_same = |other: &&DestinationSection| {
            other.kind.as_ref().is_some_and(|other| kind.settings().is_same(other))
        };
        if let Some(other) = destinations[..index].iter().find(is_same) {
            let other = other.name.as_deref().unwrap_or_default();
            let what = format!("destinations {other:?} and {name:?} are the same: {table}");
            reader.problem(
                destination.at,
                &destination.path,
                what,
                "remove one of them, or correct its host, database or table",
            );
        }
    }
}

/// Where a destination is, for a message.
pub(super) fn described(kind: &DestinationKind) -> String {
    format!("{}, table {}", kind.settings().describe(), kind.settings().target())
}
