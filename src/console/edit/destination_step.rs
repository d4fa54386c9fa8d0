//! The third form: destinations are added, tried and removed; what makes a table is shown, and run
//! when it is asked for.

use super::super::answer::see_other;
use super::super::lane_word::NoteSeverity;
use super::super::state::WindowState;
use super::super::words::shown;
use super::draft::hexadecimal;
use super::forms::PostedForm;
use super::pages::{EditedFile, HeadView, html, turn};
use super::tries::{CheckLine, try_destination};
use super::views::{FieldKind, FieldsView, FileLineKind, FormProblems};
use crate::config::edit::{
    FieldProblem, FormField, FormFields, add_destination, destinations_written, of_destination,
    remove_destination,
};
use crate::config::{DestinationConfig, ReplicationConfig};
use crate::error::Problems;
use crate::log::escape::fit_lines;
use crate::postgres::ddl::script::{SetupReport, SetupScript};
use crate::replicate::shaped_table::SourceTableShape;
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use slog::info;

#[derive(Template)]
#[template(path = "edit_destinations.html")]
struct DestinationsPage {
    h: HeadView,
    destinations: Vec<DestinationView>,
    list_problems: Vec<String>,
}

/// A destination in the form.
#[derive(Debug)]
struct DestinationView {
    index: usize,
    number: usize,
    fields: FieldsView,
    checks: Vec<CheckLine>,
    script: Option<ScriptView>,
}

/// What would make a table.
#[derive(Debug)]
struct ScriptView {
    sql: String,
    digest: String,
    is_needed: bool,
}

/// What is shown at one destination, beside its fields.
#[derive(Default)]
struct ShownBeside {
    index: usize,
    checks: Vec<CheckLine>,
    script: Option<ScriptView>,
}

/// The form as the draft is.
pub(super) fn show(file: &EditedFile<'_>) -> Response {
    page(file, StatusCode::OK, &[], None, ShownBeside::default())
}

/// All fields of all destinations.
fn fields_of(text: &str) -> Vec<FormFields> {
    (0..destinations_written(text)).filter_map(|index| of_destination(text, index)).collect()
}

/// Takes what was sent, and does what the button says.
pub(super) async fn take(
    mut file: EditedFile<'_>,
    form: &PostedForm,
    (state, by): (&WindowState, &str),
) -> Response {
    let fields: Vec<FormField> =
        fields_of(&file.draft.text).into_iter().flat_map(|of| of.fields).collect();
    if let Err(untaken) = file.draft.take(form, &fields) {
        let beside = ShownBeside::default();
        return page(&file, StatusCode::UNPROCESSABLE_ENTITY, &untaken, Some(form), beside);
    }
    let changed = match form.action() {
        ("add", _) => add_destination(&file.draft.text),
        ("remove", Some(index)) => remove_destination(&file.draft.text, index),
        _ => Ok(file.draft.text.clone()),
    };
    match changed {
        Ok(text) => file.draft.text = text,
        Err(untaken) => {
            let beside = ShownBeside::default();
            return page(&file, StatusCode::UNPROCESSABLE_ENTITY, &untaken, None, beside);
        }
    }
    if let Err(refused) = file.keep() {
        return *refused;
    }
    let beside = match form.action() {
        (action @ ("try" | "script" | "make"), Some(index)) => {
            let _turn = match turn(file.desk) {
                Ok(turn) => turn,
                Err(busy) => return *busy,
            };
            match action {
                "try" => tried(&file, index).await,
                "script" => scripted(&file, index, Vec::new()).await,
                _ => made(&file, index, form.get("script"), (state, by)).await,
            }
        }
        ("next", _) if !is_wrong(&file) => return see_other(&file.step("look")),
        _ => ShownBeside::default(),
    };
    let status = if is_wrong(&file) { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let is_asked = matches!(form.action(), ("add" | "remove", _));
    page(&file, if is_asked { StatusCode::OK } else { status }, &[], None, beside)
}

/// Whether something is wrong with a destination.
fn is_wrong(file: &EditedFile<'_>) -> bool {
    let problems = FormProblems::of(&file.draft, &file.problems_so_far(), &[]);
    let fields = fields_of(&file.draft.text);
    let at = |index: usize| !problems.at(&format!("destinations[{index}]")).is_empty();
    !problems.at("destinations").is_empty()
        || fields.iter().any(|of| problems.is_any_of(of))
        || (0..fields.len()).any(at)
}

async fn tried(file: &EditedFile<'_>, index: usize) -> ShownBeside {
    let sides = file.draft.sides();
    let to = sides.destinations.get(index).and_then(Option::as_ref);
    let checks = match (&sides.replication, to) {
        (Some(replication), Some(to)) => try_destination(replication, to).await,
        (None, _) => incomplete("The source is not complete yet: go back to it first."),
        (_, None) => incomplete("It is not complete yet: see its fields."),
    };
    ShownBeside { index, checks, script: None }
}

fn incomplete(words: &str) -> Vec<CheckLine> {
    vec![CheckLine::new(NoteSeverity::Calm, words, "")]
}

/// What makes the table of a destination in the shape of each table of the source.
async fn scripts(file: &EditedFile<'_>, index: usize) -> Result<Vec<SetupScript>, Vec<CheckLine>> {
    let mut scripts = Vec::new();
    for (of, to) in pairs(file, index)? {
        let limit = of.limits.connect_timeout;
        let shape = SourceTableShape::read(&of.source, limit).await;
        let Some(postgres) = to.postgres() else { continue };
        let script = match shape {
            Ok(shape) => shape.script(postgres, limit).await,
            Err(problems) => Err(problems),
        };
        scripts.push(script.map_err(|problems| CheckLine::of_all(&problems))?);
    }
    Ok(scripts)
}

/// The replication of each table of the source, with the destination as it is for it.
fn pairs(
    file: &EditedFile<'_>,
    index: usize,
) -> Result<Vec<(ReplicationConfig, DestinationConfig)>, Vec<CheckLine>> {
    let replications = file.draft.replications();
    let replications = replications.map_err(|problems| CheckLine::of_all(&problems))?;
    let pair = |of: ReplicationConfig| {
        let to = of.destinations.get(index).cloned();
        to.map(|to| (of, to))
    };
    Ok(replications.into_iter().filter_map(pair).collect())
}

async fn scripted(file: &EditedFile<'_>, index: usize, mut checks: Vec<CheckLine>) -> ShownBeside {
    match scripts(file, index).await {
        Ok(scripts) => ShownBeside { index, checks, script: Some(ScriptView::of(&scripts)) },
        Err(problems) => {
            checks.extend(problems);
            ShownBeside { index, checks, script: None }
        }
    }
}

impl ScriptView {
    fn of(scripts: &[SetupScript]) -> Self {
        let sql: Vec<String> = scripts.iter().map(SetupScript::sql).collect();
        let sql = fit_lines(&sql.join("\n")).into_owned();
        let is_needed = scripts.iter().any(|script| !script.is_empty());
        Self { digest: hexadecimal(&sql), sql, is_needed }
    }
}

/// Runs the script, if it is still the one that was shown.
async fn made(
    file: &EditedFile<'_>,
    index: usize,
    seen: Option<&str>,
    (state, by): (&WindowState, &str),
) -> ShownBeside {
    let scripts = match scripts(file, index).await {
        Ok(scripts) => ScriptView::of(&scripts),
        Err(checks) => return ShownBeside { index, checks, script: None },
    };
    if seen != Some(scripts.digest.as_str()) {
        let words = "The script is another one now: look at it again. Nothing was run.";
        let checks = vec![CheckLine::new(NoteSeverity::Wait, words, "")];
        return ShownBeside { index, checks, script: Some(scripts) };
    }
    let mut checks = Vec::new();
    let pairs = pairs(file, index).unwrap_or_default();
    for (of, to) in &pairs {
        let Some(postgres) = to.postgres() else { continue };
        let limit = of.limits.connect_timeout;
        let made = match SourceTableShape::read(&of.source, limit).await {
            Ok(shape) => shape.make(postgres, limit).await,
            Err(problems) => Err(problems),
        };
        if made.is_ok() {
            info!(state.log, "the table of a destination was made from the window"; "by" => by,
                crate::log::key::DESTINATION => &to.name, crate::log::key::TABLE => postgres.table.to_string());
        }
        checks.extend(of_making(made));
    }
    ShownBeside { index, checks, script: None }
}

fn of_making(made: Result<SetupReport, Problems>) -> Vec<CheckLine> {
    let report = match made {
        Ok(report) => report,
        Err(problems) => return CheckLine::of_all(&problems),
    };
    let created = report.created.iter();
    let created = created.map(|what| CheckLine::new(NoteSeverity::Good, "Created", what));
    let present = report.present.iter();
    let present = present.map(|what| CheckLine::new(NoteSeverity::Calm, "Already there", what));
    let notes = report.notes.iter();
    let notes = notes.map(|note| CheckLine::new(NoteSeverity::Wait, "Note", note));
    created.chain(present).chain(notes).collect()
}

fn page(
    file: &EditedFile<'_>,
    status: StatusCode,
    untaken: &[FieldProblem],
    form: Option<&PostedForm>,
    mut beside: ShownBeside,
) -> Response {
    let problems = FormProblems::of(&file.draft, &file.problems_so_far(), untaken);
    let destinations =
        fields_of(&file.draft.text).into_iter().enumerate().map(|(index, fields)| {
            let at = format!("destinations[{index}]");
            let is_it = beside.index == index;
            let mut fields = FieldsView::of(&fields, &at, &problems, form);
            if status == StatusCode::OK && !fields.is_begun() {
                // It has just been added: what it lacks is told once more is wanted of it.
                fields.problems.clear();
            }
            DestinationView {
                index,
                number: index + 1,
                fields,
                checks: if is_it { std::mem::take(&mut beside.checks) } else { Vec::new() },
                script: if is_it { beside.script.take() } else { None },
            }
        });
    let destinations = destinations.collect();
    let mut list_problems = problems.at("destinations");
    list_problems.extend(problems.at("").into_iter().map(|words| shown(&words)));
    html(
        status,
        &DestinationsPage { h: file.head("destinations", Vec::new()), destinations, list_problems },
    )
}
