//! The judgement of triggers, case by case.

use super::*;
use crate::postgres::table::TableName;
use crate::postgres::table::trigger::NotifyCall;
use crate::postgres::table::types::UserTypes;
use crate::sql::ColumnNames;

fn server(is_standby: bool, prepared_max: i32) -> ServerOverview {
    ServerOverview {
        is_standby,
        encoding: "UTF8".to_owned(),
        prepared_max,
        is_fsync_on: true,
        role: "reader".to_owned(),
        database: "events".to_owned(),
        may_create_schema: false,
    }
}

fn trigger(
    name: &str,
    is_enabled: bool,
    channel: Option<&str>,
    carries_event: bool,
) -> InsertTrigger {
    InsertTrigger {
        name: name.to_owned(),
        is_enabled,
        is_before: false,
        draws_from_sequence: false,
        notifies: Some(NotifyCall { channel: channel.map(str::to_owned), carries_event }),
        is_harmless: true,
    }
}

fn table(insert_triggers: Vec<InsertTrigger>) -> EventTable {
    EventTable {
        name: TableName { schema: "public".to_owned(), name: "events".to_owned() },
        oid: 1,
        fingerprint: None,
        has_parts: false,
        kind: 'r',
        columns: Vec::new(),
        types: UserTypes::new(),
        not_copied: Vec::new(),
        names: ColumnNames::default(),
        has_ambiguous_text: false,
        is_unlogged: false,
        has_id_key: true,
        has_wide_key: false,
        integer_keys: vec!["id".to_owned()],
        insert_triggers,
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

fn heard(triggers: Vec<InsertTrigger>) -> Wakeup {
    wakeup(&table(triggers), &server(false, 0), "eventsinsert")
}

#[test]
fn the_doorbell_is_preferred_to_any_other_trigger() {
    let slate = trigger("a_slate", true, Some("eventsinsert"), true);
    let doorbell = trigger("counterfoil_doorbell", true, Some("counterfoil"), false);
    assert_eq!(heard(vec![slate, doorbell]), Wakeup::Doorbell);
}

#[test]
fn a_trigger_is_heard_on_our_channels_and_on_one_that_is_computed() {
    for channel in [Some("eventsinsert"), Some("counterfoil"), None] {
        assert!(heard(vec![trigger("t", true, channel, false)]).is_notified(), "{channel:?}");
    }
    assert!(!heard(vec![trigger("t", true, Some("elsewhere"), false)]).is_notified());
}

#[test]
fn polling_has_a_reason() {
    let reason = |wakeup: Wakeup| wakeup.to_string();
    let disabled = heard(vec![trigger("t", false, Some("eventsinsert"), false)]);
    assert!(reason(disabled).contains("ALTER TABLE public.events ENABLE ALWAYS TRIGGER \"t\";"));
    assert!(
        reason(heard(Vec::new()))
            .contains("no trigger of public.events notifies on eventsinsert or counterfoil")
    );
    let doorbell = table(vec![trigger("counterfoil_doorbell", true, Some("counterfoil"), false)]);
    assert!(
        reason(wakeup(&doorbell, &server(true, 0), "eventsinsert"))
            .contains("a standby cannot be listened to")
    );
}

#[test]
fn an_event_in_the_payload_and_two_phase_commit_are_warned_about() {
    let told = |carries_event, is_enabled, prepared_max| {
        let table = table(vec![trigger("t", is_enabled, Some("eventsinsert"), carries_event)]);
        cautions(&table, &server(false, prepared_max)).len()
    };
    assert_eq!(
        [told(true, true, 0), told(false, true, 9), told(true, true, 9), told(true, false, 9)],
        [1, 1, 2, 0]
    );
}
