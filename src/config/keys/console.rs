//! `[console]`: the window in a browser, its metrics and its probes.

use super::key::{AllowedWord, IntegerRange, Key, KeyDefault, KeyGroup, KeyTable, ValueType};

pub(crate) const CONSOLE: KeyTable = KeyTable {
    name: "console",
    header: "[console]",
    is_rare: false,
    help: "The window: a page in the browser, metrics and probes. It belongs to the process.",
    groups: &[KeyGroup::of(KEYS)],
};

const KEYS: &[Key] = &[
    Key::new(
        "listen",
        ValueType::Text,
        KeyDefault::Text(""),
        "Where it listens: \"127.0.0.1:8080\", \"[::]:8080\" or \"unix:/run/counterfoil/console.sock\"; \
         \"\" is off. Beyond this machine the page needs a login below; metrics and probes are \
         served without one.",
    ),
    Key::new(
        "hosts",
        ValueType::Texts,
        KeyDefault::EmptyList,
        "Further names under which browsers reach it, such as that of a proxy, with the port where \
         they write one. A request for another name is refused: a page of another site could \
         otherwise read this one through a name of its own.",
    )
    .set("[]"),
    Key::new(
        "password_hash",
        ValueType::Text,
        KeyDefault::Described("none: nobody can sign in by a password"),
        "What `counterfoil hash-password` prints of a password (argon2id).",
    )
    .secret()
    .comment("\"$argon2id$v=19$m=19456,t=2,p=1$…\""),
    Key::new(
        "password_hash_file",
        ValueType::Text,
        KeyDefault::Text(""),
        "Or a file whose first line is that; read again at each sign-in. A relative path is looked \
         for beside this file.",
    ),
    Key::new(
        "token_file",
        ValueType::Text,
        KeyDefault::Text(""),
        "A file whose first line is a token of 16 characters or more, for programs: `Authorization: \
         Bearer …`; read again at each request that carries one.",
    ),
    Key::new(
        "tls_certificate",
        ValueType::Text,
        KeyDefault::Text(""),
        "A file with the certificate and those between it and its authority, as PEM; with tls_key \
         the window speaks TLS. Both are read again when they change.",
    ),
    Key::new(
        "tls_key",
        ValueType::Text,
        KeyDefault::Text(""),
        "The file of its private key, as PEM.",
    ),
    Key::new(
        "behind_tls_proxy",
        ValueType::Boolean,
        KeyDefault::Boolean(false),
        "A proxy in front speaks TLS: signing in is allowed beyond this machine although the window \
         itself speaks none.",
    ),
    Key::new(
        "metrics",
        ValueType::Choice(METRICS),
        KeyDefault::Text("open"),
        "Who may read /metrics.",
    ),
    Key::new(
        "behind_ms",
        IntegerRange::milliseconds(0),
        KeyDefault::Integer(1000),
        "Milliseconds: a destination that lags less is told as following, otherwise as copying.",
    ),
    Key::new(
        "ready_lag_ms",
        IntegerRange::milliseconds(0),
        KeyDefault::Integer(300_000),
        "Milliseconds: /readyz answers 503 while a destination lags longer.",
    ),
    Key::new(
        "ready_hold_ms",
        IntegerRange::milliseconds(0),
        KeyDefault::Integer(600_000),
        "Milliseconds: /readyz answers 503 while a transaction at the source holds back events \
         longer.",
    ),
    Key::new(
        "edit",
        ValueType::Boolean,
        KeyDefault::Boolean(false),
        "The configuration can be changed in the browser by those who have signed in. Then the first \
         replication can be made there too, and none is needed to begin with.",
    ),
];

const METRICS: &[AllowedWord] = &[
    AllowedWord::plain("open"),
    AllowedWord::new("login", "who has signed in or sends the token"),
    AllowedWord::plain("off"),
];
