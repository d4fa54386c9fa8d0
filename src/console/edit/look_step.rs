//! The last form: the whole file beside what is there, what is wrong with it, the dry run, and the
//! save.

use super::super::answer::see_other;
use super::super::lane_word::NoteSeverity;
use super::super::state::WindowState;
use super::forms::PostedForm;
use super::pages::{EditedFile, HeadView, html, turn};
use super::save::{self, SaveWish};
use super::tries::CheckLine;
use super::views::{FieldKind, FieldsView, FileLineKind, FormProblems};
use crate::config::ReplicationConfig;
use crate::config::edit::{FieldProblem, FormField, FormFields, of_settings};
use crate::log::escape::fit_lines;
use crate::replicate::check::dry_run::dry_run;
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use slog::Logger;
use std::time::Duration;

/// A dry run that takes longer is given up: the command line has no such limit.
const DRY_RUN_MAX: Duration = Duration::from_secs(120);
/// Of so many replications of one file at most.
const DRY_RUNS_MAX: usize = 16;

#[derive(Template)]
#[template(path = "edit_look.html")]
struct LookPage {
    h: HeadView,
    problems: Vec<CheckLine>,
    reports: Vec<String>,
    settings: Vec<FieldsView>,
}

/// The form as the draft is.
pub(super) fn show(file: &EditedFile<'_>) -> Response {
    page(file, StatusCode::OK, &[], None, Vec::new())
}

/// Shows what stands in the way of a save.
fn refuse(file: &EditedFile<'_>, notes: Vec<CheckLine>) -> Response {
    let head = file.head("look", notes);
    drawn(file, StatusCode::UNPROCESSABLE_ENTITY, head, &[], None, Vec::new())
}

/// Takes the settings that were sent, and does what the button says.
pub(super) async fn take(
    mut file: EditedFile<'_>,
    form: &PostedForm,
    (state, by): (&WindowState, &'static str),
) -> Response {
    match form.action().0 {
        "drop" => {
            file.desk.drop_draft(&file.draft.path);
            let is_new = file.draft.base.is_none();
            return see_other(&if is_new { "/edit".to_owned() } else { file.step("look") });
        }
        "merge" => return save::merge(&file).unwrap_or_else(|lines| refuse(&file, lines)),
        _ => {}
    }
    let fields = of_settings(&file.draft.text).unwrap_or_default();
    let fields: Vec<FormField> = fields.into_iter().flat_map(|of| of.fields).collect();
    let before = file.draft.text.clone();
    if let Err(untaken) = file.draft.take(form, &fields) {
        return page(&file, StatusCode::UNPROCESSABLE_ENTITY, &untaken, Some(form), Vec::new());
    }
    if let Err(refused) = file.keep() {
        return *refused;
    }
    let wish = match form.action().0 {
        "save" => Some(SaveWish::Save),
        "reload" => Some(SaveWish::SaveAndReload),
        _ => None,
    };
    match wish {
        Some(_) if before != file.draft.text => {
            let words =
                "The settings that were entered have changed the file: look at it, then save.";
            let notes = vec![CheckLine::new(NoteSeverity::Wait, words, "")];
            let head = file.head("look", notes);
            drawn(&file, StatusCode::OK, head, &[], None, Vec::new())
        }
        Some(wish) => {
            let saved = save::save(&file, wish, (state, by)).await;
            saved.unwrap_or_else(|lines| refuse(&file, lines))
        }
        None if form.action().0 == "check" => match turn(file.desk) {
            Err(busy) => *busy,
            Ok(_turn) => {
                let reports = reports(&file, &state.log).await;
                page(&file, StatusCode::OK, &[], None, reports)
            }
        },
        None => page(&file, StatusCode::OK, &[], None, Vec::new()),
    }
}

/// The reports of the dry runs, as `run --dry-run` prints them.
async fn reports(file: &EditedFile<'_>, log: &Logger) -> Vec<String> {
    let replications = match file.draft.replications() {
        Ok(replications) => replications,
        // They are told beside.
        Err(_) => return Vec::new(),
    };
    let mut reports = Vec::new();
    for replication in replications.iter().take(DRY_RUNS_MAX) {
        reports.push(report(replication, log).await);
    }
    if replications.len() > DRY_RUNS_MAX {
        reports.push(format!("{} more were not tried", replications.len() - DRY_RUNS_MAX));
    }
    reports
}

async fn report(replication: &ReplicationConfig, log: &Logger) -> String {
    let found = tokio::time::timeout(DRY_RUN_MAX, dry_run(replication, log)).await;
    let text = match found {
        Ok(Ok(found)) => found.to_string(),
        Ok(Err(problems)) => format!("{}\n\nnothing was written\n", problems.report()),
        Err(_) => format!(
            "the dry run takes longer than {} s, and was given up: counterfoil run --dry-run has \
             no such limit\n",
            DRY_RUN_MAX.as_secs()
        ),
    };
    fit_lines(&format!("replication {}\n{text}", replication.name)).into_owned()
}

fn page(
    file: &EditedFile<'_>,
    status: StatusCode,
    untaken: &[FieldProblem],
    form: Option<&PostedForm>,
    reports: Vec<String>,
) -> Response {
    drawn(file, status, file.head("look", Vec::new()), untaken, form, reports)
}

fn drawn(
    file: &EditedFile<'_>,
    status: StatusCode,
    h: HeadView,
    untaken: &[FieldProblem],
    form: Option<&PostedForm>,
    reports: Vec<String>,
) -> Response {
    let told = file.problems();
    let problems = FormProblems::of(&file.draft, &told, untaken);
    let Some(settings) = of_settings(&file.draft.text) else {
        return super::files_page::shown_only(file);
    };
    let folded = |of: &FormFields| FieldsView::of(of, "", &problems, form).folded();
    let settings = settings.iter().map(folded).collect();
    html(status, &LookPage { h, problems: problems.lines(), reports, settings })
}
