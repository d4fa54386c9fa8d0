//! Statements on a busy table: a short lock or none, tried again with pauses. A lock that waits long
//! would keep every later query of the table waiting behind it.

use crate::error::{Error, Result};
use crate::postgres::session::Session;
use crate::sql::ident;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// SQLSTATE of a lock that was not to be had in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(300);

/// How long a lock may be waited for.
#[derive(Clone, Copy, Debug)]
pub struct LockBudget {
    /// At a time: no statement of others waits longer behind ours.
    pub at_a_time: Duration,
    /// In all, with the pauses between.
    pub in_all: Duration,
}

/// What is done in one transaction under the lock of a table.
pub(super) trait LockedWork {
    /// What comes of it.
    type Outcome;
    /// Does it.
    ///
    /// # Errors
    /// What it says; everything is rolled back then.
    async fn carry_out(&self, session: &Session) -> Result<Self::Outcome, crate::error::Problems>;
}

/// Does the work under a lock that lets others read and lets nobody write, on these tables.
///
/// # Errors
/// Those of the work; `Unavailable` with who holds a table, where it was not to be had.
pub(super) async fn under_lock<W: LockedWork>(
    session: &Session,
    (oids, names): (&[u32], &[String]),
    patience: LockBudget,
    work: &W,
) -> Result<W::Outcome, crate::error::Problems> {
    let begun = Instant::now();
    loop {
        match once(session, names, patience, work).await {
            Err(problems) if is_locked(&problems) => {
                let holders = holders(session, oids).await?;
                if begun.elapsed() >= patience.in_all {
                    return Err(not_to_be_had(names, &holders, patience).into());
                }
            }
            done => return done,
        }
        sleep(PAUSE).await;
    }
}

fn is_locked(problems: &crate::error::Problems) -> bool {
    problems.iter().any(|problem| problem.sqlstate() == Some(LOCK_NOT_AVAILABLE))
}

async fn once<W: LockedWork>(
    session: &Session,
    names: &[String],
    patience: LockBudget,
    work: &W,
) -> Result<W::Outcome, crate::error::Problems> {
    let run = async |sql: &str| {
        let done = session.batch_execute(sql).await;
        done.map_err(|error| session.error(&error, "cannot change what captures a table"))
    };
    let done = async {
        let wait = patience.at_a_time.as_millis().max(1);
        run(&format!(
            "begin; set local search_path = pg_catalog, pg_temp; set local lock_timeout = '{wait}ms'"
        ))
        .await?;
        run(&format!("lock table {} in share row exclusive mode", names.join(", "))).await?;
        let outcome = work.carry_out(session).await?;
        run("commit").await?;
        Ok(outcome)
    }
    .await;
    if done.is_err() && !session.is_closed() {
        // Its own failure has nothing to add.
        let _ = session.batch_execute("rollback").await;
    }
    done
}

/// Who holds these tables, in words.
async fn holders(session: &Session, oids: &[u32]) -> Result<Vec<String>> {
    let sql = include_str!("../../../sql/capture/holders.sql");
    let rows = session.query(sql, &[&oids]).await;
    let rows = rows.map_err(|error| session.error(&error, "cannot ask who holds a table"))?;
    let words = |row: &tokio_postgres::Row| {
        let (pid, role): (i32, String) = (row.get("pid"), row.get("role"));
        let (application, state): (String, String) = (row.get("application"), row.get("state"));
        format!("process {pid} ({role}, {application:?}, {state})")
    };
    Ok(rows.iter().map(words).collect())
}

fn not_to_be_had(names: &[String], holders: &[String], patience: LockBudget) -> Error {
    let seconds = patience.in_all.as_secs();
    let what = format!("cannot lock {} for a moment: tried for {seconds} s", names.join(", "));
    let who = if holders.is_empty() {
        "others held it at each try".to_owned()
    } else {
        format!("held by {}", holders.join(", "))
    };
    Error::new(crate::error::ErrorKind::Unavailable, what).because(who).fix(
        "nothing was changed on it; end that transaction, or try again at a quieter time, or give \
         --lock-for more time",
    )
}

/// The names of relations, quoted for SQL.
pub(super) fn quoted(names: &[&crate::postgres::table::TableName]) -> Vec<String> {
    names.iter().map(|name| format!("{}.{}", ident(&name.schema), ident(&name.name))).collect()
}
