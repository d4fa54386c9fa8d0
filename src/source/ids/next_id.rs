//! What gives out the next id of a source, and how it is made to go on after events that came from
//! elsewhere.
//!
//! It is only ever raised: an id that was given out once, here or at the source that was lost, is
//! never given out again.

use crate::error::{Error, ErrorKind, Result};
use crate::postgres::session::Session;
use crate::postgres::table::{EventTable, TableName};
use crate::source::ids::Discipline;
use crate::sql;

/// What gives out ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextId {
    /// Table `id` of this schema, whose one row holds the next id: ours and slate's.
    Counter(String),
    /// A plain sequence, which counts by one.
    Sequence {
        /// Its oid.
        oid: u32,
        /// Its schema and name.
        name: TableName,
        /// Whether our role may know where it stands.
        may_read: bool,
    },
}

impl NextId {
    /// Finds it.
    ///
    /// # Errors
    /// `Unsuitable` when ids are given out in another way, or by a counter that is not one row.
    pub async fn find(
        session: &Session,
        table: &EventTable,
        discipline: &Discipline,
    ) -> Result<Self> {
        let found = match discipline {
            Discipline::Sequence { sequence: oid, .. } => self::sequence(session, *oid).await?,
            Discipline::Consecutive => counter(session, table).await?,
            Discipline::Copy | Discipline::Grace(_) => None,
        };
        found.ok_or_else(|| {
            Error::new(
                ErrorKind::Unsuitable,
                format!("cannot tell what gives out the next id of {}", table.name),
            )
            .at(session.place())
            .because(
                "there is neither a single plain sequence nor a counter table named id beside it",
            )
            .fix("make the source with counterfoil init source; nothing was written")
        })
    }

    /// The next id; `None` where our role may not know.
    ///
    /// # Errors
    /// `Unsuitable` for a counter that is not one row; those of the server.
    pub async fn ask(&self, session: &Session) -> Result<Option<i64>> {
        let failed = |error| session.error(&error, "cannot ask for the next id");
        match self {
            Self::Sequence { may_read: false, .. } => Ok(None),
            Self::Sequence { name, .. } => {
                let asked = sql::fill(
                    include_str!("../../../sql/source/sequence.sql"),
                    &sequence_names(name),
                );
                let row = session.query_one(&asked, &[]).await.map_err(failed)?;
                let (last_value, is_called): (i64, bool) = (row.get(0), row.get(1));
                Ok(Some(last_value.saturating_add(is_called.into())))
            }
            Self::Counter(schema) => {
                let asked = sql::fill(
                    include_str!("../../../sql/source/counter_next.sql"),
                    &[("schema", sql::text(schema))],
                );
                let row = session.query_one(&asked, &[]).await.map_err(failed)?;
                if row.get(0) {
                    return Ok(row.get(1));
                }
                let counter = format!("{}.id", sql::ident(schema));
                Err(Error::new(
                    ErrorKind::Unsuitable,
                    format!("the counter {counter} does not hold one row"),
                )
                .at(session.place())
                .fix(format!(
                    "insert into {counter} values (1); where it is empty; nothing was written"
                )))
            }
        }
    }

    /// The statement that lets it go on after this id, unless it is beyond. Running it again is
    /// harmless.
    pub fn raise(&self, last: i64) -> String {
        let statement = match self {
            Self::Sequence { oid, name, .. } => {
                let [schema, sequence] = sequence_names(name);
                let oid = ("oid", sql::sql(oid.to_string()));
                let last = ("last", sql::sql(format!("'{last}'::pg_catalog.int8")));
                sql::fill(
                    include_str!("../../../sql/source/sequence_raise.sql"),
                    &[schema, sequence, oid, last],
                )
            }
            Self::Counter(schema) => sql::fill(
                include_str!("../../../sql/source/counter_raise.sql"),
                &[
                    ("schema", sql::text(schema)),
                    ("next", sql::sql(format!("'{}'::pg_catalog.int8", last.saturating_add(1)))),
                ],
            ),
        };
        sql::without_header(&statement).to_owned()
    }
}

fn sequence_names(name: &TableName) -> [(&'static str, sql::SqlValue<'_>); 2] {
    [("schema", sql::text(&name.schema)), ("sequence", sql::text(&name.name))]
}

async fn sequence(session: &Session, oid: u32) -> Result<Option<NextId>> {
    let found =
        session.query_opt(include_str!("../../../sql/source/sequence_name.sql"), &[&oid]).await;
    let found =
        found.map_err(|error| session.error(&error, "cannot ask for the name of the sequence"))?;
    Ok(found.map(|row| NextId::Sequence {
        oid,
        name: TableName { schema: row.get(0), name: row.get(1) },
        may_read: row.get(2),
    }))
}

async fn counter(session: &Session, table: &EventTable) -> Result<Option<NextId>> {
    let candidates =
        session.query(include_str!("../../../sql/source/id_counters.sql"), &[&table.oid]).await;
    let candidates =
        candidates.map_err(|error| session.error(&error, "cannot look for the counter of ids"))?;
    let is_counter =
        candidates.iter().any(|row| row.get::<_, &str>(0) == "id" && row.get::<_, &str>(1) == "id");
    Ok(is_counter.then(|| NextId::Counter(table.name.schema.clone())))
}
