//! Says why committed events wait: which id, how many events, which transaction, since when.

use crate::error::Result;
use crate::event::range::shown;
use crate::log::{key, logged_id};
use crate::postgres::session::Session;
use crate::postgres::table::TableName;
use crate::source::horizon::OldestHolder;
use crate::sql;
use slog::{Logger, info, warn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A blockage is logged when it has lasted this long, and again as often.
const NOTE_AFTER: Duration = Duration::from_secs(10);
const NOTE_AGAIN: Duration = Duration::from_secs(60);
/// What is known of it is asked as often for others to see.
const ASK_AFTER: Duration = Duration::from_secs(1);
/// Waiting events are counted up to this many.
const WAITING_MAX: i64 = 1_000_000;

/// What cannot go on, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blockage {
    /// The last id before the gap.
    pub after: Option<i64>,
    /// The first committed event that waits; `None`: none does, but what a destination holds cannot
    /// be confirmed yet.
    pub next: Option<i64>,
    /// Why.
    pub reason: BlockReason,
}

/// Why ids are not decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockReason {
    /// This transaction may still insert an id between.
    Holder(OldestHolder),
    /// A gap is given up after a time.
    Grace,
    /// The next look tells.
    Undecided,
    /// The event that waits was not drawn from the sequence: those between may still be.
    NotDrawn {
        /// The sequence.
        sequence: TableName,
        /// The value it gave out last; `None`: none yet.
        drawn: Option<i64>,
    },
    /// An id is missing where none may be: the gap itself is the fault.
    Missing,
}

/// What is waited for, for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedWait {
    /// The last id before the gap.
    pub after: Option<i64>,
    /// The first committed event that waits, if one does.
    pub next: Option<i64>,
    /// Since when it is waited.
    pub since: Instant,
    /// Whose transaction is to blame, where one is.
    pub blocker: Option<Blocker>,
    /// In words.
    pub words: String,
    /// What ends it.
    pub fix: String,
}

/// The transaction that committed events wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// Its backend; `None` for a prepared transaction.
    pub pid: Option<i32>,
    /// As its application calls itself; the global identifier of a prepared transaction.
    pub application: String,
    /// Its role, as far as ours may know.
    pub role: String,
    /// Since when it is open.
    pub since: Instant,
}

/// A look at the source, as far as others want to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkSighting {
    /// The highest id that was visible.
    pub highest: Option<i64>,
    /// When it began, at the latest.
    pub at: Instant,
}

/// What a follower of the source knows of it.
#[derive(Clone, Debug, Default)]
pub struct SourceObservation {
    /// The latest look.
    pub look: Option<MarkSighting>,
    /// What committed events wait for; `None` while nothing waits.
    pub wait: Option<BlockedWait>,
}

/// A [`SourceObservation`] that changes, seen by others.
#[derive(Clone, Debug, Default)]
pub struct SourceView(Arc<Mutex<SourceObservation>>);

impl SourceView {
    /// As it stands.
    pub fn now(&self) -> SourceObservation {
        self.sight().clone()
    }

    fn sight(&self) -> MutexGuard<'_, SourceObservation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The blockage in hand, if there is one.
#[derive(Debug, Default)]
pub struct BlockageTracker {
    blockage: Option<(Blockage, Instant)>,
    asked_at: Option<Instant>,
    noted_at: Option<Instant>,
    view: SourceView,
}

impl BlockageTracker {
    /// A shared view of it, and of the latest look.
    pub fn view(&self) -> SourceView {
        self.view.clone()
    }

    /// Takes note of a look.
    pub fn observe(&self, look: Option<MarkSighting>) {
        self.view.sight().look = look;
    }

    /// Takes note of a blockage; says so in the log when it lasts.
    pub async fn note(
        &mut self,
        at: &WaitingEvents<'_>,
        blockage: Blockage,
        log: &Logger,
    ) -> Result<()> {
        let since = self
            .blockage
            .as_ref()
            .filter(|(known, _)| known.next == blockage.next)
            .map_or_else(Instant::now, |(_, since)| *since);
        self.blockage = Some((blockage.clone(), since));
        if since.elapsed() < ASK_AFTER || self.asked_at.is_some_and(|at| at.elapsed() < NOTE_AFTER)
        {
            return Ok(());
        }
        self.asked_at = Some(Instant::now());
        let waiting = match blockage.next {
            Some(_) => at.count_waiting(blockage.after).await?,
            None => 0,
        };
        let none = "no action needed: it is looked at again";
        let mut blocker = None;
        let (who, fix) = match &blockage.reason {
            BlockReason::Holder(holder) => {
                let words;
                (words, blocker) = at.describe_holder(holder).await?;
                (words, "end that transaction, if it has been forgotten".to_owned())
            }
            BlockReason::Grace => ("the grace period of a gap".to_owned(), none.to_owned()),
            BlockReason::Undecided | BlockReason::Missing => {
                ("the next look".to_owned(), none.to_owned())
            }
            BlockReason::NotDrawn { sequence, drawn } => at.describe_sequence(sequence, *drawn),
        };
        let is_news = self.noted_at.is_none_or(|at| at.elapsed() >= NOTE_AGAIN);
        if since.elapsed() >= NOTE_AFTER && is_news {
            self.noted_at = Some(Instant::now());
            tell(&blockage, waiting, (&who, &fix), log);
        }
        let words = in_words(&blockage, waiting, &who);
        self.view.sight().wait = Some(BlockedWait {
            after: blockage.after,
            next: blockage.next,
            since,
            blocker,
            words,
            fix,
        });
        Ok(())
    }

    /// The blockage is over.
    pub fn over(&mut self, log: &Logger) {
        if let Some((blockage, since)) = self.blockage.take() {
            if self.noted_at.take().is_some() {
                info!(log, "the wait is over"; key::ID => logged_id(blockage.next), key::ELAPSED_MS => u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX));
            }
            self.asked_at = None;
            self.view.sight().wait = None;
        }
    }
}

/// The events that wait: where to ask about them.
#[derive(Clone, Copy, Debug)]
pub struct WaitingEvents<'a> {
    /// The session that looks for the mark.
    pub session: &'a Session,
    /// The event table.
    pub table: &'a TableName,
    /// Its key.
    pub id_column: &'a str,
}

impl WaitingEvents<'_> {
    /// How many committed events wait above a position, counted up to a million.
    async fn count_waiting(&self, after: Option<i64>) -> Result<i64> {
        let names = [
            ("schema", sql::text(&self.table.schema)),
            ("table", sql::text(&self.table.name)),
            ("id", sql::text(self.id_column)),
        ];
        let count = sql::fill(include_str!("../../sql/source/waiting.sql"), &names);
        let row = self.session.query_one(&count, &[&after.unwrap_or(i64::MIN), &WAITING_MAX]).await;
        row.map(|row| row.get(0))
            .map_err(|error| self.session.error(&error, "cannot count the events that wait"))
    }

    /// Where a sequence stands, in words, and the statement that lets it go on.
    fn describe_sequence(&self, sequence: &TableName, drawn: Option<i64>) -> (String, String) {
        let (name, id) = (sql::literal(&sequence.to_string()), sql::ident(self.id_column));
        let words = format!(
            "sequence {sequence}, which gave out {} last, to reach it: the event has an id that \
             was set by hand",
            shown(drawn)
        );
        let fix = format!(
            "if no application will insert an event at an id between: SELECT setval({name}, \
             greatest((SELECT max({id}) FROM {}), (SELECT last_value FROM {sequence}))); this \
             gives up all ids up to there",
            self.table
        );
        (words, fix)
    }

    /// Who a holder is, in words and as the server tells; `None` when it has just ended.
    async fn describe_holder(&self, holder: &OldestHolder) -> Result<(String, Option<Blocker>)> {
        let row = self
            .session
            .query_opt(
                include_str!("../../sql/source/holder.sql"),
                &[&holder.pid, &holder.transaction],
            )
            .await;
        let row =
            row.map_err(|error| self.session.error(&error, "cannot ask who holds the mark"))?;
        let Some(row) = row else {
            return Ok((holder_in_words(holder, "", "", "ended", None), None));
        };
        let (role, application, state, seconds): (&str, &str, &str, Option<f64>) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        let open_for = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let blocker = Blocker {
            pid: holder.pid,
            application: application.to_owned(),
            role: role.to_owned(),
            since: open_for
                .and_then(|open_for| Instant::now().checked_sub(open_for))
                .unwrap_or(holder.since),
        };
        Ok((holder_in_words(holder, role, application, state, seconds), Some(blocker)))
    }
}

fn tell(blockage: &Blockage, waiting: i64, (who, fix): (&str, &str), log: &Logger) {
    match (&blockage.reason, blockage.next) {
        (_, None) => {
            warn!(log, "what a destination holds cannot be confirmed while a transaction is open \
                        that may still insert below it"; "holder" => who);
        }
        (BlockReason::NotDrawn { .. }, Some(next)) => {
            warn!(log, "committed events wait for their sequence: an id was set by hand above it";
                key::ID => next, key::EVENTS => waiting, "sequence" => who, "fix" => fix);
        }
        (BlockReason::Grace | BlockReason::Undecided | BlockReason::Missing, Some(next)) => {
            warn!(log, "committed events wait"; key::ID => next, key::EVENTS => waiting, "for" => who);
        }
        (BlockReason::Holder(_), Some(next)) => {
            warn!(log, "replication is blocked by an open transaction at the source";
                key::ID => next, key::EVENTS => waiting, "holder" => who);
        }
    }
}

fn in_words(blockage: &Blockage, waiting: i64, who: &str) -> String {
    let Some(next) = blockage.next else {
        return format!(
            "what a destination holds up to id {} cannot be confirmed before this has ended: {who}",
            shown(blockage.after)
        );
    };
    let count =
        if waiting >= WAITING_MAX { format!("at least {waiting}") } else { waiting.to_string() };
    format!(
        "after id {}: {count} committed events from id {next} on wait for {who}",
        shown(blockage.after)
    )
}

/// A holder in words, from what our role may see of it.
fn holder_in_words(
    holder: &OldestHolder,
    role: &str,
    application: &str,
    state: &str,
    seconds: Option<f64>,
) -> String {
    let seen = holder.since.elapsed().as_secs_f64();
    let open = seconds
        .map_or_else(|| format!("at least {seen:.0} s"), |seconds| format!("{seconds:.0} s"));
    match holder.pid {
        Some(pid) => format!(
            "pid {pid} (application \"{application}\", user \"{role}\", {state}), open for {open}; \
             end it, or: select pg_terminate_backend({pid})"
        ),
        None => format!(
            "the prepared transaction \"{application}\" of \"{role}\", open for {open}; see \
             pg_prepared_xacts, then COMMIT PREPARED or ROLLBACK PREPARED"
        ),
    }
}
