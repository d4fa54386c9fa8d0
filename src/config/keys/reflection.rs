//! `[[destinations.reflections]]`: what a table is computed from, and how.

use super::key::{AllowedWord, IntegerRange, Key, KeyDefault, KeyGroup, KeyTable, Unit, ValueType};

pub(crate) const REFLECTION: KeyTable = KeyTable {
    name: "reflections",
    header: "[[destinations.reflections]]",
    is_rare: true,
    help: "Below a destination: a table that is computed from a captured one, where the source's \
           table is the log of counterfoil capture. A destination has as many as it has tables; \
           all of them change together.",
    groups: &[KeyGroup::of(KEYS)],
};

const KEYS: &[Key] = &[
    Key::new(
        "source",
        ValueType::Text,
        KeyDefault::Required,
        "the captured table, as counterfoil capture status calls it",
    )
    .comment("\"public.orders\""),
    Key::new(
        "table",
        ValueType::TableName,
        KeyDefault::Described("named like the captured one"),
        "the table that is written; default: named like the captured one",
    )
    .comment("\"public.orders\""),
    Key::new(
        "key",
        ValueType::Names,
        KeyDefault::Described("the columns of the captured table's key"),
        "its key, which the columns of the captured table's key fill",
    )
    .comment("[\"id\"]"),
    Key::new(
        "columns",
        ValueType::Mapping,
        KeyDefault::Text("same"),
        "\"same\", or columns with an expression of the destination's SQL over the source's",
    )
    .comment("{ total = \"amount\", customer = \"upper(name)\" }"),
    Key::new(
        "deletes",
        ValueType::Choice(DELETES),
        KeyDefault::Text("apply"),
        "apply or ignore: whether a row goes where the source's goes",
    )
    .comment("\"apply\""),
    Key::new(
        "truncate",
        ValueType::Choice(TRUNCATE),
        KeyDefault::Text("apply"),
        "apply, ignore or stop: what a TRUNCATE of the captured table does",
    )
    .comment("\"apply\""),
    Key::new(
        "load",
        ValueType::Choice(LOAD),
        KeyDefault::Text("rows"),
        "rows or none: whether it begins with the rows that are there already",
    )
    .comment("\"rows\""),
    Key::new(
        "load_rows",
        ValueType::Integer(IntegerRange::new(1, 1_000_000, Unit::None)),
        KeyDefault::Integer(5_000),
        "rows that are loaded at a time",
    )
    .comment("5000"),
    Key::new(
        "create",
        ValueType::Boolean,
        KeyDefault::Boolean(false),
        "whether counterfoil init destination makes the table",
    )
    .comment("false"),
];

const DELETES: &[AllowedWord] = &[
    AllowedWord::new("apply", "the row goes"),
    AllowedWord::new("ignore", "it stays: the table cannot be verified"),
];

const TRUNCATE: &[AllowedWord] = &[
    AllowedWord::new("apply", "all rows go"),
    AllowedWord::new("ignore", "they stay: the table cannot be verified"),
    AllowedWord::new("stop", "the destination stops (exit 7)"),
];

const LOAD: &[AllowedWord] = &[
    AllowedWord::new("rows", "the rows that are there are loaded, while changes are followed"),
    AllowedWord::new("none", "only what changes from now on"),
];
