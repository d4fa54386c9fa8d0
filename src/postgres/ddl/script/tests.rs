//! What init prints and refuses, without a server.

use super::*;
use crate::postgres::ddl::existing::ExistingRelation;
use crate::postgres::session::settings::ServerOverview;

fn facts() -> ExistingObjects {
    let events = TableName { schema: "public".to_owned(), name: "events".to_owned() };
    let server = ServerOverview {
        is_standby: false,
        encoding: "UTF8".to_owned(),
        prepared_max: 0,
        is_fsync_on: true,
        role: "r".to_owned(),
        database: "d".to_owned(),
        may_create_schema: false,
    };
    ExistingObjects::of_new_database(server, &events)
}

#[test]
fn a_comment_stays_a_comment_whatever_the_name_in_it() {
    assert_eq!(
        comment("table a\n; drop table b\r; drop"),
        "-- table a\n-- ; drop table b\n-- ; drop"
    );
}

#[test]
fn a_standby_is_refused() {
    let mut found = facts();
    found.server.is_standby = true;
    let report = SetupScript::new(&found).refusals().report();
    assert!(report.contains("the server is a standby"), "{report}");
    assert!(SetupScript::new(&facts()).refusals().is_empty());
}

#[test]
fn only_the_privileges_that_are_needed_are_demanded() {
    let mut found = facts();
    found.server.may_create_schema = false;
    found.may_create_in_schema = Some(false);
    found.events = Some(ExistingRelation {
        kind: 'r',
        owner: "o".to_owned(),
        is_owned: false,
        columns: Vec::new(),
        has_id_key: true,
        has_id_sequence: false,
        indexed: Vec::new(),
    });
    let mut nothing = SetupScript::new(&found);
    nothing.require_privileges(&found);
    assert!(nothing.refusals().is_empty());
    for (on, expected) in [
        (ObjectParent::Database, "grant create on database \"d\" to \"r\";"),
        (ObjectParent::Schema, "grant create on schema \"public\" to \"r\";"),
        (ObjectParent::Table, "grant \"o\" to \"r\";"),
    ] {
        let mut script = SetupScript::new(&found);
        script.create("x", "select 1".to_owned(), on);
        script.require_privileges(&found);
        assert_eq!(script.refusals().iter().count(), 1);
        assert!(script.refusals().report().contains(expected), "{}", script.refusals().report());
    }
}

#[test]
fn a_report_says_what_was_created_what_was_there_and_what_to_know() {
    let report = SetupReport {
        created: vec!["table a".to_owned()],
        present: vec!["schema b".to_owned()],
        notes: vec!["c".to_owned()],
    };
    assert_eq!(report.to_string(), "created table a\nalready there: schema b\nnote: c");
    assert_eq!(SetupReport::default().to_string(), "nothing to create");
}
