//! The facts by which a discipline is judged: five short queries, none of which needs more than
//! SELECT on the table.

use crate::error::{Error, ErrorKind, Result};
use crate::postgres::session::Session;
use crate::postgres::table::{Column, ColumnOrigin, EventTable, TableName};
use crate::source::ids::drawn;
use crate::sql;
use tokio_postgres::Row;

/// What tells how ids are given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdFacts {
    /// The event table.
    pub table: TableName,
    /// The role that asked.
    pub role: String,
    /// Its id column.
    pub id_column: String,
    /// Type of the id column.
    pub id_type_oid: u32,
    /// Whether the server is in recovery.
    pub is_standby: bool,
    /// Whether a logical subscription writes into the table.
    pub is_subscribed: bool,
    /// Lowest id, if there is an event.
    pub lowest: Option<i64>,
    /// Highest id, if there is an event; read before the last values of the sequences.
    pub highest: Option<i64>,
    /// The sequences that feed the id column.
    pub sequences: Vec<IdSequence>,
    /// Whether the id column is `GENERATED … AS IDENTITY`.
    pub is_identity: bool,
    /// Default of the id column, as SQL.
    pub default_expression: Option<String>,
    /// Oids of the table and its leaf partitions.
    pub lock_relations: Vec<u32>,
    /// Enabled triggers that call `nextval` before a row is stored.
    pub drawing_triggers: Vec<String>,
    /// Whether the schema has a function `insert_events`.
    pub has_insert_events: bool,
    /// A table that holds one row with the next id.
    pub counter: Option<TableName>,
    /// Holes among the last 10,000 ids, ends included, lowest first; at most a hundred.
    pub holes: Vec<(i64, i64)>,
}

/// A sequence that feeds the id column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdSequence {
    /// Oid.
    pub oid: u32,
    /// Schema and name.
    pub name: TableName,
    /// `INCREMENT`.
    pub increment: i64,
    /// `CACHE`.
    pub cache: i64,
    /// `CYCLE`.
    pub is_cycle: bool,
    /// `MAXVALUE`.
    pub value_max: i64,
    /// The value drawn last.
    pub last_value: LastValue,
    /// Whether our role may ask the sequence itself how far it has come.
    pub may_select: bool,
}

/// The value of a sequence that was drawn last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastValue {
    /// Our role may not know.
    Unreadable,
    /// None was drawn.
    Unused,
    /// This one.
    At(i64),
}

impl IdFacts {
    /// Whether a sequence, or a default that mentions one, gives out the ids.
    pub(crate) fn is_fed_by_default(&self) -> bool {
        !self.sequences.is_empty()
            || self
                .default_expression
                .as_deref()
                .is_some_and(|default| default.contains("nextval("))
    }

    /// Whether ids are what the sequence gives, not computed from it.
    pub(crate) fn is_fed_plainly(&self) -> bool {
        self.is_identity || self.default_expression.as_deref().is_some_and(is_plain_nextval)
    }
}

/// Whether a default is `nextval('…'::regclass)` and nothing else, a cast to an integer type apart.
fn is_plain_nextval(default: &str) -> bool {
    let Some(rest) = default.trim_start_matches('(').strip_prefix("nextval('") else {
        return false;
    };
    let Some(end) = rest.rfind("'::regclass)") else { return false };
    let is_one_literal = !rest[..end].replace("''", "").contains('\'');
    let cast = rest[end + "'::regclass)".len()..].trim_start_matches(')');
    is_one_literal && ["", "::smallint", "::integer", "::bigint"].contains(&cast)
}

/// Asks for the facts, ids before the sequences that gave them out.
///
/// # Errors
/// `Access` where the table may not be read, otherwise what the connection or the server says.
pub async fn ask(
    session: &Session,
    table: &EventTable,
    id_column: &str,
    is_standby: bool,
) -> Result<IdFacts> {
    let what = || format!("cannot find out how ids of {} are given out", table.name);
    let id = table.column(id_column).ok_or_else(|| {
        Error::new(ErrorKind::Bug, what()).because("the id column was not checked before")
    })?;
    asked(session, table, id, is_standby).await.map_err(|e| session.error(&e, what()))
}

async fn asked(
    session: &Session,
    table: &EventTable,
    id: &Column,
    is_standby: bool,
) -> Result<IdFacts, tokio_postgres::Error> {
    let quoted = table.name.quoted();
    let fill = |statement| {
        sql::fill(statement, &[("id", sql::text(&*id.name)), ("table", sql::sql(&*quoted))])
    };
    let ends = session.query_one(&fill(include_str!("../../../sql/table/ends.sql")), &[]).await?;
    let holes = fill(include_str!("../../../sql/source/id_holes.sql"));
    let (sequences, default, holes) = futures::future::try_join3(
        session
            .query(include_str!("../../../sql/source/id_sequences.sql"), &[&table.oid, &id.name]),
        session
            .query_one(include_str!("../../../sql/source/id_default.sql"), &[&table.oid, &id.name]),
        session.query(&holes, &[]),
    )
    .await?;
    let drawing = table
        .insert_triggers
        .iter()
        .filter(|t| t.is_enabled && t.is_before && t.draws_from_sequence);
    let mut facts = IdFacts {
        table: table.name.clone(),
        role: table.role.clone(),
        id_column: id.name.clone(),
        id_type_oid: id.type_oid,
        is_standby,
        is_subscribed: table.is_subscribed,
        lowest: ends.try_get("lowest")?,
        highest: ends.try_get("highest")?,
        sequences: sequences.iter().map(sequence).collect::<Result<_, _>>()?,
        is_identity: id.origin == ColumnOrigin::Identity,
        default_expression: default.try_get("default_expression")?,
        lock_relations: default.try_get("lock_relations")?,
        drawing_triggers: drawing.map(|trigger| trigger.name.clone()).collect(),
        has_insert_events: default.try_get("has_insert_events")?,
        counter: None,
        holes: holes.iter().map(hole).collect::<Result<_, _>>()?,
    };
    for sequence in &mut facts.sequences {
        // Set to the value that comes next (`setval(…, false)`, `RESTART WITH`): the function above
        // tells nothing of it.
        if sequence.last_value == LastValue::Unused && sequence.may_select {
            let drawn: Option<i64> =
                session.query_one(&drawn::query(&sequence.name), &[]).await?.try_get(0)?;
            sequence.last_value = drawn
                .filter(|drawn| Some(*drawn) >= facts.highest)
                .map_or(LastValue::Unused, LastValue::At);
        }
    }
    if !facts.is_fed_by_default() && !facts.has_insert_events {
        facts.counter = counter(session, table, &id.name).await?;
    }
    Ok(facts)
}

fn sequence(row: &Row) -> Result<IdSequence, tokio_postgres::Error> {
    let last_value = match (row.try_get("may_read")?, row.try_get("last_value")?) {
        (false, _) => LastValue::Unreadable,
        (true, None) => LastValue::Unused,
        (true, Some(value)) => LastValue::At(value),
    };
    Ok(IdSequence {
        oid: row.try_get("oid")?,
        name: TableName { schema: row.try_get("schema")?, name: row.try_get("name")? },
        increment: row.try_get("increment")?,
        cache: row.try_get("cache")?,
        is_cycle: row.try_get("is_cycle")?,
        value_max: row.try_get("value_max")?,
        last_value,
        may_select: row.try_get("may_select")?,
    })
}

fn hole(row: &Row) -> Result<(i64, i64), tokio_postgres::Error> {
    Ok((row.try_get("first_missing")?, row.try_get("last_missing")?))
}

/// The first table beside the events that holds the next id and nothing else.
async fn counter(
    session: &Session,
    table: &EventTable,
    id_column: &str,
) -> Result<Option<TableName>, tokio_postgres::Error> {
    let candidates =
        session.query(include_str!("../../../sql/source/id_counters.sql"), &[&table.oid]).await?;
    for candidate in candidates {
        let name =
            TableName { schema: table.name.schema.clone(), name: candidate.try_get("name")? };
        let column: String = candidate.try_get("column_name")?;
        let asked = sql::fill(
            include_str!("../../../sql/source/id_counter.sql"),
            &[
                ("table", sql::sql(table.name.quoted())),
                ("id", sql::text(id_column)),
                ("counter", sql::sql(name.quoted())),
                ("column", sql::text(column)),
            ],
        );
        if session.query_one(&asked, &[]).await?.try_get("is_counter")? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::is_plain_nextval;

    #[test]
    fn only_a_default_that_is_the_sequences_value_is_plain() {
        for plain in [
            "nextval('public.events_id_seq'::regclass)",
            "nextval('public.\"It''s a seq\"'::regclass)",
            "(nextval('s'::regclass))::integer",
        ] {
            assert!(is_plain_nextval(plain), "{plain}");
        }
        for computed in [
            "(nextval('s'::regclass) * 2)",
            "(nextval('s'::regclass) + nextval('t'::regclass))",
            "nextval(('s'::text)::regclass)",
            "next_id()",
        ] {
            assert!(!is_plain_nextval(computed), "{computed}");
        }
    }
}
