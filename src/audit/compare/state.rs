//! Which table a side is, and what it is at a moment: what must not change between two runs, or while one goes on.

use crate::audit::compare::side::{Columns, Side, number, text};
use crate::error::{Error, Kind, Result};
use crate::event::range::IdRange;
use crate::sql;
use crate::stop::Stop;
use std::time::Duration;

/// Which table of which database: what a journal must not confuse.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Identity {
    /// The number `initdb` gave the cluster, where it may be read.
    pub system_identifier: Option<u64>,
    /// Database.
    pub database: String,
    /// Schema and name of the table.
    pub table: String,
    /// Its oid.
    pub oid: u32,
    /// Whether the server is a standby: it may be late, and shares everything else with its primary.
    pub is_standby: bool,
}

/// What a table was when a comparison began.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Changes at a promotion; not known of a standby.
    pub timeline: Option<u32>,
    /// Stands for its files.
    pub files: i64,
    /// Every transaction of a lower number had ended (`pg_snapshot_xmin`).
    pub xmin: u64,
}

impl State {
    /// What stays the same while nothing was put back, taken over or rewritten.
    pub fn history(&self) -> (Option<u32>, i64) {
        (self.timeline, self.files)
    }

    /// Whether numbers of transactions of then can still be told from those of now: half of all there are at a time.
    pub fn is_comparable(&self, now: &Self) -> bool {
        now.xmin
            .checked_sub(self.xmin)
            .is_some_and(|passed| passed < u64::from(u32::MAX) / 2)
    }

    /// The number as rows have it: its lower half.
    fn xid(&self) -> u32 {
        (self.xmin & u64::from(u32::MAX)) as u32
    }
}

impl Side {
    /// What the table is now, and the time of day at the server.
    ///
    /// # Errors
    /// Those of the server, here and in the following; `Stopped` when `enough` comes first.
    pub async fn state(&self, enough: &Stop) -> Result<(State, String)> {
        let rows = self.rows(include_str!("../../../sql/audit/snapshot.sql"), enough).await?;
        let row = rows.first().ok_or_else(|| self.odd())?;
        let state = State {
            timeline: self.timeline,
            files: self.files,
            xmin: number(row, 0).ok_or_else(|| self.odd())?,
        };
        Ok((state, text(row, 1).unwrap_or_default().to_owned()))
    }

    /// How many rows of a range there are, and whether one of them may have been written since the table was in this state.
    pub async fn written_since(&self, columns: &Columns, range: IdRange, state: &State, enough: &Stop) -> Result<(u64, bool)> {
        let xmin = [("xmin", format!("'{}'::pg_catalog.xid", state.xid()))];
        let asked = self.fill(include_str!("../../../sql/audit/written_since.sql"), columns, Some(range), &xmin);
        let rows = self.answer(&asked, Duration::MAX, enough).await?;
        let row = rows.first().ok_or_else(|| self.odd())?;
        Ok((number(row, 0).ok_or_else(|| self.odd())?, text(row, 1) != Some("f")))
    }

    /// Confirms that what bears the name is still the table that was opened: all questions go by the name.
    ///
    /// # Errors
    /// `Unavailable` when it is another.
    pub async fn confirm_table(&self, enough: &Stop) -> Result<()> {
        let qualified = [("qualified", sql::text(self.table.name.quoted()))];
        let asked = sql::fill(include_str!("../../../sql/audit/still_there.sql"), &qualified);
        let rows = self.rows(&asked, enough).await?;
        if rows.first().and_then(|row| number(row, 0)) == Some(u64::from(self.table.oid)) {
            return Ok(());
        }
        let what = format!(
            "the table of {} was replaced by another of its name during the comparison: there is no verdict",
            self.name
        );
        Err(Error::new(Kind::Unavailable, what).at(self.shown()).fix("compare again"))
    }
}
