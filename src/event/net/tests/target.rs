//! A destination without a database: batches, carry, loaded ranges; and the faults that it may be
//! given, to see that they are found.

use super::rows::{Key, Row, State, Table};
use super::source::Source;
use crate::event::carry::split;
use crate::event::change::{ChangeKind, LoggedChange, RowImage};
use crate::event::net::{EmptiedBy, NetChanges, RowKey, net};
use std::collections::{BTreeMap, BTreeSet};

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Whatever is in a batch is applied with it.
    NoCarry,
    /// Only transactions of the batch are asked for, not those that are carried.
    CarryForOneBatch,
    /// What was kept is forgotten.
    KeptIsLost,
    /// The last event of each key, by id.
    LastEvent,
    /// Row by row, in the order of ids.
    RowByRow,
    /// Transactions that a range has seen are applied once more.
    SeesNothing,
    /// An update is judged by the key before it alone.
    JudgedByBefore,
    /// An update is judged by the key after it alone.
    JudgedByAfter,
    /// The oldest range that covers a key is asked, not the newest.
    OldestRange,
    /// Changes before a TRUNCATE are counted with those after it.
    NoBarrier,
    /// A TRUNCATE deletes what was loaded after it.
    TruncateOfAll,
    /// A TRUNCATE does nothing.
    NoTruncate,
    /// A load leaves what is no longer at the source.
    StaleKeysStay,
}

/// Keys read in one snapshot.
#[derive(Clone, Debug)]
struct LoadedRange {
    table: Table,
    keys: std::ops::Range<i64>,
    snapshot: BTreeSet<i64>,
    until: i64,
}

/// What happened, so that a test can tell that something did.
#[derive(Clone, Copy, Debug, Default)]
pub struct TargetCounts {
    pub batches: usize,
    pub carrying: usize,
    pub carried_rows: usize,
    pub emptied: usize,
    pub seen: usize,
    pub loads: usize,
}

pub struct Target {
    pub position: i64,
    pub counts: TargetCounts,
    rows: BTreeMap<Key, String>,
    kept: Vec<LoggedChange>,
    carry: BTreeSet<i64>,
    ranges: Vec<LoadedRange>,
    /// Keys that were damaged and not loaded since.
    damaged: BTreeSet<Key>,
    fault: Option<Fault>,
}

impl LoadedRange {
    fn covers(&self, key: Key) -> bool {
        self.table == key.table && self.keys.contains(&key.k)
    }
}

impl Target {
    pub fn new(source: &Source, fault: Option<Fault>) -> Self {
        let rows = source.initial.values().map(|row| (row.key, row.image())).collect();
        Self {
            position: 0,
            counts: TargetCounts::default(),
            rows,
            kept: Vec::new(),
            carry: BTreeSet::new(),
            ranges: Vec::new(),
            damaged: BTreeSet::new(),
            fault,
        }
    }

    /// A row is deleted, changed, or made up.
    pub fn damage(&mut self, key: Key, v: i64) {
        self.damaged.insert(key);
        if v == 0 && self.rows.remove(&key).is_some() {
            return;
        }
        self.rows.insert(key, Row { key, u: Some(-v), v: -v }.image());
    }

    pub fn is_damaged(&self) -> bool {
        !self.damaged.is_empty()
    }

    /// Reads a range in a snapshot of the source, unless it would have to wait.
    pub fn load(&mut self, source: &Source, table: Table, keys: std::ops::Range<i64>) {
        if source.is_locked(table) {
            return;
        }
        let snapshot = source.committed();
        let rows = source.truth(&|xact| snapshot.contains(&xact));
        let until = source.log.last_key_value().map_or(0, |(id, _)| *id);
        let range = LoadedRange { table, keys, snapshot, until };
        if self.fault != Some(Fault::StaleKeysStay) {
            self.rows.retain(|key, _| !range.covers(*key));
        }
        self.damaged.retain(|key| !range.covers(*key));
        let loaded = rows.values().filter(|row| range.covers(row.key));
        self.rows.extend(loaded.map(|row| (row.key, row.image())));
        self.ranges.push(range);
        self.counts.loads += 1;
    }

    /// Takes the next ids, so many at most, and confirms what it holds then.
    pub fn take(&mut self, source: &Source, ids: i64) -> Result<(), String> {
        let through = source.mark().min(self.position + ids);
        if through <= self.position {
            return Ok(());
        }
        let batch: Vec<_> = source
            .log
            .range(self.position + 1..=through)
            .map(|(_, change)| change.clone())
            .collect();
        let open = self.open_at(source, &batch, through);
        let kept = std::mem::take(&mut self.kept);
        let (still, ended) = kept.into_iter().partition(|change| open.contains(&change.xact));
        self.kept = still;
        let ended = if self.fault == Some(Fault::KeptIsLost) { Vec::new() } else { ended };
        self.counts.batches += 1;
        self.counts.carrying += usize::from(!open.is_empty());
        self.counts.carried_rows += ended.len();
        let parts = split(batch, ended, &open);
        self.kept.extend(parts.pending);
        for table in Table::ALL {
            let of_table = parts.complete.iter().filter(|change| &*change.source == table.name());
            self.apply(table, &of_table.cloned().collect::<Vec<_>>())?;
        }
        (self.position, self.carry) = (through, open);
        self.ranges.retain(|range| range.until > through);
        self.confirm(source)
    }

    /// As the database would be asked.
    fn open_at(&self, source: &Source, batch: &[LoggedChange], through: i64) -> BTreeSet<i64> {
        let mut asked: BTreeSet<i64> = batch.iter().map(|change| change.xact).collect();
        match self.fault {
            Some(Fault::NoCarry) => return BTreeSet::new(),
            Some(Fault::CarryForOneBatch) => {}
            _ => asked.extend(&self.carry),
        }
        let beyond = source.log.range(through + 1..).map(|(_, change)| change.xact);
        beyond.filter(|xact| asked.contains(xact)).collect()
    }

    fn has_seen(&self, key: Key, xact: i64) -> bool {
        let mut covering = self.ranges.iter().filter(|range| range.covers(key));
        let range = match self.fault {
            Some(Fault::SeesNothing) => None,
            Some(Fault::OldestRange) => covering.next(),
            _ => covering.next_back(),
        };
        range.is_some_and(|range| range.snapshot.contains(&xact))
    }

    fn apply(&mut self, table: Table, changes: &[LoggedChange]) -> Result<(), String> {
        match self.fault {
            Some(Fault::RowByRow) => return self.apply_row_by_row(table, changes),
            Some(Fault::LastEvent) => return self.apply_last_events(table, changes),
            _ => {}
        }
        let net = self.net(table, changes)?;
        let seen = changes.iter().flat_map(|change| {
            change.before.iter().chain(&change.after).map(|image| (image, change.xact))
        });
        let seen = seen.filter(|(image, xact)| self.has_seen(key_of(table, image), *xact));
        self.counts.seen += seen.count();
        self.empty(table, net.emptied);
        for gone in &net.gone {
            let key = Key::of(table, &gone.key);
            self.confirm_before(key, Some(&gone.before), gone.is_torn)?;
            self.rows.remove(&key);
        }
        for changed in &net.changed {
            let key = Key::of(table, &changed.key);
            self.confirm_before(key, changed.before.as_ref(), changed.is_torn)?;
            self.rows.insert(key, changed.after.text().to_owned());
        }
        Ok(())
    }

    fn net(&self, table: Table, changes: &[LoggedChange]) -> Result<NetChanges, String> {
        let has_seen = |key: &RowKey, xact: i64| self.has_seen(Key::of(table, key), xact);
        let nothing = |_: &RowKey, _: i64| false;
        let net_of = |changes: &[LoggedChange], is_seen: &dyn Fn(&RowKey, i64) -> bool| {
            net(changes, &table.key_columns(), is_seen).map_err(|error| error.to_string())
        };
        match self.fault {
            Some(Fault::JudgedByBefore | Fault::JudgedByAfter) => {
                let judged = |change: &&LoggedChange| {
                    let images = match self.fault {
                        Some(Fault::JudgedByBefore) => [&change.before, &change.after],
                        _ => [&change.after, &change.before],
                    };
                    let image = images.into_iter().flatten().next();
                    !image.is_some_and(|image| self.has_seen(key_of(table, image), change.xact))
                };
                let left: Vec<_> = changes.iter().filter(judged).cloned().collect();
                net_of(&left, &nothing)
            }
            Some(Fault::NoBarrier) => {
                let (emptying, others): (Vec<_>, Vec<_>) =
                    changes.iter().cloned().partition(|change| change.kind == ChangeKind::Truncate);
                let emptied = emptying.last().map(|by| EmptiedBy { id: by.id, xact: by.xact });
                Ok(NetChanges { emptied, ..net_of(&others, &has_seen)? })
            }
            Some(Fault::NoTruncate) => {
                Ok(NetChanges { emptied: None, ..net_of(changes, &has_seen)? })
            }
            _ => net_of(changes, &has_seen),
        }
    }

    fn empty(&mut self, table: Table, by: Option<EmptiedBy>) {
        let Some(by) = by else { return };
        self.counts.emptied += 1;
        let stays = |key: &Key| {
            key.table != table
                || (self.fault != Some(Fault::TruncateOfAll) && self.has_seen(*key, by.xact))
        };
        let gone: Vec<_> = self.rows.keys().filter(|key| !stays(key)).copied().collect();
        for key in gone {
            self.rows.remove(&key);
            self.damaged.remove(&key);
        }
    }

    /// The check for drift: what a change was made of is what stands here.
    fn confirm_before(
        &mut self,
        key: Key,
        before: Option<&RowImage>,
        is_torn: bool,
    ) -> Result<(), String> {
        let is_healed = self.damaged.remove(&key);
        if is_healed || self.fault.is_some() {
            return Ok(());
        }
        if is_torn {
            return Err(format!("{key:?} is torn at {}", self.position));
        }
        let here = self.rows.get(&key).map(String::as_str);
        if here == before.map(RowImage::text) {
            return Ok(());
        }
        Err(format!("{key:?} drifted at {}: {here:?} here", self.position))
    }

    fn apply_row_by_row(&mut self, table: Table, changes: &[LoggedChange]) -> Result<(), String> {
        for change in changes {
            if change.kind == ChangeKind::Truncate {
                self.empty(table, Some(EmptiedBy { id: change.id, xact: change.xact }));
            }
            for (image, is_after) in [(&change.before, false), (&change.after, true)] {
                let Some(image) = image else { continue };
                let key = key_of(table, image);
                if self.has_seen(key, change.xact) {
                    continue;
                }
                self.rows.remove(&key);
                if is_after {
                    self.rows.insert(key, image.text().to_owned());
                }
            }
        }
        Ok(())
    }

    fn apply_last_events(&mut self, table: Table, changes: &[LoggedChange]) -> Result<(), String> {
        let mut last: BTreeMap<Key, Option<String>> = BTreeMap::new();
        for change in changes {
            if change.kind == ChangeKind::Truncate {
                last.clear();
                self.empty(table, Some(EmptiedBy { id: change.id, xact: change.xact }));
            }
            for (image, is_after) in [(&change.before, false), (&change.after, true)] {
                let Some(image) = image else { continue };
                let key = key_of(table, image);
                if !self.has_seen(key, change.xact) {
                    last.insert(key, is_after.then(|| image.text().to_owned()));
                }
            }
        }
        for (key, row) in last {
            match row {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
        Ok(())
    }

    /// What is here is the state after exactly the transactions that are whole at the position, and
    /// where a range was loaded after those, too, that its snapshot saw.
    fn confirm(&self, source: &Source) -> Result<(), String> {
        let mut last_ids: BTreeMap<i64, i64> = BTreeMap::new();
        last_ids.extend(source.log.values().map(|change| (change.xact, change.id)));
        let is_whole = |xact: i64| last_ids.get(&xact).is_some_and(|last| *last <= self.position);
        for (before, after) in &source.dependencies {
            if is_whole(*after) && !is_whole(*before) {
                return Err(format!("{after} is applied without {before}, which it depends on"));
            }
        }
        let whole = source.truth(&is_whole);
        confirm_constraints(&whole)?;
        let with_ranges: Vec<_> = self
            .ranges
            .iter()
            .map(|range| source.truth(&|xact| is_whole(xact) || range.snapshot.contains(&xact)))
            .collect();
        let expected = |key: &Key| {
            let newest = self.ranges.iter().zip(&with_ranges).rev();
            let state =
                newest.into_iter().find(|(range, _)| range.covers(*key)).map(|(_, state)| state);
            state.unwrap_or(&whole).get(key).map(Row::image)
        };
        let keys = whole.keys().chain(with_ranges.iter().flat_map(|state| state.keys()));
        let keys: BTreeSet<_> = keys.chain(self.rows.keys()).collect();
        let wrong = keys.into_iter().find(|key| {
            !self.damaged.contains(key) && self.rows.get(key) != expected(key).as_ref()
        });
        wrong.map_or(Ok(()), |key| {
            Err(format!(
                "{key:?} at {}: {:?}, not {:?}",
                self.position,
                self.rows.get(key),
                expected(key)
            ))
        })
    }
}

fn key_of(table: Table, image: &RowImage) -> Key {
    Key::of(table, &RowKey::of(image, &table.key_columns()).unwrap())
}

/// Every entry has its account, and what is unique is.
fn confirm_constraints(state: &State) -> Result<(), String> {
    let mut uniques = BTreeSet::new();
    let is_wrong = |row: &&Row| {
        let is_orphan =
            row.key.table == Table::Entry && !state.contains_key(&Key::account(row.key.k));
        is_orphan || row.u.is_some_and(|u| !uniques.insert(u))
    };
    let wrong = state.values().find(is_wrong);
    wrong.map_or(Ok(()), |row| Err(format!("{:?} breaks a constraint", row.key)))
}
