//! What a destination with reflections holds of the log, as far as it can be asked: where it
//! begins, where it stands, and how many events that is. It keeps no events.

use super::state::{self, ReflectionState};
use crate::error::{Error, ErrorKind, Result};
use crate::event::range::IdRange;
use crate::event::store::{EventDigest, EventStore, IdEnds, RangeDigest, RowStream, WholeCount};
use crate::event::wire::Wire;
use crate::postgres::session::Session;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use std::borrow::Borrow;
use std::sync::Arc;

/// See the module.
pub(super) struct ReflectedEvents<S> {
    session: S,
    /// The destination's.
    name: String,
    wire: Arc<Wire>,
}

impl<S: Borrow<Session> + Send + Sync> ReflectedEvents<S> {
    /// Asks nothing yet.
    pub(super) fn new(session: S, name: &str, wire: Arc<Wire>) -> Self {
        Self { session, name: name.to_owned(), wire }
    }

    /// The session.
    pub(super) fn session(&self) -> &Session {
        self.session.borrow()
    }

    async fn state(&self) -> Result<Option<ReflectionState>> {
        state::read_position(self.session(), &self.name).await
    }

    /// What cannot be asked is asked only where the two do not belong together.
    fn another_log(&self) -> Error {
        Error::new(ErrorKind::Contents, "the reflections were not computed from this log")
            .at(self.place())
            .because("its events up to where they stand are not those that they were computed from")
            .fix(
                "restore the log, or have every row loaded again: counterfoil reflect load; \
                 nothing was written",
            )
    }
}

/// How many events of the range the state stands for; `None`: that is not known.
fn counted(state: Option<ReflectionState>, range: IdRange) -> Option<u64> {
    let Some(state) = state.filter(|state| state.position.is_some()) else { return Some(0) };
    let begins = state.first.as_ref().is_none_or(|(id, _)| range.after < Some(*id));
    (begins && Some(range.through) >= state.position).then_some(state.events)
}

fn digest_at(state: ReflectionState, id: i64) -> Option<EventDigest> {
    match state.first {
        _ if state.position == Some(id) => state.last,
        Some((first, digest)) if first == id => Some(digest),
        _ => None,
    }
}

impl<S: Borrow<Session> + Send + Sync> EventStore for ReflectedEvents<S> {
    fn place(&self) -> String {
        self.session().place().to_owned()
    }

    fn wire(&self) -> &Wire {
        &self.wire
    }

    fn ends(&self) -> BoxFuture<'_, Result<IdEnds>> {
        async move {
            let state = self.state().await?;
            Ok(state.map_or(IdEnds::default(), |state| IdEnds {
                lowest: state.first.map(|(id, _)| id),
                highest: state.position,
            }))
        }
        .boxed()
    }

    fn count(&self, range: IdRange) -> BoxFuture<'_, Result<u64>> {
        async move { counted(self.state().await?, range).ok_or_else(|| self.another_log()) }.boxed()
    }

    fn whole_count(&self) -> BoxFuture<'_, Result<Option<WholeCount>>> {
        async move {
            let state = self.state().await?;
            Ok(Some(state.map_or(WholeCount { through: None, events: 0 }, |state| WholeCount {
                through: state.position,
                events: state.events,
            })))
        }
        .boxed()
    }

    fn event_digest(&self, id: i64) -> BoxFuture<'_, Result<Option<EventDigest>>> {
        async move { Ok(self.state().await?.and_then(|state| digest_at(state, id))) }.boxed()
    }

    fn event_text(&self, _: i64) -> BoxFuture<'_, Result<Option<Vec<Option<String>>>>> {
        std::future::ready(Ok(None)).boxed()
    }

    fn range_digest(&self, _: IdRange, _: u32) -> BoxFuture<'_, Result<RangeDigest>> {
        std::future::ready(Err(self.another_log())).boxed()
    }

    fn rows(&self, _: IdRange) -> RowStream<'_> {
        futures::stream::once(std::future::ready(Err(self.another_log()))).boxed()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn state() -> ReflectionState {
        ReflectionState {
            position: Some(20),
            events: 7,
            first: Some((3, vec![Some("a".to_owned())])),
            last: Some(vec![Some("z".to_owned())]),
            source: String::new(),
        }
    }

    #[test]
    fn all_events_up_to_the_position_are_counted_and_a_part_of_them_is_not() {
        assert_eq!(counted(Some(state()), IdRange::up_to(20)), Some(7));
        assert_eq!(counted(Some(state()), IdRange { after: Some(2), through: 99 }), Some(7));
        assert_eq!(counted(Some(state()), IdRange::up_to(19)), None);
        assert_eq!(counted(Some(state()), IdRange { after: Some(3), through: 20 }), None);
        assert_eq!(counted(None, IdRange::up_to(20)), Some(0));
    }

    #[test]
    fn the_first_and_the_last_event_are_known_by_their_digests() {
        assert_eq!(digest_at(state(), 3).unwrap()[0].as_deref(), Some("a"));
        assert_eq!(digest_at(state(), 20).unwrap()[0].as_deref(), Some("z"));
        assert_eq!(digest_at(state(), 4), None);
    }
}
