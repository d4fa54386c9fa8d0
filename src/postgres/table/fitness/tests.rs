//! The judgement of servers and tables, case by case.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::event::frame::CopyFormat;
use crate::event::wire::ReadAs;
use crate::event::wire::WireColumn;
use crate::postgres::table::ColumnOrigin;
use crate::postgres::table::trigger::InsertTrigger;
use crate::postgres::table::types::UserTypes;
use crate::sql::ColumnNames;
use postgres_types::Type;

fn server_of(encoding: &str) -> ServerOverview {
    ServerOverview {
        is_standby: false,
        encoding: encoding.to_owned(),
        prepared_max: 0,
        is_fsync_on: true,
        role: "reader".to_owned(),
        database: "events".to_owned(),
        may_create_schema: false,
    }
}

fn column(name: &str, of: &Type) -> Column {
    Column {
        name: name.to_owned(),
        type_name: of.name().to_owned(),
        type_oid: of.oid(),
        own_type: None,
        is_binary_stable: true,
        binary_edition: 1,
        text_edition: 1,
        is_not_null: true,
        is_never_null: true,
        has_default: false,
        is_stamped: false,
        origin: ColumnOrigin::Plain,
        computed_as: None,
        may_select: true,
        may_insert: true,
    }
}

fn table() -> EventTable {
    EventTable {
        name: TableName { schema: "public".to_owned(), name: "events".to_owned() },
        oid: 1,
        fingerprint: None,
        has_parts: false,
        kind: 'r',
        columns: vec![column("id", &Type::INT8), column("event", &Type::JSONB)],
        types: UserTypes::new(),
        not_copied: Vec::new(),
        names: ColumnNames::default(),
        has_ambiguous_text: false,
        is_unlogged: false,
        has_id_key: true,
        has_wide_key: false,
        integer_keys: vec!["id".to_owned()],
        insert_triggers: Vec::new(),
        has_foreign_keys: false,
        has_row_security: false,
        rows_estimated: 0.0,
        role: "mover".to_owned(),
        may_use_schema: true,
        is_subscribed: false,
        partitioned_by: Vec::new(),
        has_children: false,
        is_guarded: true,
    }
}

fn told(change: impl FnOnce(&mut EventTable)) -> Vec<String> {
    let mut table = table();
    change(&mut table);
    source(&table, &server_of("UTF8"), "id").iter().map(Error::report).collect()
}

fn wire() -> Wire {
    let columns = [("id", Type::INT8), ("event", Type::JSONB)].map(|(name, of)| WireColumn {
        name: name.to_owned(),
        read_as: ReadAs::Plain,
        type_oid: Some(of.oid()),
    });
    Wire { columns: columns.to_vec(), format: CopyFormat::Binary, rows: None }
}

#[test]
fn a_plain_table_is_fit_for_both_sides() {
    assert!(told(|_| ()).is_empty());
    assert!(destination(&table(), &server_of("UTF8"), "id").is_empty());
    assert!(may_append(&table(), &server_of("UTF8"), &wire()).is_empty());
}

#[test]
fn what_is_no_table_is_refused_by_its_kind() {
    for (kind, word) in [('v', "a view"), ('m', "a materialized view"), ('f', "a foreign table")] {
        assert!(told(|table| table.kind = kind)[0].contains(word));
    }
    assert!(told(|table| table.kind = 'p').is_empty());
}

#[test]
fn everything_wrong_with_a_table_is_told_together() {
    let told = told(|table| {
        table.columns[0].is_not_null = false;
        table.columns[1].may_select = false;
        table.has_id_key = false;
        table.has_children = true;
        table.has_row_security = true;
    });
    assert_eq!(told.len(), 5, "{told:?}");
    assert!(told.iter().all(|problem| problem.contains("fix: ")));
}

#[test]
fn every_integer_is_a_key_and_nothing_else() {
    for of in [Type::INT2, Type::INT4, Type::INT8] {
        assert!(told(|table| table.columns[0] = column("id", &of)).is_empty());
    }
    for of in [Type::UUID, Type::TEXT, Type::NUMERIC] {
        assert!(told(|table| table.columns[0] = column("id", &of))[0].contains("not an integer"));
    }
}

#[test]
fn a_grant_names_what_is_lacking_and_to_whom() {
    let told = told(|table| {
        table.may_use_schema = false;
        table.columns.iter_mut().for_each(|column| column.may_select = false);
    });
    assert!(
        told[0].contains(
            "GRANT USAGE ON SCHEMA \"public\" TO \"reader\"; GRANT SELECT ON public.events TO \
             \"reader\";"
        ),
        "{told:?}"
    );
    let mut unwritable = table();
    unwritable.columns[1].may_insert = false;
    let problems = may_append(&unwritable, &server_of("UTF8"), &wire());
    let report = problems.report();
    assert!(
        report.contains("GRANT INSERT ON public.events") && report.contains("for \"event\""),
        "{report}"
    );
    assert_eq!(problems.worst().unwrap().kind(), ErrorKind::Access);
}

#[test]
fn a_standby_takes_no_writes_but_may_take_them_later() {
    let standby = ServerOverview { is_standby: true, ..server_of("UTF8") };
    assert_eq!(takes_writes(&standby).unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(takes_writes(&server_of("UTF8")).is_ok());
}

#[test]
fn a_subscribed_destination_has_two_writers_and_is_refused() {
    let subscribed = EventTable { is_subscribed: true, ..table() };
    assert!(
        destination(&subscribed, &server_of("UTF8"), "id")
            .report()
            .contains("logical subscription")
    );
}

#[test]
fn encodings_that_can_lose_characters_are_refused_or_warned_about() {
    assert!(encoding(&server_of("SQL_ASCII")).is_err());
    let warned =
        |from, to| destination_cautions(&table(), &server_of(to), &server_of(from), 1).len();
    assert_eq!(
        [warned("UTF8", "LATIN1"), warned("LATIN1", "UTF8"), warned("LATIN1", "LATIN1")],
        [1, 0, 0]
    );
}

#[test]
fn a_disabled_trigger_neither_warns_nor_forbids_concurrent_writers() {
    let with_trigger = |is_enabled| EventTable {
        insert_triggers: vec![InsertTrigger {
            name: "swallow".to_owned(),
            is_enabled,
            is_before: true,
            draws_from_sequence: false,
            notifies: None,
            is_harmless: false,
        }],
        ..table()
    };
    let warned = |is_enabled| {
        destination_cautions(&with_trigger(is_enabled), &server_of("UTF8"), &server_of("UTF8"), 4)
            .len()
    };
    assert_eq!((warned(true), warned(false)), (2, 0));
}

#[test]
fn a_source_that_forgets_or_changes_is_warned_about() {
    let unsafe_server = ServerOverview { is_fsync_on: false, ..server_of("UTF8") };
    let open_table = EventTable { is_guarded: false, ..table() };
    assert_eq!(source_cautions(&open_table, &unsafe_server).len(), 2);
    assert!(source_cautions(&table(), &server_of("UTF8")).is_empty());
}
