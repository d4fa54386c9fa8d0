//! What the belief in earlier comparisons rests on: that both tables are what they were.

use crate::config::SourceRetention;
use crate::error::Result;
use crate::stop::Stop;
use crate::verify::compare::both::both;
use crate::verify::compare::identity::TableIdentity;
use crate::verify::compare::side::{ComparisonSide, SharedColumns};
use crate::verify::compare::state::TableState;

/// Both tables at a moment: of which database, since when their servers run, their definitions and
/// files.
#[derive(Clone, Debug)]
pub(super) struct ComparisonBasis {
    first: (TableIdentity, TableState),
    second: (TableIdentity, TableState),
}

impl ComparisonBasis {
    /// As they are now.
    pub(super) async fn ask(
        first: &ComparisonSide,
        second: &ComparisonSide,
        columns: &SharedColumns,
    ) -> Result<Self> {
        let ((ours, _), (theirs, _)) = both(
            &Stop::never(),
            |stop| async move { first.state(columns, &stop).await },
            |stop| async move { second.state(columns, &stop).await },
        )
        .await?;
        Ok(Self {
            first: (first.identity().clone(), ours),
            second: (second.identity().clone(), theirs),
        })
    }

    /// Which side is not what it was; `None`: what was compared is still believed.
    pub(super) fn broken_by(&self, later: &Self, keeps: SourceRetention) -> Option<&'static str> {
        let goes_on = match keeps {
            SourceRetention::All => TableState::goes_on_as,
            SourceRetention::Tail => TableState::goes_on_with_fewer_as,
        };
        if self.first.0 != later.first.0 || !goes_on(&self.first.1, &later.first.1) {
            return Some("source");
        }
        let is_same = self.second.0 == later.second.0 && self.second.1.goes_on_as(&later.second.1);
        (!is_same).then_some("destination")
    }
}
