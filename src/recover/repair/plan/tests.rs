//! The decision about what was found, case by case.

use super::*;
use crate::recover::repair::findings::RowSample;

const CASE: RepairCase<'static> = RepairCase {
    name: "copy",
    place: "db:5432/orders, public.events",
    position: Some(100),
    events_max: 10,
    floor: None,
};

fn seen(ids: &[i64]) -> RowSample {
    let mut seen = RowSample::default();
    ids.iter().for_each(|id| seen.add(*id));
    seen
}

fn missing() -> RepairFindings {
    RepairFindings {
        missing: seen(&[3, 5]),
        agreed: Some(2),
        lowest: Some(1),
        ..RepairFindings::default()
    }
}

fn slates() -> RepairFindings {
    RepairFindings { slates: seen(&[1, 2]), lowest: Some(1), ..RepairFindings::default() }
}

/// The findings with one more difference of a kind.
fn with(found: &RepairFindings, kind: &str) -> RepairFindings {
    let mut found = found.clone();
    let more = seen(&[50]);
    match kind {
        "missing" => found.missing = more,
        "extra" => found.extra = more,
        "slates" => found.slates = more,
        _ => found.changed = more,
    }
    found
}

fn refused(plan: Result<RepairPlan>) -> Error {
    let error = plan.expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Contents);
    assert!(error.remedy().is_some_and(|fix| fix.ends_with("; nothing was written")), "{error:?}");
    error
}

#[test]
fn missing_events_are_inserted_only_where_nothing_else_differs() {
    let plan = CASE.insert_missing(&missing()).expect("a plan");
    assert!(plan.to_string().contains("2 events, ids 3..5 (3, 5)") && !plan.is_empty(), "{plan}");
    for kind in ["extra", "slates", "changed"] {
        let error = refused(CASE.insert_missing(&with(&missing(), kind)));
        assert!(error.causes().iter().any(|cause| cause.contains("id 50")), "{error:?}");
        assert!(
            error.remedy().is_some_and(|fix| fix
                .contains("counterfoil repair --config … --destination copy --rewind-to 2 ")),
            "{error:?}"
        );
    }
    assert!(CASE.insert_missing(&RepairFindings::default()).is_ok_and(|plan| plan.is_empty()));
}

#[test]
fn slates_alterations_are_accepted_only_where_nothing_else_differs() {
    assert!(CASE.accept_slate(&slates()).is_ok_and(|plan| !plan.is_empty()));
    for kind in ["extra", "missing", "changed"] {
        refused(CASE.accept_slate(&with(&slates(), kind)));
    }
    assert!(CASE.accept_slate(&RepairFindings::default()).is_ok_and(|plan| plan.is_empty()));
    let error = refused(CASE.insert_missing(&slates()));
    assert!(error.remedy().is_some_and(|fix| fix.contains("--accept-slate")), "{error:?}");
    let error = refused(CASE.accept_slate(&missing()));
    assert!(error.remedy().is_some_and(|fix| fix.contains("--insert-missing")), "{error:?}");
}

#[test]
fn a_tail_is_cut_only_where_everything_below_agrees() {
    let tail = DestinationTail { count: 40, first: Some(61), only_here: seen(&[70, 71]) };
    let plan = CASE.rewind_to(60, &RepairFindings::default(), &tail).expect("a plan").to_string();
    assert!(plan.contains("40 events, ids 61..100"), "{plan}");
    assert!(plan.contains("only copy: 2 events, ids 70..71"), "{plan}");
    for kind in ["extra", "missing", "changed", "slates"] {
        refused(CASE.rewind_to(60, &with(&RepairFindings::default(), kind), &tail));
    }
    for id in [100, 101] {
        assert!(
            CASE.rewind_to(id, &with(&missing(), "extra"), &tail).is_ok_and(|plan| plan.is_empty())
        );
    }
}

#[test]
fn where_nothing_agrees_the_id_to_give_is_below_all() {
    let found = RepairFindings { agreed: None, ..with(&missing(), "changed") };
    let error = refused(CASE.insert_missing(&found));
    assert!(error.remedy().is_some_and(|fix| fix.contains("--rewind-to 0 ")), "{error:?}");
}

#[test]
fn what_the_source_has_let_go_of_is_not_cut_off() {
    let case = RepairCase { floor: Some(50), ..CASE };
    let (nothing, tail) = (RepairFindings::default(), DestinationTail::default());
    let error = refused(case.rewind_to(48, &nothing, &tail));
    assert!(error.what().contains("the source has let go of what would have to be copied again"));
    assert!(error.remedy().is_some_and(|fix| fix.contains("--rewind-to 49")), "{error:?}");
    assert!(case.rewind_to(49, &nothing, &tail).is_ok(), "the source has all that follows");
}

#[test]
fn of_a_source_that_loses_events_nothing_is_judged_without_common_ground_nor_an_only_copy_cut_off()
{
    let (all, tail) = (SourceRetention::All, SourceRetention::Tail);
    for lowest in [None, Some(102)] {
        let error = CASE.require_common_ground(tail, lowest).expect_err("a refusal");
        assert!(error.remedy().is_some_and(|fix| fix.contains("keep this table")), "{error:?}");
        assert!(CASE.require_common_ground(all, lowest).is_ok());
    }
    assert!(CASE.require_common_ground(tail, Some(101)).is_ok(), "nothing lies between");
    assert!(RepairCase { position: None, ..CASE }.require_common_ground(tail, None).is_ok());
    let case = RepairCase { floor: Some(50), ..CASE };
    let only = DestinationTail { only_here: seen(&[77]), count: 30, first: Some(71) };
    let error = refused(case.rewind_to(70, &RepairFindings::default(), &only));
    assert!(error.causes().iter().any(|cause| cause.contains("77")), "{error:?}");
    assert!(CASE.rewind_to(70, &RepairFindings::default(), &only).is_ok());
}
