//! `[replication]`: batches, waits and limits.

use super::key::{IntegerRange, Key, KeyDefault, KeyGroup, KeyTable};

pub(crate) const REPLICATION: KeyTable = KeyTable {
    name: "replication",
    header: "[replication]",
    is_rare: false,
    help: "",
    groups: &[KeyGroup::of(KEYS)],
};

const KEYS: &[Key] = &[
    Key::new(
        "max_events_per_write",
        IntegerRange::events(),
        KeyDefault::Integer(10_000),
        "Events of one destination transaction; a group is kept whole. More is a little faster, \
         fewer shows events earlier while catching up.",
    ),
    Key::new(
        "max_bytes_per_write",
        IntegerRange::bytes(1),
        KeyDefault::Integer(16 << 20),
        "Bytes of one destination transaction; a group or a single row may be larger.",
    ),
    Key::new(
        "connect_timeout_ms",
        IntegerRange::milliseconds(1),
        KeyDefault::Integer(15_000),
        "Milliseconds to connect and to pass the checks of one connection. Raise it for servers \
         far away.",
    ),
    Key::new(
        "retry_wait_max_ms",
        IntegerRange::milliseconds(1),
        KeyDefault::Integer(5_000),
        "Milliseconds: the longest wait between two tries; each is a random time between half of \
         it and all. So a server that is back is connected within so long. Raise it to be easier on \
         a server that many replicators wait for.",
    ),
    Key::new(
        "retry_for_ms",
        IntegerRange::milliseconds(0),
        KeyDefault::Integer(0),
        "Milliseconds without any progress after which the run gives up with exit code 8; 0 tries \
         for ever. With --until-caught-up the default is 60000.",
    )
    .comment("0"),
    Key::new(
        "hold_max_ms",
        IntegerRange::milliseconds(1),
        KeyDefault::Integer(100),
        "Milliseconds: a destination that would delay the others longer continues in its own pass \
         until it has caught up and is fast again. Raise it if all destinations should stay \
         together, at the price of waiting for the slowest. In the middle of a backlog it may be \
         up to half a second more, so that a destination that is short of CPU for a moment stays.",
    ),
    Key::new(
        "readers_max",
        IntegerRange::count(1_000),
        KeyDefault::Integer(4),
        "Concurrent reads of the source at most, at least 1: destinations at different positions \
         read apart from each other. Lower it if the source is short of CPU.",
    ),
    Key::new(
        "append_timeout_ms",
        IntegerRange::milliseconds(1),
        KeyDefault::Integer(120_000),
        "Milliseconds without progress of a destination transaction; then the connection is \
         dropped and the position asked again.",
    ),
    Key::new(
        "buffer_bytes_max",
        IntegerRange::bytes(64 << 10),
        KeyDefault::Integer(16 << 20),
        "Bytes of rows in flight in the whole process, at least 65536, whatever the number of \
         destinations. The largest single row comes on top, twice for each read. Raise it for \
         destinations far away, lower it in a small container.",
    ),
    Key::new(
        "shutdown_timeout_ms",
        IntegerRange::milliseconds(0),
        KeyDefault::Integer(5_000),
        "Milliseconds to finish or roll back the batch in hand after a first SIGINT or SIGTERM; \
         keep it below the grace period of the container.",
    ),
];
