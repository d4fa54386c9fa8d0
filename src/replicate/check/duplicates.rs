//! Whether a table is named twice, by whatever name of its host.

use crate::error::{Error, ErrorKind, Problems};
use crate::postgres::same_database;
use crate::postgres::session::Session;
use crate::replicate::check::shape::SourceShape;
use std::time::Duration;

/// One side of the replication.
pub(super) struct NamedSide<'a> {
    /// How it is called in a message.
    pub side: String,
    /// A session in its database.
    pub session: &'a Session,
    /// Oid of its table, if it is known.
    pub table: Option<u32>,
}

/// A side and the place it was found in.
#[derive(Clone, Debug)]
struct LocatedSide {
    side: String,
    place: usize,
    table: Option<u32>,
}

impl<'a> NamedSide<'a> {
    pub(super) fn source(session: &'a Session, shape: Option<&SourceShape>) -> Self {
        Self { side: "the source".to_owned(), session, table: shape.map(|shape| shape.table.oid) }
    }

    pub(super) fn destination(name: &str, session: &'a Session, table: Option<u32>) -> Self {
        Self { side: format!("destination {name:?}"), session, table }
    }
}

/// What came of looking for tables that are named twice.
#[derive(Debug, Default)]
pub(super) struct DuplicateSearch {
    /// Those that are.
    pub twice: Problems,
    /// Sides that could not be asked, by their place among those that were given.
    pub lost: Vec<(usize, Error)>,
}

/// Finds tables that are named twice; a side that does not answer for `limit` keeps no other from
/// being looked at.
pub(super) async fn find(sides: Vec<NamedSide<'_>>, limit: Duration) -> DuplicateSearch {
    let sessions: Vec<&Session> = sides.iter().map(|side| side.session).collect();
    let places = same_database::places(&sessions, limit).await;
    let (mut located, mut lost) = (Vec::new(), Vec::new());
    for (index, (NamedSide { side, table, .. }, place)) in sides.into_iter().zip(places).enumerate()
    {
        match place {
            Ok(place) => located.push(LocatedSide { side, place, table }),
            Err(error) => lost.push((index, error)),
        }
    }
    DuplicateSearch { twice: judge(&located), lost }
}

/// The same database under two names is allowed, the same table in it is not.
fn judge(sides: &[LocatedSide]) -> Problems {
    let mut problems = Problems::new();
    for (index, side) in sides.iter().enumerate() {
        let is_same = |other: &&LocatedSide| {
            other.place == side.place && other.table.is_some() && other.table == side.table
        };
        if let Some(first) = sides[..index].iter().find(is_same) {
            problems.push(
                Error::new(
                    ErrorKind::Usage,
                    format!("{} and {} are the same database and table", first.side, side.side),
                )
                .because("a lock taken through one connection is seen through the other")
                .fix("remove one of them from the configuration, or name another table"),
            );
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(name: &str, place: usize, table: u32) -> LocatedSide {
        LocatedSide { side: name.to_owned(), place, table: Some(table) }
    }

    #[test]
    fn the_same_table_named_twice_is_wrong_usage_and_another_table_of_the_same_database_is_not() {
        let sides = [
            side("the source", 0, 7),
            side("destination \"a\"", 1, 7),
            side("destination \"b\"", 0, 8),
            side("destination \"c\"", 1, 7),
        ];
        let problems: Vec<Error> = judge(&sides).into_iter().collect();
        assert_eq!(problems.len(), 1);
        assert_eq!(
            problems[0].what(),
            "destination \"a\" and destination \"c\" are the same database and table"
        );
        assert_eq!(problems[0].kind().consequence().exit_code, 2);
    }

    #[test]
    fn the_source_named_as_a_destination_is_wrong_usage() {
        let problems = judge(&[side("the source", 0, 7), side("destination \"a\"", 0, 7)]);
        assert_eq!(problems.worst().map(Error::kind), Some(ErrorKind::Usage));
    }
}
