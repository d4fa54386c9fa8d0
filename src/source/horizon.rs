//! The lock horizon: below which id nothing can still appear. A pure decision; [`super::mark`] asks
//! the server.
//!
//! A transaction that drew an id holds `RowExclusiveLock` on the sequence until it ends, and
//! releases it only after its rows are visible. So: read `a`, an id that is visible and hence
//! drawn; *then* read who holds the lock; *then*, with later snapshots, the rows. A transaction
//! that draws an id up to `a` and has not ended before the rows are read is among those holders. A
//! holder that was absent from an earlier reading drew all its ids after the `a` that was read
//! before that. The order of the three statements, each with a snapshot of its own, is what makes
//! it true; neither may be swapped or joined.

use std::collections::HashMap;
use std::time::Instant;

/// A transaction that holds the lock on the sequence or the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockHolder {
    /// `virtualtransaction` of `pg_locks`: unique while the server runs. Before 13.5 and 14.1 it is
    /// `-1/<xid>` once prepared.
    pub transaction: String,
    /// Its backend; `None` for a prepared transaction.
    pub pid: Option<i32>,
}

impl LockHolder {
    /// Whether it was prepared and got another name by that: under the former one it may be known.
    pub(crate) fn is_renamed(&self) -> bool {
        self.transaction.starts_with("-1/")
    }
}

/// What is known of a holder.
#[derive(Clone, Debug)]
struct HolderBound {
    /// It drew no id at or below this; `None`: it was there at the first look, and may own any gap.
    above: Option<i64>,
    pid: Option<i32>,
    since: Instant,
}

/// Who holds the mark back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldestHolder {
    /// `virtualtransaction` of `pg_locks`.
    pub transaction: String,
    /// Its backend; `None` for a prepared transaction.
    pub pid: Option<i32>,
    /// When it was first seen.
    pub since: Instant,
}

/// Follows the holders from one look to the next. Lives in memory only; a new one is made on every
/// connection.
#[derive(Debug, Default)]
pub struct LockHorizon {
    bounds: HashMap<String, HolderBound>,
    a_prev: Option<i64>,
    has_looked: bool,
    decided: Option<i64>,
}

impl LockHorizon {
    /// Starts without a known holder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one look: an id `a` that was drawn, read before `holders`. Gives the highest id up to
    /// which every id is decided: no row can still appear at or below it. `None`: nothing is
    /// decided yet.
    ///
    /// A holder at the first look may own any gap, whatever any destination holds: how that was
    /// filled is not known. What was decided once stays decided.
    pub fn look(&mut self, a: Option<i64>, holders: &[LockHolder], now: Instant) -> Option<i64> {
        let above = self.bounds_of_newcomers();
        let known = std::mem::take(&mut self.bounds);
        for holder in holders {
            let (above, since) = match known.get(&holder.transaction) {
                Some(bound) => (bound.above, bound.since),
                None if holder.is_renamed() => (above.renamed, now),
                None => (above.fresh, now),
            };
            // A prepared transaction keeps its name, but has no process.
            let pid = holder.pid;
            self.bounds.insert(holder.transaction.clone(), HolderBound { above, pid, since });
        }
        self.has_looked = true;
        self.a_prev = self.a_prev.max(a);
        self.decided =
            self.bounds.values().map(|bound| bound.above).fold(a, Ord::min).max(self.decided);
        self.decided
    }

    /// The holder with the lowest bound, if any holds anything back.
    pub fn oldest(&self) -> Option<OldestHolder> {
        let (transaction, bound) =
            self.bounds.iter().min_by_key(|(_, bound)| (bound.above, bound.since))?;
        Some(OldestHolder { transaction: transaction.clone(), pid: bound.pid, since: bound.since })
    }

    fn bounds_of_newcomers(&self) -> NewcomerBounds {
        if !self.has_looked {
            return NewcomerBounds { fresh: None, renamed: None };
        }
        // Before 13.5 and 14.1 PREPARE renames 3/17 to -1/<xid>, and one look may show both: then
        // the newcomer is one of those that are known.
        let known = self.bounds.values().map(|bound| bound.above);
        NewcomerBounds { fresh: self.a_prev, renamed: known.fold(self.a_prev, Ord::min) }
    }
}

/// The bounds given to holders that were not there at the look before.
struct NewcomerBounds {
    fresh: Option<i64>,
    renamed: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn running(transaction: &str) -> LockHolder {
        LockHolder { transaction: transaction.to_owned(), pid: Some(1) }
    }

    fn prepared(transaction: &str) -> LockHolder {
        LockHolder { transaction: transaction.to_owned(), pid: None }
    }

    fn look(horizon: &mut LockHorizon, a: i64, holders: &[LockHolder]) -> Option<i64> {
        horizon.look(Some(a), holders, Instant::now())
    }

    #[test]
    fn without_holders_everything_visible_is_decided() {
        assert_eq!(look(&mut LockHorizon::new(), 42, &[]), Some(42));
    }

    #[test]
    fn a_holder_of_the_first_look_may_own_any_gap_until_it_has_ended() {
        let mut horizon = LockHorizon::new();
        assert_eq!(look(&mut horizon, 9, &[running("3/1"), running("4/1")]), None);
        assert_eq!(look(&mut horizon, 12, &[running("4/1"), running("5/1")]), None);
        assert_eq!(look(&mut horizon, 20, &[running("5/1")]), Some(9));
        assert_eq!(look(&mut horizon, 20, &[]), Some(20));
    }

    #[test]
    fn what_was_decided_once_stays_decided() {
        let mut horizon = LockHorizon::new();
        assert_eq!(look(&mut horizon, 9, &[]), Some(9));
        assert_eq!(horizon.look(Some(5), &[], Instant::now()), Some(9));
        assert_eq!(horizon.look(None, &[], Instant::now()), Some(9));
    }

    #[test]
    fn a_newcomer_is_bound_by_the_id_of_the_look_before_not_of_its_own() {
        let mut horizon = LockHorizon::new();
        look(&mut horizon, 10, &[]);
        assert_eq!(look(&mut horizon, 20, &[running("3/1")]), Some(10));
        assert_eq!(look(&mut horizon, 30, &[running("3/1"), running("4/1")]), Some(10));
        assert_eq!(look(&mut horizon, 40, &[running("4/1")]), Some(20));
    }

    #[test]
    fn a_transaction_that_prepares_keeps_its_bound_under_its_new_name() {
        let mut horizon = LockHorizon::new();
        look(&mut horizon, 10, &[]);
        look(&mut horizon, 20, &[running("3/1")]);
        look(&mut horizon, 30, &[running("3/1")]);
        assert_eq!(look(&mut horizon, 40, &[prepared("-1/777")]), Some(10));
    }

    #[test]
    fn a_transaction_that_is_seen_under_both_names_while_it_prepares_keeps_its_bound() {
        let mut horizon = LockHorizon::new();
        look(&mut horizon, 10, &[]);
        look(&mut horizon, 20, &[running("3/1")]);
        look(&mut horizon, 30, &[running("3/1"), prepared("-1/777")]);
        assert_eq!(look(&mut horizon, 40, &[prepared("-1/777")]), Some(10));
    }

    #[test]
    fn a_newcomer_that_is_prepared_under_its_own_name_is_bound_as_any_other() {
        let mut horizon = LockHorizon::new();
        look(&mut horizon, 10, &[]);
        look(&mut horizon, 20, &[running("3/1")]);
        look(&mut horizon, 30, &[running("3/1"), prepared("4/1")]);
        assert_eq!(look(&mut horizon, 40, &[prepared("4/1")]), Some(20));
    }

    #[test]
    fn a_transaction_that_prepares_under_its_name_has_no_process_any_more() {
        let mut horizon = LockHorizon::new();
        look(&mut horizon, 10, &[]);
        look(&mut horizon, 20, &[running("3/1")]);
        assert_eq!(horizon.oldest().and_then(|oldest| oldest.pid), Some(1));
        assert_eq!(look(&mut horizon, 30, &[prepared("3/1")]), Some(10));
        assert_eq!(horizon.oldest().and_then(|oldest| oldest.pid), None);
    }

    /// One step of a simulated source: transactions draw ids, commit or roll back in any order,
    /// some prepare; we look between.
    #[derive(Clone, Debug)]
    enum Step {
        Begin,
        Draw(usize),
        Commit(usize),
        Roll(usize),
        /// Under its own name, as servers do it now, or under another, as they did.
        Prepare(usize, bool),
        /// Inserts and commits an id so far above the sequence, by hand.
        Explicit(i64),
        Look,
        /// The connection is lost: the next look knows no holder.
        Reconnect,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => Just(Step::Begin),
            6 => any::<usize>().prop_map(Step::Draw),
            3 => any::<usize>().prop_map(Step::Commit),
            1 => any::<usize>().prop_map(Step::Roll),
            1 => any::<(usize, bool)>().prop_map(|(which, is_renamed)| Step::Prepare(which, is_renamed)),
            1 => (1..4i64).prop_map(Step::Explicit),
            4 => Just(Step::Look),
            1 => Just(Step::Reconnect),
        ]
    }

    fn preparing() -> impl Strategy<Value = Vec<Step>> {
        proptest::collection::vec(any::<usize>().prop_map(|which| Step::Prepare(which, true)), 0..2)
    }

    #[derive(Default)]
    struct Source {
        open: Vec<(String, bool, Vec<i64>)>,
        visible: BTreeSet<i64>,
        drawn: i64,
        names: u32,
    }

    impl Source {
        fn holders(&self) -> Vec<LockHolder> {
            let drew = self.open.iter().filter(|(_, _, ids)| !ids.is_empty());
            drew.map(
                |(name, is_prepared, _)| if *is_prepared { prepared(name) } else { running(name) },
            )
            .collect()
        }

        fn run(&mut self, step: &Step) {
            let count = self.open.len();
            match step {
                Step::Begin => {
                    self.names += 1;
                    self.open.push((format!("3/{}", self.names), false, Vec::new()));
                }
                Step::Draw(which) if count > 0 && !self.open[which % count].1 => {
                    self.drawn += 1;
                    // The insert of an id that is there already fails.
                    if !self.visible.contains(&self.drawn) {
                        self.open[which % count].2.push(self.drawn);
                    }
                }
                Step::Explicit(above) => _ = self.visible.insert(self.drawn + above),
                Step::Commit(which) if count > 0 => {
                    self.visible.extend(self.open.remove(which % count).2)
                }
                Step::Roll(which) if count > 0 => drop(self.open.remove(which % count)),
                Step::Prepare(which, is_renamed) if count > 0 => {
                    self.names += 1;
                    if *is_renamed {
                        self.open[which % count].0 = format!("-1/{}", self.names);
                    }
                    self.open[which % count].1 = true;
                }
                _ => {}
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        /// Between `a` and the holders, while these are read, and between them and the rows,
        /// anything may happen: the steps are given in four parts. A transaction that is prepared
        /// while the holders are read is seen twice.
        #[test]
        fn nothing_appears_at_or_below_an_id_that_was_decided(
            steps in proptest::collection::vec((step(), proptest::collection::vec(step(), 0..3), preparing(), proptest::collection::vec(step(), 0..3)), 1..60),
        ) {
            let (mut source, mut horizon) = (Source::default(), LockHorizon::new());
            let mut shipped: BTreeSet<i64> = BTreeSet::new();
            let mut last = None;
            for (step, between, meanwhile, later) in &steps {
                source.run(step);
                if matches!(step, Step::Reconnect) {
                    horizon = LockHorizon::new();
                }
                if !matches!(step, Step::Look) {
                    continue;
                }
                // The sequence is read in the same statement as the highest id, but not by its
                // snapshot.
                let (meanwhile_drawn, between) = between.split_at(between.len() / 2);
                let highest = source.visible.last().copied();
                meanwhile_drawn.iter().for_each(|step| source.run(step));
                let a = highest.map(|highest| highest.min(source.drawn));
                between.iter().for_each(|step| source.run(step));
                let mut holders = source.holders();
                meanwhile.iter().for_each(|step| source.run(step));
                let renamed = source.holders().into_iter().filter(|now| now.pid.is_none() && !holders.iter().any(|before| before.transaction == now.transaction));
                holders.extend(renamed.collect::<Vec<_>>());
                later.iter().for_each(|step| source.run(step));
                let safe = horizon.look(a, &holders, Instant::now());
                for id in source.visible.iter().copied().filter(|id| last.is_none_or(|last| *id > last)).collect::<Vec<_>>() {
                    if safe.is_some_and(|safe| id <= safe) || last == Some(id - 1) {
                        shipped.insert(id);
                        last = Some(id);
                    } else {
                        break;
                    }
                }
                let prefix: BTreeSet<i64> = source.visible.iter().copied().filter(|id| last.is_some_and(|last| *id <= last)).collect();
                prop_assert_eq!(&shipped, &prefix);
            }
            // A transaction that is still open commits in the end: what was shipped must still be a
            // prefix.
            while !source.open.is_empty() {
                source.run(&Step::Commit(0));
            }
            let prefix: BTreeSet<i64> = source.visible.iter().copied().filter(|id| last.is_some_and(|last| *id <= last)).collect();
            prop_assert_eq!(&shipped, &prefix);
        }
    }
}
