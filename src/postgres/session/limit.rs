//! Many connections are opened in turns, so that no server meets all of them at once; one that
//! takes long gives its turn to the next and goes on.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// So many are opened and checked at the same time.
const TURNS_MAX: usize = 16;
/// A holder that has not finished after this time goes on beside the others.
const TURN_MAX: Duration = Duration::from_secs(1);

/// See the module. Clones share the turns.
#[derive(Clone, Debug)]
pub struct ConnectionLimiter(Arc<Semaphore>);

impl ConnectionLimiter {
    /// No turn is taken yet.
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(TURNS_MAX)))
    }

    /// Does the work when its turn has come.
    pub async fn take<T>(&self, work: impl Future<Output = T>) -> T {
        // The semaphore is never closed.
        let turn = self.0.acquire().await;
        let mut work = pin!(work);
        match tokio::time::timeout(TURN_MAX, &mut work).await {
            Ok(done) => done,
            Err(_) => {
                drop(turn);
                work.await
            }
        }
    }
}

impl Default for ConnectionLimiter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn so_many_work_at_the_same_time_and_those_who_take_long_keep_nobody_waiting() {
        let (turns, now, most) =
            (ConnectionLimiter::new(), AtomicUsize::new(0), AtomicUsize::new(0));
        let quick = |_| {
            turns.take(async {
                most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
                now.fetch_sub(1, Ordering::Relaxed);
            })
        };
        join_all((0..100).map(quick)).await;
        assert_eq!(most.load(Ordering::Relaxed), TURNS_MAX);
        let stuck = join_all((0..TURNS_MAX).map(|_| turns.take(std::future::pending::<()>())));
        tokio::select! {
            biased;
            _ = stuck => {}
            () = quick(0) => {}
        }
    }
}
