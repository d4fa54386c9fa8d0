//! What every request to the window can see.

use super::edit::desk::EditDesk;
use super::frame::{DrawingRules, WindowFrame};
use super::login::PasswordGate;
use super::metrics::ScrapeFacts;
use super::session::SessionStore;
use crate::supervise::Roster;
use axum::extract::State;
use slog::Logger;
use std::sync::{Arc, Mutex};
use tokio::sync::{Semaphore, watch};

/// What every request can see.
pub(super) struct WindowState {
    pub(super) drawing: Arc<DrawingRules>,
    pub(super) frames: watch::Receiver<Arc<WindowFrame>>,
    pub(super) gate: Option<PasswordGate>,
    /// Where configuration is changed, if it may be here.
    pub(super) desk: Option<EditDesk>,
    pub(super) sessions: Mutex<SessionStore>,
    pub(super) streams: Arc<Semaphore>,
    /// What metrics are read from: as it stands, not as the page has sampled it.
    pub(super) roster: watch::Receiver<Roster>,
    pub(super) scrape: ScrapeFacts,
    pub(super) log: Logger,
}

/// The same, as a handler takes it.
pub(super) type RequestState = State<Arc<WindowState>>;

impl WindowState {
    pub(super) fn frame(&self) -> Arc<WindowFrame> {
        Arc::clone(&self.frames.borrow())
    }
}
