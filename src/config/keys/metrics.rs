//! `[metrics]`: the metrics as a file, for a process that is seldom asked.

use super::key::{Key, KeyDefault, KeyGroup, KeyTable, ValueType};

pub(crate) const METRICS: KeyTable = KeyTable {
    name: "metrics",
    header: "[metrics]",
    is_rare: false,
    help: "The metrics as a file. It belongs to the process.",
    groups: &[KeyGroup::of(&[FILE])],
};

const FILE: Key = Key::new(
    "file",
    ValueType::Text,
    KeyDefault::Text(""),
    "What /metrics would answer, written to this file every 15 s and at the end, each time by rename; \
     for jobs, which are over before they are asked: node_exporter reads it from the folder of its \
     textfile collector. The name must end in .prom for that. \"\" is off.",
);
