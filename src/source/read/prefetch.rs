//! What comes along with a look: the first rows behind the frontier, and whether they are on disk.

use crate::error::Result;
use crate::event::frame;
use crate::postgres::session::Session;
use crate::source::durability::DurabilityGate;
use crate::source::read::batcher::HighWaterMark;
use crate::source::read::page::{
    FirstRows, cannot_read, first_rows, is_of_another_form, require_next,
};
use crate::source::read::plan::ReadPlan;
use bytes::Bytes;
use tokio_postgres::Statement;

/// What a look takes along: the first rows behind the frontier, and whether they are on disk.
#[derive(Clone, Debug)]
pub struct RowPrefetch {
    /// How rows are read.
    pub read_plan: ReadPlan,
    /// Asked behind them.
    pub gate: DurabilityGate,
}

/// What may be read.
#[derive(Clone, Debug)]
pub struct ReadStart {
    /// Up to where.
    pub mark: HighWaterMark,
    /// The first rows of it, where they came along.
    pub first: Option<FirstRows>,
}

impl ReadStart {
    /// What may be read where reading has come to `frontier`. The first rows are those of the
    /// look's snapshot: where the frontier has moved since, a row may lie between them that they
    /// lack.
    #[must_use]
    pub fn at(self, frontier: Option<i64>) -> Self {
        Self { first: self.first.filter(|first| Some(first.after) == frontier), ..self }
    }
}

/// Reads the first rows after a position, and asks behind them how far the source's log is on disk.
/// Gives the first id as well; `None` when the query is not that of the table any more.
pub(in crate::source) async fn read_along(
    session: &Session,
    prefetch: &RowPrefetch,
    query: &Statement,
    after: i64,
) -> Result<Option<(Option<i64>, Option<FirstRows>)>> {
    let read_plan = &prefetch.read_plan;
    let (rows, glance) =
        futures::join!(first_rows(session, (query, read_plan), after), prefetch.gate.glance());
    let (mut rows, is_end) = match rows {
        Err(error) if is_of_another_form(&error) => return Ok(None),
        rows => rows.map_err(|error| cannot_read(session, read_plan, &error))?,
    };
    let mut next = id_of(rows.first(), read_plan)?;
    if let Some(anchor) = read_plan.anchor(Some(after)) {
        if next == Some(anchor) {
            rows.remove(0);
            next = id_of(rows.first(), read_plan)?;
        } else {
            require_next(anchor, next, read_plan)?;
        }
    }
    let first = FirstRows {
        after,
        wire: read_plan.wire.clone(),
        rows,
        is_end,
        durable: prefetch.gate.durable_since(glance?),
    };
    Ok(Some((next, Some(first))))
}

fn id_of(row: Option<&Bytes>, read_plan: &ReadPlan) -> Result<Option<i64>> {
    let Some(row) = row else { return Ok(None) };
    Ok(frame::rows_of(row, read_plan.layout)?.first().map(|row| row.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::frame::CopyFormat;
    use crate::event::wire::Wire;
    use futures::FutureExt;

    #[test]
    fn rows_that_came_along_are_of_no_use_once_the_front_has_moved() {
        let read_start = ReadStart {
            mark: HighWaterMark::Decided(Some(20)),
            first: Some(FirstRows {
                after: 15,
                wire: Wire { columns: Vec::new(), format: CopyFormat::Binary, rows: None },
                rows: Vec::new(),
                is_end: true,
                durable: async { Ok(()) }.boxed().shared(),
            }),
        };
        assert!(read_start.clone().at(Some(15)).first.is_some());
        let moved = read_start.at(Some(23));
        assert!(
            moved.first.is_none() && moved.mark == HighWaterMark::Decided(Some(20)),
            "where others have come to is no mark"
        );
    }
}
