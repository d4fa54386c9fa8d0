//! What is planned for a table, without a server.

use super::*;
use crate::source::capture::facts::{CapturableColumn, FoundTrigger, TreeRelation};

fn name(text: &str) -> TableName {
    TableName::parse(text).unwrap()
}

fn column(name: &str, type_name: &str, leaf: &str) -> CapturableColumn {
    CapturableColumn {
        name: name.to_owned(),
        type_name: type_name.to_owned(),
        is_not_null: name == "id",
        generated: String::new(),
        leaves: vec![leaf.to_owned()],
    }
}

fn relation(table: &str) -> TreeRelation {
    TreeRelation { oid: 7, name: name(table), triggers: Vec::new() }
}

/// An ordinary table of two columns.
fn orders() -> CapturableTable {
    CapturableTable {
        oid: 7,
        name: name("shop.orders"),
        kind: 'r',
        persistence: 'p',
        is_partition: false,
        has_children: false,
        is_owned: true,
        owner: "shop".to_owned(),
        columns: vec![column("id", "bigint", "int8"), column("at", "date", "date")],
        key: Some(vec!["id".to_owned()]),
        tree: vec![relation("shop.orders")],
    }
}

/// Plans it; `remembered` as it stands in the log.
fn planned(
    table: &CapturableTable,
    omitted: &[&str],
    remembered: &[RememberedTable],
) -> CapturePlan {
    let omitted: Vec<String> = omitted.iter().map(|&name| name.to_owned()).collect();
    let log = name("counterfoil.changes");
    let wanted =
        WantedCapture { log: &log, source: "shop.orders", omitted: &omitted, takes_shape: false };
    plan(&wanted, &CaptureFacts { table, function: None, remembered })
}

fn remembered(table: &CapturableTable) -> RememberedTable {
    RememberedTable {
        source: "shop.orders".to_owned(),
        oid: table.oid,
        shape: serde_json::to_string(&CapturedShape::of(table)).unwrap(),
        omitted: Vec::new(),
        first_id: 1,
        installed_at: String::new(),
    }
}

/// What is said of the table that is made of orders.
fn refused(change: impl FnOnce(&mut CapturableTable)) -> String {
    let mut table = orders();
    change(&mut table);
    let plan = planned(&table, &[], &[]);
    assert!(plan.steps.is_empty());
    plan.problems.iter().map(Error::report).collect()
}

#[test]
fn a_table_gets_a_function_two_triggers_and_is_remembered() {
    let steps: Vec<String> =
        planned(&orders(), &[], &[]).steps.into_iter().map(|of| of.what).collect();
    assert_eq!(
        steps,
        [
            "function counterfoil.capture_shop.orders",
            "trigger ~counterfoil on shop.orders",
            "trigger ~counterfoil_truncate on shop.orders",
            "the shape of shop.orders in counterfoil.captured",
        ]
    );
}

#[test]
fn each_partition_has_its_own_trigger_for_truncate_and_that_of_rows_from_its_root() {
    let mut table = orders();
    table.kind = 'p';
    table.tree.push(relation("shop.orders_1"));
    let steps: Vec<String> =
        planned(&table, &[], &[]).steps.into_iter().map(|of| of.what).collect();
    let of_partition: Vec<&String> =
        steps.iter().filter(|what| what.ends_with("orders_1")).collect();
    assert_eq!(of_partition, ["trigger ~counterfoil_truncate on shop.orders_1"]);
}

#[test]
fn what_cannot_be_captured_is_refused_with_its_reason() {
    type Change = fn(&mut CapturableTable);
    let cases: [(Change, &str); 8] = [
        (|table| table.kind = 'v', "it is no ordinary or partitioned table"),
        (|table| table.name.schema = "pg_catalog".to_owned(), "it is no ordinary"),
        (|table| table.name.schema = "counterfoil".to_owned(), "it belongs to the log itself"),
        (|table| table.persistence = 't', "it is temporary"),
        (|table| table.persistence = 'u', "alter table \"shop\".\"orders\" set logged;"),
        (|table| table.is_partition = true, "name the partitioned table instead"),
        (|table| table.has_children = true, "name each of these tables by itself"),
        (|table| table.is_owned = false, "this role does not own it: shop does"),
    ];
    for (change, reason) in cases {
        let told = refused(change);
        assert!(told.contains(reason), "{told}");
    }
}

#[test]
fn a_trigger_of_somebody_else_stays_and_is_named() {
    let told = refused(|table| {
        table.tree[0].triggers.push(FoundTrigger {
            name: "~counterfoil".to_owned(),
            enabled: "A".to_owned(),
            events: 29,
            function: "public.theirs".to_owned(),
            arguments: String::new(),
        });
    });
    assert!(told.contains("calls public.theirs, which is not of this log"), "{told}");
}

#[test]
fn a_table_that_has_changed_is_not_taken_as_known_by_the_way() {
    let known = remembered(&orders());
    assert!(planned(&orders(), &[], std::slice::from_ref(&known)).problems.is_empty());
    let mut table = orders();
    table.columns.push(column("note", "text", "text"));
    let plan = planned(&table, &[], &[known]);
    let told = plan.problems.iter().map(Error::report).collect::<String>();
    assert!(told.contains("column note is new") && told.contains("capture refresh"), "{told}");
}

#[test]
fn a_column_is_left_out_of_both_images_and_one_of_the_key_cannot_be() {
    let plan = planned(&orders(), &["at"], &[]);
    let function = &plan.steps[0].sql;
    assert!(
        function.contains("(select OLD.\"id\") as image") && !function.contains("\"at\""),
        "{function}"
    );
    for (omitted, reason) in [("id", "is of its key"), ("other", "it has no column other")] {
        let told: String =
            planned(&orders(), &[omitted], &[]).problems.iter().map(Error::report).collect();
        assert!(told.contains(reason), "{told}");
    }
}

#[test]
fn what_images_cannot_tell_is_told() {
    let mut table = orders();
    table.key = None;
    table.columns.push(column("data", "jsonb", "jsonb"));
    table.columns.push(column("file", "bytea", "bytea"));
    table
        .columns
        .push(CapturableColumn { generated: "v".to_owned(), ..column("sum", "integer", "int4") });
    let notes = planned(&table, &[], &[]).notes.join("\n");
    for told in ["has no key", "NULL from the JSON value null in data", "sum is computed", "1 GB"] {
        assert!(notes.contains(told), "{notes}");
    }
}
