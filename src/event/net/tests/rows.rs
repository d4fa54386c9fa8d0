//! The rows of the model: accounts, and entries that belong to them.

use crate::event::net::RowKey;
use std::collections::BTreeMap;

/// Entries belong to accounts, by a foreign key that cascades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    Account,
    Entry,
}

/// Of an account its number; of an entry that of its account, and its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub table: Table,
    pub k: i64,
    pub n: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub key: Key,
    /// No two accounts have the same.
    pub u: Option<i64>,
    pub v: i64,
}

pub type State = BTreeMap<Key, Row>;

#[derive(Clone, Copy, Debug)]
pub enum RowOp {
    Insert(Row),
    Update(Key, Row),
    Delete(Key),
}

impl Table {
    pub const ALL: [Self; 2] = [Self::Account, Self::Entry];

    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "public.account",
            Self::Entry => "public.entry",
        }
    }

    pub fn key_columns(self) -> Vec<String> {
        let names: &[&str] = match self {
            Self::Account => &["k"],
            Self::Entry => &["na\"me 🦀", "k"],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }
}

impl Key {
    pub fn account(k: i64) -> Self {
        Self { table: Table::Account, k, n: 0 }
    }

    pub fn entry(k: i64, n: i64) -> Self {
        Self { table: Table::Entry, k, n }
    }

    pub fn of(table: Table, key: &RowKey) -> Self {
        let texts: Vec<_> = key.texts();
        match table {
            Table::Account => Self::account(texts[0].parse().unwrap()),
            Table::Entry => Self::entry(
                texts[1].parse().unwrap(),
                texts[0].strip_prefix("\"\t").unwrap().parse().unwrap(),
            ),
        }
    }
}

impl Row {
    pub fn image(&self) -> String {
        let Self { key: Key { table, k, n }, u, v } = self;
        let u = u.map_or_else(|| "null".to_owned(), |u| u.to_string());
        match table {
            Table::Account => format!(r#"{{"k":{k},"u":{u},"v":{v}}}"#),
            Table::Entry => format!(r#"{{"v":{v},"na\"me 🦀":"\"\t{n}","k":{k}}}"#),
        }
    }
}
