//! Nothing is written twice to: names of destinations and the tables they lead to are distinct, and none is the source.

use super::DestinationKind;
use super::file::reader::Reader;
use super::libpq::{Conninfo, Host, HostAt};
use super::sections::Destination;
use crate::sql::TableName;

/// Tells names that stand twice, and gives each destination without a name the name of its database, with a number where that is taken.
pub(super) fn names(reader: &mut Reader<'_>, destinations: &mut [Destination]) {
    let mut taken: Vec<String> = Vec::new();
    for destination in destinations.iter() {
        let Some(name) = &destination.name else { continue };
        if taken.contains(name) {
            let fix = "give each destination a name of its own";
            let key = format!("{}.name", destination.path);
            reader.problem(destination.at, &key, format!("two destinations are named {name:?}"), fix);
        }
        taken.push(name.clone());
    }
    for destination in destinations.iter_mut().filter(|destination| destination.name.is_none()) {
        let Some(DestinationKind::Postgres(postgres)) = &destination.kind else {
            continue;
        };
        let database = &postgres.conninfo.database;
        let numbered = (2..).map(|number| format!("{database}-{number}"));
        let mut candidates = std::iter::once(database.clone()).chain(numbered);
        let name = candidates.find(|name| !taken.contains(name)).unwrap_or_default();
        taken.push(name.clone());
        destination.name = Some(name);
    }
}

/// Tells destinations that are the source or another destination by what is written. Other names of one server are found when it is connected to.
pub(super) fn tables(reader: &mut Reader<'_>, source: Option<(&Conninfo, &TableName)>, destinations: &[Destination]) {
    let places: Vec<_> = destinations
        .iter()
        .map(|destination| Some(place(destination.kind.as_ref()?)))
        .collect();
    for (index, destination) in destinations.iter().enumerate() {
        let Some(place) = places[index] else { continue };
        let is_same = |other: &Option<(&Conninfo, &TableName)>| other.is_some_and(|other| is_same(place, other));
        let name = destination.name.as_deref().unwrap_or_default();
        let table = format!("{}, table {}", place.0.describe(), place.1);
        if is_same(&source) {
            let what = format!("destination {name:?} is the source itself: {table}");
            reader.problem(destination.at, &destination.path, what, "correct its host, database or table");
        }
        if let Some(other) = places[..index].iter().position(is_same) {
            let other = destinations[other].name.as_deref().unwrap_or_default();
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

/// The table of a destination.
pub(super) fn place(kind: &DestinationKind) -> (&Conninfo, &TableName) {
    let DestinationKind::Postgres(postgres) = kind;
    (&postgres.conninfo, &postgres.table)
}

/// Whether both can be the same table: one server in common, the same database, the same table.
pub(super) fn is_same(one: (&Conninfo, &TableName), other: (&Conninfo, &TableName)) -> bool {
    let share_a_server = one
        .0
        .hosts
        .iter()
        .any(|host| other.0.hosts.iter().any(|other| is_same_host(host, other)));
    share_a_server && one.0.database == other.0.database && one.1 == other.1
}

fn is_same_host(one: &Host, other: &Host) -> bool {
    let is_same_place = match (&one.at, &other.at) {
        (HostAt::Tcp { addr: Some(one), .. }, HostAt::Tcp { addr: Some(other), .. }) => one == other,
        (HostAt::Tcp { host: one, .. }, HostAt::Tcp { host: other, .. }) => one.eq_ignore_ascii_case(other),
        (one, other) => one == other,
    };
    is_same_place && one.port == other.port
}
