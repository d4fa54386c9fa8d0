//! Tables as the loader fills them, and every way to damage one.

use super::*;
use crate::fake::World;
use proptest::prelude::*;

fn stats(program: &str, number: u64, event: u64, count: u64) -> GroupStats {
    GroupStats {
        program: program.to_owned(),
        operation: format!("{program} {number}"),
        number,
        event,
        count,
    }
}

/// Rows with these groups of one program: the events of each.
fn groups(program: &str, counts: &[u64]) -> Vec<TestingStats> {
    let numbered = (1..).zip(counts);
    let of = |(number, count): (u64, &u64)| {
        (1..=*count).map(move |event| (number, event, *count)).collect::<Vec<_>>()
    };
    let all = numbered.flat_map(of);
    all.map(|(number, event, count)| TestingStats::Stats(stats(program, number, event, count)))
        .collect()
}

/// Rows with ids from 1 on.
fn rows(all: Vec<TestingStats>) -> Vec<ValidatedRow> {
    let row = |(id, testing)| ValidatedRow { id, ts: Some(id * 1000), testing };
    (1..).zip(all).map(row).collect()
}

fn table() -> Vec<ValidatedRow> {
    rows(groups("p", &[3, 1, 3, 2, 1]))
}

fn whole(ids: IdRule) -> ValidationRules {
    ValidationRules { ids, through: None }
}

fn consecutive() -> ValidationRules {
    whole(IdRule::Consecutive(Vec::new()))
}

fn validated(rules: &ValidationRules, rows: impl IntoIterator<Item = ValidatedRow>) -> Validation {
    let mut validator = Validator::new(rules);
    rows.into_iter().for_each(|row| validator.row(row));
    validator.finish()
}

/// Words and counts of what makes it invalid.
fn faults(validation: &Validation) -> Vec<(&'static str, u64)> {
    let faults = validation.findings.iter().filter(|finding| finding.is_fault);
    faults.map(|finding| (finding.fault.word(), finding.count)).collect()
}

fn judged(rows: Vec<ValidatedRow>) -> Vec<(&'static str, u64)> {
    let validation = validated(&consecutive(), rows);
    let faults = faults(&validation);
    assert_eq!(validation.verdict() == ValidationVerdict::Invalid, !faults.is_empty());
    faults
}

/// The same rows in this order, with ids from 1 on.
fn renumbered(rows: impl IntoIterator<Item = ValidatedRow>) -> Vec<ValidatedRow> {
    self::rows(rows.into_iter().map(|row| row.testing).collect())
}

#[test]
fn a_table_as_the_loader_fills_it_is_valid() {
    let validation = validated(&consecutive(), table());
    assert_eq!(validation.verdict(), ValidationVerdict::Valid);
    assert_eq!(
        validation.to_string(),
        "valid: 10 rows, ids 1..10; 5 groups of 1 programs complete, 0 cut at the fence"
    );
    let counts = GroupCounts { rows: 10, programs: 1, complete: 5, pending: 0 };
    assert_eq!(validation.groups, counts);
}

#[test]
fn the_events_of_our_own_loader_are_valid() {
    let event = |text: String| {
        let event: serde_json::Value = serde_json::from_str(&text).unwrap();
        TestingStats::parse(Some(event["testingStats"].to_string().as_bytes()))
    };
    let all: Vec<TestingStats> = World::persons(3).take(2_000).flatten().map(event).collect();
    let validation = validated(&consecutive(), rows(all));
    assert_eq!(
        (validation.verdict(), validation.groups.complete),
        (ValidationVerdict::Valid, 2_000)
    );
}

#[test]
fn an_empty_table_is_valid_and_says_that_it_is_empty() {
    let validation = validated(&consecutive(), []);
    assert_eq!(
        (validation.to_string().as_str(), validation.verdict()),
        ("valid: no rows", ValidationVerdict::Valid)
    );
}

#[test]
fn a_table_that_the_loader_did_not_fill_is_judged_by_its_ids() {
    let absent = || rows(vec![TestingStats::Absent; 3]);
    let validation = validated(&consecutive(), absent());
    let expected =
        "valid: 3 rows, ids 1..3; not loader data (no testingStats), so groups were not judged";
    assert_eq!(
        (validation.to_string().as_str(), validation.verdict()),
        (expected, ValidationVerdict::Valid)
    );
    assert_eq!(judged(absent().into_iter().filter(|row| row.id != 2).collect()), [("gap", 1)]);
}

fn without(ids: &[i64]) -> Vec<ValidatedRow> {
    table().into_iter().filter(|row| !ids.contains(&row.id)).collect()
}

/// With these rows once more at the end.
fn doubled(ids: &[i64]) -> Vec<ValidatedRow> {
    let again = table().into_iter().filter(|row| ids.contains(&row.id));
    renumbered(table().into_iter().chain(again))
}

/// With the first rows, and then all from some row on.
fn stuttering(first: usize, from: usize) -> Vec<ValidatedRow> {
    renumbered([&table()[..first], &table()[from..]].concat())
}

fn swapped(a: usize, b: usize) -> Vec<ValidatedRow> {
    let mut rows = table();
    rows.swap(a - 1, b - 1);
    renumbered(rows)
}

fn replaced(id: i64, testing: &TestingStats) -> Vec<ValidatedRow> {
    let mut rows = table();
    let replaced = rows.iter_mut().filter(|row| row.id == id);
    replaced.for_each(|row| row.testing = testing.clone());
    rows
}

fn moved(by: i64) -> Vec<ValidatedRow> {
    table().into_iter().map(|row| ValidatedRow { id: row.id + by, ..row }).collect()
}

/// Expects these words and counts of each table.
fn each(cases: Vec<(&str, Vec<ValidatedRow>, &str)>) {
    for (damage, rows, expected) in cases {
        let faults = judged(rows);
        let told: Vec<String> =
            faults.iter().map(|(word, count)| format!("{word} {count}")).collect();
        assert_eq!(told.join(", "), expected, "{damage}");
    }
}

#[test]
fn what_is_lost_is_told_by_its_name() {
    each(vec![
        ("nothing", table(), ""),
        ("an event", without(&[6]), "gap 1, incomplete_group 1"),
        ("an event, ids closed up", renumbered(without(&[6])), "incomplete_group 1"),
        ("the first row", renumbered(without(&[1])), "incomplete_group 1"),
        ("the last event of a group", renumbered(without(&[3])), "incomplete_group 1"),
        ("a group", without(&[5, 6, 7]), "gap 1, missing_group 1"),
        ("a group, ids closed up", renumbered(without(&[5, 6, 7])), "missing_group 1"),
        ("two groups", renumbered(without(&[1, 2, 3, 4])), "missing_group 2"),
    ]);
}

#[test]
fn what_is_doubled_is_told_by_its_name() {
    each(vec![
        ("an event at once", stuttering(2, 1), "doubled_event 1"),
        ("the last event of a group", stuttering(3, 2), "doubled_event 1"),
        ("an event later", doubled(&[6]), "doubled_event 1"),
        ("two events later", doubled(&[5, 6]), "doubled_event 2"),
        ("a group at once", stuttering(3, 0), "doubled_group 1"),
        ("a group later", doubled(&[5, 6, 7]), "doubled_group 1"),
        ("the whole table", doubled(&(1..=10).collect::<Vec<_>>()), "doubled_group 5"),
    ]);
}

#[test]
fn what_is_out_of_place_is_told_by_its_name() {
    let foreign = |stats| TestingStats::Stats(stats);
    let other = foreign(GroupStats { operation: "other".to_owned(), ..stats("p", 3, 2, 3) });
    let stranger = foreign(stats("q", 1, 1, 1));
    each(vec![
        ("rows of a group swapped", swapped(5, 6), "out_of_order 1"),
        ("groups swapped", swapped(4, 10), "out_of_order 3"),
        ("garbled stats", replaced(4, &TestingStats::Garbled), "garbled_stats 1, missing_group 1"),
        ("no stats", replaced(4, &TestingStats::Absent), "missing_group 1, without_stats 1"),
        (
            "event 2 of 1",
            replaced(4, &foreign(stats("p", 2, 2, 1))),
            "impossible_number 1, missing_group 1",
        ),
        (
            "event 0",
            replaced(4, &foreign(stats("p", 2, 0, 1))),
            "impossible_number 1, missing_group 1",
        ),
        (
            "group 0",
            replaced(4, &foreign(stats("p", 0, 1, 1))),
            "impossible_number 1, missing_group 1",
        ),
        (
            "another group of a number",
            replaced(6, &other),
            "mixed_group 1, not_adjacent 1, incomplete_group 1",
        ),
        ("a stranger in a group", replaced(6, &stranger), "not_adjacent 1, incomplete_group 1"),
    ]);
}

#[test]
fn ids_that_are_not_consecutive_are_told_by_their_name() {
    let mut twice = table();
    twice.insert(4, twice[4].clone());
    each(vec![
        ("an id twice", twice, "duplicate_id 1, doubled_event 1"),
        ("ids that begin later", moved(2), "gap 1"),
        ("ids that begin sooner", moved(-1), "first_id 1"),
    ]);
}

#[test]
fn rows_swapped_between_groups_are_told() {
    let mut rows = table();
    let (a, b) = (rows[1].testing.clone(), rows[5].testing.clone());
    (rows[1].testing, rows[5].testing) = (b, a);
    let faults = judged(rows);
    assert!(faults.iter().any(|(word, _)| *word == "incomplete_group"), "{faults:?}");
    assert!(faults.iter().any(|(word, _)| *word == "out_of_order"), "{faults:?}");
}

#[test]
fn a_table_of_which_all_rows_are_wrong_is_invalid_and_the_first_of_each_sort_are_shown() {
    let validation = validated(&consecutive(), rows(vec![TestingStats::Garbled; 1_000]));
    assert_eq!(faults(&validation), [("garbled_stats", 1_000)]);
    assert_eq!(validation.findings[0].first.len(), findings::FINDINGS_MAX);
    let only_middles = (1..5_000).map(|number| TestingStats::Stats(stats("p", 2 * number, 2, 3)));
    let validation = validated(&consecutive(), rows(only_middles.collect()));
    assert_eq!(faults(&validation), [("incomplete_group", 4_999), ("missing_group", 4_999)]);
}

#[test]
fn gaps_are_a_fault_of_consecutive_ids_alone_unless_they_are_known() {
    let absent = |ids: &[i64]| {
        ids.iter()
            .map(|id| ValidatedRow { id: *id, ts: None, testing: TestingStats::Absent })
            .collect::<Vec<_>>()
    };
    let ids = absent(&[1, 4, 5, 7]);
    let validation = validated(&whole(IdRule::Sequence), ids.clone());
    assert_eq!((validation.verdict(), validation.ids_missing), (ValidationVerdict::Valid, 3));
    assert!(
        validation.to_string().ends_with("\n  noted: 2 gaps in the ids: ids 2..3; id 6"),
        "{validation}"
    );
    let known =
        |gaps: &[(i64, i64)]| validated(&whole(IdRule::Consecutive(gaps.to_vec())), ids.clone());
    assert_eq!(faults(&known(&[(6, 6), (2, 2), (3, 3)])), []);
    assert_eq!(faults(&known(&[(2, 2), (6, 8)])), [("gap", 1)]);
    assert_eq!(faults(&validated(&whole(IdRule::Sequence), absent(&[-5, 3]))), []);
}

#[test]
fn times_that_run_backwards_are_noted_only() {
    let mut rows = table();
    rows[3].ts = Some(1);
    rows[5].ts = None;
    let validation = validated(&consecutive(), rows);
    assert_eq!(validation.verdict(), ValidationVerdict::Valid);
    let noted = &validation.findings[0];
    assert_eq!(
        (noted.fault, noted.count, noted.first.as_slice()),
        (FindingKind::TsBackwards, 1, &["id 4, by 2999 µs".to_owned()][..])
    );
}

#[test]
fn a_group_cut_at_the_fence_is_pending_and_one_before_it_is_not() {
    let first = |count: usize| table().into_iter().take(count).collect::<Vec<_>>();
    let at = |through: i64, rows: Vec<ValidatedRow>| {
        let rules = ValidationRules { through: Some(through), ..consecutive() };
        let validation = validated(&rules, rows);
        (validation.verdict(), validation.groups.pending)
    };
    assert_eq!(at(6, first(6)), (ValidationVerdict::Valid, 1));
    assert_eq!(at(7, first(7)), (ValidationVerdict::Valid, 0));
    assert_eq!(at(7, first(6)), (ValidationVerdict::Invalid, 0), "id 7 is lost, not on its way");
    assert_eq!(
        validated(&consecutive(), first(6)).verdict(),
        ValidationVerdict::Invalid,
        "nothing is on its way to a table that rests"
    );
    let without_the_first_event = first(6).into_iter().filter(|row| row.id != 5).collect();
    assert_eq!(at(6, without_the_first_event), (ValidationVerdict::Invalid, 0));
}

#[test]
fn with_a_sequence_a_group_that_may_go_on_beyond_the_fence_is_a_doubt() {
    let rules = ValidationRules { ids: IdRule::Sequence, through: Some(100) };
    let mut rows =
        rows([groups("p", &[2])[..1].to_vec(), groups("q", &[2])[..1].to_vec()].concat());
    let validation = validated(&rules, rows.clone());
    assert_eq!(
        (validation.verdict(), validation.groups.pending),
        (ValidationVerdict::Inconclusive, 1)
    );
    assert!(validation.to_string().contains(
        "\n  not judged: group 1 of program p has 1 of 2 events (id 1): the rest may come beyond \
         id 100, or be lost"
    ));
    rows.extend(
        self::rows(groups("p", &[2, 1])[2..].to_vec())
            .into_iter()
            .map(|row| ValidatedRow { id: 50, ..row }),
    );
    let validation = validated(&rules, rows);
    assert_eq!(
        validation.verdict(),
        ValidationVerdict::Invalid,
        "the program has gone on: what its group lacks is lost"
    );
}

#[test]
fn more_programs_than_can_be_followed_leave_the_verdict_open() {
    let all: Vec<TestingStats> = (0..10_001)
        .map(|program| TestingStats::Stats(stats(&program.to_string(), 1, 1, 1)))
        .collect();
    let validation = validated(&consecutive(), rows(all[..10_000].to_vec()));
    assert_eq!(validation.verdict(), ValidationVerdict::Valid);
    let validation = validated(&consecutive(), rows(all.clone()));
    assert_eq!(validation.verdict(), ValidationVerdict::Inconclusive);
    assert!(
        validation.doubts[0].contains("10000 programs cannot be followed: 1 rows"),
        "{validation}"
    );
    let damaged: Vec<ValidatedRow> = rows(all).into_iter().filter(|row| row.id != 5).collect();
    assert_eq!(
        validated(&consecutive(), damaged).verdict(),
        ValidationVerdict::Invalid,
        "a gap is certain"
    );
}

#[test]
fn what_a_table_holds_is_escaped_and_a_line_of_json_says_all() {
    let validation =
        validated(&consecutive(), rows(vec![TestingStats::Stats(stats("\x1b[2J", 2, 1, 1))]));
    assert!(!validation.to_string().contains('\x1b'));
    assert_eq!(
        validation.json_line("public.events"),
        r#"{"type":"validation","schema_version":1,"table":"public.events","verdict":"invalid","rows":1,"first_id":1,"last_id":1,"ids_missing":0,"groups":{"are_judged":true,"rows":1,"programs":1,"complete":1,"pending":0},"findings":[{"kind":"missing_group","is_fault":true,"count":1,"first":["group 1 of program \\u{1b}[2J"]}],"doubts":[],"notes":[]}"#
    );
}

fn of_program(all: &[TestingStats], program: &str) -> Vec<GroupStats> {
    let of = |testing: &TestingStats| match testing {
        TestingStats::Stats(stats) if stats.program == program => Some(stats.clone()),
        _ => None,
    };
    all.iter().filter_map(of).collect()
}

/// Whether the rows of every group stand next to each other.
fn has_whole_groups(all: &[TestingStats]) -> bool {
    let groups: Vec<_> = all
        .iter()
        .map(|testing| match testing {
            TestingStats::Stats(stats) => Some((&stats.program, stats.number)),
            _ => None,
        })
        .collect();
    let ended = |at: usize| {
        groups[at + 1..]
            .iter()
            .skip_while(|group| **group == groups[at])
            .all(|group| *group != groups[at])
    };
    (0..groups.len()).all(ended)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Groups of three programs, interleaved as whole groups, or as events where ids come from a
    /// sequence; then a row is altered, doubled or swapped. What keeps the order of every program,
    /// and with consecutive ids its groups together, is another table that is right.
    #[test]
    fn no_single_damage_is_overlooked(
        counts in proptest::collection::vec((0usize..3, 1u64..5), 2..12),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 200),
        is_sequence in any::<bool>(),
        damage in 0..4,
    ) {
        let rules = if is_sequence { whole(IdRule::Sequence) } else { consecutive() };
        let mut programs: Vec<Vec<TestingStats>> = Vec::new();
        let all: Vec<TestingStats> = if is_sequence {
            for program in 0..3 {
                let own: Vec<u64> = counts.iter().filter(|(of, _)| *of == program).map(|(_, count)| *count).collect();
                programs.push(groups(&program.to_string(), &own));
            }
            let total = programs.iter().map(Vec::len).sum();
            (0..total).map(|at| {
                programs.retain(|rest| !rest.is_empty());
                let chosen = picks[at].index(programs.len());
                programs[chosen].remove(0)
            }).collect()
        } else {
            let mut numbers = [0; 3];
            counts.iter().flat_map(|(program, count)| {
                numbers[*program] += 1;
                let number = numbers[*program];
                (1..=*count).map(move |event| TestingStats::Stats(stats(&program.to_string(), number, event, *count)))
            }).collect()
        };
        prop_assert_eq!(validated(&rules, rows(all.clone())).verdict(), ValidationVerdict::Valid);
        let (a, b) = (picks[100].index(all.len()), picks[101].index(all.len()));
        let mut damaged = all.clone();
        match damage {
            0 => damaged[a] = TestingStats::Absent,
            1 => damaged.insert(b, all[a].clone()),
            2 => damaged[a] = TestingStats::Garbled,
            _ => damaged.swap(a, b),
        }
        let keeps_order = ["0", "1", "2"].iter().all(|program| of_program(&damaged, program) == of_program(&all, program));
        let is_legitimate = (keeps_order && (is_sequence || has_whole_groups(&damaged))) || damaged.iter().all(|testing| *testing == TestingStats::Absent);
        let is_valid = validated(&rules, rows(damaged)).verdict() == ValidationVerdict::Valid;
        prop_assert_eq!(is_valid, is_legitimate);
    }
}
