//! A request to stop: made once, seen by everyone, waited for without polling.

use tokio::sync::watch;

/// The side that asks. Dropping it asks nothing.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// The side that is asked; cheap to clone.
#[derive(Clone, Debug)]
pub struct Stop {
    own: watch::Receiver<bool>,
    /// The request this one is part of: made, it is this one's too.
    wider: Option<Box<Stop>>,
}

/// Makes the two sides of one request.
pub fn channel() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    let stop = Stop {
        own: receiver,
        wider: None,
    };
    (Stopper(sender), stop)
}

impl Stopper {
    /// Asks everyone to finish or roll back what they have in hand.
    pub fn request(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// A request that nobody can make, for work that ends by itself.
    pub fn never() -> Self {
        channel().1
    }

    /// A request that is made of its own, or with this one.
    pub fn narrower(&self) -> (Stopper, Self) {
        let (stopper, stop) = channel();
        let wider = Some(Box::new(self.clone()));
        (stopper, Self { wider, ..stop })
    }

    /// Whether the request was made.
    pub fn is_requested(&self) -> bool {
        *self.own.borrow() || self.wider.as_ref().is_some_and(|wider| wider.is_requested())
    }

    /// Waits for the request; for ever if nobody is left to make it.
    pub async fn requested(&self) {
        let mut chain = Some(self);
        let mut all = Vec::new();
        while let Some(stop) = chain {
            all.push(Box::pin(stop.own_requested()));
            chain = stop.wider.as_deref();
        }
        futures::future::select_all(all).await;
    }

    async fn own_requested(&self) {
        let mut receiver = self.own.clone();
        if receiver.wait_for(|is_requested| *is_requested).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Runs the future to its end, or gives `None` when the request comes first (the future is dropped then).
    pub async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
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
}
