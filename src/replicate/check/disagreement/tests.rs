//! The judgement of contents, case by case.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::replicate::check::lane_stores::CheckCircumstances;

fn ends(lowest: i64, highest: i64) -> IdEnds {
    IdEnds { lowest: Some(lowest), highest: Some(highest) }
}

/// A destination with the first sixty of a hundred events.
fn prefix() -> ContentComparison {
    ContentComparison {
        source: ends(1, 100),
        destination: ends(1, 60),
        source_count: 55,
        destination_count: 55,
        ahead: 0,
        first: EventComparison::Equal,
        last: EventComparison::Equal,
    }
}

fn unlike() -> EventComparison {
    EventComparison::Unlike { columns: vec!["\"ts\"".to_owned()] }
}

#[test]
fn a_prefix_of_the_source_is_right_and_so_is_nothing() {
    assert_eq!(judge(&prefix()), None);
    let empty = ContentComparison { destination: IdEnds::default(), ..prefix() };
    assert_eq!(judge(&empty), None);
    let both_empty = ContentComparison { source: IdEnds::default(), ..empty };
    assert_eq!(judge(&both_empty), None);
}

#[test]
fn of_several_disagreements_the_most_telling_is_named() {
    let wrong_count = ContentComparison { destination_count: 54, ..prefix() };
    assert_eq!(judge(&wrong_count), Some(Disagreement::Count));
    let wrong_last = ContentComparison { last: unlike(), ..wrong_count };
    assert_eq!(judge(&wrong_last), Some(Disagreement::Last(unlike())));
    let ahead = ContentComparison { source: ends(1, 50), ahead: 10, ..wrong_last };
    assert_eq!(judge(&ahead), Some(Disagreement::Ahead { by: 10 }));
    let wrong_first = ContentComparison { first: unlike(), ..ahead };
    assert_eq!(judge(&wrong_first), Some(Disagreement::First(unlike())));
    let no_source = ContentComparison { source: IdEnds::default(), ..wrong_first };
    assert_eq!(judge(&no_source), Some(Disagreement::Ahead { by: 10 }));
}

#[test]
fn another_lowest_id_is_another_beginning_even_when_that_event_is_equal() {
    for lowest in [0, 2] {
        let found = ContentComparison { destination: ends(lowest, 60), ..prefix() };
        assert_eq!(judge(&found), Some(Disagreement::First(EventComparison::Equal)));
    }
}

#[test]
fn before_anything_was_written_it_is_said_and_afterwards_it_is_not() {
    let when = |has_written| CheckCircumstances { decided: None, has_written, is_look: false };
    assert_eq!(when(false).ending(), "nothing was written");
    assert_eq!(when(true).ending(), "nothing more is written, and what was written stays");
}

#[test]
fn what_disagrees_is_cured_by_a_command_that_names_destination_and_id() {
    let agreed = StoreAgreement { through: Some(7), is_exact: true };
    for (count, also) in [
        (54, "--insert-missing inserts"),
        (56, "events-diff --config … --destination 'my copy' shows"),
    ] {
        let found = ContentComparison { destination_count: count, ..prefix() };
        let fix = cure("my copy", &found, &Disagreement::Count, agreed);
        let cut = "counterfoil repair --config … --destination 'my copy' --rewind-to 7 cuts";
        assert!(fix.contains(cut) && fix.contains(also), "{fix}");
    }
}

#[test]
fn what_may_be_a_deliberate_change_of_one_event_is_carried_over_by_its_id() {
    let erased = ContentComparison { source_count: 54, ..prefix() };
    let several = ContentComparison { source_count: 53, ..prefix() };
    let ahead = ContentComparison { source: ends(1, 59), ahead: 1, ..prefix() };
    let late = ContentComparison { destination: ends(2, 60), ..prefix() };
    let absent = || EventComparison::AbsentAtSource;
    for (found, disagreement, told) in [
        (prefix(), Disagreement::First(unlike()), Some("event 1 was changed")),
        (prefix(), Disagreement::Last(unlike()), Some("event 60 was changed")),
        (erased.clone(), Disagreement::First(absent()), Some("event 1 was erased")),
        (erased, Disagreement::Last(absent()), Some("event 60 was erased")),
        (several.clone(), Disagreement::First(absent()), None),
        (several, Disagreement::Last(absent()), None),
        (ahead.clone(), Disagreement::Ahead { by: 1 }, Some("event 60 was erased")),
        (ahead, Disagreement::Ahead { by: 2 }, None),
        (late, Disagreement::First(unlike()), None),
        (prefix(), Disagreement::First(EventComparison::Equal), None),
        (prefix(), Disagreement::Count, None),
    ] {
        let fix = on_purpose("copy", &found, &disagreement);
        let expected = told.map(|told| {
            let id = if told.contains("event 1 ") { 1 } else { 60 };
            format!(
                "; if the source's {told} on purpose, counterfoil repair --config … --destination \
                 copy --replace {id} carries that over"
            )
        });
        assert_eq!(fix, expected, "{found:?} {disagreement:?}");
    }
}
