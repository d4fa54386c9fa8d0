//! The doorbell's lock: a writer rings only while it is held. Held while we sleep, by the session
//! that looks.
//!
//! The lock is granted only when every writer that skipped its notification has ended; so what is
//! asked after it was granted sees their rows.

use crate::error::Result;
use crate::fail;
use crate::postgres::session::Session;
use crate::sql;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Statement;

/// A server that does not answer for so long is given up.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug)]
pub struct Doorbell {
    session: Arc<Session>,
    table_oid: u32,
    arm: Statement,
    disarm: Statement,
    is_armed: bool,
}

impl Doorbell {
    /// Prepares the statements on the session that looks.
    pub async fn new(session: Arc<Session>, table_oid: u32) -> Result<Self> {
        let prepare =
            async |text| session.prepare(text).await.map_err(|error| session.error(&error, CANNOT));
        let arm = prepare(include_str!("../../sql/source/arm.sql")).await?;
        let disarm = prepare(include_str!("../../sql/source/disarm.sql")).await?;
        Ok(Self { session, table_oid, arm, disarm, is_armed: false })
    }

    /// Whether a writer rings now.
    pub(crate) fn is_armed(&self) -> bool {
        self.is_armed
    }

    /// Tries to take the lock: not granted while a writer is open that did not ring. Sent when it
    /// is first polled, before what is asked next.
    ///
    /// # Errors
    /// Those of the server; `Unavailable` without an answer.
    pub(crate) async fn arm(&mut self) -> Result<()> {
        self.is_armed = self.ask(&self.arm).await?;
        if self.is_armed {
            fail::point!("doorbell.armed");
        }
        Ok(())
    }

    /// Gives the lock back; does nothing without it. Sent when it is first polled, so that what is
    /// asked next travels with it.
    pub(crate) async fn disarm(&mut self) -> Result<()> {
        if std::mem::take(&mut self.is_armed) {
            self.ask(&self.disarm).await?;
            fail::point!("doorbell.disarmed");
        }
        Ok(())
    }

    async fn ask(&self, statement: &Statement) -> Result<bool> {
        let key = self.table_oid.cast_signed();
        let asked = async { self.session.query_one(statement, &[&sql::LOCK_DOORBELL, &key]).await };
        let asked = tokio::time::timeout(ANSWER_MAX, asked)
            .await
            .map_err(|_| self.session.no_answer(ANSWER_MAX, CANNOT))?;
        asked.map(|row| row.get(0)).map_err(|error| self.session.error(&error, CANNOT))
    }
}

const CANNOT: &str = "cannot reach the doorbell";
