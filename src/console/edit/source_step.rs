//! The first form: how the source is reached.

use super::super::answer::see_other;
use super::forms::PostedForm;
use super::pages::{EditedFile, HeadView, html, turn};
use super::tries::{CheckLine, try_source};
use super::views::{FieldKind, FieldsView, FileLineKind, FormProblems};
use crate::config::edit::{FieldProblem, of_source};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

#[derive(Template)]
#[template(path = "edit_source.html")]
struct SourcePage {
    h: HeadView,
    fields: FieldsView,
    checks: Vec<CheckLine>,
}

/// The form as the draft is.
pub(super) fn show(file: &EditedFile<'_>) -> Response {
    page(file, StatusCode::OK, &[], None, Vec::new())
}

/// Takes what was sent, and goes on or tries it.
pub(super) async fn take(mut file: EditedFile<'_>, form: &PostedForm) -> Response {
    let fields = of_source(&file.draft.text).map(|of| of.fields).unwrap_or_default();
    if let Err(untaken) = file.draft.take(form, &fields) {
        return page(&file, StatusCode::UNPROCESSABLE_ENTITY, &untaken, Some(form), Vec::new());
    }
    if let Err(refused) = file.keep() {
        return *refused;
    }
    let problems = FormProblems::of(&file.draft, &file.problems_so_far(), &[]);
    let is_wrong = of_source(&file.draft.text).is_none_or(|of| problems.is_any_of(&of));
    match form.action() {
        ("try", _) => {
            let checks = match turn(file.desk) {
                Err(busy) => return *busy,
                Ok(_turn) => tried(&file).await,
            };
            page(&file, StatusCode::OK, &[], None, checks)
        }
        _ if is_wrong => page(&file, StatusCode::UNPROCESSABLE_ENTITY, &[], None, Vec::new()),
        _ => see_other(&file.step("table")),
    }
}

async fn tried(file: &EditedFile<'_>) -> Vec<CheckLine> {
    match file.draft.sides().replication {
        Some(replication) => try_source(&replication).await,
        None => FormProblems::of(&file.draft, &file.problems_so_far(), &[]).lines(),
    }
}

fn page(
    file: &EditedFile<'_>,
    status: StatusCode,
    untaken: &[FieldProblem],
    form: Option<&PostedForm>,
    checks: Vec<CheckLine>,
) -> Response {
    let problems = FormProblems::of(&file.draft, &file.problems_so_far(), untaken);
    let Some(fields) = of_source(&file.draft.text) else {
        return super::files_page::shown_only(file);
    };
    let fields = FieldsView::of(&fields, "source", &problems, form);
    html(status, &SourcePage { h: file.head("source", Vec::new()), fields, checks })
}
