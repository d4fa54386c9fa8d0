//! `[tables."…"]`: what differs for one of several tables of a source.

use super::key::{Key, KeyGroup, KeyTable};
use super::source;

pub(crate) const TABLE: KeyTable = KeyTable {
    name: "tables",
    header: "[tables.\"public.events\"]",
    is_rare: true,
    help: "What differs for one of several tables (source.table), under its name. What is not \
           written is as in [source].",
    groups: &[KeyGroup::of(KEYS)],
};

const KEYS: &[Key] = &[
    source::ID_COLUMN.of_table("\"entry_id\"", "its integer key, with a unique index"),
    source::COLUMNS.of_table("[]", "its columns that are copied; [] for all of them"),
    source::IDS.of_table("\"sequence\"", "how its ids are given out"),
    source::GROUP_BY.of_table(
        "\"written_at\"",
        "the column whose equal neighbours stay together; \"\" turns it off",
    ),
    source::KEEPS.of_table("\"tail\"", "which of its events the source keeps"),
    source::TIME_COLUMN
        .of_table("\"entered_at\"", "the column that says when an event of it was written"),
    source::KNOWN_GAPS.of_table("[\"42\"]", "its missing ids that are accepted"),
];
