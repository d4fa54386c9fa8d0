//! The list of files, with how each stands to what runs; a file that is only shown.

use super::super::answer::see_other;
use super::super::lane_word::NoteSeverity;
use super::super::words::{encoded, shown};
use super::desk::{EditDesk, FileStanding};
use super::forms::PostedForm;
use super::pages::{EditedFile, HeadView, html};
use super::save::reloaded;
use super::store;
use super::tries::CheckLine;
use super::views::FormProblems;
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use std::path::Path;

#[derive(Template)]
#[template(path = "edit_files.html")]
struct FilesPage {
    files: Vec<FileEntry>,
    has_folder: bool,
    name: String,
    wrong: Option<String>,
}

/// A file of the list.
#[derive(Debug)]
struct FileEntry {
    name: String,
    path: String,
    at: String,
    severity: NoteSeverity,
    standing: String,
}

impl FileEntry {
    fn of(desk: &EditDesk, path: &Path) -> Self {
        let mut is_of_process = false;
        let (severity, standing) = match store::read(path) {
            Err(error) => (NoteSeverity::Bad, format!("cannot be read: {error}")),
            Ok(None) => (NoteSeverity::Wait, "not saved yet".to_owned()),
            Ok(Some(text)) => {
                let standing = desk.standing(path, &text);
                is_of_process =
                    matches!(standing, FileStanding::OfProcess | FileStanding::ForNextStart);
                let (severity, words) = in_words(standing);
                (severity, words.to_owned())
            }
        };
        let is_changed = desk.draft(path).is_ok_and(|draft| draft.is_changed());
        let standing = if is_changed && path.exists() {
            format!("{standing}; there are changes that are not saved")
        } else {
            standing
        };
        let is_json = path.extension().is_some_and(|of| of.eq_ignore_ascii_case("json"));
        // What belongs to the process has no source, where replications have files of their own.
        let is_of_process = desk.folder().is_some() && is_of_process;
        let is_shown = is_json || is_of_process || severity == NoteSeverity::Bad;
        let step = if is_shown { "look" } else { "source" };
        Self {
            name: shown(&desk.id_of(path)),
            path: shown(&path.display().to_string()),
            at: format!("/edit/files/{}/{step}", encoded(&desk.id_of(path))),
            severity,
            standing: shown(&standing),
        }
    }
}

fn in_words(standing: FileStanding) -> (NoteSeverity, &'static str) {
    match standing {
        FileStanding::Running => (NoteSeverity::Good, "runs as it is written"),
        FileStanding::Newer => {
            (NoteSeverity::Wait, "the file is newer than what runs: a reload takes it up")
        }
        FileStanding::NotRunning => {
            (NoteSeverity::Calm, "does not run yet: a reload starts it, unless it was left out")
        }
        FileStanding::OfProcess => {
            (NoteSeverity::Good, "holds what belongs to the process, and is as it was at the start")
        }
        FileStanding::ForNextStart => (
            NoteSeverity::Wait,
            "holds what belongs to the process, and is newer than what runs: it holds from the next start on",
        ),
    }
}

/// The list.
pub(super) fn show(desk: &EditDesk) -> Response {
    page(desk, StatusCode::OK, "", None)
}

/// Begins a new file, or has all read again.
pub(super) async fn take(desk: &EditDesk, form: &PostedForm) -> Response {
    if form.action().0 == "reload" {
        return reloaded(desk.reload().await, None);
    }
    let name = form.get("name").unwrap_or_default().trim();
    match desk.begin(name) {
        Ok(draft) => match EditedFile::of(desk, &draft.path) {
            Ok(file) => see_other(&file.step("source")),
            Err(error) => page(desk, StatusCode::CONFLICT, name, Some(error.to_string())),
        },
        Err(wrong) => page(desk, StatusCode::UNPROCESSABLE_ENTITY, name, Some(wrong)),
    }
}

fn page(desk: &EditDesk, status: StatusCode, name: &str, wrong: Option<String>) -> Response {
    let files = desk.files().iter().map(|path| FileEntry::of(desk, path)).collect();
    let page = FilesPage { files, has_folder: desk.folder().is_some(), name: shown(name), wrong };
    html(status, &page)
}

#[derive(Template)]
#[template(path = "edit_shown.html")]
struct ShownPage {
    h: HeadView,
    problems: Vec<CheckLine>,
    reason: &'static str,
}

/// A file that no form changes: JSON, or one that is no TOML.
pub(super) fn shown_only(file: &EditedFile<'_>) -> Response {
    let reason = if file.draft.is_json() {
        "JSON is shown here and not changed: change it by hand, then reload."
    } else {
        "It is no TOML, so that no form can change it, and it is not shown: it may hold a password. \
         Correct it by hand."
    };
    let told = file.problems();
    let problems = FormProblems::of(&file.draft, &told, &[]).lines();
    html(StatusCode::OK, &ShownPage { h: file.head("", Vec::new()), problems, reason })
}
