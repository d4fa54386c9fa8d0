//! Plain counts beside the comparison: a damaged index hides rows from whoever reads by it.

use crate::audit::compare::both::both;
use crate::audit::compare::fence::Doubt;
use crate::audit::compare::side::Side;
use crate::audit::compare::task::Task;
use crate::error::Result;
use crate::event::range::IdRange;
use crate::stop::Stop;

/// Rows of each side, found without an index.
pub type Counts = (u64, u64);

/// Counts both sides.
///
/// # Errors
/// Those of the servers; `Stopped`. Nothing is left running in them; so both of the others here.
pub async fn count(task: Task<'_>, range: IdRange, stop: &Stop) -> Result<Counts> {
    let counted = async |side: &Side, stop: Stop| side.heap_count(task.columns, range, &stop).await;
    both(stop, |stop| counted(task.first, stop), |stop| counted(task.second, stop)).await
}

/// Why the rows that were compared are not the rows there are, if they are not.
///
/// # Errors
/// Those of the servers.
pub async fn confirm(task: Task<'_>, range: IdRange, compared: Counts, counted: Counts, stop: &Stop) -> Result<Vec<String>> {
    let mut reasons = Vec::new();
    for (side, compared, counted) in [(task.first, compared.0, counted.0), (task.second, compared.1, counted.1)] {
        if compared != counted {
            let both = side.both_counts(task.columns, range, stop).await?;
            reasons.push(reason(&side.name, compared, counted, both));
        }
    }
    Ok(reasons)
}

fn reason(name: &str, compared: u64, counted: u64, (heap, index): (u64, u64)) -> String {
    if heap != index {
        return format!("{name}: its index of the id knows {index} rows of {heap}: REINDEX it, then compare again");
    }
    format!("{name}: {compared} rows were compared and {counted} counted: rows came or went meanwhile, compare again")
}

/// Rows without an id on each side, where the table lets there be any.
///
/// # Errors
/// Those of the servers; `Stopped`.
pub async fn without_id(task: Task<'_>, stop: &Stop) -> Result<Counts> {
    let counted = async |side: &Side, stop: Stop| {
        let is_certain = side.table.column(&task.columns.id).is_some_and(|id| id.is_not_null);
        if is_certain {
            Ok(0)
        } else {
            side.without_id(task.columns, &stop).await
        }
    };
    both(stop, |stop| counted(task.first, stop), |stop| counted(task.second, stop)).await
}

/// Rows above what is compared, on each side.
///
/// # Errors
/// Those of the servers.
pub async fn pending(task: Task<'_>, stop: &Stop) -> Result<Counts> {
    let above = IdRange {
        after: task.end(),
        through: i64::MAX,
    };
    let counted = async |side: &Side, stop: Stop| side.count(task.columns, above, &stop).await;
    match (task.end(), &task.fence.doubt) {
        // What came meanwhile where everything there was is compared, and a copy that grows, are no news.
        (Some(_), _) if task.options.must_be_complete => Ok((0, 0)),
        (Some(_), Doubt::Nothing | Doubt::Open(_)) => Ok((counted(task.first, stop.clone()).await?, 0)),
        (_, Doubt::Unknown) | (None, _) => both(stop, |stop| counted(task.first, stop), |stop| counted(task.second, stop)).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_index_and_rows_that_move_are_told_apart() {
        assert!(reason("a", 9, 10, (10, 9)).contains("REINDEX"));
        assert!(reason("a", 9, 10, (10, 10)).contains("came or went"));
    }
}
