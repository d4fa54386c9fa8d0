//! A draft becomes the file: checked, compared with what is there, written, and read again where that
//! is wanted.

use super::super::answer::see_other;
use super::super::lane_word::NoteSeverity;
use super::super::state::WindowState;
use super::draft::FileDraft;
use super::pages::{EditedFile, html, tell_change};
use super::store;
use super::tries::CheckLine;
use crate::config::edit::{MergeBlock, ThreeWayMerge, changed_keys};
use crate::error::Error;
use crate::supervise::{ReloadCounts, ReloadOutcome};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

/// What is to be done with a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SaveWish {
    Save,
    SaveAndReload,
}

#[derive(Template)]
#[template(path = "edit_compare.html")]
struct ComparePage {
    file_name: String,
    at: String,
    digest: String,
    is_mergeable: bool,
    blocks: Vec<CompareBlock>,
}

/// Lines that differ, three times.
#[derive(Debug)]
struct CompareBlock {
    common: String,
    yours: String,
    theirs: String,
}

#[derive(Template)]
#[template(path = "edit_done.html")]
struct DonePage {
    title: String,
    detail: String,
    severity: NoteSeverity,
    lines: Vec<CheckLine>,
    back: String,
}

/// Saves a draft; where the file was changed meanwhile, both are shown instead.
///
/// # Errors
/// What stands in the way; nothing was written then.
pub(super) async fn save(
    file: &EditedFile<'_>,
    wish: SaveWish,
    (state, by): (&WindowState, &'static str),
) -> Result<Response, Vec<CheckLine>> {
    let desk = file.desk;
    let _alone = desk.saving.lock().await;
    let told = file.problems();
    if !told.is_empty() {
        let words = "Nothing was written: correct what is wrong first.";
        return Err(vec![CheckLine::new(NoteSeverity::Bad, words, "")]);
    }
    let (own, others) = beside(file);
    if !own.is_empty() {
        return Err(own);
    }
    let now = store::read(&file.draft.path).map_err(unread)?;
    if now != file.draft.base {
        return Ok(compare(file, now.as_deref().unwrap_or_default()));
    }
    let draft = file.draft.clone();
    let written = tokio::task::spawn_blocking(move || write(&draft).map(|()| draft)).await;
    let draft = match written {
        Ok(written) => written.map_err(|error| vec![CheckLine::of(&error)])?,
        Err(_) => return Err(vec![CheckLine::new(NoteSeverity::Bad, "The save has failed", "")]),
    };
    tell_change(state, by, &draft.name(), &keys_of(&draft));
    desk.drop_draft(&draft.path);
    Ok(match wish {
        SaveWish::Save => saved(file, others),
        SaveWish::SaveAndReload => reloaded(desk.reload().await, Some(file)),
    })
}

fn unread(error: std::io::Error) -> Vec<CheckLine> {
    vec![CheckLine::new(NoteSeverity::Bad, "Nothing was written", error.to_string())]
}

/// What is wrong with all files together: what is of this one, and what is not.
fn beside(file: &EditedFile<'_>) -> (Vec<CheckLine>, Vec<CheckLine>) {
    let all = file.draft.problems_beside(&file.desk.paths);
    let is_own = |problem: &&Error| {
        problem.place().is_some_and(|place| place.starts_with(&file.draft.name()))
    };
    let (own, others): (Vec<&Error>, Vec<&Error>) = all.iter().partition(is_own);
    let lines = |of: Vec<&Error>| of.into_iter().map(CheckLine::of).collect();
    (lines(own), lines(others))
}

/// Passwords first: a configuration that names one finds it.
fn write(draft: &FileDraft) -> Result<(), Error> {
    for (path, secret) in draft.secrets_to_write() {
        store::write_secret(&path, secret)?;
    }
    if draft.base.as_deref() == Some(&draft.text) {
        return Ok(());
    }
    store::write(&draft.path, &draft.text)
}

/// The keys that have changed, and the files of passwords that were written; no values.
fn keys_of(draft: &FileDraft) -> Vec<String> {
    let mut keys = changed_keys(draft.base.as_deref().unwrap_or_default(), &draft.text);
    let named = draft.secrets_to_write();
    keys.extend(named.iter().map(|(path, _)| format!("the password in {}", path.display())));
    keys
}

fn saved(file: &EditedFile<'_>, others: Vec<CheckLine>) -> Response {
    let detail = "What runs goes on as before, until the files are read again.";
    let page = DonePage {
        title: format!("{} is saved", file.file_name()),
        detail: detail.to_owned(),
        severity: NoteSeverity::Good,
        lines: others,
        back: "/edit".to_owned(),
    };
    html(StatusCode::OK, &page)
}

/// Says what came of a reload, after a file was saved or without.
pub(super) fn reloaded(outcome: ReloadOutcome, file: Option<&EditedFile<'_>>) -> Response {
    let saved = file.map(|file| format!("{} is saved", file.file_name()));
    let (severity, status, words, detail, lines) = match outcome {
        Ok(ReloadCounts { started, restarted, ended }) => (
            NoteSeverity::Good,
            StatusCode::OK,
            "the files were read again",
            format!("Started: {started}, started again: {restarted}, ended: {ended}."),
            Vec::new(),
        ),
        Err(problems) => (
            NoteSeverity::Bad,
            StatusCode::CONFLICT,
            "the reload was refused",
            "Everything goes on as before.".to_owned(),
            CheckLine::of_all(&problems),
        ),
    };
    let title = match saved {
        Some(saved) if severity == NoteSeverity::Good => format!("{saved}, and {words}"),
        Some(saved) => format!("{saved}, but {words}"),
        None => words.to_owned(),
    };
    let back = file.map_or("/edit".to_owned(), |file| file.step("look"));
    html(status, &DonePage { title, detail, severity, lines, back })
}

/// Shows both texts and what they began from; nothing is written.
fn compare(file: &EditedFile<'_>, theirs: &str) -> Response {
    let draft = &file.draft;
    let base = draft.base.as_deref().unwrap_or_default();
    let is_mergeable = ThreeWayMerge::of(base, &draft.text, theirs).merged().is_some();
    let shown = |text: &str| draft.shown(text).unwrap_or_default();
    let side_by_side = ThreeWayMerge::of(&shown(base), &shown(&draft.text), &shown(theirs));
    let blocks = side_by_side.blocks.into_iter().filter_map(|block| match block {
        MergeBlock::Same(_) => None,
        MergeBlock::Different { common, yours, theirs } => Some(CompareBlock {
            common: common.join("\n"),
            yours: yours.join("\n"),
            theirs: theirs.join("\n"),
        }),
    });
    let page = ComparePage {
        file_name: file.file_name(),
        at: file.at.clone(),
        digest: draft.digest(),
        is_mergeable,
        blocks: blocks.collect(),
    };
    html(StatusCode::CONFLICT, &page)
}

/// Puts the changes onto the file as it is now, where both fit together.
///
/// # Errors
/// Where the file cannot be read.
pub(super) fn merge(file: &EditedFile<'_>) -> Result<Response, Vec<CheckLine>> {
    let now = store::read(&file.draft.path).map_err(unread)?;
    let theirs = now.clone().unwrap_or_default();
    let base = file.draft.base.clone().unwrap_or_default();
    let Some(text) = ThreeWayMerge::of(&base, &file.draft.text, &theirs).merged() else {
        return Ok(compare(file, &theirs));
    };
    let draft = file.draft.clone().rebased(now, text);
    let file = EditedFile { draft, at: file.at.clone(), desk: file.desk };
    Ok(match file.keep() {
        Ok(()) => see_other(&file.step("look")),
        Err(refused) => *refused,
    })
}
