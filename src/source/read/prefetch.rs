//! What comes along with a look: the first rows behind the front, and whether they are on disk.

use crate::error::Result;
use crate::event::frame;
use crate::postgres::session::Session;
use crate::source::durability::Gate;
use crate::source::read::batcher::Mark;
use crate::source::read::page::{FirstRows, cannot_read, first_rows, is_of_another_form};
use crate::source::read::plan::Reading;
use tokio_postgres::Statement;

/// What a look takes along: the first rows behind the front, and whether they are on disk.
#[derive(Clone, Debug)]
pub struct Along {
    /// How rows are read.
    pub reading: Reading,
    /// Asked behind them.
    pub gate: Gate,
}

/// What may be read.
#[derive(Clone, Debug)]
pub struct News {
    /// Up to where.
    pub mark: Mark,
    /// The first rows of it, where they came along.
    pub first: Option<FirstRows>,
}

impl News {
    /// What may be read where reading has come to `front`. The first rows are those of the look's snapshot: where the front has moved since, a
    /// row may lie between them that they lack.
    #[must_use]
    pub fn at(self, front: Option<i64>) -> Self {
        Self {
            first: self.first.filter(|first| Some(first.after) == front),
            ..self
        }
    }
}

/// Reads the first rows after a position, and asks behind them how far the source's log is on disk. Gives the first id as well; `None` when the query
/// is not that of the table any more.
pub(in crate::source) async fn read_along(
    session: &Session,
    along: &Along,
    query: &Statement,
    after: i64,
) -> Result<Option<(Option<i64>, Option<FirstRows>)>> {
    let (rows, glance) = futures::join!(first_rows(session, query, after), along.gate.glance());
    let (rows, is_end) = match rows {
        Err(error) if is_of_another_form(&error) => return Ok(None),
        rows => rows.map_err(|error| cannot_read(session, &along.reading, &error))?,
    };
    let next = match rows.first() {
        Some(row) => frame::rows_of(row, along.reading.layout)?.first().map(|row| row.id),
        None => None,
    };
    let first = FirstRows {
        after,
        wire: along.reading.wire.clone(),
        rows,
        is_end,
        durable: along.gate.durable_since(glance?),
    };
    Ok(Some((next, Some(first))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::frame::CopyFormat;
    use crate::event::wire::Wire;
    use futures::FutureExt;

    #[test]
    fn rows_that_came_along_are_of_no_use_once_the_front_has_moved() {
        let news = News {
            mark: Mark::Decided(Some(20)),
            first: Some(FirstRows {
                after: 15,
                wire: Wire {
                    columns: Vec::new(),
                    format: CopyFormat::Binary,
                },
                rows: Vec::new(),
                is_end: true,
                durable: async { Ok(()) }.boxed().shared(),
            }),
        };
        assert!(news.clone().at(Some(15)).first.is_some());
        let moved = news.at(Some(23));
        assert!(
            moved.first.is_none() && moved.mark == Mark::Decided(Some(20)),
            "where others have come to is no mark"
        );
    }
}
