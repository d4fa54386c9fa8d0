//! Where a database is: keys that a source and a destination have in common.

use super::key::{Key, KeyDefault, KeyGroup, ValueType};

const PARTS_HELP: &str = "Or the parts one by one, in place of url or to complete it. A part that \
                          url gives must not stand here as well.";

/// The parts of a connection, explained.
pub(super) const PARTS: KeyGroup =
    KeyGroup { help: PARTS_HELP, explained_in: "", keys: PARTS_KEYS };

/// The same, for a table that comes after the source.
pub(super) const PARTS_AS_IN_SOURCE: KeyGroup =
    KeyGroup { help: PARTS_HELP, explained_in: "[source]", keys: PARTS_KEYS };

const PARTS_KEYS: &[Key] = &[
    Key::new(
        "host",
        ValueType::Text,
        KeyDefault::Described(
            "PGHOST, otherwise the socket directory of this machine, otherwise localhost",
        ),
        "name, address or directory of a Unix socket; several with commas between",
    )
    .comment("\"db1.internal\""),
    Key::new(
        "port",
        ValueType::Port,
        KeyDefault::Described("PGPORT, otherwise 5432"),
        "\"5432,5433\" for several hosts",
    )
    .comment("5432"),
    Key::new(
        "database",
        ValueType::Text,
        KeyDefault::Described("PGDATABASE, otherwise the name of the user"),
        "default: the name of the user",
    )
    .slate("databaseName")
    .comment("\"orders\""),
    Key::new(
        "user",
        ValueType::Text,
        KeyDefault::Described("PGUSER, otherwise the user of the operating system"),
        "default: the user of the operating system",
    )
    .comment("\"events_reader\""),
    Key::new(
        "password",
        ValueType::Text,
        KeyDefault::Described("PGPASSWORD, otherwise the passfile"),
        "taken as it is, without percent-encoding",
    )
    .secret()
    .comment("\"${DB_PASSWORD}\""),
    Key::new(
        "password_file",
        ValueType::Text,
        KeyDefault::Described("none"),
        "its first line is read again for each connection, so that it can be rotated; relative to \
         this file",
    )
    .comment("\"/run/secrets/db1\""),
    Key::new(
        "password_command",
        ValueType::CommandLine,
        KeyDefault::EmptyList,
        "program and arguments, no shell; run for each connection, 10 s at most; the first line of \
         its output is the password",
    )
    .comment("[\"bin/token\", \"db1\"]"),
];
