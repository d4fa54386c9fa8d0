//! A session that reads rows: one of its own, or one that the pool lends.

use crate::postgres::session::Session;
use crate::postgres::session::pool::PooledSession;
use std::borrow::Borrow;

/// See the module.
#[derive(Debug)]
pub(super) enum ReaderSession<'a> {
    /// Besides the pool.
    Own(Session),
    /// Lent by the pool.
    Lent(PooledSession<'a>),
}

impl Borrow<Session> for ReaderSession<'_> {
    fn borrow(&self) -> &Session {
        match self {
            Self::Own(session) => session,
            Self::Lent(session) => session,
        }
    }
}
