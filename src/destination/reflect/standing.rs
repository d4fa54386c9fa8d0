//! Where a destination stands within the transaction of a batch: confirmed at its beginning, moved at
//! its end.

use super::appender::ReflectionAppender;
use super::state::{self, EntryState, PendingTransaction, ReflectionState};
use crate::error::{Error, ErrorKind, Result};
use crate::event::frame::FramedRow;
use crate::event::range::shown;
use crate::event::store::{EventDigest, digest_of_row};
use crate::fail;
use std::collections::BTreeMap;

impl ReflectionAppender {
    /// Begins a transaction on top of the position, over the tables that were looked at.
    pub(super) async fn begin(&mut self) -> Result<()> {
        fail::point!("reflect.before-begin");
        self.batch.is_open = true;
        let names: Vec<String> =
            self.tables.all.iter().map(|table| table.mapping.table.quoted()).collect();
        let oids = "select pg_catalog.to_regclass(t)::pg_catalog.oid from pg_catalog.unnest($1::pg_catalog.text[]) \
                    with ordinality as n (t, place) order by place";
        let path = include_str!("../../../sql/destination/role_search_path.sql");
        self.session.batch_execute("begin").await.map_err(|error| self.failed(&error))?;
        self.confirm_state().await?;
        let found = self.session.query(oids, &[&names]).await;
        let found = found.map_err(|error| self.failed(&error))?;
        for (row, table) in found.iter().zip(&self.tables.all) {
            if row.get::<_, Option<u32>>(0) != Some(table.target.oid) {
                return Err(self.moved(format!("{} is another table now", table.mapping.table)));
            }
        }
        self.session.batch_execute(path).await.map_err(|error| self.failed(&error))
    }

    /// Whether what is remembered stands where it did; within a transaction it does so until that
    /// ends.
    pub(super) async fn confirm_state(&self) -> Result<()> {
        let sql = "select position, (select count(*) from counterfoil.reflected e where e.name operator(pg_catalog.=) $1) \
                   from counterfoil.reflection where name operator(pg_catalog.=) $1 for update";
        let found = self.session.query_opt(sql, &[&self.name]).await;
        let found = found.map_err(|error| self.failed(&error))?;
        let found = found.map(|row| (row.get::<_, Option<i64>>(0), row.get::<_, i64>(1)));
        let (position, tables) = found.unwrap_or_default();
        if found.is_none() || position != self.state.position {
            let (found, expected) = (shown(position), shown(self.state.position));
            return Err(self.moved(format!("its position is {found}, {expected} was expected")));
        }
        if tables < i64::try_from(self.tables.all.len()).unwrap_or(0) {
            return Err(self.moved("a table is to be loaded again".to_owned()));
        }
        Ok(())
    }

    pub(super) fn moved(&self, why: String) -> Error {
        Error::new(ErrorKind::Unavailable, self.what()).at(self.session.place()).because(why).fix(
            "the batch was rolled back; source and destination are re-checked before anything else \
             is written",
        )
    }

    pub(super) fn state_after(&self, through: i64) -> Result<ReflectionState> {
        let digest = |row: &Option<FramedRow>| -> Result<Option<EventDigest>> {
            row.as_ref().map(|row| digest_of_row(row, &self.wire)).transpose()
        };
        let first = match &self.state.first {
            Some(first) => Some(first.clone()),
            None => {
                let id = self.batch.first.as_ref().map(|row| row.id);
                id.zip(digest(&self.batch.first)?)
            }
        };
        Ok(ReflectionState {
            position: Some(through),
            events: self.state.events + self.batch.events,
            first,
            last: digest(&self.batch.last)?,
            source: self.state.source.clone(),
        })
    }

    /// Ranges whose snapshots show nothing that is still to come.
    pub(super) async fn forget(
        &self,
        entries: &mut [EntryState],
        pending: &BTreeMap<i64, PendingTransaction>,
        through: i64,
    ) -> Result<()> {
        let oldest = pending.values().map(|pending| pending.first_id).min();
        let is_over = |until: i64| until <= through && oldest.is_none_or(|oldest| until < oldest);
        for (table, entry) in self.tables.all.iter().zip(entries) {
            let over = entry.ranges.iter().filter(|range| is_over(range.until));
            let over: Vec<i64> = over.map(|range| range.number).collect();
            if over.is_empty() {
                continue;
            }
            let of = (self.name.as_str(), table.mapping.entry());
            state::forget_ranges(&self.session, (of.0, &of.1), Some(&over)).await?;
            entry.ranges.retain(|range| !over.contains(&range.number));
            entry.has_forgotten = true;
            state::write_entry(&self.session, of.0, (&of.1, entry)).await?;
        }
        Ok(())
    }

    pub(super) async fn move_position(&self, to: &ReflectionState) -> Result<()> {
        let (first_id, first_digest) = match &to.first {
            Some((id, digest)) => (Some(*id), Some(digest)),
            None => (None, None),
        };
        let events = i64::try_from(to.events).unwrap_or(i64::MAX);
        let sql = "update counterfoil.reflection set position = $2, events = $3, first_id = $4, first_digest = $5, last_digest = $6 \
                   where name operator(pg_catalog.=) $1 and position is not distinct from $7";
        let moved = self
            .session
            .execute(
                sql,
                &[
                    &self.name,
                    &to.position,
                    &events,
                    &first_id,
                    &first_digest,
                    &to.last,
                    &self.state.position,
                ],
            )
            .await;
        match moved.map_err(|error| self.failed(&error))? {
            1 => Ok(()),
            rows => Err(self.moved(format!("{rows} rows hold its position"))),
        }
    }

    pub(super) async fn end(&mut self) -> Result<()> {
        let committed = self.session.batch_execute("commit").await;
        committed.map_err(|error| self.failed(&error))?;
        fail::point!("reflect.committed");
        let batch = std::mem::take(&mut self.batch);
        if let Some(after) = batch.after {
            (self.state, self.pending) = (after.state, after.pending);
            for (table, entry) in self.tables.all.iter_mut().zip(after.entries) {
                table.state = entry;
            }
        }
        Ok(())
    }
}
