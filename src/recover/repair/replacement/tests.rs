//! The decision about named events, case by case.

use super::*;
use crate::event::store::TableDigest;

const CASE: RepairCase<'static> = RepairCase {
    name: "copy",
    place: "db:5432/orders, public.events",
    position: Some(100),
    events_max: 10,
    floor: None,
};

fn event(id: i64, source: Option<u8>, destination: Option<u8>) -> NamedEvent {
    let digest = |byte| TableDigest { events: 1, last_id: Some(id), sha256: [byte; 32] };
    NamedEvent { id, source: source.map(digest), destination: destination.map(digest) }
}

fn others() -> RepairFindings {
    let mut others = RepairFindings::default();
    others.changed.add(50);
    others
}

#[test]
fn every_id_above_the_position_is_told_before_anything_is_read() {
    assert!(CASE.require_held(&[1, 100]).is_ok());
    let error = CASE.require_held(&[7, 101, 102]).expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!(error.what(), "cannot replace ids 101, 102 of destination \"copy\"");
    assert!(error.causes().contains(&"its highest id is 100".to_owned()), "{error:?}");
    let empty = RepairCase { position: None, ..CASE };
    assert!(empty.require_held(&[1]).is_err());
}

#[test]
fn each_id_is_told_with_what_becomes_of_it() {
    let named = vec![
        event(1, Some(1), Some(2)),
        event(2, None, Some(2)),
        event(3, Some(3), Some(3)),
        event(4, None, None),
    ];
    let plan = CASE.replace(named.clone(), &RepairFindings::default()).expect("a plan");
    assert!(!plan.is_empty());
    assert_eq!(plan.named(), named);
    let text = plan.to_string();
    for line in [
        "\nid 1 will be replaced by the source's row\n",
        "\nid 2 will be removed: the source does not have it, so this may be its only copy\n",
        "\nid 3 is already equal on both sides\n",
        "\nid 4 is on neither side\n",
        "\nin one transaction: a crash leaves all old rows or all new ones",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    assert!(!text.contains("besides these ids"), "{text}");
}

#[test]
fn other_differences_forbid_nothing_and_are_told() {
    let plan = CASE.replace(vec![event(1, Some(1), Some(2))], &others()).expect("a plan");
    let text = plan.to_string();
    assert!(
        text.contains(
            "besides these ids differs, and stays as it is:\nchanged: 1 event, id \
             50\nevents-diff --config … --destination copy shows each of them"
        ),
        "{text}"
    );
}

#[test]
fn nothing_to_replace_is_right_only_where_nothing_else_differs() {
    let equal = vec![event(3, Some(3), Some(3)), event(4, None, None)];
    let plan = CASE.replace(equal.clone(), &RepairFindings::default()).expect("a plan");
    assert!(plan.is_empty(), "{plan}");
    let error = CASE.replace(equal, &others()).expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Contents);
    assert!(error.causes().contains(&"changed: 1 event, id 50".to_owned()), "{error:?}");
}

#[test]
fn a_missing_event_is_no_event_to_replace() {
    let named = vec![event(1, Some(1), Some(2)), event(5, Some(5), None), event(6, Some(6), None)];
    let error = CASE.replace(named, &others()).expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Contents);
    assert_eq!(error.what(), "cannot replace ids 5, 6 of destination \"copy\"");
    assert!(error.remedy().is_some_and(|fix| fix.contains("--insert-missing")), "{error:?}");
}

#[test]
fn of_many_ids_the_first_are_told_with_how_many_more() {
    let ids: Vec<i64> = (1..=12).collect();
    assert_eq!(told(&ids), "ids 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more");
}
