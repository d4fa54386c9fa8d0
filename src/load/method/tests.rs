//! Which method a table is loaded by, and what is told where it cannot be.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::sql::TableName;

fn consecutive() -> TableShape {
    TableShape {
        table: TableName::parse("events").unwrap(),
        id_column: "id".to_owned(),
        is_table: true,
        is_standby: false,
        is_guarded_copy: false,
        is_fed: false,
        has_counter: true,
        has_ts: true,
        event_type: Some("jsonb".to_owned()),
        unfilled: Vec::new(),
        insert_events: Some(InsertForm::Typed),
        notifies_whole_events: None,
    }
}

fn sequence() -> TableShape {
    TableShape { is_fed: true, has_counter: false, insert_events: None, ..consecutive() }
}

fn destination() -> TableShape {
    TableShape { has_counter: false, insert_events: None, ..consecutive() }
}

fn refused(shape: &TableShape, wanted: Option<LoadMethod>) -> String {
    let problems = choose(shape, wanted, true).unwrap_err();
    assert_eq!(problems.exit_code(), 3);
    problems.report()
}

#[test]
fn a_table_is_loaded_by_its_function_else_by_insert_else_under_its_counter() {
    let slates = TableShape { insert_events: Some(InsertForm::Text), ..consecutive() };
    let bare = TableShape { insert_events: None, ..consecutive() };
    for (shape, insert_method) in [
        (consecutive(), InsertMethod::Typed),
        (slates, InsertMethod::Text),
        (sequence(), InsertMethod::Insert),
        (bare, InsertMethod::CopyCounted),
    ] {
        assert_eq!(choose(&shape, None, true).unwrap(), insert_method);
        assert_eq!(choose(&shape, Some(insert_method.method()), true).unwrap(), insert_method);
    }
    assert_eq!(choose(&sequence(), Some(LoadMethod::Copy), true).unwrap(), InsertMethod::CopyFed);
    assert_eq!(
        choose(&consecutive(), Some(LoadMethod::Copy), true).unwrap(),
        InsertMethod::CopyCounted
    );
}

#[test]
fn a_method_that_the_table_cannot_take_is_refused_with_those_it_can() {
    let told = refused(&consecutive(), Some(LoadMethod::Insert));
    assert!(
        told.contains("public.events cannot be loaded by insert")
            && told.contains("a counter does"),
        "{told}"
    );
    assert!(
        told.contains("give --method insert-events or --method copy, or leave --method out"),
        "{told}"
    );
    let told = refused(&sequence(), Some(LoadMethod::InsertEvents));
    assert!(told.contains("no function insert_events"), "{told}");
    assert!(told.contains("give --method insert or --method copy"), "{told}");
}

#[test]
fn a_destination_is_refused_whatever_is_wanted() {
    for wanted in
        [None, Some(LoadMethod::Insert), Some(LoadMethod::Copy), Some(LoadMethod::InsertEvents)]
    {
        let told = refused(&destination(), wanted);
        assert!(
            told.contains("nothing gives out ids for public.events")
                && told.contains("init source"),
            "{told}"
        );
    }
    let guarded = TableShape { is_guarded_copy: true, ..destination() };
    assert!(refused(&guarded, None).contains("only Counterfoil writes into it"));
}

#[test]
fn everything_that_stands_in_the_way_is_told_together() {
    let shape = TableShape {
        is_standby: true,
        event_type: Some("text".to_owned()),
        unfilled: vec!["tenant".to_owned(), "kind".to_owned()],
        notifies_whole_events: Some("notify_insert".to_owned()),
        ..sequence()
    };
    let told = refused(&shape, Some(LoadMethod::InsertEvents));
    for part in [
        "a standby",
        "has to be jsonb: it is text",
        "no value for: tenant, kind",
        "trigger notify_insert notifies of whole events",
        "cannot be loaded by insert-events",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_notification_of_whole_events_is_no_obstacle_to_small_ones() {
    let shape =
        TableShape { notifies_whole_events: Some("notify_insert".to_owned()), ..consecutive() };
    assert!(choose(&shape, None, false).is_ok());
    assert!(choose(&shape, None, true).is_err());
}

#[test]
fn a_view_and_a_table_without_events_are_refused() {
    let view = TableShape { is_table: false, ..consecutive() };
    assert!(refused(&view, None).contains("is not a table"));
    let other = TableShape { event_type: None, ..consecutive() };
    assert!(refused(&other, None).contains("there is no such column"));
}
