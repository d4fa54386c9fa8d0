//! The sessions that read: so many at a time at most, lent while a read goes on and kept for the
//! next.

use crate::config::libpq::Conninfo;
use crate::error::{Error, ErrorKind, Result};
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::server::ServerIdentity;
use crate::postgres::session::{Session, SessionPurpose};
use crate::source::read::page::{FirstPages, stalled};
use crate::sql;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A session that reads.
#[derive(Debug)]
pub(super) struct ReadSession {
    pub session: Session,
    pub first_pages: FirstPages,
    /// Rows of the next page at most.
    pub rows_max: u64,
}

/// The sessions that read one source: so many at a time at most, lent while a read goes on and kept
/// for the next.
#[derive(Debug)]
pub struct ReadSessions {
    conninfo: Conninfo,
    server: ServerIdentity,
    connect_timeout: Duration,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<ReadSession>>,
}

/// A lent session and the permit to read. Given back whole, or closed when dropped.
pub(super) struct LentSession {
    pub reader: ReadSession,
    _permit: OwnedSemaphorePermit,
}

impl ReadSessions {
    /// Makes sessions as they are needed, one for each permit at a time, all to the same server as
    /// the one that looks for the mark.
    pub fn new(
        conninfo: Conninfo,
        server: ServerIdentity,
        connect_timeout: Duration,
        permits: Arc<Semaphore>,
    ) -> Arc<Self> {
        Arc::new(Self { conninfo, server, connect_timeout, permits, idle: Mutex::new(Vec::new()) })
    }

    pub(super) async fn lend(&self) -> Result<LentSession> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit =
            permit.map_err(|_| Error::new(ErrorKind::Bug, "the permits to read were closed"))?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match idle {
            Some(reader) if !reader.session.is_closed() => reader,
            _ => self.open().await?,
        };
        Ok(LentSession { reader, _permit: permit })
    }

    async fn open(&self) -> Result<ReadSession> {
        let purpose = SessionPurpose { what: "read", side: ErrorSide::Source };
        let session = Session::open(&self.conninfo, purpose, self.connect_timeout).await?;
        if session.server().identity != self.server {
            return Err(Error::new(ErrorKind::Unavailable, "another server answers than before")
                .at(session.place()));
        }
        let set = stalled(&session, session.batch_execute(sql::READ)).await?;
        set.map_err(|error| session.error(&error, "cannot set up a session that reads"))?;
        Ok(ReadSession {
            session,
            first_pages: FirstPages::default(),
            // How large rows are is known after the first.
            rows_max: 1,
        })
    }

    pub(super) fn take_back(&self, lent: LentSession) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(lent.reader);
    }

    /// What is read, for messages.
    pub(super) fn place(&self) -> String {
        self.conninfo.describe()
    }
}
