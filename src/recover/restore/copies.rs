//! A copy from which a source is restored, and what is asked of it.

use crate::error::Result;
use crate::event::wire::Wire;
use crate::postgres::session::Session;
use crate::postgres::table::{EventTable, highest};
use crate::recover::endpoint::TableEndpoint;
use crate::sql;

/// A destination, after all checks but the comparison of contents have passed.
#[derive(Clone, Copy, Debug)]
pub struct CheckedCopy<'a> {
    /// Its name.
    pub name: &'a str,
    /// How it is reached.
    pub place: TableEndpoint<'a>,
    /// What its table is.
    pub table: &'a EventTable,
    /// What is copied to it, and how.
    pub wire: &'a Wire,
}

fn names<'a>(copy: &CheckedCopy<'a>) -> [(&'a str, sql::SqlValue<'a>); 3] {
    [
        ("schema", sql::text(&copy.place.table.schema)),
        ("table", sql::text(&copy.place.table.name)),
        ("id", sql::text(copy.place.own_id())),
    ]
}

pub(super) async fn position(session: &Session, copy: &CheckedCopy<'_>) -> Result<Option<i64>> {
    let row = session.query_one(&highest(copy.place.table, copy.place.own_id()), &[]).await;
    Ok(row
        .map_err(|error| {
            session
                .error(&error, format!("cannot ask destination {:?} for its position", copy.name))
        })?
        .get(0))
}

/// Events above an id, and the first of them.
pub(super) async fn rest(
    session: &Session,
    copy: &CheckedCopy<'_>,
    after: Option<i64>,
) -> Result<(u64, Option<i64>)> {
    let asked = sql::fill(include_str!("../../../sql/recover/rest.sql"), &names(copy));
    let row = session.query_one(&asked, &[&after]).await;
    let row = row.map_err(|error| {
        session.error(&error, format!("cannot count the events of destination {:?}", copy.name))
    })?;
    Ok((row.get::<_, i64>(0).unsigned_abs(), row.get(1)))
}
