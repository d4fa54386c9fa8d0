//! A shape becomes a script: types before what is made of them, and nothing twice.

use super::types::{in_order, statement_of};
use crate::postgres::table::types::{TypePart, TypeUse, UserType, UserTypeKind, UserTypes};

fn part(label: Option<&str>, of: Option<(&str, bool)>) -> TypePart {
    TypePart {
        label: label.map(str::to_owned),
        of: of.map(|(name, is_own)| TypeUse {
            name: name.to_owned(),
            oid: 0,
            refers: is_own.then(|| name.trim_end_matches("[]").to_owned()),
        }),
    }
}

fn user_type(kind: UserTypeKind, parts: Vec<TypePart>) -> UserType {
    UserType { oid: 0, relation_oid: 0, kind, parts }
}

fn types() -> UserTypes {
    [
        (
            "a.line",
            UserTypeKind::Composite,
            vec![
                part(Some("price"), Some(("b.money", true))),
                part(Some("moods"), Some(("z.mood[]", true))),
            ],
        ),
        (
            "b.money",
            UserTypeKind::Domain { is_not_null: true },
            vec![part(None, Some(("numeric(10,2)", false)))],
        ),
        ("z.mood", UserTypeKind::Enum, vec![part(Some("it's"), None), part(Some("ok"), None)]),
        ("c.spans", UserTypeKind::Multirange, vec![part(None, Some(("d.span", true)))]),
        ("d.span", UserTypeKind::Range, vec![part(None, Some(("b.money", true)))]),
    ]
    .into_iter()
    .map(|(name, kind, parts)| (name.to_owned(), user_type(kind, parts)))
    .collect()
}

#[test]
fn a_type_comes_after_those_that_it_is_made_of_and_once() {
    let types = types();
    assert_eq!(
        in_order(types.keys(), &types),
        ["b.money", "z.mood", "a.line", "d.span", "c.spans"]
    );
    // What only other columns are made of is not needed.
    let line = "a.line".to_owned();
    assert_eq!(in_order([&line].into_iter(), &types), ["b.money", "z.mood", "a.line"]);
}

#[test]
fn each_sort_of_type_has_its_statement() {
    let types = types();
    let said = |name: &str| statement_of(name, &types[name], &types);
    assert_eq!(said("z.mood").unwrap(), "create type z.mood as enum ('it''s', 'ok');");
    assert_eq!(said("b.money").unwrap(), "create domain b.money as numeric(10,2) not null;");
    assert_eq!(
        said("a.line").unwrap(),
        "create type a.line as (\"price\" b.money, \"moods\" z.mood[]);"
    );
    assert_eq!(
        said("d.span").unwrap(),
        "create type d.span as range (subtype = b.money, multirange_type_name = c.spans);"
    );
    assert_eq!(said("c.spans").unwrap(), "", "it comes with its range");
}

#[test]
fn a_range_with_code_of_its_own_a_base_type_and_what_is_unknown_have_none() {
    let types = types();
    let canonical = part(Some("canonical function x.f"), Some(("int4", false)));
    let collated = vec![part(None, Some(("text", false))), part(Some("collation x.c"), None)];
    for of in [
        user_type(UserTypeKind::Range, vec![canonical]),
        user_type(UserTypeKind::Range, collated),
        user_type(UserTypeKind::Base { extension: None }, Vec::new()),
        user_type(UserTypeKind::Other, Vec::new()),
    ] {
        assert!(statement_of("x.t", &of, &types).is_err(), "{of:?}");
    }
}
