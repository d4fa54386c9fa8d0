//! The decision about what was found, case by case.

use super::*;

fn copied(name: &str, position: Option<i64>, unlike: Option<i64>) -> CopyFindings {
    CopyFindings { name: name.to_owned(), position, unlike }
}

/// A destination of a hundred events, another of sixty, an empty source.
fn found() -> RestoreFindings {
    RestoreFindings {
        place: "db:5432/orders, public.events".to_owned(),
        from: copied("long", Some(100), None),
        others: vec![copied("short", Some(60), None)],
        held: None,
        unlike: None,
        next_id: Some(1),
        events: 100,
        first: Some(1),
        is_consecutive: true,
        left_out: Vec::new(),
        events_max: 10,
    }
}

fn refused(found: &RestoreFindings, words: &str) {
    let error = plan(found).expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Contents);
    assert!(error.report().contains(words), "{error:?}");
    assert!(error.remedy().is_some_and(|fix| fix.ends_with("; nothing was written")), "{error:?}");
}

#[test]
fn an_empty_source_is_filled_from_the_longest_that_all_agree_with() {
    let plan = plan(&found()).expect("a plan");
    let told = plan.to_string();
    assert!(
        !plan.is_empty()
            && told.contains("100 events, ids 1..100")
            && told.contains("next id will be 101"),
        "{told}"
    );
    assert!(told.contains("destination \"short\" agrees"), "{told}");
}

#[test]
fn what_the_source_has_no_column_for_is_said_before_anybody_agrees() {
    let more = RestoreFindings { left_out: vec!["\"note\"".to_owned()], ..found() };
    let told = plan(&more).expect("a plan").to_string();
    assert!(told.contains("will not restore what destination \"long\" has in \"note\""), "{told}");
}

#[test]
fn a_restore_that_was_interrupted_goes_on_and_one_that_is_done_has_nothing_to_do() {
    let half = RestoreFindings {
        held: Some(40),
        next_id: Some(101),
        events: 60,
        first: Some(41),
        ..found()
    };
    assert!(plan(&half).is_ok_and(|plan| plan.to_string().contains("ids 41..100")));
    let whole = RestoreFindings { held: Some(100), events: 0, first: None, ..half };
    assert!(plan(&whole).is_ok_and(|plan| plan.is_empty()));
    for next_id in [Some(100), None] {
        let early = RestoreFindings { next_id, ..whole.clone() };
        assert!(plan(&early).is_ok_and(|plan| !plan.is_empty()), "{next_id:?}");
    }
}

#[test]
fn a_source_that_would_give_out_taken_ids_is_never_made() {
    let longer = RestoreFindings {
        others: vec![copied("short", Some(60), None), copied("longest", Some(101), None)],
        ..found()
    };
    refused(&longer, "counterfoil restore --config … --from longest");
    let unlike = RestoreFindings { others: vec![copied("short", Some(60), Some(33))], ..found() };
    refused(&unlike, "the first that differs has id 33");
    let empty = RestoreFindings { from: copied("long", None, None), ..found() };
    refused(&empty, "holds no event");
    let used = RestoreFindings { held: Some(5), unlike: Some(4), ..found() };
    refused(&used, "the first event that differs has id 4");
}

#[test]
fn holes_in_ids_are_told_where_the_source_may_have_none() {
    let told = |found: RestoreFindings| plan(&found).expect("a plan").to_string();
    let gaps = RestoreFindings { events: 97, ..found() };
    assert!(told(gaps.clone()).contains("3 ids below 100 are no event"));
    assert!(!told(found()).contains("are no event"));
    let rest = RestoreFindings { held: Some(60), first: Some(62), events: 38, ..found() };
    assert!(told(rest).contains("2 ids below 100 are no event"));
    assert!(!told(RestoreFindings { is_consecutive: false, ..gaps }).contains("are no event"));
}

#[test]
fn the_highest_id_there_can_be_leaves_none_to_go_on_with() {
    let error = plan(&RestoreFindings { from: copied("long", Some(i64::MAX), None), ..found() });
    let error = error.expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Unsuitable);
    assert!(error.remedy().is_some_and(|fix| fix.ends_with("nothing was written")), "{error:?}");
}
