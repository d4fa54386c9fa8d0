//! A page of the rows that a condition selects: those of so many ids, however few they are.

use crate::error::Result;
use crate::postgres::session::Session;
use crate::postgres::table::relation;
use crate::source::read::page::{ReadPage, above, cannot_read, fill, fill_from};
use crate::source::read::plan::{ReadPlan, SelectedEnd};
use crate::sql;
use futures::StreamExt;
use std::time::Instant;

/// Of so many ids at least the selected rows are read at a time, however large they are.
const SELECTED_IDS_MIN: u64 = 20_000;

impl ReadPage {
    /// The selected ones of so many rows after a position.
    pub(super) async fn selected(
        session: &Session,
        read_plan: &ReadPlan,
        after: Option<i64>,
        rows_max: u64,
    ) -> Result<Self> {
        let failed = |error| cannot_read(session, read_plan, &error);
        let ids_max = rows_max.max(SELECTED_IDS_MIN);
        let begin = after.map_or_else(String::new, |after| above(read_plan, ">", after));
        let end_query =
            fill(include_str!("../../../sql/source/page_end.sql"), read_plan, (&begin, ids_max));
        let row = session.query_one(&end_query, &[]).await.map_err(failed)?;
        let (through, rows): (Option<i64>, i64) = (row.get(0), row.get(1));
        let is_last = rows.unsigned_abs() < ids_max;
        let begin = match after {
            Some(after) => above(read_plan, ">", after),
            None => above(read_plan, ">=", i64::MIN),
        };
        // What came since is above the mark, or is read next time.
        let last = through.or(after).unwrap_or(i64::MIN);
        let condition =
            format!("{begin} and e.{} <= '{last}'::int8", sql::ident(&read_plan.id_column));
        let (table, wire) = (&read_plan.table, &read_plan.wire);
        let statement = fill_from(
            include_str!("../../../sql/source/read.sql"),
            (read_plan, relation(table, wire.rows.as_ref(), wire.names())),
            (&condition, rows_max),
        );
        let since = Instant::now();
        let stream = session.copy_out(statement.as_str()).await.map_err(failed)?;
        let mut page = Self::new(stream.boxed(), read_plan, after, (rows_max, since));
        page.end = Some(SelectedEnd { through: through.or(after), is_last });
        Ok(page)
    }
}
