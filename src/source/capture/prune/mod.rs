//! Removes the oldest events of a log that no reader needs, each batch in one transaction with a
//! certificate of what it was.

mod bound;

pub use bound::{PruneBound, PruneReason};

use super::readers::{LogReader, PruneCertificate, of_schema};
use crate::config::IdsSetting;
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::postgres::session::Session;
use crate::postgres::table::describe;
use crate::postgres::table::{TableName, highest};
use crate::source::ids::settle::settle;
use crate::source::ids::{self, Discipline, facts};
use crate::sql::literal;
use bound::bound;
use std::time::Duration;

/// Events of one certificate.
const BATCH_EVENTS_MAX: i64 = 10_000;
/// Transactions that may still add events are waited for so long, where no reader says what is
/// decided.
const SETTLE_MAX: Duration = Duration::from_secs(10);
const CANNOT: &str = "cannot prune the log";

/// What may be pruned.
#[derive(Clone, Debug)]
pub struct PruneWish {
    /// The log.
    pub log: TableName,
    /// Events younger than this stay.
    pub keep: Duration,
    /// Readers that are to be forgotten before.
    pub forgotten: Vec<String>,
    /// Whether age alone decides where no reader is known.
    pub without_readers: bool,
}

/// What would be pruned now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrunePlan {
    /// Who reads it, the one that needs most first.
    pub readers: Vec<LogReader>,
    /// Who is to be forgotten.
    pub forgotten: Vec<LogReader>,
    /// How far it may go; `None`: the log is empty.
    pub bound: Option<PruneBound>,
    /// The events that go; `None`: none.
    pub events: Option<PruneCertificate>,
}

impl PrunePlan {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.events.is_none() && self.forgotten.is_empty()
    }
}

/// Looks what may be pruned; changes nothing.
///
/// # Errors
/// `Unsuitable` where no reader is known, or one was told that the log keeps everything; `Usage` for
/// a reader to be forgotten that is none; `Unavailable` where transactions are open without whose
/// end nothing is decided.
pub async fn prune_plan(session: &Session, wish: &PruneWish) -> Result<PrunePlan, Problems> {
    let log = &wish.log;
    let (forgotten, readers): (Vec<_>, Vec<_>) = LogReader::all(session, log)
        .await?
        .into_iter()
        .partition(|reader| wish.forgotten.contains(&reader.name));
    refuse(wish, &readers, &forgotten)?;
    let last = session.query_one(&highest(log, "id"), &[]).await;
    let last: Option<i64> = last.map_err(|error| session.error(&error, CANNOT))?.get(0);
    if readers.is_empty() {
        settled(session, log).await?;
    }
    let Some(found) = bound(&readers, last) else {
        return Ok(PrunePlan { readers, forgotten, bound: None, events: None });
    };
    let sql = of_schema(include_str!("../../../../sql/capture/prune_first_kept.sql"), log);
    let keep = wish.keep.as_secs_f64();
    let young = session.query_opt(&sql, &[&found.through, &keep]).await;
    let young = young.map_err(|error| session.error(&error, CANNOT))?;
    let found = found.but_kept_from(young.map(|row| row.get("id")));
    let span = of_schema(include_str!("../../../../sql/capture/prune_span.sql"), log);
    let span = session.query_one(&span, &[&found.through]).await;
    let span = span.map_err(|error| session.error(&error, CANNOT))?;
    let events = span.get::<_, Option<i64>>("first_id").map(|_| PruneCertificate::of(&span));
    Ok(PrunePlan { readers, forgotten, bound: Some(found), events })
}

/// Carries a plan out; gives the certificates it wrote. Ended in between, it has pruned whole
/// batches, and a second run goes on.
///
/// # Errors
/// Those of the session; `Unavailable` where another one prunes.
pub async fn prune(
    session: &Session,
    wish: &PruneWish,
    plan: &PrunePlan,
) -> Result<Vec<PruneCertificate>> {
    if !plan.forgotten.is_empty() {
        let sql = of_schema(include_str!("../../../../sql/capture/forget.sql"), &wish.log);
        let done = session.execute(&sql, &[&wish.forgotten]).await;
        done.map_err(|error| session.error(&error, "cannot forget a reader"))?;
    }
    let mut written = Vec::new();
    let through = plan.events.map(|events| events.through);
    while let Some(through) = through {
        match batch(session, &wish.log, through).await {
            Ok(Some(certificate)) => written.push(certificate),
            Ok(None) => break,
            Err(error) => {
                if !session.is_closed() {
                    // Its own failure has nothing to add.
                    let _ = session.batch_execute("rollback").await;
                }
                return Err(error);
            }
        }
    }
    Ok(written)
}

/// One transaction: the certificate, then what it is about. `None`: nothing is left to prune.
async fn batch(
    session: &Session,
    log: &TableName,
    through: i64,
) -> Result<Option<PruneCertificate>> {
    let failed = |error: tokio_postgres::Error| session.error(&error, CANNOT);
    let begin = format!(
        "begin; set local search_path = pg_catalog, pg_temp; set local lock_timeout = '10s'; lock \
         table {}.pruned in share row exclusive mode",
        crate::sql::ident(&log.schema)
    );
    session.batch_execute(&begin).await.map_err(failed)?;
    let certify = of_schema(include_str!("../../../../sql/capture/prune_certify.sql"), log);
    let written = session.query_opt(&certify, &[&through, &BATCH_EVENTS_MAX]).await;
    let written = written.map_err(failed)?.map(|row| PruneCertificate::of(&row));
    if let Some(certificate) = written {
        let delete = of_schema(include_str!("../../../../sql/capture/prune_delete.sql"), log);
        let ends = [certificate.first_id, certificate.through];
        let gone = session.execute(&delete, &[&ends[0], &ends[1]]).await.map_err(failed)?;
        if gone != certificate.events {
            let what = format!("{gone} events would go, and {} were certified", certificate.events);
            let fix = "nothing of this batch was removed; look who writes into the log by hand";
            return Err(Error::new(ErrorKind::Unsuitable, CANNOT).because(what).fix(fix));
        }
    }
    session.batch_execute("commit").await.map_err(failed)?;
    Ok(written)
}

fn refuse(
    wish: &PruneWish,
    readers: &[LogReader],
    forgotten: &[LogReader],
) -> Result<(), Problems> {
    let mut problems = Problems::new();
    for name in &wish.forgotten {
        if forgotten.iter().all(|reader| reader.name != *name) {
            let what = format!("{name} is no reader of {}", wish.log);
            let fix = "counterfoil capture status shows who is";
            problems.push(Error::new(ErrorKind::Usage, what).fix(fix));
        }
    }
    for reader in readers.iter().filter(|reader| reader.keeps_all) {
        let what = format!("cannot prune {}: its reader {} keeps all", wish.log, reader.name);
        let fix = format!(
            "set keeps = \"tail\" in [source] of its configuration, and let it run once; if it is \
             gone for good: counterfoil capture prune --forget {}",
            literal(&reader.name)
        );
        let why = "its configuration says that the source loses no event; it would stop";
        problems.push(Error::new(ErrorKind::Unsuitable, what).because(why).fix(fix));
    }
    if readers.is_empty() && !wish.without_readers {
        let what = format!("cannot prune {}: no reader of it is known", wish.log);
        let fix = "grant select, insert and update on its table readers to the role that follows \
                   it (docs/capture.md); if nothing needs the events: --without-readers";
        let why = "a replication that may not write into the table of readers would lose events";
        problems.push(Error::new(ErrorKind::Unsuitable, what).because(why).fix(fix));
    }
    problems.or_ok(())
}

/// Waits until every event that was drawn before now is decided.
async fn settled(session: &Session, log: &TableName) -> Result<(), Problems> {
    let table = describe::table(session, log, "id").await?;
    let table = table.ok_or_else(|| {
        Error::new(ErrorKind::Unsuitable, format!("there is no log {log}"))
            .fix("counterfoil capture install makes it")
    })?;
    let facts = facts::ask(session, &table, "id", false).await?;
    let judged = ids::judge(&facts, IdsSetting::Auto, &[])?;
    let relations = match &judged.discipline {
        Discipline::Sequence { lock_relations, .. } => lock_relations.clone(),
        _ => vec![table.oid],
    };
    let open = settle(session, &relations, SETTLE_MAX).await?;
    if open.is_empty() {
        return Ok(());
    }
    let what = format!("cannot prune {log}: transactions are open that may still add events");
    let fix = "nothing was removed; try again when they have ended";
    Err(Error::new(ErrorKind::Unavailable, what).because(open.join("; ")).fix(fix).into())
}
