//! `[log]`.

use super::key::{Key, KeyGroup, KeyTable, Preset, ValueType, Word};

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
        Preset::Text("info"),
        "The lowest level that is written.",
    ),
    Key::new("format", ValueType::Choice(FORMATS), Preset::Text("auto"), "How lines look."),
];

const LEVELS: &[Word] = &[
    Word::plain("critical"),
    Word::plain("error"),
    Word::plain("warning"),
    Word::plain("info"),
    Word::new("debug", "each batch"),
    Word::plain("trace"),
];

const FORMATS: &[Word] = &[
    Word::new("auto", "text on a terminal, otherwise JSON"),
    Word::plain("text"),
    Word::new("json", "one object a line"),
];
