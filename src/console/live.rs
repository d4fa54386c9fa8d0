//! `/live`: the parts of a page that have changed, once a second, as server-sent events.

use super::access::PageVisitor;
use super::frame::{DrawingRules, PageKey, WindowFrame};
use axum::response::IntoResponse;
use axum::response::Response;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, watch};

/// So many pages may be live at a time.
pub(super) const STREAMS_MAX: usize = 16;
/// A page is live for so long; then its browser asks again.
const STREAM_MAX: Duration = Duration::from_secs(3600);
/// A comment is sent so often, so that nothing between takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A page that is live.
pub(super) struct LivePage {
    pub(super) frames: watch::Receiver<Arc<WindowFrame>>,
    pub(super) drawing: Arc<DrawingRules>,
    pub(super) page: PageKey,
    pub(super) visitor: PageVisitor,
    /// Who its reader is by now: a session ends, a token is taken away.
    who: Box<dyn Fn() -> PageVisitor + Send>,
    pub(super) until: Instant,
    /// What was sent of each part.
    sent: HashMap<&'static str, String>,
    title: String,
    has_ended: bool,
    _permit: OwnedSemaphorePermit,
}

impl LivePage {
    /// Of this page.
    pub(super) fn new(
        frames: watch::Receiver<Arc<WindowFrame>>,
        drawing: Arc<DrawingRules>,
        page: PageKey,
        who: impl Fn() -> PageVisitor + Send + 'static,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let until = Instant::now() + STREAM_MAX;
        let (sent, title) = (HashMap::new(), String::new());
        let (visitor, who) = (who(), Box::new(who));
        Self {
            frames,
            drawing,
            page,
            visitor,
            who,
            until,
            sent,
            title,
            has_ended: false,
            _permit: permit,
        }
    }

    /// As the answer to a browser.
    pub(super) fn response(self) -> Response {
        // The first frame comes at once: something may have changed since the page was drawn.
        let mut live = self;
        live.frames.mark_changed();
        let events = stream::unfold(live, |mut live| async move {
            let event = live.next().await?;
            Some((Ok::<_, Infallible>(event), live))
        });
        let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
        Sse::new(events).keep_alive(keep_alive).into_response()
    }

    /// What there is to tell next; `None`: nothing more.
    async fn next(&mut self) -> Option<Event> {
        if self.has_ended || Instant::now() >= self.until {
            return None;
        }
        self.frames.changed().await.ok()?;
        if (self.who)() != self.visitor {
            return None;
        }
        let frame = Arc::clone(&self.frames.borrow_and_update());
        let drawn = frame.fragments(&self.page, &self.drawing, &self.visitor);
        let Some(drawn) = drawn else {
            if frame.moments.is_empty() && frame.exit_code.is_none() {
                return Some(tick());
            }
            self.has_ended = true;
            return Some(Event::default().event("ended").data(quoted("no longer configured")));
        };
        if drawn.title != self.title {
            self.title.clone_from(&drawn.title);
            // The parts follow at once.
            self.frames.mark_changed();
            return Some(
                Event::default()
                    .event("title")
                    .data(quoted(&format!("{} · Counterfoil", drawn.title))),
            );
        }
        let news: Map<String, Value> = drawn
            .fragments
            .iter()
            .filter(|(id, html)| self.sent.get(id) != Some(html))
            .map(|(id, html)| ((*id).to_owned(), html.clone().into()))
            .collect();
        self.sent = drawn.fragments.iter().cloned().collect();
        if !news.is_empty() {
            if frame.exit_code.is_some() {
                self.frames.mark_changed();
            }
            return Some(Event::default().data(Value::Object(news).to_string()));
        }
        if let Some(code) = frame.exit_code {
            self.has_ended = true;
            return Some(
                Event::default()
                    .event("ended")
                    .data(quoted(&format!("ended with exit code {code}"))),
            );
        }
        Some(tick())
    }
}

/// Nothing has changed.
fn tick() -> Event {
    Event::default().event("tick").data("1")
}

/// A text as JSON: one line, whatever it holds.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
