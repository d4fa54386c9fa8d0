//! What gives out the next id of a source, and how it is made to go on after events that came from elsewhere.
//!
//! It is only ever raised: an id that was given out once, here or at the source that was lost, is never given out again.

use crate::error::{Error, Kind, Result};
use crate::event::table::Table;
use crate::postgres::connect::Session;
use crate::source::discipline::Discipline;
use crate::sql;

/// What gives out ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextId {
    /// Table `id` of this schema, whose one row holds the next id: ours and slate's.
    Counter(String),
    /// The sequence of this oid.
    Sequence(u32),
}

impl NextId {
    /// Finds it.
    ///
    /// # Errors
    /// `Unsuitable` when ids are given out in another way, or by a counter that is not one row.
    pub async fn find(session: &Session, table: &Table, discipline: &Discipline) -> Result<Self> {
        let found = match discipline {
            Discipline::Sequence { sequence, .. } => Some(Self::Sequence(*sequence)),
            Discipline::Consecutive => counter(session, table).await?,
            Discipline::Grace(_) => None,
        };
        found.ok_or_else(|| {
            Error::new(
                Kind::Unsuitable,
                format!("cannot tell what gives out the next id of {}", table.name),
            )
            .at(session.place())
            .because("there is neither one plain sequence nor a counter table id beside it")
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
            Self::Sequence(oid) => {
                let row = session.query_one(include_str!("../../sql/restore/sequence.sql"), &[oid]).await;
                Ok(row.map_err(failed)?.get(0))
            }
            Self::Counter(schema) => {
                let asked = sql::fill(include_str!("../../sql/restore/counter.sql"), &[("schema", sql::text(schema))]);
                let row = session.query_one(&asked, &[]).await.map_err(failed)?;
                if row.get(0) {
                    return Ok(row.get(1));
                }
                let counter = format!("{}.id", sql::ident(schema));
                Err(Error::new(Kind::Unsuitable, format!("the counter {counter} does not hold one row"))
                    .at(session.place())
                    .fix(format!("insert into {counter} values (1); where it is empty; nothing was written")))
            }
        }
    }

    /// The statement that lets it go on after this id, unless it is beyond. Running it again is harmless.
    pub fn raise(&self, last: i64) -> String {
        let statement = match self {
            Self::Sequence(oid) => sql::fill(
                include_str!("../../sql/restore/sequence_raise.sql"),
                &[
                    ("oid", sql::sql(oid.to_string())),
                    ("last", sql::sql(format!("'{last}'::pg_catalog.int8"))),
                ],
            ),
            Self::Counter(schema) => sql::fill(
                include_str!("../../sql/restore/counter_raise.sql"),
                &[
                    ("schema", sql::text(schema)),
                    ("next", sql::sql(format!("'{}'::pg_catalog.int8", last.saturating_add(1)))),
                ],
            ),
        };
        sql::without_header(&statement).to_owned()
    }
}

async fn counter(session: &Session, table: &Table) -> Result<Option<NextId>> {
    let candidates = session.query(include_str!("../../sql/source/id_counters.sql"), &[&table.oid]).await;
    let candidates = candidates.map_err(|error| session.error(&error, "cannot look for the counter of ids"))?;
    let is_counter = candidates
        .iter()
        .any(|row| row.get::<_, &str>(0) == "id" && row.get::<_, &str>(1) == "id");
    Ok(is_counter.then(|| NextId::Counter(table.name.schema.clone())))
}
