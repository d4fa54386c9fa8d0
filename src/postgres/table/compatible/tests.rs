//! Which columns of a source a destination can hold.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::event::value::is_binary_stable;
use crate::postgres::table::types::{TypePart, TypeUse, UserType, UserTypeKind, UserTypes};
use crate::sql::ColumnNames;

fn column(name: &str, of: &Type) -> Column {
    Column {
        name: name.to_owned(),
        type_name: of.name().to_owned(),
        type_oid: of.oid(),
        own_type: None,
        is_binary_stable: is_binary_stable(of.oid()),
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

fn table(columns: Vec<Column>) -> EventTable {
    EventTable {
        name: TableName { schema: "public".to_owned(), name: "events".to_owned() },
        oid: 1,
        fingerprint: None,
        has_parts: false,
        kind: 'r',
        columns,
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

fn events() -> EventTable {
    table(vec![
        column("id", &Type::INT8),
        column("ts", &Type::TIMESTAMPTZ),
        column("event", &Type::JSONB),
    ])
}

fn only_problem(source: &EventTable, destination: &EventTable) -> Error {
    let problems = wire(source, destination, "id").unwrap_err();
    assert_eq!(problems.iter().count(), 1, "{}", problems.report());
    problems.into_iter().next().unwrap()
}

fn told(source: &EventTable, destination: &EventTable) -> Vec<String> {
    let wire = wire(source, destination, "id").unwrap();
    cautions(source, destination, &wire).iter().map(ToString::to_string).collect()
}

/// A column of a type outside `pg_catalog`, and a table that has it.
fn with_own_type(type_name: &str, types: &[(&str, UserType)]) -> EventTable {
    let own = Column {
        type_name: type_name.to_owned(),
        type_oid: 16_400,
        own_type: Some(type_name.to_owned()),
        is_binary_stable: false,
        ..column("own", &Type::TEXT)
    };
    EventTable {
        types: types.iter().map(|(name, of)| ((*name).to_owned(), of.clone())).collect(),
        ..table(vec![column("id", &Type::INT8), own])
    }
}

fn domain(of: &str) -> UserType {
    UserType {
        oid: 0,
        relation_oid: 0,
        kind: UserTypeKind::Domain { is_not_null: false },
        parts: vec![TypePart {
            label: None,
            of: Some(TypeUse { name: of.to_owned(), oid: Type::NUMERIC.oid(), refers: None }),
        }],
    }
}

fn labels(of: &[&str]) -> UserType {
    let label = |label: &&str| TypePart { label: Some((*label).to_owned()), of: None };
    UserType {
        oid: 0,
        relation_oid: 0,
        kind: UserTypeKind::Enum,
        parts: of.iter().map(label).collect(),
    }
}

#[test]
fn a_type_of_one_name_and_two_definitions_is_refused_with_both() {
    let source = with_own_type("s.amount", &[("s.amount", domain("numeric"))]);
    assert!(wire(&source, &source, "id").is_ok());
    let destination = with_own_type("s.amount", &[("s.amount", domain("numeric(10,2)"))]);
    let refused = only_problem(&source, &destination);
    assert_eq!(refused.kind(), crate::error::ErrorKind::Unsuitable);
    assert_eq!(
        refused.what(),
        "column \"own\" is s.amount on both sides, and the definitions of type s.amount differ"
    );
    assert_eq!(
        refused.causes(),
        [
            "at the source: s.amount = domain of numeric",
            "at the destination: s.amount = domain of numeric(10,2)"
        ]
    );
}

#[test]
fn labels_that_an_enum_lacks_at_the_destination_are_refused_with_the_statements_that_add_them() {
    let of = |known: &[&str]| with_own_type("s.mood", &[("s.mood", labels(known))]);
    assert!(wire(&of(&["a"]), &of(&["b", "a"]), "id").is_ok());
    let refused = only_problem(&of(&["a", "b", "it's"]), &of(&["a"]));
    assert_eq!(
        refused.remedy(),
        Some("ALTER TYPE s.mood ADD VALUE 'b'; ALTER TYPE s.mood ADD VALUE 'it''s';")
    );
}

#[test]
fn a_type_of_whose_text_nothing_is_known_is_told_and_one_that_is_known_is_not() {
    let of = |kind| {
        let known = UserType { oid: 0, relation_oid: 0, kind, parts: Vec::new() };
        with_own_type("public.seg", &[("public.seg", known)])
    };
    let unknown = of(UserTypeKind::Base { extension: Some("seg".to_owned()) });
    let [warning] = told(&unknown, &unknown).try_into().unwrap();
    assert!(
        warning.contains("column \"own\" is copied as the text of type public.seg"),
        "{warning}"
    );
    let known = of(UserTypeKind::Enum);
    assert!(told(&known, &known).is_empty());
}

#[test]
fn xml_is_read_by_its_cast_and_other_columns_as_they_are() {
    let pages = table(vec![
        column("id", &Type::INT8),
        column("page", &Type::XML),
        column("raw", &Type::BYTEA),
    ]);
    let wire = wire(&pages, &pages, "id").unwrap();
    assert_eq!(wire.select_list(), "e.\"id\", e.\"page\"::pg_catalog.text, e.\"raw\"");
    assert!(told(&pages, &pages).is_empty());
}

#[test]
fn a_column_that_both_sides_compute_is_told_where_their_expressions_differ() {
    let computed = |how: &str| {
        let mut events = events();
        events.columns[1].origin = ColumnOrigin::Generated;
        events.columns[1].computed_as = Some(how.to_owned());
        events
    };
    assert!(told(&computed("(a * 2)"), &computed("(a * 2)")).is_empty());
    let [warning] = told(&computed("(a * 2)"), &computed("(a * 3)")).try_into().unwrap();
    assert!(
        warning.contains("computed as (a * 2) at the source and as (a * 3) at the destination"),
        "{warning}"
    );
}

#[test]
fn what_the_second_table_computes_is_compared_all_the_same() {
    let mut second = events();
    second.columns[1].origin = ColumnOrigin::Generated;
    let names: Vec<String> = compared(&events(), &second)
        .unwrap()
        .columns
        .into_iter()
        .map(|column| column.name)
        .collect();
    assert_eq!(names, ["id", "ts", "event"]);
}

#[test]
fn equal_tables_of_built_in_types_travel_binary_and_equal_wires_compare_equal() {
    let one = wire(&events(), &events(), "id").unwrap();
    assert_eq!(one.format, CopyFormat::Binary);
    assert_eq!(
        one.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        ["id", "ts", "event"]
    );
    assert_eq!(one, wire(&events(), &events(), "id").unwrap());
}

#[test]
fn a_type_of_the_users_own_makes_all_travel_as_text() {
    let mood = Column {
        type_name: "public.mood".to_owned(),
        type_oid: 16_400,
        is_binary_stable: is_binary_stable(16_400),
        binary_edition: 1,
        text_edition: 1,
        ..column("mood", &Type::TEXT)
    };
    let mut source = events();
    source.columns.push(mood.clone());
    let mut destination = source.clone();
    destination.columns[3].type_oid = 20_007;
    assert_eq!(wire(&source, &destination, "id").unwrap().format, CopyFormat::Text);
}

#[test]
fn scalars_and_arrays_of_the_list_are_stable_and_money_ranges_and_oids_are_not() {
    for stable in [
        Type::JSONB,
        Type::NUMERIC,
        Type::INT4_ARRAY,
        Type::JSONB_ARRAY,
        Type::CIDR,
        Type::MACADDR8,
        Type::VARBIT,
    ] {
        assert!(is_binary_stable(stable.oid()), "{stable}");
    }
    for unstable in
        [Type::MONEY, Type::INT4_RANGE, Type::OID, Type::REGCLASS, Type::XML, Type::MONEY_ARRAY]
    {
        assert!(!is_binary_stable(unstable.oid()), "{unstable}");
    }
}

#[test]
fn int4_goes_into_int8_by_a_cast_and_int8_into_int4_never() {
    let narrow = table(vec![column("id", &Type::INT4)]);
    let wide = table(vec![column("id", &Type::INT8)]);
    assert_eq!(wire(&narrow, &wide, "id").unwrap().columns[0].read_as, ReadAs::Widened);
    assert_eq!(wire(&narrow, &wide, "id").unwrap().format, CopyFormat::Binary);
    let refused = only_problem(&wide, &narrow);
    assert_eq!(refused.kind(), crate::error::ErrorKind::Unsuitable);
    assert_eq!(
        refused.remedy(),
        Some("ALTER TABLE public.events ALTER COLUMN \"id\" TYPE int8 USING \"id\"::int8;")
    );
}

#[test]
fn a_wire_knows_the_type_that_arrives_and_of_a_users_own_none() {
    let mut source = with_own_type("s.mood", &[("s.mood", labels(&["glad"]))]);
    source.columns[0] = column("id", &Type::INT4);
    source.columns.push(column("note", &Type::XML));
    source.columns.push(column("tags", &Type::TEXT_ARRAY));
    let mut destination = source.clone();
    destination.columns[0] = column("id", &Type::INT8);
    let found = wire(&source, &destination, "id").unwrap();
    let oids: Vec<Option<u32>> = found.columns.iter().map(|column| column.type_oid).collect();
    let oid = |of: Type| Some(of.oid());
    assert_eq!(oids, [oid(Type::INT8), None, oid(Type::TEXT), oid(Type::TEXT_ARRAY)]);
    source.columns[1].type_oid += 1;
    assert_eq!(
        wire(&source, &destination, "id").unwrap(),
        found,
        "made anew, a type has another oid"
    );
}

#[test]
fn types_of_equal_width_are_not_equal() {
    let mut destination = events();
    destination.columns[1] = column("ts", &Type::TIMESTAMP);
    let refused = only_problem(&events(), &destination);
    assert_eq!(
        refused.what(),
        "column \"ts\" is timestamptz at the source and timestamp at the destination"
    );
}

#[test]
fn a_type_modifier_that_differs_is_refused() {
    let with =
        |name: &str| Column { type_name: name.to_owned(), ..column("price", &Type::NUMERIC) };
    let source = table(vec![column("id", &Type::INT8), with("numeric(10,2)")]);
    let destination = table(vec![column("id", &Type::INT8), with("numeric(10,4)")]);
    assert!(only_problem(&source, &destination).what().contains("numeric(10,4)"));
}

#[test]
fn a_missing_column_is_refused_with_the_statement_that_adds_it_and_both_lists() {
    let mut source = events();
    source.columns.push(column("currency", &Type::TEXT));
    let refused = only_problem(&source, &events());
    assert_eq!(refused.remedy(), Some("ALTER TABLE public.events ADD COLUMN \"currency\" text;"));
    assert_eq!(
        refused.causes(),
        ["the source has id, ts, event, currency; the destination has id, ts, event"]
    );
}

#[test]
fn an_extra_column_is_refused_only_when_it_must_be_given() {
    let extra = |is_not_null, has_default, origin| {
        let mut destination = events();
        destination.columns.push(Column {
            is_not_null,
            has_default,
            origin,
            ..column("extra", &Type::TEXT)
        });
        wire(&events(), &destination, "id").is_ok()
    };
    assert!(!extra(true, false, ColumnOrigin::Plain));
    assert!(extra(false, false, ColumnOrigin::Plain));
    assert!(extra(true, true, ColumnOrigin::Plain));
    assert!(extra(true, true, ColumnOrigin::Generated));
}

#[test]
fn what_the_destination_generates_is_not_copied_but_its_id_must_be() {
    let mut destination = events();
    destination.columns[1].origin = ColumnOrigin::Generated;
    let names: Vec<String> =
        wire(&events(), &destination, "id").unwrap().columns.into_iter().map(|c| c.name).collect();
    assert_eq!(names, ["id", "event"]);
    assert_eq!(told(&events(), &destination).len(), 1);
    destination.columns[0].origin = ColumnOrigin::Generated;
    assert!(only_problem(&events(), &destination).what().contains("computes its id"));
}

#[test]
fn all_differences_are_told_together() {
    let source =
        table(vec![column("id", &Type::INT8), column("a", &Type::TEXT), column("b", &Type::INT4)]);
    let destination =
        table(vec![column("id", &Type::INT8), column("b", &Type::INT2), column("c", &Type::TEXT)]);
    assert_eq!(wire(&source, &destination, "id").unwrap_err().iter().count(), 3);
}

#[test]
fn a_null_that_the_destination_would_refuse_is_a_caution_not_a_refusal() {
    let mut source = events();
    source.columns[2].is_not_null = false;
    assert!(wire(&source, &events(), "id").is_ok());
    let warnings = told(&source, &events());
    assert!(warnings[0].contains("may be NULL at the source"), "{warnings:?}");
    assert!(told(&events(), &source).is_empty());
}

#[test]
fn a_remedy_names_a_type_only_if_it_can_be_nothing_but_a_type() {
    for name in [
        "bigint",
        "timestamp(3) with time zone",
        "numeric(10,2)",
        "character varying(7)[]",
        "\"My \"\"Schema\"\"; drop\".\"t,\"(4326)",
        "public.geometry(Point,4326)",
        "interval day to second(3)",
    ] {
        assert!(is_name_of_type(name), "{name}");
    }
    for name in [
        "text; drop table events",
        "text, drop column id",
        "text default public.f()",
        "text DEFAULT f",
        "\"a",
        "a\"b\"c\"; --",
        "text -- ",
        "text) (",
        "t(1",
        "text/*",
        "text\n",
        "text check (f())",
    ] {
        assert!(!is_name_of_type(name), "{name}");
        let mut source = events();
        source
            .columns
            .push(Column { type_name: name.to_owned(), ..column("currency", &Type::TEXT) });
        let remedy = only_problem(&source, &events()).remedy().unwrap().to_owned();
        assert_eq!(remedy, "add the column to public.events, of the type it has at the source");
    }
}

#[test]
fn an_interval_travels_as_text_between_a_server_that_knows_infinite_ones_and_one_that_does_not() {
    for of in [Type::INTERVAL, Type::INTERVAL_ARRAY] {
        let on = |version_num: u32| {
            let mut took = column("took", &of);
            took.binary_edition = binary_edition(of.oid(), version_num);
            table(vec![column("id", &Type::INT8), took])
        };
        for (source, destination, format) in [
            (160_014, 170_000, CopyFormat::Text),
            (180_004, 130_023, CopyFormat::Text),
            (170_010, 180_004, CopyFormat::Binary),
            (130_023, 160_014, CopyFormat::Binary),
        ] {
            let wire = wire(&on(source), &on(destination), "id").unwrap();
            assert_eq!(wire.format, format, "{of} from {source} to {destination}");
        }
    }
    assert_eq!(
        binary_edition(Type::NUMERIC.oid(), 130_023),
        binary_edition(Type::NUMERIC.oid(), 180_004)
    );
}

#[test]
fn the_type_char_is_refused_where_it_would_travel_as_text_between_a_server_before_16_and_a_later_one()
 {
    for of in [Type::CHAR, Type::CHAR_ARRAY] {
        let on = |version_num: u32, other: Type| {
            let mut kind = column("kind", &of);
            kind.text_edition = text_edition(of.oid(), version_num);
            table(vec![column("id", &Type::INT8), kind, column("place", &other)])
        };
        for (source, destination) in [(180_004, 150_018), (130_023, 160_014)] {
            let problem = only_problem(&on(source, Type::POINT), &on(destination, Type::POINT));
            assert!(problem.what().contains("column \"kind\" is "), "{problem}");
            assert!(format!("{problem:?}").contains("because of column \"place\""), "{problem:?}");
            assert!(
                problem.remedy().unwrap().contains("ALTER COLUMN \"kind\" TYPE text"),
                "{problem}"
            );
            let binary = wire(&on(source, Type::INT4), &on(destination, Type::INT4), "id").unwrap();
            assert_eq!(binary.format, CopyFormat::Binary);
        }
        let alike = wire(&on(160_014, Type::POINT), &on(180_004, Type::POINT), "id").unwrap();
        assert_eq!(alike.format, CopyFormat::Text);
    }
}
