//! A model of PostgreSQL with capture: transactions that wait for row locks, savepoints, statements
//! whose triggers fire at their end and run statements of their own, ids drawn as they fire.

use super::rows::{Key, Row, RowOp, State, Table};
use crate::event::change::{ChangeKind, LoggedChange, RowImage};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resource {
    Row(Key),
    Unique(i64),
    Table(Table),
}

/// As PostgreSQL has them: a key that is only referred to may change its other columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LockMode {
    Share,
    NoKey,
    Full,
}

#[derive(Clone, Debug)]
struct Effect {
    seq: usize,
    key: Key,
    row: Option<Row>,
    was: Option<Row>,
}

#[derive(Default)]
struct Transaction {
    xact: i64,
    first_id: Option<i64>,
    changes: Vec<LoggedChange>,
    effects: Vec<Effect>,
    locks: Vec<(Resource, LockMode)>,
    savepoints: Vec<[usize; 3]>,
}

/// The server.
pub struct Source {
    /// What is committed of the log.
    pub log: BTreeMap<i64, LoggedChange>,
    pub initial: State,
    /// Transactions that had to end before another could do what it did: (before, after).
    pub dependencies: Vec<(i64, i64)>,
    /// The tables with what is not committed.
    state: State,
    open: Vec<Transaction>,
    history: Vec<(i64, Effect)>,
    ended: Vec<(i64, Vec<(Resource, LockMode)>)>,
    last_id: i64,
    last_xact: i64,
    seq: usize,
    /// Whether the trigger of the user has a name that sorts before that of capture.
    is_user_first: bool,
}

impl LockMode {
    fn conflicts(self, other: Self) -> bool {
        self == Self::Full || other == Self::Full || (self == Self::NoKey && other == Self::NoKey)
    }
}

impl Source {
    pub fn new(is_user_first: bool) -> Self {
        let accounts = (0..5).map(|k| Row { key: Key::account(k), u: Some(k), v: k % 3 });
        let entries = (0..3).map(|k| Row { key: Key::entry(k, 0), u: None, v: 1 });
        let initial: State = accounts.chain(entries).map(|row| (row.key, row)).collect();
        Self {
            log: BTreeMap::new(),
            state: initial.clone(),
            initial,
            open: Vec::new(),
            history: Vec::new(),
            ended: Vec::new(),
            dependencies: Vec::new(),
            last_id: 0,
            last_xact: 700,
            seq: 0,
            is_user_first,
        }
    }

    /// The rows as a statement of an open transaction sees those that it may touch.
    pub fn state(&self) -> &State {
        &self.state
    }

    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Below it every transaction has ended.
    pub fn mark(&self) -> i64 {
        let first = self.open.iter().filter_map(|open| open.first_id).min();
        first.map_or(self.last_id, |first| first - 1)
    }

    pub fn last_id(&self) -> i64 {
        self.last_id
    }

    pub fn committed(&self) -> BTreeSet<i64> {
        self.ended.iter().map(|(xact, _)| *xact).collect()
    }

    /// Whether a reader of the table would have to wait.
    pub fn is_locked(&self, table: Table) -> bool {
        let lock = (Resource::Table(table), LockMode::Full);
        self.open.iter().any(|open| open.locks.contains(&lock))
    }

    /// The tables after exactly these transactions.
    pub fn truth(&self, has_run: &dyn Fn(i64) -> bool) -> State {
        let mut effects: Vec<_> = self
            .history
            .iter()
            .filter(|(xact, _)| has_run(*xact))
            .map(|(_, effect)| effect)
            .collect();
        effects.sort_by_key(|effect| effect.seq);
        let mut state = self.initial.clone();
        for effect in effects {
            put(&mut state, effect.key, effect.row);
        }
        state
    }

    pub fn begin(&mut self) {
        self.last_xact += 1;
        self.open.push(Transaction { xact: self.last_xact, ..Transaction::default() });
    }

    pub fn savepoint(&mut self, who: usize) {
        let open = &mut self.open[who];
        let lens = [open.changes.len(), open.effects.len(), open.locks.len()];
        open.savepoints.push(lens);
    }

    pub fn rollback_to_savepoint(&mut self, who: usize) {
        let Some([changes, effects, locks]) = self.open[who].savepoints.pop() else { return };
        let open = &mut self.open[who];
        open.changes.truncate(changes);
        open.locks.truncate(locks);
        for effect in open.effects.drain(effects..).rev() {
            put(&mut self.state, effect.key, effect.was);
        }
    }

    pub fn roll_back(&mut self, who: usize) {
        self.open[who].savepoints = vec![[0; 3]];
        self.rollback_to_savepoint(who);
        self.open.remove(who);
    }

    pub fn commit(&mut self, who: usize) {
        let ended = self.open.remove(who);
        self.log.extend(ended.changes.into_iter().map(|change| (change.id, change)));
        self.history.extend(ended.effects.into_iter().map(|effect| (ended.xact, effect)));
        let before = self.ended.iter().filter(|(_, held)| conflict(held, &ended.locks));
        self.dependencies.extend(before.map(|(before, _)| (*before, ended.xact)));
        self.ended.push((ended.xact, ended.locks));
    }

    /// Runs statements; where one fails, or would have to wait, all of it is undone and the ids it
    /// drew are gaps.
    pub fn run(&mut self, who: usize, statements: &[Vec<RowOp>]) {
        self.savepoint(who);
        if statements.iter().all(|ops| self.statement(who, ops, 0).is_some()) {
            self.open[who].savepoints.pop();
        } else {
            self.rollback_to_savepoint(who);
        }
    }

    /// Truncates a table and those that refer to it, unless it would have to wait.
    pub fn truncate(&mut self, who: usize, tables: &[Table]) {
        let held = self.open[who].locks.len();
        if !tables.iter().all(|of| self.lock(who, Resource::Table(*of), LockMode::Full).is_some()) {
            self.open[who].locks.truncate(held);
            return;
        }
        let keys: Vec<_> =
            self.state.keys().filter(|key| tables.contains(&key.table)).copied().collect();
        keys.into_iter().for_each(|key| self.effect(who, key, None));
        tables.iter().for_each(|table| self.log(who, *table, None, None));
    }

    fn statement(&mut self, who: usize, ops: &[RowOp], depth: usize) -> Option<()> {
        let mut events = Vec::new();
        for op in ops {
            events.push(self.change(who, *op)?);
        }
        for (before, after) in events {
            let table = before.or(after)?.key.table;
            if self.is_user_first {
                self.user_trigger(who, before, after, depth)?;
            }
            self.log(who, table, before, after);
            self.cascade(who, before, after, depth)?;
            if !self.is_user_first {
                self.user_trigger(who, before, after, depth)?;
            }
        }
        Some(())
    }

    fn change(&mut self, who: usize, op: RowOp) -> Option<(Option<Row>, Option<Row>)> {
        let (before, after) = match op {
            RowOp::Insert(row) => (None, Some(row)),
            RowOp::Update(key, row) => (Some(*self.state.get(&key)?), Some(row)),
            RowOp::Delete(key) => (Some(*self.state.get(&key)?), None),
        };
        let is_same_key = before
            .zip(after)
            .is_some_and(|(before, after)| (before.key, before.u) == (after.key, after.u));
        let mode = if is_same_key { LockMode::NoKey } else { LockMode::Full };
        for row in [before, after].into_iter().flatten() {
            self.lock(who, Resource::Table(row.key.table), LockMode::Share)?;
            self.lock(who, Resource::Row(row.key), mode)?;
            if let (Some(u), LockMode::Full) = (row.u, mode) {
                self.lock(who, Resource::Unique(u), LockMode::Full)?;
            }
        }
        if let Some(before) = before {
            self.effect(who, before.key, None);
        }
        if let Some(after) = after {
            self.confirm_constraints(who, after)?;
            self.effect(who, after.key, Some(after));
        }
        Some((before, after))
    }

    fn confirm_constraints(&mut self, who: usize, row: Row) -> Option<()> {
        let is_taken = |other: &Row| row.u.is_some() && other.u == row.u;
        if self.state.contains_key(&row.key) || self.state.values().any(is_taken) {
            return None;
        }
        if row.key.table == Table::Entry {
            let account = Key::account(row.key.k);
            self.state.get(&account)?;
            self.lock(who, Resource::Row(account), LockMode::Share)?;
        }
        Some(())
    }

    /// The foreign key of entries: its trigger sorts after that of capture and before most others.
    fn cascade(
        &mut self,
        who: usize,
        before: Option<Row>,
        after: Option<Row>,
        depth: usize,
    ) -> Option<()> {
        let of = |row: Row| (row.key.table == Table::Account).then_some(row.key.k);
        let (was, is) = (before.and_then(of), after.and_then(of));
        if was.is_none() || was == is {
            return Some(());
        }
        self.lock(who, Resource::Table(Table::Entry), LockMode::Share)?;
        let is_entry = |of: &Resource| matches!(of, Resource::Row(key) if key.table == Table::Entry && Some(key.k) == was);
        let waits = |open: &Transaction| open.locks.iter().any(|(of, _)| is_entry(of));
        if self.open.iter().enumerate().any(|(other, open)| other != who && waits(open)) {
            return None;
        }
        let refers = |row: &&Row| row.key.table == Table::Entry && Some(row.key.k) == was;
        let op = |row: &Row| match is {
            Some(k) => RowOp::Update(row.key, Row { key: Key::entry(k, row.key.n), ..*row }),
            None => RowOp::Delete(row.key),
        };
        let ops: Vec<_> = self.state.values().filter(refers).map(op).collect();
        self.statement(who, &ops, depth + 1)
    }

    /// A trigger that changes other rows, or the same one, whether or not the statement that fired
    /// it has changed them too.
    fn user_trigger(
        &mut self,
        who: usize,
        before: Option<Row>,
        after: Option<Row>,
        depth: usize,
    ) -> Option<()> {
        let row = after.or(before)?;
        if row.key.table != Table::Account || depth > 1 {
            return Some(());
        }
        let there = |k: i64| self.state.get(&Key::account(k)).copied();
        let next = there((row.key.k + 1) % 6);
        let set = |row: Row, v: i64| RowOp::Update(row.key, Row { v: v % 7, ..row });
        let ops = match row.v {
            2 => next.map(|next| vec![set(next, next.v + 3)]),
            3 => there(row.key.k).map(|same| vec![set(same, same.v + 2)]),
            4 => next.map(|next| {
                let k = if next.key.k < 40 { next.key.k + 40 } else { next.key.k - 40 };
                vec![RowOp::Update(next.key, Row { key: Key::account(k), ..next })]
            }),
            5 => next.map(|next| {
                vec![RowOp::Delete(next.key), RowOp::Insert(Row { v: (next.v + 1) % 7, ..next })]
            }),
            6 => there(row.key.k).map(|same| match self.state.get(&Key::entry(same.key.k, 1)) {
                Some(entry) => vec![set(*entry, entry.v + 1)],
                None => vec![RowOp::Insert(Row { key: Key::entry(same.key.k, 1), u: None, v: 0 })],
            }),
            _ => None,
        };
        self.statement(who, &ops.unwrap_or_default(), depth + 1)
    }

    fn lock(&mut self, who: usize, resource: Resource, mode: LockMode) -> Option<()> {
        let blocks = |open: &Transaction| {
            open.locks.iter().any(|(of, held)| *of == resource && held.conflicts(mode))
        };
        let is_blocked =
            self.open.iter().enumerate().any(|(other, open)| other != who && blocks(open));
        self.open[who].locks.push((resource, mode));
        (!is_blocked).then_some(())
    }

    fn effect(&mut self, who: usize, key: Key, row: Option<Row>) {
        self.seq += 1;
        let was = put(&mut self.state, key, row);
        self.open[who].effects.push(Effect { seq: self.seq, key, row, was });
    }

    /// What the trigger of capture does.
    fn log(&mut self, who: usize, table: Table, before: Option<Row>, after: Option<Row>) {
        self.last_id += 1;
        let image = |row: Row| RowImage::parse(Bytes::from(row.image())).unwrap();
        let kind = match (before, after) {
            (None, Some(_)) => ChangeKind::Insert,
            (Some(_), Some(_)) => ChangeKind::Update,
            (Some(_), None) => ChangeKind::Delete,
            (None, None) => ChangeKind::Truncate,
        };
        let open = &mut self.open[who];
        open.first_id.get_or_insert(self.last_id);
        open.changes.push(LoggedChange {
            id: self.last_id,
            xact: open.xact,
            source: table.name().into(),
            kind,
            before: before.map(image),
            after: after.map(image),
        });
    }
}

fn conflict(one: &[(Resource, LockMode)], other: &[(Resource, LockMode)]) -> bool {
    let waits = |of: &Resource, mode: LockMode| {
        other.iter().any(|(also, wanted)| of == also && mode.conflicts(*wanted))
    };
    one.iter().any(|(of, mode)| waits(of, *mode))
}

fn put(state: &mut State, key: Key, row: Option<Row>) -> Option<Row> {
    match row {
        Some(row) => state.insert(key, row),
        None => state.remove(&key),
    }
}
