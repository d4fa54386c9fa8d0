//! `[log]`.

use super::key::{AllowedWord, IntegerRange, Key, KeyDefault, KeyGroup, KeyTable, ValueType};

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
    Key::new(
        "heartbeat_ms",
        IntegerRange::milliseconds(0),
        KeyDefault::Integer(300_000),
        "Milliseconds: so often each replication tells how it stands, also where nothing happens: \
         position, lag, rate. 0 never does. What is away is told again as often, each minute at \
         least.",
    ),
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
