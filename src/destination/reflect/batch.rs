//! What one batch does: the changes of its whole transactions, table by table.

use super::appender::{ReflectionAppender, StateAfter};
use super::kept;
use super::plan::{TablePlan, plan};
use super::state::EntryState;
use super::table::TableWriter;
use super::tables::ReflectedTable;
use crate::config::DriftReaction;
use crate::error::{Error, ErrorKind, Result};
use crate::event::carry::{BatchSplit, split};
use crate::event::change::LoggedChange;
use crate::event::chunk::BatchClose;
use crate::event::net::NetChanges;
use crate::fail;
use std::collections::BTreeSet;

impl ReflectionAppender {
    /// Everything but the commit.
    pub(super) async fn apply(&mut self, close: &BatchClose) -> Result<()> {
        let through = close.last_id;
        if self.is_confirmation_due() {
            self.confirm_captured().await?;
        }
        let changes = std::mem::take(&mut self.batch.changes);
        let known: BTreeSet<i64> =
            changes.iter().map(|change| change.xact).chain(self.pending.keys().copied()).collect();
        let open = match known.is_empty() {
            true => BTreeSet::new(),
            false => self.log.changes.going_on(&known, through).await?,
        };
        let finished: Vec<i64> =
            self.pending.keys().copied().filter(|xact| !open.contains(xact)).collect();
        self.begin().await?;
        let kept_rows: u64 = finished.iter().map(|xact| self.pending[xact].rows).sum();
        let mut entries: Vec<EntryState> =
            self.tables.all.iter().map(|table| table.state.clone()).collect();
        let mut pending = self.pending.clone();
        let BatchSplit { complete, pending: going_on } = split(changes, Vec::new(), &open);
        let parts = kept::parts(kept_rows);
        for part in 0..parts {
            let mut changes = complete.clone();
            if !finished.is_empty() {
                changes
                    .extend(kept::read(&self.session, &self.name, &finished, (part, parts)).await?);
                changes.sort_by_key(|change| change.id);
            }
            self.stage(&changes, (part, parts), &mut entries).await?;
        }
        self.write(&entries).await?;
        let kept = (self.tables.all.as_slice(), going_on.as_slice());
        kept::keep(&self.session, &self.name, kept, &mut pending).await?;
        kept::give_up(&self.session, &self.name, &finished, &mut pending).await?;
        let state = self.state_after(through)?;
        self.forget(&mut entries, &pending, through).await?;
        self.move_position(&state).await?;
        self.batch.after = Some(StateAfter { state, pending, entries });
        fail::point!("reflect.before-commit");
        Ok(())
    }

    /// Nets the changes of a part of all keys, and sends what remains of them to the temporary
    /// tables.
    async fn stage(
        &self,
        changes: &[LoggedChange],
        (part, parts): (usize, usize),
        entries: &mut [EntryState],
    ) -> Result<()> {
        // Children before parents: what empties a table may have emptied those that lead to it.
        for at in self.tables.order.iter().rev() {
            let (table, entry) = (&self.tables.all[*at], &mut entries[*at]);
            let of_table: Vec<&LoggedChange> = changes
                .iter()
                .filter(|change| table.mapping.source.source == *change.source)
                .collect();
            if of_table.is_empty() {
                continue;
            }
            let plan =
                plan(&table.mapping, entry, &of_table, (part, parts), &self.log.changes).await?;
            let writer = TableWriter { session: &self.session, table, name: &self.name };
            match plan {
                TablePlan::Restart => writer.restart(entry).await?,
                TablePlan::Apply { is_emptied, net } => {
                    if is_emptied && part == 0 {
                        writer.empty().await?;
                    }
                    self.judge_torn(table, entry, &net)?;
                    writer.stage(&net).await?;
                }
            }
        }
        Ok(())
    }

    /// Changes that do not join: some of their rows are not in the log.
    fn judge_torn(
        &self,
        table: &ReflectedTable,
        entry: &EntryState,
        net: &NetChanges,
    ) -> Result<()> {
        let torn = net.changed.iter().map(|row| (row.is_torn, row.last_id));
        let torn = torn.chain(net.gone.iter().map(|row| (row.is_torn, row.last_id)));
        let Some((_, id)) = torn.into_iter().find(|(is_torn, _)| *is_torn) else { return Ok(()) };
        if self.drift != DriftReaction::Stop || !entry.is_settled() {
            return Ok(());
        }
        let what = format!("changes of {} are missing in the log", table.mapping.source.source);
        Err(Error::new(ErrorKind::Contents, what)
            .at(format!("event {id} and those before it of the same row"))
            .because("what a row was before a change is not what it was after the one before")
            .fix(
                "find out what changed rows without an event (a disabled trigger), then have the \
                 rows loaded again: counterfoil reflect load; nothing of this batch was written",
            ))
    }

    /// Rows go, children before parents, then rows come, parents before children.
    async fn write(&mut self, entries: &[EntryState]) -> Result<()> {
        let writer = |at: &usize| TableWriter {
            session: &self.session,
            table: &self.tables.all[*at],
            name: &self.name,
        };
        let mut drifts = Vec::new();
        for at in self.tables.order.iter().rev() {
            drifts.extend(writer(at).compare(self.drift, &entries[*at]).await?);
        }
        let mut left = Vec::new();
        for at in self.tables.order.iter().rev() {
            if !writer(at).delete_gone().await? {
                left.push(at);
            }
        }
        for at in &self.tables.order {
            writer(at).upsert().await?;
        }
        for at in left {
            writer(at).delete_left().await?;
        }
        self.notes.extend(drifts);
        Ok(())
    }
}
