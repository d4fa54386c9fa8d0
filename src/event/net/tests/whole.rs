//! Whatever transactions do, a target that takes their net holds whole transactions at every
//! commit, and at the end what the source holds.

use super::rows::{Key, Row, RowOp, Table};
use super::source::Source;
use super::target::{Fault, Target, TargetCounts};
use crate::event::change::LoggedChange;
use crate::event::net::net;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};

const CASES: u32 = 2000;

/// What a session does.
#[derive(Clone, Copy, Debug)]
enum Verb {
    Insert,
    Transfer,
    Rekey,
    ShiftUp,
    ShiftDown,
    Swap,
    SwapUnique,
    Delete,
    Replace,
    ThereAndBack,
    InsertEntry,
    UpdateEntry,
    MoveEntry,
    DeleteEntry,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Begin,
    Run(usize, Verb, [i64; 3]),
    Savepoint(usize),
    RollbackToSavepoint(usize),
    Commit(usize),
    RollBack(usize),
    Truncate(usize, bool),
    /// The target takes so many ids.
    Take(i64),
    Load(bool, i64, i64),
    Damage(bool, i64, i64),
}

fn verb() -> impl Strategy<Value = Verb> {
    use Verb::*;
    prop_oneof![
        2 => Just(Insert), 6 => Just(Transfer), 3 => Just(Rekey), 1 => Just(ShiftUp),
        1 => Just(ShiftDown), 2 => Just(Swap), 1 => Just(SwapUnique), 2 => Just(Delete),
        2 => Just(Replace), 3 => Just(ThereAndBack), 2 => Just(InsertEntry),
        2 => Just(UpdateEntry), 1 => Just(MoveEntry), 1 => Just(DeleteEntry),
    ]
}

/// Loads and damages only where asked for: they would hide what a commit without them shows.
fn steps(loads: u32) -> impl Strategy<Value = Vec<Step>> {
    let numbers = [0..7i64, 0..7i64, 0..7i64];
    let step = prop_oneof![
        4 => Just(Step::Begin),
        16 => (any::<usize>(), verb(), numbers).prop_map(|(who, verb, numbers)| Step::Run(who, verb, numbers)),
        1 => any::<usize>().prop_map(Step::Savepoint),
        1 => any::<usize>().prop_map(Step::RollbackToSavepoint),
        4 => any::<usize>().prop_map(Step::Commit),
        1 => any::<usize>().prop_map(Step::RollBack),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(who, all)| Step::Truncate(who, all)),
        5 => (1..14i64).prop_map(Step::Take),
        loads => (any::<bool>(), 0..6i64, 1..9i64).prop_map(|(of, low, len)| Step::Load(of, low, len)),
        loads.div_ceil(3) => (any::<bool>(), 0..7i64, 0..3i64).prop_map(move |(of, k, v)| {
            if loads > 1 { Step::Damage(of, k, v) } else { Step::Take(1 + k) }
        }),
    ];
    proptest::collection::vec(step, 1..70)
}

/// The statements, of the rows that are there now.
fn statements(source: &Source, verb: Verb, [a, b, c]: [i64; 3]) -> Vec<Vec<RowOp>> {
    let row = |k: i64| source.state().get(&Key::account(k)).copied();
    let blank = |k: i64| Row { key: Key::account(k), u: None, v: 0 };
    let (one, other) = (row(a).unwrap_or(blank(a)), row(b).unwrap_or(blank(b)));
    let (mine, yours) = (Key::entry(a, b % 3), Key::entry(c, b % 3));
    let entry = source.state().get(&mine).copied().unwrap_or(Row { key: mine, u: None, v: 0 });
    let set = |row: Row, v: i64| RowOp::Update(row.key, Row { v: v.rem_euclid(7), ..row });
    let to = |row: Row, k: i64| RowOp::Update(row.key, Row { key: Key::account(k), ..row });
    let with = |row: Row, u: Option<i64>| RowOp::Update(row.key, Row { u, ..row });
    let accounts = || source.state().values().filter(|row| row.key.table == Table::Account);
    match verb {
        Verb::Insert => {
            vec![vec![RowOp::Insert(Row { u: (c > 2).then_some(b), v: c, ..blank(a) })]]
        }
        Verb::Transfer if a == b => vec![vec![set(one, one.v + c)]],
        Verb::Transfer => vec![vec![set(one, one.v + c), set(other, other.v - c)]],
        Verb::Rekey => vec![vec![to(one, b + 7 * (c % 2))]],
        Verb::ShiftUp => {
            vec![
                accounts()
                    .rev()
                    .filter(|row| row.key.k >= a)
                    .map(|row| to(*row, row.key.k + 1))
                    .collect(),
            ]
        }
        Verb::ShiftDown => {
            vec![
                accounts().filter(|row| row.key.k > a).map(|row| to(*row, row.key.k - 1)).collect(),
            ]
        }
        Verb::Swap => vec![
            vec![to(one, 20)],
            vec![to(other, a)],
            vec![to(Row { key: Key::account(20), ..one }, b)],
        ],
        Verb::SwapUnique => vec![
            vec![with(one, None)],
            vec![with(other, one.u), with(Row { u: None, ..one }, other.u)],
        ],
        Verb::Delete => vec![vec![RowOp::Delete(one.key)]],
        Verb::Replace => vec![vec![RowOp::Delete(one.key), RowOp::Insert(Row { v: c, ..one })]],
        Verb::ThereAndBack => vec![vec![set(one, one.v + 1 + c % 6)], vec![set(one, one.v)]],
        Verb::InsertEntry => vec![vec![RowOp::Insert(entry)]],
        Verb::UpdateEntry => vec![vec![set(entry, c)]],
        Verb::MoveEntry => vec![vec![RowOp::Update(mine, Row { key: yours, ..entry })]],
        Verb::DeleteEntry => vec![vec![RowOp::Delete(mine)]],
    }
}

fn step(source: &mut Source, target: &mut Target, step: Step) -> Result<(), String> {
    let open = source.open();
    let table = |is_entry: bool| if is_entry { Table::Entry } else { Table::Account };
    match step {
        Step::Begin if open < 4 => source.begin(),
        Step::Take(ids) => return target.take(source, ids),
        Step::Load(of, low, len) => target.load(source, table(of), low..low + len),
        Step::Damage(true, k, v) => target.damage(Key::entry(k, 0), v),
        Step::Damage(false, k, v) => target.damage(Key::account(k), v),
        _ if open == 0 => {}
        Step::Run(who, verb, numbers) => {
            let statements = statements(source, verb, numbers);
            source.run(who % open, &statements);
        }
        Step::Savepoint(who) => source.savepoint(who % open),
        Step::RollbackToSavepoint(who) => source.rollback_to_savepoint(who % open),
        Step::Commit(who) => source.commit(who % open),
        Step::RollBack(who) => source.roll_back(who % open),
        Step::Truncate(who, true) => source.truncate(who % open, &Table::ALL),
        Step::Truncate(who, false) => source.truncate(who % open, &[Table::Entry]),
        Step::Begin => {}
    }
    Ok(())
}

/// Runs the steps, then to the end. What is damaged is loaded while it goes on.
fn run(steps: &[Step], is_user_first: bool, fault: Option<Fault>) -> Result<TargetCounts, String> {
    let mut source = Source::new(is_user_first);
    let mut target = Target::new(&source, fault);
    for now in steps {
        step(&mut source, &mut target, *now)?;
    }
    if target.is_damaged() {
        for table in Table::ALL {
            while source.is_locked(table) {
                source.commit(0);
            }
            target.load(&source, table, -100..100);
        }
    }
    while source.open() > 0 {
        source.commit(0);
        target.take(&source, 5)?;
    }
    while target.position < source.last_id() {
        target.take(&source, 7)?;
    }
    if source.truth(&|_| true) != *source.state() {
        return Err("the model contradicts itself".to_owned());
    }
    Ok(target.counts)
}

/// The same cases whenever it runs.
fn config() -> Config {
    Config {
        cases: CASES,
        rng_seed: RngSeed::Fixed(2026),
        failure_persistence: None,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn at_every_commit_a_target_holds_whole_transactions(steps in steps(0), is_user_first in any::<bool>()) {
        run(&steps, is_user_first, None).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn what_is_loaded_while_changes_go_on_is_exact_from_that_moment_on(steps in steps(6), is_user_first in any::<bool>()) {
        run(&steps, is_user_first, None).map_err(TestCaseError::fail)?;
    }
}

/// Cases of both kinds, the same ones whenever it runs.
fn cases(loads: u32) -> impl Iterator<Item = (Vec<Step>, bool)> {
    let mut runner = TestRunner::new(config());
    let strategy = (steps(loads), any::<bool>());
    std::iter::repeat_with(move || strategy.new_tree(&mut runner).unwrap().current())
}

/// Whether a fault is found, by cases in which the right thing is right.
fn is_found(fault: Fault, loads: u32) -> bool {
    cases(loads).take(800).any(|(steps, is_user_first)| {
        let is_found = run(&steps, is_user_first, Some(fault)).is_err();
        assert!(!is_found || run(&steps, is_user_first, None).is_ok());
        is_found
    })
}

#[test]
fn a_batch_that_is_applied_as_it_comes_shows_half_transactions() {
    assert!(is_found(Fault::NoCarry, 0));
}

#[test]
fn a_transaction_that_is_carried_over_two_batches_must_be_asked_for_in_both() {
    assert!(is_found(Fault::CarryForOneBatch, 0));
}

#[test]
fn what_was_kept_must_be_applied_with_the_rest() {
    assert!(is_found(Fault::KeptIsLost, 0));
}

#[test]
fn the_order_of_ids_leads_to_wrong_rows() {
    assert!(is_found(Fault::LastEvent, 0));
    assert!(is_found(Fault::RowByRow, 0));
}

#[test]
fn a_truncate_must_empty_and_nothing_may_be_counted_across_it() {
    assert!(is_found(Fault::NoTruncate, 0));
    assert!(is_found(Fault::NoBarrier, 0));
}

#[test]
fn what_a_range_has_seen_must_be_left_out() {
    assert!(is_found(Fault::SeesNothing, 6));
    assert!(is_found(Fault::OldestRange, 6));
    assert!(is_found(Fault::TruncateOfAll, 6));
    assert!(is_found(Fault::StaleKeysStay, 6));
}

#[test]
fn a_key_change_must_be_judged_by_both_of_its_keys() {
    assert!(is_found(Fault::JudgedByBefore, 6));
    assert!(is_found(Fault::JudgedByAfter, 6));
}

#[test]
fn the_cases_are_about_something() {
    let mut sums = TargetCounts::default();
    for (steps, is_user_first) in cases(6).take(200) {
        let counts = run(&steps, is_user_first, None).unwrap();
        sums.batches += counts.batches;
        sums.carrying += counts.carrying;
        sums.carried_rows += counts.carried_rows;
        sums.emptied += counts.emptied;
        sums.seen += counts.seen;
        sums.loads += counts.loads;
    }
    let TargetCounts { batches, carrying, carried_rows, emptied, seen, loads } = sums;
    let is_enough = batches > 300 && carrying > 100 && carried_rows > 300;
    assert!(is_enough && emptied > 40 && seen > 300 && loads > 500, "{sums:?}");
}

/// Ids in any order, as nested triggers give them: the same rows are left.
#[test]
fn the_net_of_all_changes_does_not_depend_on_their_order() {
    let mut shuffles = TestRunner::new(config());
    for (steps, is_user_first) in cases(0).take(500) {
        let mut source = Source::new(is_user_first);
        let mut idle = Target::new(&source, None);
        for now in steps.iter().filter(|step| !matches!(step, Step::Take(_) | Step::Truncate(..))) {
            step(&mut source, &mut idle, *now).unwrap();
        }
        for table in Table::ALL {
            let of_table = source.log.values().filter(|change| &*change.source == table.name());
            let changes: Vec<_> = of_table.cloned().collect();
            let shuffled = Just(changes.clone()).prop_shuffle();
            let shuffled = shuffled.new_tree(&mut shuffles).unwrap().current();
            let rows = |changes: &[LoggedChange]| {
                let net = net(changes, &table.key_columns(), &|_, _| false).unwrap();
                let gone = net
                    .gone
                    .into_iter()
                    .map(|gone| (gone.key, Some(gone.before), None, gone.is_torn));
                let changed = net.changed.into_iter();
                let changed =
                    changed.map(|row| (row.key, row.before, Some(row.after), row.is_torn));
                gone.chain(changed).collect::<Vec<_>>()
            };
            let found = rows(&shuffled);
            assert!(found.iter().all(|(_, _, _, is_torn)| !is_torn));
            assert!(found == rows(&changes), "{found:?}");
        }
    }
}
