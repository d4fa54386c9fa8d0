//! `[log]`.

use super::key::{AllowedWord, Key, KeyDefault, KeyGroup, KeyTable, ValueType};

pub(crate) const LOG: KeyTable = KeyTable {
    name: "log",
    header: "[log]",
    is_rare: false,
    help: "",
    groups: &[KeyGroup::of(KEYS)],
};

const KEYS: &[Key] = &[
    Key::new(
        "level",
        ValueType::Choice(LEVELS),
        KeyDefault::Text("info"),
        "The lowest level that is written.",
    ),
    Key::new("format", ValueType::Choice(FORMATS), KeyDefault::Text("auto"), "How lines look."),
];

const LEVELS: &[AllowedWord] = &[
    AllowedWord::plain("critical"),
    AllowedWord::plain("error"),
    AllowedWord::plain("warning"),
    AllowedWord::plain("info"),
    AllowedWord::new("debug", "each batch"),
    AllowedWord::plain("trace"),
];

const FORMATS: &[AllowedWord] = &[
    AllowedWord::new("auto", "text on a terminal, otherwise JSON"),
    AllowedWord::plain("text"),
    AllowedWord::new("json", "one object a line"),
];
