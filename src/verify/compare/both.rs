//! Asks two sides at once: when one fails, the other is not left working in vain.

use crate::error::{ErrorKind, Result};
use crate::stop::{Stop, Stopper};

/// Gives both answers, or the error that came first; then the other work is asked to stop, and
/// waited for. `stop`: what both are under.
pub(crate) async fn both<A, B, F, S>(
    stop: &Stop,
    first: impl FnOnce(Stop) -> F,
    second: impl FnOnce(Stop) -> S,
) -> Result<(A, B)>
where
    F: Future<Output = Result<A>>,
    S: Future<Output = Result<B>>,
{
    let (failed, either) = stop.narrower();
    let (first, second) = (first(either.clone()), second(either));
    match futures::future::join(unless_it_fails(first, &failed), unless_it_fails(second, &failed))
        .await
    {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(error), Err(other)) if error.kind() == ErrorKind::Stopped => Err(other),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

async fn unless_it_fails<T>(work: impl Future<Output = Result<T>>, failed: &Stopper) -> Result<T> {
    work.await.inspect_err(|_| failed.request())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    async fn until_stopped(stop: Stop) -> Result<()> {
        stop.requested().await;
        Err(Error::new(ErrorKind::Stopped, "stopped"))
    }

    #[tokio::test]
    async fn the_error_of_one_ends_the_other_and_is_the_one_that_is_told() {
        let fails =
            |_| std::future::ready(Err::<(), _>(Error::new(ErrorKind::Unavailable, "lost")));
        let error = both(&Stop::never(), until_stopped, fails).await.expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let error = both(&Stop::never(), fails, until_stopped).await.expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}
