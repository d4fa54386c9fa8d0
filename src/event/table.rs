//! An event table as the catalog describes it, and whether a destination can hold what a source has.

use crate::error::{Error, Kind, Result};
use crate::event::trigger::InsertTrigger;
use crate::sql;
use std::fmt;

/// Schema and name of a table, unquoted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    /// Schema, as the catalog has it.
    pub schema: String,
    /// Name, as the catalog has it.
    pub name: String,
}

impl TableName {
    /// Reads `events`, `public.events` or `"My Schema"."Events"` as SQL would: unquoted parts are folded to lower case; the schema is `public` when none is given.
    ///
    /// # Errors
    /// `Usage` when a part is empty, a quote is not closed, or there are more than two parts.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Error::new(Kind::Usage, format!("cannot read the table name {text:?}: {why}"))
                .fix("write it as in SQL: events, public.events or \"My Schema\".\"Events\"")
        };
        let mut parts = Vec::new();
        let mut rest = text.trim();
        loop {
            let (part, after) = parse_part(rest).ok_or_else(|| wrong("a part is empty or a quote is not closed"))?;
            parts.push(part);
            match after.strip_prefix('.') {
                Some(next) => rest = next,
                None if after.is_empty() => break,
                None => return Err(wrong("unexpected characters after a name")),
            }
        }
        match <[String; 2]>::try_from(parts) {
            Ok([schema, name]) => Ok(Self { schema, name }),
            Err(mut parts) if parts.len() == 1 => Ok(Self {
                schema: "public".to_owned(),
                name: parts.remove(0),
            }),
            Err(_) => Err(wrong("more than a schema and a name")),
        }
    }

    /// Schema and name quoted for SQL.
    pub fn quoted(&self) -> String {
        format!("{}.{}", sql::ident(&self.schema), sql::ident(&self.name))
    }
}

fn parse_part(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find(['.', '"']).unwrap_or(text.len());
        let part = text[..end].trim();
        let is_plain = !part.is_empty() && !part.contains(char::is_whitespace);
        return is_plain.then(|| (part.to_lowercase(), &text[end..]));
    };
    let mut part = String::new();
    loop {
        let quote = rest.find('"')?;
        part.push_str(&rest[..quote]);
        rest = &rest[quote + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                part.push('"');
                rest = after;
            }
            None => return (!part.is_empty()).then_some((part, rest)),
        }
    }
}

impl fmt::Display for TableName {
    /// As a person reads and SQL accepts it: quoted only where needed.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |part: &str| {
            part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
                && !part.starts_with(|c: char| c.is_ascii_digit())
        };
        let show = |part: &str| if plain(part) { part.to_owned() } else { sql::ident(part) };
        write!(out, "{}.{}", show(&self.schema), show(&self.name))
    }
}

/// How a column's values come to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Given by whoever inserts, perhaps with a default.
    Plain,
    /// `GENERATED … AS IDENTITY`.
    Identity,
    /// `GENERATED ALWAYS AS (expression)`: never inserted.
    Generated,
}

/// A column as the catalog describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name, as the catalog has it.
    pub name: String,
    /// Type with its modifier, as `format_type` gives it: `numeric(10,2)`.
    pub type_name: String,
    /// Oid of the type; equal on all servers for built-in types only.
    pub type_oid: u32,
    /// Whether the binary form of the type is stable over versions and free of oids: a built-in scalar, or an array, domain-free, of one.
    pub is_binary_stable: bool,
    /// Whether NULL is refused.
    pub is_not_null: bool,
    /// Whether an insert that leaves it out gets a default.
    pub has_default: bool,
    /// How its values come to be there.
    pub origin: Origin,
    /// Whether our role may read it.
    pub may_select: bool,
    /// Whether our role may insert into it.
    pub may_insert: bool,
}

/// An event table as the catalog describes it at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Schema and name.
    pub name: TableName,
    /// Oid; another one after DROP and CREATE.
    pub oid: u32,
    /// `relkind`: `r` table, `p` partitioned, `v` view, …
    pub kind: char,
    /// Columns in their order.
    pub columns: Vec<Column>,
    /// Whether a unique, valid, not partial, not deferrable btree index has the id column alone as its key.
    pub has_id_key: bool,
    /// User triggers for inserts, disabled ones included, in the order of their names.
    pub insert_triggers: Vec<InsertTrigger>,
    /// Whether foreign keys leave the table.
    pub has_foreign_keys: bool,
    /// Whether row-level security filters for our role.
    pub has_row_security: bool,
    /// Estimated rows, from statistics; negative when never analysed.
    pub rows_estimated: f64,
    /// Whether our role may use the schema.
    pub may_use_schema: bool,
    /// Whether a logical subscription of its own database writes into it.
    pub is_subscribed: bool,
    /// Whether other tables inherit from it (partitions aside), so that no index is unique over all rows.
    pub has_heirs: bool,
    /// Whether triggers stand before UPDATE and before DELETE, presumably to refuse them.
    pub is_guarded: bool,
}

impl Table {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether several COPYs may run into it at the same time: a trigger or a foreign key can let one transaction wait for another.
    pub fn allows_concurrent_writers(&self) -> bool {
        !self.has_foreign_keys && self.insert_triggers.iter().all(|trigger| !trigger.is_enabled)
    }
}
