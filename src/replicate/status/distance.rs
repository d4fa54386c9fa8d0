//! How far a destination is behind: what the source holds above its position, and who holds that.

use crate::error::Result;
use crate::postgres::session::Session;
use crate::postgres::table::{EventTable, relation, rows_error};
use crate::replicate::status::answer::BlockingTransaction;
use crate::replicate::status::sessions::holders;
use crate::source::capture::PruneCertificate;
use crate::sql::{self, RowCondition};
use tokio_postgres::Row;

pub(super) const WHAT: &str = "cannot find out how far it is";

/// The source, asked once for all destinations.
pub(super) struct SourceAnswers {
    pub(super) session: Session,
    pub(super) table: EventTable,
    pub(super) id_column: String,
    pub(super) highest: Option<i64>,
    /// The column that says when an event was written.
    pub(super) time_column: Option<String>,
    pub(super) sequence: Option<u32>,
    pub(super) is_standby: bool,
    /// Whether what it shows may be older than what it showed before.
    pub(super) may_be_late: bool,
    /// What was pruned of it, where it is a log of captured changes.
    pub(super) pruned: Vec<PruneCertificate>,
    /// Transactions that held the sequence at the beginning.
    pub(super) holders: Vec<(String, BlockingTransaction)>,
}

/// How far a destination is behind.
pub(super) struct CopyDistance {
    pub(super) events_behind: i64,
    pub(super) first_missing: Option<i64>,
    pub(super) seconds_behind: Option<f64>,
}

/// How far a destination of this position is behind that takes these rows; `None`: all.
pub(super) async fn distance(
    source_answers: &SourceAnswers,
    rows: Option<&RowCondition>,
    position: Option<i64>,
) -> Result<CopyDistance> {
    let (events_behind, first_missing) = behind(source_answers, rows, position).await?;
    Ok(CopyDistance {
        events_behind,
        first_missing,
        seconds_behind: seconds_behind(source_answers, first_missing).await?,
    })
}

/// The oldest transaction that used the sequence at the beginning and still does.
pub(super) async fn still_holding(source_answers: &SourceAnswers) -> Option<BlockingTransaction> {
    let now = holders(&source_answers.session, source_answers.sequence).await.ok()?;
    let was_there =
        |virtual_id: &String| source_answers.holders.iter().any(|(before, _)| before == virtual_id);
    now.into_iter().find(|(virtual_id, _)| was_there(virtual_id)).map(|(_, holder)| holder)
}

async fn behind(
    source_answers: &SourceAnswers,
    rows: Option<&RowCondition>,
    position: Option<i64>,
) -> Result<(i64, Option<i64>)> {
    let range = position.map_or_else(
        || "true".to_owned(),
        |position| format!("t.{} > {position}", sql::ident(&source_answers.id_column)),
    );
    let id = std::iter::once(source_answers.id_column.as_str());
    let asked = sql::fill(
        include_str!("../../../sql/status/behind.sql"),
        &[
            ("id", sql::text(&source_answers.id_column)),
            ("table", sql::sql(relation(&source_answers.table.name, rows, id))),
            ("range", sql::sql(range)),
        ],
    );
    let row = source_answers.session.query_one(&asked, &[]).await;
    let of_row = |row: Row| Ok((row.try_get("events")?, row.try_get("first_id")?));
    row.and_then(of_row)
        .map_err(|error| rows_error(rows, source_answers.session.error(&error, WHAT)))
}

async fn seconds_behind(
    source_answers: &SourceAnswers,
    first_missing: Option<i64>,
) -> Result<Option<f64>> {
    let Some(time_column) = &source_answers.time_column else { return Ok(None) };
    let Some(first) = first_missing else { return Ok(Some(0.0)) };
    let asked = sql::fill(
        include_str!("../../../sql/status/event_time.sql"),
        &[
            ("id", sql::text(&source_answers.id_column)),
            ("ts", sql::text(&**time_column)),
            ("table", sql::sql(source_answers.table.name.quoted())),
        ],
    );
    let row = source_answers.session.query_opt(&asked, &[&first]).await;
    let age = row.and_then(|row| row.map(|row| row.try_get::<_, Option<f64>>("age_s")).transpose());
    let age = age.map_err(|e| source_answers.session.error(&e, WHAT))?;
    Ok(age.flatten().filter(|age| age.is_finite()).map(|age| age.max(0.0)))
}
