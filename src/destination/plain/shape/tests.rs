//! What fits and what does not, column by column.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::event::frame::CopyFormat;
use crate::event::wire::ReadAs;
use crate::postgres::table::ColumnOrigin;
use crate::postgres::table::types::UserTypes;
use crate::sql::TableName;
use postgres_types::Type;

/// An engine that keeps whatever is declared as its source's type is called.
struct Types;

impl PlainTypes for Types {
    fn form(&self, from: &WireColumn, to: &PlainColumn) -> Option<ColumnForm> {
        (to.type_name == self.made_as(from)).then(|| ColumnForm::of(from))
    }

    fn made_as(&self, from: &WireColumn) -> String {
        from.type_oid.and_then(Type::from_oid).map_or_else(String::new, |of| of.name().to_owned())
    }
}

fn of_source(columns: &[(&str, Type)]) -> EventTable {
    let column = |(name, of): &(&str, Type)| Column {
        name: (*name).to_owned(),
        type_name: of.name().to_owned(),
        type_oid: of.oid(),
        own_type: None,
        is_binary_stable: true,
        binary_edition: 1,
        text_edition: 1,
        is_not_null: *name == "id",
        is_never_null: false,
        has_default: false,
        is_stamped: false,
        origin: ColumnOrigin::Plain,
        computed_as: None,
        may_select: true,
        may_insert: true,
    };
    EventTable {
        name: TableName { schema: "public".to_owned(), name: "events".to_owned() },
        oid: 1,
        fingerprint: None,
        partitioned_by: Vec::new(),
        has_parts: false,
        kind: 'r',
        columns: columns.iter().map(column).collect(),
        not_copied: Vec::new(),
        names: ColumnNames::default(),
        types: UserTypes::new(),
        has_ambiguous_text: false,
        is_unlogged: false,
        has_id_key: true,
        has_wide_key: false,
        integer_keys: Vec::new(),
        insert_triggers: Vec::new(),
        has_foreign_keys: false,
        has_row_security: false,
        rows_estimated: 0.0,
        role: "reader".to_owned(),
        may_use_schema: true,
        is_subscribed: false,
        is_guarded: true,
        has_children: false,
    }
}

fn source() -> EventTable {
    of_source(&[("id", Type::INT8), ("at", Type::TIMESTAMPTZ), ("event", Type::BYTEA)])
}

fn there(columns: &[(&str, &str)]) -> PlainTable {
    let column = |(name, type_name): &(&str, &str)| PlainColumn {
        name: (*name).to_owned(),
        type_name: (*type_name).to_owned(),
        is_not_null: false,
        has_default: false,
        is_computed: false,
    };
    PlainTable { name: "copy".to_owned(), columns: columns.iter().map(column).collect() }
}

fn names(pairs: &[(&str, &str)]) -> ColumnNames {
    ColumnNames::new(pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())))
}

fn fit_all(there: &PlainTable, names: &ColumnNames) -> Result<PlainShape, String> {
    fitted(&source(), there, (names, None), &Types).map_err(|problems| problems.report())
}

#[test]
fn every_column_travels_as_text_into_its_like_whatever_the_order_and_case() {
    let there = there(&[("EVENT", "bytea"), ("more", "x"), ("at", "timestamptz"), ("id", "int8")]);
    let shape = fit_all(&there, &ColumnNames::default()).unwrap();
    assert_eq!(shape.wire.format, CopyFormat::Text);
    assert_eq!(shape.wire.names().collect::<Vec<_>>(), ["id", "at", "event"]);
    assert_eq!(shape.names, ["id", "at", "EVENT"]);
    assert_eq!(shape.forms, [ColumnForm::Integer, ColumnForm::Text, ColumnForm::Bytes]);
    let read_as: Vec<ReadAs> = shape.wire.columns.iter().map(|column| column.read_as).collect();
    assert_eq!(read_as, [ReadAs::Plain, ReadAs::Plain, ReadAs::Bytes]);
}

#[test]
fn renamed_columns_find_their_places() {
    let there = there(&[("id", "int8"), ("written", "timestamptz"), ("payload", "bytea")]);
    let shape = fit_all(&there, &names(&[("at", "written"), ("event", "payload")])).unwrap();
    assert_eq!(shape.names, ["id", "written", "payload"]);
    assert_eq!(shape.wire.names().collect::<Vec<_>>(), ["id", "at", "event"]);
}

#[test]
fn all_that_does_not_fit_is_told_together_with_its_cure() {
    let mut there = there(&[("id", "int8"), ("event", "text"), ("tenant", "text")]);
    there.columns[2].is_not_null = true;
    let told = fit_all(&there, &ColumnNames::default()).unwrap_err();
    assert!(told.contains("no column \"at\""), "{told}");
    assert!(told.contains("ALTER TABLE \"copy\" ADD COLUMN \"at\" timestamptz;"), "{told}");
    assert!(told.contains("column \"event\" has text there"), "{told}");
    assert!(told.contains("column tenant must be given"), "{told}");
    there.columns[2].has_default = true;
    assert!(!fit_all(&there, &ColumnNames::default()).unwrap_err().contains("must be given"));
}

#[test]
fn a_column_that_is_computed_there_is_refused() {
    let mut there = there(&[("id", "int8"), ("at", "timestamptz"), ("event", "bytea")]);
    there.columns[1].is_computed = true;
    let told = fit_all(&there, &ColumnNames::default()).unwrap_err();
    assert!(told.contains("column \"at\" is computed by the destination"), "{told}");
}

#[test]
fn names_that_only_case_tells_apart_are_refused_unless_renamed() {
    let source = of_source(&[("id", Type::INT8), ("kind", Type::TEXT), ("Kind", Type::TEXT)]);
    let told = wire(&source, &ColumnNames::default(), None).unwrap_err().report();
    assert!(told.contains("columns \"kind\" and \"Kind\" would be one"), "{told}");
    assert!(wire(&source, &names(&[("Kind", "other")]), None).is_ok());
    assert!(wire(&source, &names(&[("absent", "other")]), None).is_err());
    let beyond_ascii = of_source(&[("id", Type::INT8), ("é", Type::TEXT), ("É", Type::TEXT)]);
    assert!(wire(&beyond_ascii, &ColumnNames::default(), None).is_ok());
    let there = there(&[("id", "int8"), ("É", "text"), ("é", "text")]);
    assert_eq!(there.column("é").map(|column| column.name.as_str()), Some("é"));
}

#[test]
fn what_may_be_null_at_the_source_alone_is_warned_of() {
    let mut there = there(&[("id", "int8"), ("at", "timestamptz"), ("event", "bytea")]);
    there.columns.iter_mut().for_each(|column| column.is_not_null = true);
    let shape = fit_all(&there, &ColumnNames::default()).unwrap();
    let told: Vec<&str> = shape.warnings.iter().map(|warning| warning.what.as_str()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("column \"at\" may be NULL"), "{told:?}");
}
