//! Hears notifications on a session of its own. A notification is only a hint to look again,
//! whatever it contains.

use crate::config::libpq::Conninfo;
use crate::error::{Error, ErrorKind, Result};
use crate::postgres::session::answers;
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::{Session, SessionPurpose};
use crate::sql;
use std::time::Duration;

/// The longest name of a channel, in bytes: LISTEN would cut it silently, and then hear nothing.
pub(crate) const CHANNEL_BYTES_MAX: usize = 63;

/// A heartbeat that takes longer means a dead connection.
const HEARTBEAT_WAIT_MAX: Duration = Duration::from_secs(10);

const CANNOT: &str = "cannot listen for notifications";

/// The minor versions since which LISTEN no longer fails with 58P01 under an old queue.
const LISTEN_CURED_SINCE: &str = "13.23, 14.20, 15.15, 16.11, 17.7 or 18.1";

/// Whether notifications can be heard.
#[derive(Debug)]
pub enum ListenOutcome {
    /// They can.
    On(Box<ListeningConnection>),
    /// They cannot, here and now: poll instead. The value says why and what would change it; it is
    /// a warning, not a failure.
    Unavailable(Error),
}

/// A session that listens: never in a transaction, always drained, so that it never holds up the
/// queue of the cluster.
#[derive(Debug)]
pub struct ListeningConnection {
    session: Session,
}

impl ListeningConnection {
    /// Connects within `timeout` and listens on all channels. What commits after this returns is
    /// heard: read the table after it, not before.
    ///
    /// # Errors
    /// `Usage` for a channel name that is empty or too long; whatever [`Session::open`] gives. That
    /// the server cannot listen (a standby, or a minor version with 58P01) is not an error but
    /// [`ListenOutcome::Unavailable`].
    pub async fn open(
        conninfo: &Conninfo,
        channels: &[String],
        timeout: Duration,
    ) -> Result<ListenOutcome> {
        let listen = statements(channels)?;
        let purpose = SessionPurpose { what: "listen", side: ErrorSide::Source };
        let session = Session::open(conninfo, purpose, timeout).await?;
        if session.server().is_in_recovery() {
            return Ok(ListenOutcome::Unavailable(
                unavailable(&session).because("the server is a standby").fix(
                    "no action needed: the source is polled; connect to the primary for \
                     notifications",
                ),
            ));
        }
        let listened = tokio::time::timeout(timeout, session.batch_execute(&listen)).await;
        match listened {
            Ok(Ok(())) => Ok(ListenOutcome::On(Box::new(Self { session }))),
            Ok(Err(error)) => judge(&session, &error).map(ListenOutcome::Unavailable),
            Err(_) => Err(session.no_answer(timeout, CANNOT)),
        }
    }

    /// Waits for a notification, drains all others that have come, and returns; dropping the future
    /// loses none.
    ///
    /// # Errors
    /// `Unavailable` when the connection is dead, with its cause; open another one, then read the
    /// table.
    pub async fn wait(&mut self) -> Result<()> {
        if self.session.notifications().recv().await.is_none() {
            return Err(self.death());
        }
        while self.session.notifications().try_recv().is_ok() {}
        Ok(())
    }

    /// Makes sure that the connection lives, and gives how full the notification queue of the
    /// cluster is (0 to 1); to be called about every 15 s. The call also frees the queue after a
    /// stuck listener of somebody else is gone, which nothing else does.
    ///
    /// # Errors
    /// `Unavailable` when the server does not answer within 10 s, or the connection is dead.
    pub async fn heartbeat(&self) -> Result<f64> {
        let query = self.session.simple_query(include_str!("../../../sql/session/queue_usage.sql"));
        let answer = tokio::time::timeout(HEARTBEAT_WAIT_MAX, query)
            .await
            .map_err(|_| self.session.no_answer(HEARTBEAT_WAIT_MAX, "connection lost"))?
            .map_err(|error| self.session.error(&error, "cannot read the notification queue"))?;
        answers::value(answer).ok_or_else(|| {
            Error::new(ErrorKind::Bug, "cannot read the notification queue")
                .at(self.session.place())
        })
    }

    /// The session, for its place and its server.
    pub fn session(&self) -> &Session {
        &self.session
    }

    fn death(&self) -> Error {
        self.session.death().unwrap_or_else(|| {
            Error::new(ErrorKind::Unavailable, "connection lost").at(self.session.place())
        })
    }
}

fn statements(channels: &[String]) -> Result<String> {
    let mut statements = String::new();
    for channel in channels {
        if channel.is_empty() || channel.len() > CHANNEL_BYTES_MAX || channel.contains('\0') {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("cannot listen on channel {channel:?}"),
            )
            .because(format!(
                "a name has 1 to {CHANNEL_BYTES_MAX} bytes, this one {}",
                channel.len()
            ))
            .fix("correct the setting channel"));
        }
        statements += &sql::fill(
            include_str!("../../../sql/session/listen.sql"),
            &[("channel", sql::text(channel))],
        );
    }
    Ok(statements)
}

fn unavailable(session: &Session) -> Error {
    Error::new(ErrorKind::Unavailable, CANNOT).at(session.place())
}

/// Tells a server that cannot listen from one that is lost.
fn judge(session: &Session, error: &tokio_postgres::Error) -> Result<Error> {
    let ours = session.error(error, CANNOT);
    match ours.sqlstate() {
        Some("58P01") => Ok(ours.fix(format!(
            "no action needed now: the source is polled; upgrade the server to \
             {LISTEN_CURED_SINCE}, or later, for notifications"
        ))),
        Some("25006" | "0A000" | "55000") => Ok(ours.fix(
            "no action needed: the source is polled; connect to the primary for notifications",
        )),
        _ => Err(ours),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_that_listen_would_cut_silently_is_refused() {
        assert!(statements(&["é".repeat(31) + "x"]).is_ok());
        for name in [String::new(), "é".repeat(32)] {
            let error = statements(&[name]).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Usage);
        }
    }

    #[test]
    fn channel_names_are_quoted() {
        let statements =
            statements(&["a\"b".to_owned(), "Events".to_owned()]).expect("both are fine");
        assert!(statements.contains("listen \"a\"\"b\";"), "{statements}");
        assert!(statements.contains("listen \"Events\";"), "{statements}");
    }
}
