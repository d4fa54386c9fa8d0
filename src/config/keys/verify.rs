//! `[verify]`: destinations are compared with the source again and again.

use super::key::{AllowedWord, IntegerRange, Key, KeyDefault, KeyGroup, KeyTable, ValueType};

pub(crate) const VERIFY: KeyTable = KeyTable {
    name: "verify",
    header: "[verify]",
    is_rare: false,
    help: "Every row of every destination is compared with the source, again and again, while \
           events are copied. It only reads.",
    groups: &[KeyGroup::of(KEYS)],
};

const KEYS: &[Key] = &[
    Key::new(
        "every",
        ValueType::Text,
        KeyDefault::Text(""),
        "A round through all rows begins when so much time has passed since the last one began, \
         such as 24h; new rows are compared within seconds. A number and its unit: s, m, h or d. \
         \"\" compares nothing.",
    ),
    Key::new(
        "rows_per_second",
        IntegerRange::count(1_000_000),
        KeyDefault::Integer(2_000),
        "Rows of the source that are read in a second at most, for all destinations of the \
         replication together. A round takes as long as that: 2000 are 172 million a day. Raise it \
         where rounds take longer than you like, or where events come quicker.",
    ),
    Key::new(
        "on_difference",
        ValueType::Choice(REACTIONS),
        KeyDefault::Text("report"),
        "What follows from a row that differs.",
    ),
];

const REACTIONS: &[AllowedWord] = &[
    AllowedWord::new("report", "the log tells it, and the replication goes on"),
    AllowedWord::new("stop", "this replication ends, with exit code 4"),
];
