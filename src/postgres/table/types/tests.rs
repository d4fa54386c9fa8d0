//! Which definitions are one, and which texts say all.
#![allow(clippy::unwrap_used)]
use super::*;

fn built_in(name: &str, of: &Type) -> TypeUse {
    TypeUse { name: name.to_owned(), oid: of.oid(), refers: None }
}

fn own(name: &str) -> TypeUse {
    TypeUse {
        name: name.to_owned(),
        oid: 16_400,
        refers: Some(name.trim_end_matches("[]").to_owned()),
    }
}

fn part(label: Option<&str>, of: Option<TypeUse>) -> TypePart {
    TypePart { label: label.map(str::to_owned), of }
}

fn domain(of: TypeUse) -> UserType {
    UserType {
        oid: 0,
        relation_oid: 0,
        kind: UserTypeKind::Domain { is_not_null: false },
        parts: vec![part(None, Some(of))],
    }
}

fn labels(labels: &[&str]) -> UserType {
    UserType {
        oid: 0,
        relation_oid: 0,
        kind: UserTypeKind::Enum,
        parts: labels.iter().map(|label| part(Some(label), None)).collect(),
    }
}

fn composite(attributes: &[(&str, TypeUse)]) -> UserType {
    UserType {
        oid: 0,
        relation_oid: 0,
        kind: UserTypeKind::Composite,
        parts: attributes.iter().map(|(name, of)| part(Some(name), Some(of.clone()))).collect(),
    }
}

fn range(of: TypeUse, canonical: Option<&str>) -> UserType {
    UserType {
        oid: 0,
        relation_oid: 0,
        kind: UserTypeKind::Range,
        parts: vec![part(canonical, Some(of))],
    }
}

fn base(extension: Option<&str>) -> UserType {
    UserType {
        oid: 0,
        relation_oid: 0,
        kind: UserTypeKind::Base { extension: extension.map(str::to_owned) },
        parts: Vec::new(),
    }
}

fn types(of: &[(&str, UserType)]) -> UserTypes {
    of.iter().map(|(name, of)| ((*name).to_owned(), of.clone())).collect()
}

fn numeric() -> TypeUse {
    built_in("numeric", &Type::NUMERIC)
}

fn rounded() -> TypeUse {
    built_in("numeric(10,2)", &Type::NUMERIC)
}

#[test]
fn a_domain_of_another_modifier_is_another_type_at_any_depth() {
    let nested = |of: TypeUse| {
        types(&[
            ("s.amount", domain(of)),
            (
                "s.line",
                composite(&[
                    ("what", built_in("text", &Type::TEXT)),
                    ("amounts", own("s.amount[]")),
                ]),
            ),
            ("s.span", range(own("s.amount"), None)),
        ])
    };
    let (one, other) = (nested(numeric()), nested(rounded()));
    for of in ["s.amount", "s.amount[]", "s.line", "s.line[]", "s.span"] {
        assert_eq!(unlike(&own(of), &one, &one), None, "{of}");
        let unlike = unlike(&own(of), &one, &other).unwrap();
        assert_eq!(
            (unlike.source.as_str(), unlike.destination.as_str()),
            ("s.amount = domain of numeric", "s.amount = domain of numeric(10,2)"),
            "{of}"
        );
    }
    assert_eq!(unlike(&numeric(), &one, &other), None, "a built-in type is what its name says");
}

#[test]
fn attributes_in_another_order_or_of_other_names_are_another_type() {
    let (a, b) = (("a", built_in("integer", &Type::INT4)), ("b", built_in("integer", &Type::INT4)));
    let one = types(&[("s.pair", composite(&[a.clone(), b.clone()]))]);
    for other in [
        vec![b.clone(), a.clone()],
        vec![a.clone()],
        vec![a.clone(), b.clone(), ("c", numeric())],
        vec![a, ("x", numeric())],
    ] {
        let other = types(&[("s.pair", composite(&other))]);
        let unlike = unlike(&own("s.pair"), &one, &other).unwrap();
        assert_eq!(unlike.source, "s.pair = (\"a\" integer, \"b\" integer)");
        assert_ne!(unlike.destination, unlike.source);
    }
}

#[test]
fn an_enum_may_have_more_labels_in_any_order_at_the_destination_and_none_less() {
    let of = |known: &[&str]| types(&[("s.mood", labels(known))]);
    assert_eq!(unlike(&own("s.mood"), &of(&["a", "b"]), &of(&["c", "b", "a"])), None);
    let renamed = unlike(&own("s.mood"), &of(&["a", "b"]), &of(&["A", "b"])).unwrap();
    assert!(renamed.lacking.is_empty(), "{renamed:?}");
    let unlike = unlike(&own("s.mood"), &of(&["a", "b", "it's"]), &of(&["b"])).unwrap();
    assert_eq!(
        (unlike.name.as_str(), unlike.lacking),
        ("s.mood", vec!["a".to_owned(), "it's".to_owned()])
    );
    assert_eq!(unlike.source, "s.mood = enum ('a', 'b', 'it''s')");
}

#[test]
fn another_sort_of_type_another_extension_another_nullness_and_none_at_all_are_unlike() {
    let one = types(&[("s.t", domain(numeric()))]);
    let not_null = UserType {
        oid: 0,
        relation_oid: 0,
        kind: UserTypeKind::Domain { is_not_null: true },
        ..domain(numeric())
    };
    for other in [labels(&[]), not_null, range(numeric(), None), base(Some("hstore"))] {
        assert!(unlike(&own("s.t"), &one, &types(&[("s.t", other)])).is_some());
    }
    let gone = unlike(&own("s.t"), &one, &UserTypes::new()).unwrap();
    assert_eq!(gone.destination, "s.t is not there");
    let of = |extension| types(&[("s.h", base(extension))]);
    assert!(unlike(&own("s.h"), &of(Some("hstore")), &of(Some("other"))).is_some());
    assert!(unlike(&own("s.h"), &of(Some("hstore")), &of(None)).is_some());
    let of = |canonical| types(&[("s.r", range(numeric(), canonical))]);
    assert!(unlike(&own("s.r"), &of(None), &of(Some("s.f"))).is_some());
}

#[test]
fn a_range_is_another_where_it_is_sorted_otherwise() {
    let of = |known: &[&str]| {
        types(&[("s.mood", labels(known)), ("s.moods", range(own("s.mood"), None))])
    };
    assert_eq!(unlike(&own("s.moods"), &of(&["a", "c"]), &of(&["a", "b", "c"])), None);
    let unlike_one = unlike(&own("s.moods"), &of(&["a", "c"]), &of(&["c", "b", "a"])).unwrap();
    assert_eq!(unlike_one.name, "s.mood");
    let of = |label: &str| {
        let mut texts = range(built_in("text", &Type::TEXT), None);
        texts.parts.push(part(Some(label), None));
        types(&[("s.texts", texts)])
    };
    for label in ["operator class s.ci", "collation s.ci"] {
        let other = unlike(&own("s.texts"), &of("collation pg_catalog.C"), &of(label)).unwrap();
        assert_eq!(other.destination, format!("s.texts = range of text, {label}"));
    }
    assert_eq!(text_of(&own("s.texts"), &of("collation s.ci")), TextFidelity::Exact);
    assert_eq!(
        text_of(&own("s.texts"), &of("operator class s.ci")),
        TextFidelity::Unknown("s.texts".to_owned())
    );
}

#[test]
fn a_type_that_contains_itself_ends() {
    let tree =
        types(&[("s.tree", composite(&[("value", numeric()), ("children", own("s.tree[]"))]))]);
    assert_eq!(unlike(&own("s.tree"), &tree, &tree), None);
    assert_eq!(text_of(&own("s.tree"), &tree), TextFidelity::Exact);
}

#[test]
fn the_text_of_built_in_types_is_exact_but_for_a_few() {
    for (name, of) in [
        ("money", Type::MONEY),
        ("point", Type::POINT),
        ("tsvector", Type::TS_VECTOR),
        ("int4range", Type::INT4_RANGE),
        ("pg_lsn[]", Type::PG_LSN_ARRAY),
        ("refcursor", Type::REFCURSOR),
    ] {
        assert_eq!(text_of(&built_in(name, &of), &UserTypes::new()), TextFidelity::Exact, "{name}");
    }
    for (name, of) in [
        ("xml[]", Type::XML_ARRAY),
        ("jsonpath", Type::JSONPATH),
        ("regclass", Type::REGCLASS),
        ("regclass[]", Type::REGCLASS_ARRAY),
    ] {
        assert_eq!(
            text_of(&built_in(name, &of), &UserTypes::new()),
            TextFidelity::Unknown(name.to_owned()),
            "{name}"
        );
    }
    assert_eq!(text_of(&built_in("xml", &Type::XML), &UserTypes::new()), TextFidelity::Xml);
    let unheard_of = TypeUse { oid: 9_999, ..numeric() };
    assert_eq!(
        text_of(&unheard_of, &UserTypes::new()),
        TextFidelity::Unknown("numeric".to_owned())
    );
}

#[test]
fn the_text_of_a_users_type_is_as_exact_as_its_parts() {
    let all = types(&[
        ("s.mood", labels(&["a"])),
        ("s.amount", domain(rounded())),
        ("s.tags", base(Some("hstore"))),
        ("public.hstore", base(Some("hstore"))),
        ("public.seg", base(Some("seg"))),
        ("public.upc", base(Some("isn"))),
        ("s.made", base(None)),
        ("s.page", domain(built_in("xml", &Type::XML))),
        (
            "s.fine",
            composite(&[
                ("m", own("s.mood[]")),
                ("a", own("s.amount")),
                ("t", own("public.hstore")),
            ]),
        ),
        ("s.lossy", composite(&[("m", own("s.mood")), ("s", own("public.seg[]"))])),
        ("s.pages", composite(&[("p", own("s.page"))])),
        ("s.canonical", range(numeric(), Some("s.f"))),
        ("s.span", range(own("s.amount"), None)),
    ]);
    let exact = ["s.mood", "s.amount[]", "public.hstore", "s.fine", "s.fine[]", "s.span"];
    for of in exact {
        assert_eq!(text_of(&own(of), &all), TextFidelity::Exact, "{of}");
    }
    assert_eq!(text_of(&own("s.page"), &all), TextFidelity::Xml);
    for (of, unknown) in [
        ("public.seg", "public.seg"),
        ("public.upc", "public.upc"),
        ("s.lossy", "public.seg"),
        ("s.made", "s.made"),
        ("s.tags", "s.tags"),
        ("s.page[]", "s.page[]"),
        ("s.pages", "s.pages"),
        ("s.canonical", "s.canonical"),
        ("s.nowhere", "s.nowhere"),
    ] {
        assert_eq!(text_of(&own(of), &all), TextFidelity::Unknown(unknown.to_owned()), "{of}");
    }
}
