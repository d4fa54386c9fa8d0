//! What init source plans, without a server.

use super::*;
use crate::postgres::session::settings::ServerOverview;

fn facts(prepared_max: i32) -> ExistingObjects {
    let server = ServerOverview {
        is_standby: false,
        encoding: "UTF8".to_owned(),
        prepared_max,
        is_fsync_on: true,
        role: "r".to_owned(),
        database: "d".to_owned(),
        may_create_schema: true,
    };
    ExistingObjects::of_new_database(server, &events())
}

fn events() -> TableName {
    TableName { schema: "s".to_owned(), name: "events".to_owned() }
}

#[test]
fn two_phase_commit_decides_the_default_notification_and_a_wish_overrides_it() {
    let sql = |notify, prepared| {
        SourceSetup::new(events(), IdsOption::Consecutive, notify).sql(&facts(prepared))
    };
    assert!(sql(None, 0).contains("create trigger counterfoil_doorbell"));
    assert!(!sql(None, 1).contains("create trigger counterfoil_doorbell"));
    assert!(sql(None, 1).contains("-- note: no trigger wakes the replicator"));
    assert!(sql(Some(NotifyOption::Doorbell), 1).contains("create trigger counterfoil_doorbell"));
    assert!(sql(Some(NotifyOption::Slate), 0).contains("create trigger notify_insert"));
    assert!(!sql(Some(NotifyOption::None), 0).contains("notify('"));
}

#[test]
fn only_consecutive_ids_take_a_counter_and_insert_events() {
    let sql = |ids| SourceSetup::new(events(), ids, Some(NotifyOption::None)).sql(&facts(0));
    assert_eq!(
        sql(IdsOption::Consecutive).matches("create function \"s\".insert_events(").count(),
        2
    );
    assert!(sql(IdsOption::Consecutive).contains("create table \"s\".id ("));
    assert!(!sql(IdsOption::Sequence).contains("insert_events"));
    assert!(sql(IdsOption::Sequence).contains("generated always as identity"));
}

#[test]
fn the_doorbell_tries_the_lock_that_the_replicator_holds_asleep() {
    let sql = SourceSetup::new(events(), IdsOption::Sequence, Some(NotifyOption::Doorbell))
        .sql(&facts(0));
    let when = "pg_try_advisory_xact_lock_shared(1129268820, \
                '\"s\".\"events\"'::pg_catalog.regclass::pg_catalog.oid::pg_catalog.int4)";
    assert_eq!(crate::sql::LOCK_DOORBELL, 1_129_268_820);
    assert!(sql.contains(when), "{sql}");
}

#[test]
fn flags_are_read_and_a_wrong_one_names_the_right_ones() {
    assert_eq!("sequence".parse::<IdsOption>().expect("known"), IdsOption::Sequence);
    assert_eq!("none".parse::<NotifyOption>().expect("known"), NotifyOption::None);
    let wrong = "doorbel".parse::<NotifyOption>().expect_err("unknown");
    assert_eq!(
        (wrong.kind(), wrong.remedy()),
        (ErrorKind::Usage, Some("give doorbell, slate or none"))
    );
}
