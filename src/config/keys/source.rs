//! `[source]`.

use super::connection;
use super::key::{AllowedWord, IntegerRange, Key, KeyDefault, KeyGroup, KeyTable, ValueType};

pub(crate) const SOURCE: KeyTable = KeyTable {
    name: "source",
    header: "[source]",
    is_rare: false,
    help: "",
    groups: &[KeyGroup::of(&[URL]), connection::PARTS, KeyGroup::of(KEYS)],
};

const URL: Key = Key::new(
    "url",
    ValueType::Text,
    KeyDefault::Described("the parts below"),
    "Where events come from: a URL or keyword string, as libpq takes them (several hosts, sslmode, \
     service, options, …); what is not supported is refused. What is left out comes from the \
     service file, then from the environment (PGHOST, PGUSER, …), then from libpq's defaults. A \
     password in a URL is percent-encoded; better leave it out and use password_file, PGPASSWORD \
     or ~/.pgpass.",
)
.set("\"postgres://events_reader@db1.internal/orders?sslmode=verify-full&sslrootcert=system\"");

const KEYS: &[Key] = &[
    Key::new(
        "table",
        ValueType::TableNames,
        KeyDefault::Text("public.events"),
        "The event table, written as in SQL: events, public.events or \"My Schema\".\"Events\". A \
         list of several is as many replications, each called by the name of this one and its \
         table; no order is promised between them.",
    ),
    ID_COLUMN,
    COLUMNS,
    IDS,
    GROUP_BY,
    TIME_COLUMN,
    Key::new(
        "group_events_max",
        IntegerRange::events(),
        KeyDefault::Integer(1_000_000),
        "A group of more events than this is cut, with a warning. Lower it where a destination \
         cannot bear long transactions.",
    ),
    Key::new(
        "channel",
        ValueType::Identifier { may_be_empty: false },
        KeyDefault::Text("eventsinsert"),
        "The channel that slate's trigger notifies; Counterfoil also listens on its own channel \
         \"counterfoil\".",
    ),
    KNOWN_GAPS,
    KEEPS,
    Key::new(
        "poll_interval_ms",
        IntegerRange::milliseconds(1),
        KeyDefault::Integer(1_000),
        "Milliseconds, at least 1: the longest wait between two looks at the source when no \
         notification comes. Without a trigger the wait is a quarter of the time since the last \
         event, from 20 ms up to this. Each look costs one index probe.",
    ),
    Key::new(
        "durability_gate",
        ValueType::Boolean,
        KeyDefault::Boolean(true),
        "Whether a batch is committed only once the source has its rows safely on disk. With \
         false, a crash of a source that runs with synchronous_commit = off can leave a \
         destination with events its source has lost.",
    ),
];

const IDS_WORDS: &[AllowedWord] = &[
    AllowedWord::new("auto", "detected at start-up"),
    AllowedWord::new("consecutive", "1, 2, 3 … without holes: the strongest checks"),
    AllowedWord::new(
        "sequence",
        "from one sequence: writers do not wait for each other, and gaps are normal",
    ),
    AllowedWord::new(
        "copy",
        "the table is itself a destination of another Counterfoil (a chain), and nothing else \
         writes to it",
    ),
    AllowedWord::new(
        "grace:5s",
        "(or grace:500ms) a hole is given up after this time. Unsafe: a transaction that takes \
         longer is lost. Only for a source that cannot be changed; every start says so.",
    ),
];

pub(super) const ID_COLUMN: Key = Key::new(
    "id_column",
    ValueType::Identifier { may_be_empty: false },
    KeyDefault::Text("id"),
    "Its integer key, with a unique index.",
);

pub(super) const COLUMNS: Key = Key::new(
    "columns",
    ValueType::Names,
    KeyDefault::EmptyList,
    "The columns that are copied, where that is not all of them: the key column, and those that \
     group_by and time_column name, must be among them. The others are neither read nor compared, \
     init destination --config does not make them, and the source's role needs no privilege to \
     read them.",
)
.comment("[\"id\", \"ts\", \"event\"]");

pub(super) const IDS: Key = Key::new(
    "ids",
    ValueType::Ids(IDS_WORDS),
    KeyDefault::Text("auto"),
    "How ids are given out: detected at start-up (auto), or required.",
);

pub(super) const GROUP_BY: Key = Key::new(
    "group_by",
    ValueType::Identifier { may_be_empty: true },
    KeyDefault::Text("ts"),
    "Neighbours with an equal value in this column are never split over two destination \
     transactions, so that readers of a destination see all events of one call at once. Default: \
     ts, where the table has it. \"\" turns it off.",
)
.comment("\"ts\"");

pub(super) const TIME_COLUMN: Key = Key::new(
    "time_column",
    ValueType::Identifier { may_be_empty: true },
    KeyDefault::Text(""),
    "The column that says when an event was written, for the seconds behind in status; a timestamp \
     without time zone is taken as UTC. \"\": ts where it is a time, otherwise the column that \
     group_by names where it is one, otherwise the one column whose default is now() (or another \
     function that gives the time, of type timestamptz or written as UTC), otherwise none: lag is \
     then told in events alone.",
)
.comment("\"created_at\"");

pub(super) const KNOWN_GAPS: Key = Key::new(
    "known_gaps",
    ValueType::IdRanges,
    KeyDefault::EmptyList,
    "Consecutive ids only: missing ids that are accepted, as ids or ranges with both ends: \
     [\"42\", \"100..120\"].",
);

const KEEPS_WORDS: &[AllowedWord] = &[
    AllowedWord::new("all", "every event stays at the source"),
    AllowedWord::new(
        "tail",
        "the source may lose its oldest events (a detached partition, a purge from the low end), \
         and destinations keep them",
    ),
];

pub(super) const KEEPS: Key = Key::new(
    "keeps",
    ValueType::Choice(KEEPS_WORDS),
    KeyDefault::Text("all"),
    "Which of its events the source keeps. With tail the last event that a destination holds must \
     still be there whenever it is connected, so that what was never copied cannot vanish unseen; \
     what lies below the source's lowest id is neither compared nor ever taken from a destination.",
);
