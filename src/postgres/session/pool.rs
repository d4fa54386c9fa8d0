//! A bounded pool for short queries of metadata, counts and digests: its size is the load we allow
//! ourselves on a server.

use crate::config::libpq::Conninfo;
use crate::error::{Error, ErrorKind, Result};
use crate::log::key;
use crate::postgres::session::{Session, SessionPurpose};
use slog::{Logger, debug, warn};
use std::ops::Deref;
use std::time::Duration;
use tokio::sync::watch;

/// A session that was unused for so long is closed, by a task of the pool that ends with it.
const IDLE_MAX: Duration = Duration::from_secs(20);

/// Sessions that are lent out and come back. Never LISTEN or COPY through it. Dropping it closes
/// those that are not lent out.
#[derive(Clone, Debug)]
pub struct SessionPool {
    inner: bb8::Pool<SessionLender>,
    failure: watch::Receiver<Option<Error>>,
    place: String,
    timeout: Duration,
}

/// A session of the pool, as new: settings pinned, no transaction, no session locks. It goes back
/// when dropped.
#[derive(Debug)]
pub struct PooledSession<'a>(bb8::PooledConnection<'a, SessionLender>);

impl Deref for PooledSession<'_> {
    type Target = Session;
    fn deref(&self) -> &Session {
        &self.0
    }
}

impl SessionPool {
    /// A pool of at most `size_max` sessions; none is opened before it is asked for. `timeout`
    /// bounds both connecting and waiting for a free one. Sessions that died unused are replaced,
    /// and told in the log.
    pub fn new(
        conninfo: &Conninfo,
        purpose: SessionPurpose,
        size_max: u32,
        timeout: Duration,
        log: &Logger,
    ) -> Self {
        let (failed, failure) = watch::channel(None);
        let lender = SessionLender {
            conninfo: conninfo.clone(),
            purpose,
            timeout,
            failed,
            log: log.clone(),
        };
        let inner = bb8::Pool::builder()
            .max_size(size_max.max(1))
            .connection_timeout(timeout.max(Duration::from_millis(1)))
            .retry_connection(false)
            .idle_timeout(Some(IDLE_MAX))
            .reaper_rate(IDLE_MAX / 2)
            .max_lifetime(None)
            .queue_strategy(bb8::QueueStrategy::Lifo)
            .build_unchecked(lender);
        Self { inner, failure, place: conninfo.describe(), timeout }
    }

    /// Lends a session, after resetting it, or opens one.
    ///
    /// # Errors
    /// Whatever [`Session::open`] gives, at once; `Unavailable` when all stay lent out for
    /// `timeout`.
    pub async fn get(&self) -> Result<PooledSession<'_>> {
        let mut failure = self.failure.clone();
        failure.mark_unchanged();
        tokio::select! {
            biased;
            lent = self.inner.get() => lent.map(PooledSession).map_err(|error| self.refusal(error)),
            error = next_failure(&mut failure) => Err(error),
        }
    }

    fn refusal(&self, error: bb8::RunError<Error>) -> Error {
        match error {
            bb8::RunError::User(error) => error,
            bb8::RunError::TimedOut => {
                Error::new(ErrorKind::Unavailable, "cannot get a session of the pool")
                    .at(self.place.clone())
                    .because(format!("all were in use for {} ms", self.timeout.as_millis()))
            }
        }
    }
}

/// The next session that could not be opened; for ever when the pool is gone.
async fn next_failure(failure: &mut watch::Receiver<Option<Error>>) -> Error {
    loop {
        if failure.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        if let Some(error) = failure.borrow_and_update().clone() {
            return error;
        }
    }
}

/// Opens, resets and judges sessions for the pool.
#[derive(Debug)]
struct SessionLender {
    conninfo: Conninfo,
    purpose: SessionPurpose,
    timeout: Duration,
    failed: watch::Sender<Option<Error>>,
    log: Logger,
}

impl SessionLender {
    fn tell(&self, error: &Error) {
        warn!(self.log, "pooled session ended"; key::DATABASE => error.place().unwrap_or_default().to_owned(), key::ERROR => error.to_string());
    }
}

impl bb8::ManageConnection for SessionLender {
    type Connection = Session;
    type Error = Error;

    async fn connect(&self) -> Result<Session> {
        Session::open(&self.conninfo, self.purpose, self.timeout).await.inspect_err(|error| {
            self.failed.send_replace(Some(error.clone()));
        })
    }

    async fn is_valid(&self, session: &mut Session) -> Result<()> {
        let was_in_order = tokio::time::timeout(self.timeout, session.reset())
            .await
            .unwrap_or_else(|_| Err(session.no_answer(self.timeout, "cannot reset the session")))
            .inspect_err(|error| self.tell(error))?;
        if !was_in_order {
            debug!(self.log, "transaction that was left open rolled back"; key::DATABASE => session.place().to_owned());
        }
        Ok(())
    }

    fn has_broken(&self, session: &mut Session) -> bool {
        let death = session.death();
        death.iter().for_each(|error| self.tell(error));
        death.is_some()
    }
}
