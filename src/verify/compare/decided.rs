//! A part of two tables, all of whose ids are decided, compared by itself: the walk alone, without
//! the counts of whole tables that a verdict needs.

use crate::error::{Error, ErrorKind, Result};
use crate::event::range::IdRange;
use crate::stop::Stop;
use crate::verify::compare::sink::DifferenceSink;
use crate::verify::compare::task::{ComparisonTask, ComparisonWatcher};
use crate::verify::compare::walk::{ComparisonWalk, WalkEnd};

/// What a walk through a part came to, besides what the watcher was told.
#[derive(Clone, Debug)]
pub(in crate::verify) struct PartFindings {
    /// Rows compared of the first side.
    pub rows: u64,
    /// Rows that may only be late at a side.
    pub undecided: Vec<i64>,
}

/// Compares the rows of a range that ends at the fence.
///
/// # Errors
/// Those of the servers; `Contents` where a side gives an id twice; `Stopped`.
pub(in crate::verify) async fn compare_part(
    task: ComparisonTask<'_>,
    range: IdRange,
    watch: &mut dyn ComparisonWatcher,
    stop: &Stop,
) -> Result<PartFindings> {
    let sides = (task.first, task.second);
    let sink = DifferenceSink::new(sides, task.columns, task.options.limits, watch, None);
    let mut walk = ComparisonWalk::new(task, sink);
    if walk.run(range, stop).await? == WalkEnd::Interrupted {
        return Err(Error::new(ErrorKind::Stopped, "not everything was compared"));
    }
    let found = walk.found();
    Ok(PartFindings { rows: found.rows.0, undecided: found.undecided.first_ids().collect() })
}
