//! The top of the file: its sections. slate's two numbers stand here; ours are in `[replication]`.

use super::key::{AMOUNT_MAX, IntegerRange, Key, KeyDefault, KeyGroup, KeyTable, Unit, ValueType};

pub(crate) const ROOT: KeyTable = KeyTable {
    name: "",
    header: "the top of the file",
    is_rare: false,
    help: "One file describes one replication: a source, its destinations, and how it is done.",
    groups: &[KeyGroup::of(&[NAME]), KeyGroup::of(SECTIONS), KeyGroup::of(SLATES)],
};

const NAME: Key = Key::new(
    "name",
    ValueType::Label,
    KeyDefault::Described("the file's name without its ending"),
    "How this replication is called beside others. Default: the file's name without its ending.",
)
.comment("\"orders\"");

const SECTIONS: &[Key] = &[
    Key::section("source", ValueType::Section, KeyDefault::Required).slate("eventSource"),
    Key::section("destinations", ValueType::SectionList, KeyDefault::Required)
        .slate("replicationDestinations"),
    Key::section(
        "tables",
        ValueType::SectionMap,
        KeyDefault::Described("every table as in [source]"),
    ),
    Key::section(
        "replication",
        ValueType::Section,
        KeyDefault::Described("the defaults of its keys"),
    ),
    Key::section("verify", ValueType::Section, KeyDefault::Described("nothing is compared")),
    Key::section("log", ValueType::Section, KeyDefault::Described("the defaults of its keys")),
    Key::section("console", ValueType::Section, KeyDefault::Described("no window")),
    Key::section("metrics", ValueType::Section, KeyDefault::Described("no file")),
];

const SLATES: &[Key] = &[
    Key::new(
        "maxEventsPerWrite",
        ValueType::Integer(IntegerRange::new(i64::MIN, AMOUNT_MAX, Unit::None)),
        KeyDefault::Described("replication.max_events_per_write"),
        "slate's name of replication.max_events_per_write; raised to 10000 where it is lower.",
    )
    .slate_only(),
    Key::new(
        "connectTimeout",
        IntegerRange::milliseconds(1),
        KeyDefault::Described("replication.connect_timeout_ms"),
        "slate's name of replication.connect_timeout_ms.",
    )
    .slate_only(),
];
