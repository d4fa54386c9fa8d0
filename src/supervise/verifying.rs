//! The verification that runs beside a replication: it is given up to where each destination can be
//! compared, out of what the replication tells of itself, and ends with it.

use crate::config::ReplicationConfig;
use crate::error::{Error, Result};
use crate::postgres::session::limit::ConnectionLimiter;
use crate::replicate::health::Health;
use crate::replicate::snapshot::{LaneSnapshot, Snapshot};
use crate::stop::Stop;
use crate::supervise::panicked::panicked;
use crate::verify::continuous;
use crate::verify::continuous::position::LanePosition;
use crate::verify::continuous::snapshot::VerificationSnapshot;
use crate::verify::continuous::subject::{ContinuousVerification, VerificationLimits};
use slog::Logger;
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What a verification needs besides what the replication tells.
pub(super) struct VerificationParts {
    pub config: Arc<ReplicationConfig>,
    pub publisher: watch::Sender<Arc<VerificationSnapshot>>,
    pub limits: VerificationLimits,
    pub limiter: ConnectionLimiter,
    pub log: Logger,
}

/// Runs both: the replication to its end, and the verification as long as it runs, in a task of its
/// own, so that what it reckons delays no commit. A verification that fails stops the replication.
pub(super) async fn beside<T>(
    parts: VerificationParts,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    stop: &Stop,
    replicate: impl AsyncFnOnce(&Stop) -> T,
) -> (T, Result<()>) {
    if parts.config.verify.every.is_none() {
        return (replicate(stop).await, Ok(()));
    }
    let verifying = async move |stop: Stop| verify(parts, snapshots, &stop).await;
    side_by_side(verifying, stop, replicate).await
}

/// Runs the replication to its end, and the verification until then. One that ends before has failed,
/// or the program has, and nothing goes on unverified.
async fn side_by_side<T, V>(
    verifying: impl FnOnce(Stop) -> V,
    stop: &Stop,
    replicate: impl AsyncFnOnce(&Stop) -> T,
) -> (T, Result<()>)
where
    V: Future<Output = Result<()>> + Send + 'static,
{
    let (failed, both) = stop.narrower();
    let (ended, until_end) = both.narrower();
    let mut task = JoinSet::new();
    task.spawn(verifying(until_end));
    let mut replicating = pin!(replicate(&both));
    let (replicated, verified) = tokio::select! {
        replicated = &mut replicating => {
            ended.request();
            (replicated, task.join_next().await)
        }
        verified = task.join_next() => {
            failed.request();
            (replicating.await, verified)
        }
    };
    let verified = match verified {
        Some(Ok(verified)) => verified,
        Some(Err(_)) => Err(panicked()),
        None => Ok(()),
    };
    (replicated, verified)
}

async fn verify(
    parts: VerificationParts,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    stop: &Stop,
) -> Result<(), Error> {
    let positions = watch::Sender::new(Arc::new(positions(&[], &snapshots.borrow())));
    let verification = ContinuousVerification {
        positions: positions.subscribe(),
        config: parts.config,
        publisher: parts.publisher,
        limits: parts.limits,
        limiter: parts.limiter,
        log: parts.log,
    };
    let follow = async {
        while snapshots.changed().await.is_ok() {
            positions.send_if_modified(|known| {
                let now = Arc::new(self::positions(known, &snapshots.borrow_and_update()));
                let is_news = *known != now;
                *known = now;
                is_news
            });
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        verified = continuous::verify(&verification, stop) => verified,
        () = follow => Ok(()),
    }
}

/// Up to where each destination can be compared.
fn positions(known: &[LanePosition], now: &Snapshot) -> Vec<LanePosition> {
    let known = known.iter().copied().chain(std::iter::repeat(LanePosition::default()));
    let lanes = now.lanes.iter().zip(known);
    lanes.map(|(lane, known)| known.followed_by(lane.position, through(lane, now))).collect()
}

/// Everything that was appended was decided before; what the destination held at the start may be
/// followed by rows that were under way then, until that is. What another replicator feeds is for
/// that one to verify.
fn through(lane: &LaneSnapshot, now: &Snapshot) -> Option<i64> {
    let is_ours = !matches!(lane.health, Health::Standby | Health::Opening);
    let decided = now.source.decided_id;
    let is_undecided = lane.unconfirmed_id.is_some() && lane.unconfirmed_id > decided;
    let through = if is_undecided { lane.position.min(decided) } else { lane.position };
    through.filter(|_| is_ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[tokio::test]
    async fn nothing_goes_on_unverified_when_a_verification_fails_or_panics() {
        let until_stop = async |stop: &Stop| stop.requested().await;
        let stop = Stop::never();
        let fails = |_| async { Err(Error::new(ErrorKind::Contents, "different")) };
        let ((), failed) = side_by_side(fails, &stop, until_stop).await;
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Contents);
        let panics = |_| async { panic!("as a bug would") };
        let ((), panicked) = side_by_side(panics, &stop, until_stop).await;
        assert_eq!(panicked.unwrap_err().kind(), ErrorKind::Bug);
        assert!(!stop.is_requested());
        let waits = |stop: Stop| async move {
            stop.requested().await;
            Ok(())
        };
        assert!(matches!(side_by_side(waits, &stop, async |_: &Stop| 7).await, (7, Ok(()))));
    }
}
