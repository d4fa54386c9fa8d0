//! What the pages of a file have in common: its steps, its text, its notes.

use super::super::answer::message;
use super::super::lane_word::NoteSeverity;
use super::super::state::WindowState;
use super::super::words::{encoded, shown};
use super::desk::{EditDesk, FileStanding};
use super::draft::FileDraft;
use super::store;
use super::tries::CheckLine;
use super::views::{FileLine, file_lines};
use crate::error::Problems;
use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use std::io;
use std::path::Path;

/// The forms of a file, in their order.
pub(super) const STEPS: [(&str, &str); 4] = [
    ("source", "Source"),
    ("table", "Table"),
    ("destinations", "Destinations"),
    ("look", "Look at it and start"),
];

/// A file that is being changed.
pub(super) struct EditedFile<'a> {
    pub(super) desk: &'a EditDesk,
    pub(super) draft: FileDraft,
    /// Where its forms are.
    pub(super) at: String,
}

/// A step, as the head of a page lists it.
#[derive(Debug)]
pub(super) struct StepView {
    pub(super) path: &'static str,
    pub(super) title: &'static str,
    pub(super) is_current: bool,
}

/// What every page of a file shows.
#[derive(Debug)]
pub(super) struct HeadView {
    pub(super) title: String,
    pub(super) file_name: String,
    pub(super) at: String,
    pub(super) digest: String,
    pub(super) steps: Vec<StepView>,
    pub(super) notes: Vec<CheckLine>,
    pub(super) lines: Option<Vec<FileLine>>,
    pub(super) is_writable: bool,
}

impl<'a> EditedFile<'a> {
    /// What was changed of a file, or the file as it is.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(super) fn of(desk: &'a EditDesk, path: &Path) -> io::Result<Self> {
        let at = format!("/edit/files/{}", encoded(&desk.id_of(path)));
        Ok(Self { desk, draft: desk.draft(path)?, at })
    }

    /// The address of a step.
    pub(super) fn step(&self, step: &str) -> String {
        format!("{}/{step}", self.at)
    }

    /// The name of the file, as a page shows it.
    pub(super) fn file_name(&self) -> String {
        shown(&self.draft.path.file_name().unwrap_or_default().to_string_lossy())
    }

    /// All that is wrong with the draft by itself.
    pub(super) fn problems(&self) -> Problems {
        self.draft.problems(self.desk.is_alone(&self.draft.path))
    }

    /// The same; of a file without a line, nothing.
    pub(super) fn problems_so_far(&self) -> Problems {
        if self.draft.text.is_empty() { Problems::new() } else { self.problems() }
    }

    /// Keeps what was taken.
    ///
    /// # Errors
    /// A page that says why not.
    pub(super) fn keep(&self) -> Result<(), Box<Response>> {
        self.desk.keep(self.draft.clone()).map_err(|why| {
            let title = "The change was not taken";
            Box::new(message(StatusCode::CONFLICT, NoteSeverity::Wait, title, &why))
        })
    }

    /// What the head of a page shows at this step.
    pub(super) fn head(&self, current: &str, mut notes: Vec<CheckLine>) -> HeadView {
        notes.extend(self.standing());
        let steps = STEPS.iter().map(|(path, title)| StepView {
            path,
            title,
            is_current: *path == current,
        });
        let title = match &self.draft.base {
            None => "A new replication".to_owned(),
            Some(_) => format!("Configuration of {}", self.file_name()),
        };
        HeadView {
            title,
            file_name: self.file_name(),
            at: self.at.clone(),
            digest: self.draft.digest(),
            steps: steps.collect(),
            notes,
            lines: file_lines(&self.draft),
            is_writable: store::is_writable(&self.draft.path),
        }
    }

    /// What a person should know of the file before anything else.
    fn standing(&self) -> Vec<CheckLine> {
        let note = |severity, what: &str, found: &str| CheckLine::new(severity, what, found);
        let mut notes = Vec::new();
        let now = store::read(&self.draft.path).ok().flatten();
        if now != self.draft.base {
            notes.push(note(
                NoteSeverity::Wait,
                "The file was changed by hand meanwhile.",
                "What is entered here begins from the older text; saving shows both.",
            ));
        }
        let standing = now.as_ref().map(|now| self.desk.standing(&self.draft.path, now));
        if let Some(FileStanding::Newer | FileStanding::ForNextStart) = standing {
            notes.push(note(
                NoteSeverity::Wait,
                "The file is newer than what runs.",
                "A reload takes it up; [log], [console] and [metrics] at the next start.",
            ));
        }
        if !store::is_writable(&self.draft.path) {
            notes.push(note(
                NoteSeverity::Wait,
                "The folder of the file cannot be written to.",
                "Nothing can be saved here: download the file at the last step and put it there.",
            ));
        }
        notes
    }
}

/// A page.
pub(super) fn html(status: StatusCode, page: &impl Template) -> Response {
    (status, Html(page.render().unwrap_or_default())).into_response()
}

/// Says that a draft is another one than that of the form that was sent.
pub(super) fn outdated(at: &str) -> Response {
    let title = "The draft has changed meanwhile";
    let words =
        format!("It was changed in another tab, or saved. Nothing was taken. Go to {at} again.");
    message(StatusCode::CONFLICT, NoteSeverity::Wait, title, &words)
}

/// Who has asked for a look at databases waits for one of few turns.
///
/// # Errors
/// A page that says that others look.
pub(super) fn turn(desk: &EditDesk) -> Result<tokio::sync::SemaphorePermit<'_>, Box<Response>> {
    desk.tries.try_acquire().map_err(|_| {
        let title = "Others look at databases at this moment";
        let words = "Try it again in a few seconds.";
        Box::new(message(StatusCode::SERVICE_UNAVAILABLE, NoteSeverity::Wait, title, words))
    })
}

/// Says in the log who has changed which keys of which file.
pub(super) fn tell_change(state: &WindowState, by: &str, file: &str, keys: &[String]) {
    slog::info!(state.log, "the configuration was changed in the window";
        "by" => by, "file" => file, "keys" => keys.join(", "));
}
