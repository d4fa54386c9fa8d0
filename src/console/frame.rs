//! What the window shows in one second: taken once, drawn at most once for each page and each kind
//! of reader, however many watch.

use super::access::PageVisitor;
use super::moment::ReplicationMoment;
use super::page::{OverviewView, PageContext, PageFragment, PageView};
use super::probes::{UnreadyReason, of_replication};
use super::process::ProcessFacts;
use super::words::shown;
use crate::config::ConsoleConfig;
use crate::log::recent::RecentLine;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// See the module.
pub(super) struct WindowFrame {
    pub(super) moments: Vec<Arc<ReplicationMoment>>,
    news: Vec<RecentLine>,
    /// The exit code of the process, once it is known.
    pub(super) exit_code: Option<u8>,
    drawn: Mutex<HashMap<(PageKey, bool), Arc<DrawnPage>>>,
}

/// Which page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum PageKey {
    Overview,
    Replication(String),
}

/// A page that was drawn.
#[derive(Debug)]
pub(super) struct DrawnPage {
    pub(super) title: String,
    pub(super) fragments: Vec<PageFragment>,
}

impl WindowFrame {
    /// Of these moments.
    pub(super) fn new(
        moments: Vec<Arc<ReplicationMoment>>,
        news: Vec<RecentLine>,
        exit_code: Option<u8>,
    ) -> Self {
        Self { moments, news, exit_code, drawn: Mutex::default() }
    }

    /// The page at `/`: that of the only replication, otherwise the overview.
    pub(super) fn home(&self) -> PageKey {
        match self.moments.as_slice() {
            [only] => PageKey::Replication(only.name.clone()),
            _ => PageKey::Overview,
        }
    }

    /// The text of a whole page; `None`: there is no such replication.
    pub(super) fn page(
        &self,
        page: &PageKey,
        drawing: &DrawingRules,
        visitor: &PageVisitor,
    ) -> Option<String> {
        self.with(page, drawing, visitor, |view| view.whole(), |view| view.whole())
    }

    /// The parts of a page that change; `None`: there is no such replication.
    pub(super) fn fragments(
        &self,
        page: &PageKey,
        drawing: &DrawingRules,
        visitor: &PageVisitor,
    ) -> Option<Arc<DrawnPage>> {
        let key = (page.clone(), visitor.may_act());
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(page) = drawn.get(&key) {
            return Some(Arc::clone(page));
        }
        let page = self.with(
            page,
            drawing,
            visitor,
            |view| DrawnPage { title: view.title().to_owned(), fragments: view.fragments() },
            |view| DrawnPage { title: view.title().to_owned(), fragments: view.fragments() },
        )?;
        let page = Arc::new(page);
        drawn.insert(key, Arc::clone(&page));
        Some(page)
    }

    fn with<T>(
        &self,
        page: &PageKey,
        drawing: &DrawingRules,
        visitor: &PageVisitor,
        of_one: impl FnOnce(PageView<'_>) -> T,
        of_all: impl FnOnce(OverviewView<'_>) -> T,
    ) -> Option<T> {
        let mut context = PageContext {
            process: &drawing.facts,
            is_signed_in: visitor.may_act(),
            has_login: drawing.config.password_hash.is_some(),
            is_several: self.moments.len() != 1,
            is_edit: drawing.config.is_edit && visitor.may_act(),
            unready: None,
            news: &self.news,
        };
        match page {
            PageKey::Overview => Some(of_all(OverviewView::of(&self.moments, context))),
            PageKey::Replication(name) => {
                let moment = self.moments.iter().find(|moment| moment.name == *name)?;
                // Of one that has ended the headline says why.
                let reasons = of_replication(moment, &drawing.config);
                let reason = reasons.first().filter(|_| moment.end.is_none()).map(in_words);
                context.unready = reason.as_deref();
                Some(of_one(PageView::of(moment, context)))
            }
        }
    }
}

/// What holds for every frame.
pub(super) struct DrawingRules {
    pub(super) config: ConsoleConfig,
    pub(super) facts: ProcessFacts,
}

fn in_words(reason: &UnreadyReason) -> String {
    match &reason.destination {
        Some(destination) => format!("{}: {}", shown(destination), shown(&reason.reason)),
        None => shown(&reason.reason),
    }
}
