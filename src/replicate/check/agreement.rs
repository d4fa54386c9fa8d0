//! The highest id up to which two stores agree: a search by halves.

use crate::error::{Error, ErrorKind, Result};
use crate::event::range::{self, IdRange};
use crate::event::store::EventStore;
use futures::future::try_join;
use std::fmt;
use std::time::Duration;

/// No digest of a range may take longer; beyond it events are counted and looked at one by one.
const DIGEST_LIMIT_MS: u32 = 10_000;

/// `query_canceled`.
const CANCELLED: &str = "57014";

/// Up to where two stores agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoreAgreement {
    /// Highest id of the destination up to which both hold the same; `None` when the first event is
    /// already unlike.
    pub through: Option<i64>,
    /// Whether every event up to there was compared; otherwise only counts and single events were,
    /// because there are too many.
    pub is_exact: bool,
}

impl fmt::Display for StoreAgreement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.through, self.is_exact) {
            (None, _) => write!(out, "they agree on no event"),
            (Some(through), true) => write!(out, "both agree up to id {through}"),
            (Some(_), false) => write!(
                out,
                "both agree up to id {}, by counts and single events: too many to compare each \
                 here",
                range::shown(self.through)
            ),
        }
    }
}

/// Searches among the ids that both may hold, `lowest` and `highest` included. Reads at most twice
/// what lies between.
///
/// # Errors
/// What a connection or a server says.
pub(crate) async fn highest(
    source: &dyn EventStore,
    destination: &dyn EventStore,
    lowest: i64,
    highest: i64,
) -> Result<StoreAgreement> {
    let (through, is_exact) =
        match by_digest(source, destination, AgreementSearch::new(lowest, highest)).await {
            Ok(through) => (through, true),
            // Too long, or too large a row for the server to write as text.
            Err(error)
                if error.sqlstate().is_some_and(|state| state == CANCELLED || state == "54000") =>
            {
                (
                    by_counts(source, destination, AgreementSearch::new(lowest, highest)).await?,
                    false,
                )
            }
            Err(error) => return Err(error),
        };
    let through = match through {
        Some(through) => destination.highest_through(through).await?,
        None => None,
    };
    Ok(StoreAgreement { through, is_exact })
}

async fn by_digest(
    source: &dyn EventStore,
    destination: &dyn EventStore,
    mut search: AgreementSearch,
) -> Result<Option<i64>> {
    while let Some(range) = search.asks() {
        search.answer(same_digest(source, destination, range).await?);
    }
    Ok(search.agreed)
}

async fn by_counts(
    source: &dyn EventStore,
    destination: &dyn EventStore,
    mut search: AgreementSearch,
) -> Result<Option<i64>> {
    while let Some(range) = search.asks() {
        search.answer(same_count_and_last(source, destination, range).await?);
    }
    Ok(search.agreed)
}

/// The search for the highest id such that all ranges up to it are the same: asks about each half
/// once.
#[derive(Clone, Copy, Debug)]
struct AgreementSearch {
    lowest: i64,
    agreed: Option<i64>,
    end: i64,
    through: i64,
    is_over: bool,
}

impl AgreementSearch {
    fn new(lowest: i64, highest: i64) -> Self {
        Self { lowest, agreed: None, end: highest, through: highest, is_over: false }
    }

    /// The range to compare next; `None` when the search is over.
    fn asks(&self) -> Option<IdRange> {
        (!self.is_over).then_some(IdRange { after: self.agreed, through: self.through })
    }

    fn answer(&mut self, is_same: bool) {
        if is_same {
            self.agreed = Some(self.through);
        } else if self.through == i64::MIN {
            self.is_over = true;
            return;
        } else {
            self.end = self.through - 1;
        }
        let next = self.agreed.map_or(self.lowest, |agreed| agreed.saturating_add(1));
        self.is_over = next > self.end || self.agreed == Some(i64::MAX);
        self.through = middle(next, self.end);
    }
}

fn middle(low: i64, high: i64) -> i64 {
    let middle = (i128::from(low) + i128::from(high)).div_euclid(2);
    i64::try_from(middle).unwrap_or(low)
}

async fn same_digest(
    source: &dyn EventStore,
    destination: &dyn EventStore,
    range: IdRange,
) -> Result<bool> {
    if source.digests() == destination.digests() {
        let (ours, theirs) = try_join(
            source.range_digest(range, DIGEST_LIMIT_MS),
            destination.range_digest(range, DIGEST_LIMIT_MS),
        )
        .await?;
        return Ok(ours == theirs);
    }
    // Of other engines: by the rows themselves.
    let rows = try_join(source.table_digest(range), destination.table_digest(range));
    let limit = Duration::from_millis(DIGEST_LIMIT_MS.into());
    let (ours, theirs) = tokio::time::timeout(limit, rows).await.unwrap_or_else(|_| {
        let late = Error::new(ErrorKind::Unavailable, "the rows could not be compared in time");
        Err(late.with_sqlstate(CANCELLED))
    })?;
    Ok(ours == theirs)
}

async fn same_count_and_last(
    source: &dyn EventStore,
    destination: &dyn EventStore,
    range: IdRange,
) -> Result<bool> {
    let (ours, theirs) = try_join(source.count(range), destination.count(range)).await?;
    if ours != theirs {
        return Ok(false);
    }
    let Some(last) = destination.highest_through(range.through).await? else {
        return Ok(true);
    };
    let (ours, theirs) =
        try_join(source.event_digest(last), destination.event_digest(last)).await?;
    Ok(ours == theirs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lowest: i64, highest: i64, first_unlike: i64) -> (Option<i64>, u32) {
        let (mut search, mut asked) = (AgreementSearch::new(lowest, highest), 0);
        while let Some(range) = search.asks() {
            asked += 1;
            search.answer(!range.contains(first_unlike));
        }
        (search.agreed, asked)
    }

    #[test]
    fn the_search_ends_right_before_the_first_unlike_id() {
        for unlike in 1..=40 {
            assert_eq!(found(1, 40, unlike).0, (unlike > 1).then(|| unlike - 1));
        }
        assert_eq!(found(1, 40, 41).0, Some(40));
    }

    #[test]
    fn the_whole_range_of_ids_can_be_searched() {
        assert_eq!(found(i64::MIN, i64::MAX, 0).0, Some(-1));
        assert_eq!(found(i64::MIN, i64::MAX, i64::MAX).0, Some(i64::MAX - 1));
        assert_eq!(found(i64::MIN, i64::MAX, i64::MIN).0, None);
    }

    #[test]
    fn no_id_is_asked_about_more_often_than_the_halves_allow() {
        let (agreed, asked) = found(1, 1_000_000, 777_777);
        assert_eq!(agreed, Some(777_776));
        assert!(asked <= 22, "{asked}");
    }
}
