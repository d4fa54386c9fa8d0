//! How long is waited for short questions: behind a network that goes on acknowledging, nothing
//! else tells that a server is gone.

use crate::error::Result;
use crate::postgres::session::Canceller;
use crate::postgres::session::error::no_answer;
use futures::future::join_all;
use std::time::Duration;

/// See the module.
pub(crate) struct Patience<'a> {
    pub(crate) limit: Duration,
    pub(crate) who: &'a str,
    pub(crate) place: &'a str,
}

impl Patience<'_> {
    /// Waits for what is asked over the sessions of these. What is given up is cancelled: a
    /// statement that waits for a lock would do so for ever, and keep the locks its session has.
    pub(crate) async fn with<T>(
        &self,
        cancellers: Vec<Canceller>,
        asking: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        if let Ok(answered) = tokio::time::timeout(self.limit, asking).await {
            return answered;
        }
        join_all(cancellers.into_iter().map(Canceller::cancel)).await;
        Err(no_answer(self.limit, format!("cannot open {}", self.who))
            .at(self.place)
            .because("perhaps another session has locked the table"))
    }
}
