//! `[[destinations]]`: what all kinds have in common, and a list of keys for each kind.

use super::connection;
use super::key::{AllowedWord, IntegerRange, Key, KeyDefault, KeyGroup, KeyTable, ValueType};

/// The keys of every kind.
pub(crate) const DESTINATION: KeyTable = KeyTable {
    name: "destinations",
    header: "[[destinations]]",
    is_rare: false,
    help: "One such table for each destination; at least one.",
    groups: &[KeyGroup::of(&[NAME, URL])],
};

/// Further keys of a destination in PostgreSQL.
pub(crate) const POSTGRES: &[KeyGroup] = &[
    connection::PARTS_AS_IN_SOURCE,
    KeyGroup::of(TABLE_KEYS),
    KeyGroup::of(POSTGRES_KEYS),
    KeyGroup::of(REFLECTIONS),
];

/// Further keys of a destination in a table of another engine.
pub(crate) const PLAIN: &[KeyGroup] =
    &[KeyGroup { help: PLAIN_HELP, explained_in: "PostgreSQL", keys: TABLE_KEYS }];

const PLAIN_HELP: &str =
    "A table has a name and no schema; by default it is called as the source's.";

const NAME: Key = Key::new(
    "name",
    ValueType::Label,
    KeyDefault::Described("the name of its database, with a number where that is taken"),
    "How it is called in logs and for --destination; each has its own. Default: the name of its \
     database.",
)
.set("\"reporting\"");

const URL: Key = Key::new(
    "url",
    ValueType::Text,
    KeyDefault::Described("the parts below"),
    "Where events go; its scheme picks the kind of the destination: postgres:// a table of \
     PostgreSQL, sqlite: and the path of a file a table in it.",
)
.set("\"postgres://events_writer@db2.internal/orders?sslmode=verify-full&sslrootcert=system\"");

const TABLE_KEYS: &[Key] = &[
    Key::new(
        "table",
        ValueType::TableName,
        KeyDefault::Described("named like the source's"),
        "Default: named like the source's.",
    )
    .set("\"public.events\""),
    Key::new(
        "where",
        ValueType::Text,
        KeyDefault::Described("all events"),
        "A condition over the source's columns, as SQL has it: the destination takes the events for \
         which it is true, holds a prefix of exactly those, and is compared only with them. Its \
         result for an event must never change: the source's server must take it as the predicate of \
         an index, over columns that are copied. Functions, types and operators that are not \
         PostgreSQL's own are written with their schema. Not with keeps = \"tail\".",
    )
    .comment("\"tenant = 'north'\""),
    Key::new(
        "rename",
        ValueType::NamePairs,
        KeyDefault::Described("every column is called as at the source"),
        "What columns of the source, the key column too, are called at this destination: the \
         source's name, then the destination's. Where the source has several tables, it applies to \
         those that have the column. Commands and messages name the destination's columns as they \
         are there.",
    )
    .comment("{ event = \"payload\" }"),
];

const POSTGRES_KEYS: &[Key] = &[
    Key::new(
        "writers",
        IntegerRange::count(16),
        KeyDefault::Integer(1),
        "1 to 16 concurrent COPYs; commits stay in the order of ids. More help where the \
         destination is far away or its indexes are slow to fill and it has cores to spare. Each \
         has a connection, and one more holds the destination. Tables with triggers of users (the \
         guard of init is one) or foreign keys are written by one.",
    ),
    Key::new(
        "synchronous_commit",
        ValueType::Choice(SYNCHRONOUS_COMMIT),
        KeyDefault::Text("auto"),
        "For the transactions of this destination (PostgreSQL manual, \"synchronous_commit\"). \
         auto is on, but a batch that others follow at once does not wait for the disk: the last \
         one does, and with it all of them. off is safe too: a crash of the destination loses a \
         suffix, which is then copied again. It is not safe where the destination is itself a \
         source of others with durability_gate = false.",
    ),
];

const REFLECTIONS: &[Key] = &[
    Key::section(
        "reflections",
        ValueType::SectionList,
        KeyDefault::Described("none: the destination is a copy"),
    ),
    Key::new(
        "drift",
        ValueType::Choice(DRIFT),
        KeyDefault::Text("stop"),
        "Of a destination with reflections: before a row is changed it is compared with what the \
         log says that it was. What follows where the two differ.",
    ),
];

const DRIFT: &[AllowedWord] = &[
    AllowedWord::new("stop", "nothing of the batch is written, and the destination stops (exit 4)"),
    AllowedWord::new("report", "it is told in the log, and the row becomes what the log says"),
    AllowedWord::new("off", "rows are not compared"),
];

const SYNCHRONOUS_COMMIT: &[AllowedWord] = &[
    AllowedWord::plain("auto"),
    AllowedWord::plain("on"),
    AllowedWord::plain("off"),
    AllowedWord::plain("local"),
    AllowedWord::plain("remote_write"),
    AllowedWord::plain("remote_apply"),
];
