//! An index of the id that lacks rows: whoever reads or counts by it sees fewer than there are, and calls them missing.

use crate::error::Error;
use crate::postgres::connect::Session;
use crate::sql::{self, TableName};
use tokio_postgres::SimpleQueryMessage;

/// How many rows a table holds, and how many its index of the id knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    table: TableName,
    heap: u64,
    index: u64,
}

/// Counts the rows up to an id with and without the index, of one snapshot. Reads the whole table; `None` of an odd answer.
///
/// # Errors
/// What the connection or the server says.
pub async fn counts(session: &Session, table: &TableName, id_column: &str, through: i64) -> Result<Option<Counts>, tokio_postgres::Error> {
    let range = format!("e.{} <= '{through}'::pg_catalog.int8", sql::ident(id_column));
    let values = [("table", sql::sql(table.quoted())), ("range", sql::sql(range))];
    let asked = sql::fill(include_str!("../../sql/audit/both_counts.sql"), &values);
    let answer = session.simple_query(&asked).await?;
    let counts: Vec<u64> = answer.iter().filter_map(number).collect();
    Ok(match counts[..] {
        [heap, index] => Some(Counts {
            table: table.clone(),
            heap,
            index,
        }),
        _ => None,
    })
}

fn number(message: &SimpleQueryMessage) -> Option<u64> {
    let SimpleQueryMessage::Row(row) = message else { return None };
    row.try_get(0).ok().flatten()?.parse().ok()
}

impl Counts {
    /// Whether the index lacks rows, or has too many.
    pub fn is_damaged(&self) -> bool {
        self.heap != self.index
    }

    /// An error with both numbers and the cure; `at`: on which side that is run; `ending`: what is true until then.
    pub fn explain(&self, error: Error, at: &str, ending: &str) -> Error {
        let Self { table, heap, index } = self;
        error
            .because(format!(
                "it has {index} of the table's {heap} rows, and whoever reads by it misses the rest"
            ))
            .fix(format!("REINDEX TABLE CONCURRENTLY {table}; {at}, then start again; {ending}"))
    }
}
