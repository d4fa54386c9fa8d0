//! The rows of a captured table as they were at a position of the log: those of one snapshot, with
//! the changes undone that the position does not have.

use super::described::relation;
use crate::error::{Error, Result};
use crate::event::captured::{CapturedTable, LogMoment};
use crate::event::change::{ChangeKind, LoggedChange, RowImage};
use crate::event::net::{RowKey, rewound};
use crate::postgres::session::Session;
use crate::postgres::session::answers::{field, rows};
use crate::sql::{TableName, fill, ident, sql};
use bytes::Bytes;
use std::collections::HashSet;
use tokio::sync::mpsc;

/// So many rows are read at a time.
const PAGE_ROWS: usize = 2_000;

/// See the module.
pub(super) struct PastTable<'a> {
    pub(super) session: &'a Session,
    pub(super) table: &'a CapturedTable,
    pub(super) log: &'a TableName,
    pub(super) at: LogMoment<'a>,
}

impl PastTable<'_> {
    /// Sends all of them, page by page.
    ///
    /// # Errors
    /// As [`crate::event::captured::ChangeSource::rows_at`].
    pub(super) async fn send(&self, pages: &mpsc::Sender<Vec<RowImage>>) -> Result<Option<i64>> {
        let name = relation(self.session, self.table).await?;
        self.run(include_str!("../../../sql/capture/read_as_captured.sql")).await?;
        // Before the snapshot: what a TRUNCATE took away is gone from older snapshots too.
        self.run(&format!("lock table {name} in access share mode")).await?;
        let undone = self.undone().await?;
        let emptying = undone.iter().find(|change| change.kind == ChangeKind::Truncate);
        if let Some(change) = emptying {
            self.run("commit").await?;
            return Ok(Some(change.id));
        }
        let touched = self.touched(&undone)?;
        let columns: Vec<String> =
            self.table.columns.iter().map(|column| format!("t.{}", ident(&column.name))).collect();
        self.run(&format!(
            "declare past no scroll cursor for select pg_catalog.row_to_json(s)::text from (select {} from {name} t) s",
            columns.join(", ")
        ))
        .await?;
        let mut present = Vec::new();
        loop {
            let page = self.page().await?;
            if page.is_empty() {
                break;
            }
            let mut untouched = Vec::with_capacity(page.len());
            for row in page {
                let is_touched =
                    !touched.is_empty() && touched.contains(&RowKey::of(&row, &self.table.key)?);
                if is_touched { present.push(row) } else { untouched.push(row) }
            }
            if pages.send(untouched).await.is_err() {
                break;
            }
        }
        self.run("commit").await?;
        // Nobody takes it any more where it is not wanted.
        let _ = pages.send(rewound(&present, &undone, &self.table.key)?).await;
        Ok(None)
    }

    async fn run(&self, statement: &str) -> Result<()> {
        self.session.batch_execute(statement).await.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &tokio_postgres::Error) -> Error {
        self.session.error(error, format!("cannot read the rows of {}", self.table.source))
    }

    async fn page(&self) -> Result<Vec<RowImage>> {
        let fetched = self.session.simple_query(&format!("fetch {PAGE_ROWS} from past")).await;
        let fetched = rows(fetched.map_err(|error| self.failed(&error))?);
        let image = |row| {
            let text = field(row, 0).unwrap_or_default().to_owned();
            RowImage::parse(Bytes::from(text.into_bytes()))
        };
        fetched.iter().map(image).collect()
    }

    async fn undone(&self) -> Result<Vec<LoggedChange>> {
        let text = include_str!("../../../sql/capture/undone.sql");
        let text = fill(text, &[("log", sql(self.log.quoted()))]);
        let (position, open) = (self.at.position, self.at.open);
        let found = self.session.query(&text, &[&self.table.source, &position, &open]).await;
        let found = found.map_err(|error| self.failed(&error))?;
        found.iter().map(change).collect()
    }

    fn touched(&self, undone: &[LoggedChange]) -> Result<HashSet<RowKey>> {
        let images = undone.iter().flat_map(|change| [&change.before, &change.after]);
        images.flatten().map(|image| RowKey::of(image, &self.table.key)).collect()
    }
}

fn change(row: &tokio_postgres::Row) -> Result<LoggedChange> {
    let images = (row.get("before"), row.get("after"));
    LoggedChange::of_texts((row.get("id"), row.get("xact"), ""), row.get("op"), images)
}
