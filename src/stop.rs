//! A request to stop: made once, seen by everyone, waited for without polling.

use tokio_util::sync::CancellationToken;

/// The side that asks. Dropping it asks nothing.
#[derive(Debug)]
pub struct Stopper(CancellationToken);

/// The side that is asked; cheap to clone.
#[derive(Clone, Debug)]
pub struct Stop(CancellationToken);

/// Makes the two sides of one request.
pub fn channel() -> (Stopper, Stop) {
    two_sides(CancellationToken::new())
}

fn two_sides(token: CancellationToken) -> (Stopper, Stop) {
    (Stopper(token.clone()), Stop(token))
}

impl Stopper {
    /// Asks everyone to finish or roll back what they have in hand.
    pub fn request(&self) {
        self.0.cancel();
    }
}

impl Stop {
    /// A request that is never made, for work that ends by itself.
    pub fn never() -> Self {
        channel().1
    }

    /// A request that is made of its own, or with this one.
    pub fn narrower(&self) -> (Stopper, Self) {
        two_sides(self.0.child_token())
    }

    /// Whether the request was made.
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits for the request; for ever if no caller is left to make it.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// Runs the future to its end, or gives `None` when the request comes first (the future is
    /// dropped then).
    pub async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        // Not the token's own way, which polls the work once more when the request was made
        // meanwhile.
        tokio::select! {
            biased;
            () = self.requested() => None,
            value = work => Some(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Poll;

    #[tokio::test]
    async fn a_request_is_seen_by_those_who_ask_later_and_by_those_who_wait() {
        let (stopper, stop) = channel();
        let waiting = tokio::spawn({
            let stop = stop.clone();
            async move { stop.or(std::future::pending::<()>()).await }
        });
        stopper.request();
        assert!(waiting.await.expect("the waiting task ends").is_none());
        assert!(stop.is_requested());
    }

    #[tokio::test]
    async fn a_narrower_request_is_made_with_the_wider_one_and_not_the_other_way_round() {
        let (stopper, stop) = channel();
        let ((of_one, one), (_of_other, other)) = (stop.narrower(), stop.narrower());
        of_one.request();
        one.requested().await;
        assert!(!stop.is_requested() && !other.is_requested());
        stopper.request();
        other.requested().await;
        assert!(other.is_requested());
    }

    #[tokio::test]
    async fn work_that_could_go_on_does_not_once_the_request_is_made() {
        let (stopper, stop) = channel();
        let mut is_polled = false;
        let work = std::future::poll_fn(|_| {
            if std::mem::replace(&mut is_polled, true) {
                Poll::Ready("finished")
            } else {
                Poll::Pending
            }
        });
        let mut work = std::pin::pin!(stop.or(work));
        assert!(futures::poll!(work.as_mut()).is_pending());
        stopper.request();
        assert_eq!(work.await, None);
    }
}
