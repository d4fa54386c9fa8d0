//! What the table of a side is at a moment: what must not change between two runs, or while one
//! goes on.

use crate::error::{Error, ErrorKind, Result};
use crate::event::range::IdRange;
use crate::postgres::session::answers::field;
use crate::source::durability::TableFiles;
use crate::sql;
use crate::stop::Stop;
use crate::verify::compare::side::{ANSWER_MAX, ComparisonSide, SharedColumns, WHOLE_TABLE_MAX};

/// What a table was when a comparison began.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableState {
    /// Changes at a promotion; not known of a standby.
    pub timeline: Option<u32>,
    /// When the server was started, microseconds since 1970: what lies in its files may have been
    /// put back while it was not running.
    pub started_at_us: i64,
    /// Stands for the table, its columns, types, defaults and triggers; a rename and back is
    /// another one.
    pub definition: String,
    /// Its files, as [`TableFiles::parse`] reads them.
    pub files: String,
    /// Every transaction of a lower number had ended (`pg_snapshot_xmin`).
    pub xmin: u64,
}

impl TableState {
    /// Whether nothing was put back, taken over, altered or rewritten from this one to a later one.
    /// New partitions disturb nothing.
    pub(in crate::verify) fn goes_on_as(&self, later: &Self) -> bool {
        (self.timeline, self.started_at_us, &self.definition)
            == (later.timeline, later.started_at_us, &later.definition)
            && TableFiles::parse(&later.files).continue_those(&TableFiles::parse(&self.files))
    }

    /// As [`Self::goes_on_as`], of a table that may lose its oldest partitions.
    pub(in crate::verify) fn goes_on_with_fewer_as(&self, later: &Self) -> bool {
        let files = TableFiles::parse(&later.files);
        files.continue_some_of(&TableFiles::parse(&self.files))
            && self.goes_on_as(&Self { files: self.files.clone(), ..later.clone() })
    }

    /// Whether numbers of transactions of then can still be told from those of now: half of all
    /// there are at a time.
    pub(crate) fn is_comparable(&self, now: &Self) -> bool {
        now.xmin.checked_sub(self.xmin).is_some_and(|passed| passed < u64::from(u32::MAX) / 2)
    }

    /// The number as rows have it: its lower half.
    fn xid(&self) -> u32 {
        (self.xmin & u64::from(u32::MAX)) as u32
    }
}

impl ComparisonSide {
    /// What bears the table's name now, and the time of day at the server.
    ///
    /// # Errors
    /// Those of the server, here and in the following; `Stopped` when `enough` comes first;
    /// `Unavailable` when it is not what was opened.
    pub async fn state(
        &self,
        columns: &SharedColumns,
        enough: &Stop,
    ) -> Result<(TableState, String)> {
        let values = [
            ("qualified", sql::text(self.table.name.quoted())),
            ("definition", sql::sql(self.table.asks().value())),
            ("renames", sql::sql(sql::renames())),
            (
                "files",
                sql::sql(sql::without_header(include_str!("../../../sql/source/gate_files.sql"))),
            ),
        ];
        let statement = sql::fill(include_str!("../../../sql/verify/state.sql"), &values);
        let lent = self.session().await?;
        let table = self.over(&lent, columns);
        let rows = self.within(&lent, (ANSWER_MAX, enough), table.simple_rows(&statement)).await?;
        let row = rows.first().ok_or_else(|| self.moved())?;
        let (Some(definition), Some(renames), Some(files)) =
            (field(row, 2), field(row, 3), field(row, 4))
        else {
            return Err(self.moved());
        };
        if self.table.fingerprint.as_deref() != Some(definition) {
            return Err(self.moved());
        }
        let state = TableState {
            timeline: self.server().timeline,
            started_at_us: self.server().started_at_us,
            definition: format!("{definition} {renames}"),
            files: files.to_owned(),
            xmin: table.number(row, 0)?,
        };
        Ok((state, field(row, 1).unwrap_or_default().to_owned()))
    }

    /// How many rows of a range there are, and whether one of them may have been written since the
    /// table was in this state.
    pub(crate) async fn written_since(
        &self,
        columns: &SharedColumns,
        range: IdRange,
        state: &TableState,
        enough: &Stop,
    ) -> Result<(u64, bool)> {
        let lent = self.session().await?;
        let table = self.over(&lent, columns);
        let more = [
            ("range", table.condition(range)),
            ("xmin", format!("'{}'::pg_catalog.xid", state.xid())),
        ];
        let statement = table.fill(include_str!("../../../sql/verify/written_since.sql"), &more);
        let rows =
            self.within(&lent, (WHOLE_TABLE_MAX, enough), table.simple_rows(&statement)).await?;
        let row = rows.first().ok_or_else(|| self.moved())?;
        Ok((table.number(row, 0)?, field(row, 1) != Some("f")))
    }

    /// Confirms that the table is still what it was: all questions go by its name.
    ///
    /// # Errors
    /// `Unavailable` when it is not.
    pub async fn confirm(
        &self,
        was: &TableState,
        columns: &SharedColumns,
        enough: &Stop,
    ) -> Result<()> {
        let (now, _) = self.state(columns, enough).await?;
        if was.goes_on_as(&now) { Ok(()) } else { Err(self.moved()) }
    }

    fn moved(&self) -> Error {
        let what = format!(
            "the table of {} was replaced, altered, emptied or rewritten during the comparison: \
             there is no verdict",
            self.name
        );
        Error::new(ErrorKind::Unavailable, what).at(self.shown()).fix("compare again")
    }
}
