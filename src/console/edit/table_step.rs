//! The second form: which table is copied, and how.

use super::super::answer::see_other;
use super::super::lane_word::NoteSeverity;
use super::super::words::{count as digits, shown};
use super::forms::PostedForm;
use super::pages::{EditedFile, HeadView, html, turn};
use super::tries::{CheckLine, tables_of};
use super::views::{FieldKind, FieldsView, FileLineKind, FormProblems};
use crate::config::edit::{FieldProblem, FieldText, FormField, FormFields, of_table};
use crate::postgres::table::candidates::{CANDIDATES_MAX, CandidateFitness, TableCandidate};
use crate::sql::TableName;
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use std::collections::BTreeSet;

/// The key that the list of tables stands for.
const TABLE: &str = "source.table";
/// What holds without it.
const PRESET: &str = "public.events";
/// The key whose default most tables have.
const ID_COLUMN: &str = "source.id_column";

#[derive(Template)]
#[template(path = "edit_table.html")]
struct TablePage {
    h: HeadView,
    title: String,
    tables: Vec<TableView>,
    /// Those that are written and not in the list.
    others: String,
    table_problems: Vec<String>,
    table_help: &'static str,
    fields: FieldsView,
    checks: Vec<CheckLine>,
}

/// A table of the source.
#[derive(Debug)]
struct TableView {
    id: String,
    name: String,
    rows: String,
    id_column: String,
    id_type: String,
    ids: String,
    severity: NoteSeverity,
    verdict: String,
    cure: String,
    is_chosen: bool,
}

impl TableView {
    fn of((index, table): (usize, &TableCandidate), chosen: &[TableName]) -> Self {
        let verdict = table.verdict();
        let (severity, words) = match verdict.fitness {
            CandidateFitness::Fit => (NoteSeverity::Good, "can be copied".to_owned()),
            CandidateFitness::Doubtful => (NoteSeverity::Wait, verdict.reason),
            CandidateFitness::Unfit => (NoteSeverity::Bad, format!("refused: {}", verdict.reason)),
        };
        let name = table.name.to_string();
        let rows = table.rows_estimated.map_or("not known".to_owned(), |rows| {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "estimated")]
            let rows = rows.max(0.0) as u64;
            digits(rows)
        });
        Self {
            id: format!("table-{index}"),
            name,
            rows,
            id_column: table.id_column.clone(),
            id_type: table.id_type.clone(),
            ids: shown(&table.ids()),
            severity,
            verdict: shown(&words),
            cure: shown(&verdict.cure),
            is_chosen: chosen.contains(&table.name),
        }
    }
}

/// The form as the draft is, with the tables that the source has now.
pub(super) async fn show(file: &EditedFile<'_>) -> Response {
    page(file, StatusCode::OK, &[], None).await
}

/// Takes what was sent, and goes on.
pub(super) async fn take(mut file: EditedFile<'_>, form: &PostedForm) -> Response {
    let fields = of_table(&file.draft.text).map(|of| of.fields).unwrap_or_default();
    let form = &as_written(&with_key_of_table(form), &fields);
    if let Err(untaken) = file.draft.take(form, &fields) {
        return page(&file, StatusCode::UNPROCESSABLE_ENTITY, &untaken, Some(form)).await;
    }
    if let Err(refused) = file.keep() {
        return *refused;
    }
    let problems = FormProblems::of(&file.draft, &file.problems_so_far(), &[]);
    let is_wrong = of_table(&file.draft.text).is_none_or(|of| problems.is_any_of(&of));
    if is_wrong {
        return page(&file, StatusCode::UNPROCESSABLE_ENTITY, &[], None).await;
    }
    match form.action() {
        ("next", _) => see_other(&file.step("destinations")),
        _ => page(&file, StatusCode::OK, &[], None).await,
    }
}

/// A table whose key is not called as most are brings its key along, where none is entered.
fn with_key_of_table(form: &PostedForm) -> PostedForm {
    let chosen = form.lines(TABLE).unwrap_or_default();
    let mut lines = chosen.lines();
    let (Some(table), None) = (lines.next(), lines.next()) else { return form.clone() };
    let is_entered = form.get(ID_COLUMN).is_none_or(|entered| !entered.is_empty());
    match form.get(&format!("key of {table}")) {
        Some(key) if key != "id" && !is_entered => form.with(ID_COLUMN, key),
        _ => form.clone(),
    }
}

/// What is written for the table; `None` where nothing is.
fn written(fields: &[FormField]) -> Option<&str> {
    match &fields.iter().find(|field| field.path == TABLE)?.text {
        FieldText::Written(written) => Some(written),
        _ => None,
    }
}

/// The same tables as before, in whatever order and way of writing, leave the key as it is.
fn as_written(form: &PostedForm, fields: &[FormField]) -> PostedForm {
    let names = |text: &str| -> Option<BTreeSet<TableName>> {
        text.lines().map(|line| TableName::parse(line.trim()).ok()).collect()
    };
    let Some(sent) = form.lines(TABLE) else { return form.clone() };
    let before = written(fields);
    let is_same = names(&sent).is_some_and(|sent| names(before.unwrap_or(PRESET)) == Some(sent));
    if is_same { form.with(TABLE, before.unwrap_or_default()) } else { form.clone() }
}

/// The tables that are written, as far as they can be read, and those that are not in the list.
fn chosen(fields: &FormFields, listed: &[TableCandidate]) -> (Vec<TableName>, String) {
    let before = written(&fields.fields);
    let preset = TableName::parse(PRESET).ok();
    let is_preset_there = listed.iter().any(|table| Some(&table.name) == preset.as_ref());
    let written = before.unwrap_or(if is_preset_there { PRESET } else { "" });
    let is_listed = |line: &&str| {
        TableName::parse(line).is_ok_and(|name| listed.iter().any(|table| table.name == name))
    };
    let (listed, others): (Vec<&str>, Vec<&str>) = written.lines().partition(is_listed);
    let names = listed.iter().filter_map(|line| TableName::parse(line).ok()).collect();
    (names, others.join("\n"))
}

async fn page(
    file: &EditedFile<'_>,
    status: StatusCode,
    untaken: &[FieldProblem],
    form: Option<&PostedForm>,
) -> Response {
    let problems = FormProblems::of(&file.draft, &file.problems_so_far(), untaken);
    let Some(fields) = of_table(&file.draft.text) else {
        return super::files_page::shown_only(file);
    };
    let sides = file.draft.sides();
    let mut checks = Vec::new();
    let listed = match (sides.replication, turn(file.desk)) {
        (None, _) => {
            let words = "The source is not complete yet: go back to it, or name the table below.";
            checks.push(CheckLine::new(NoteSeverity::Calm, words, ""));
            Vec::new()
        }
        (_, Err(busy)) => return *busy,
        (Some(replication), Ok(_turn)) => match tables_of(&replication).await {
            Ok(listed) => listed,
            Err(error) => {
                checks.push(CheckLine::of(&error));
                Vec::new()
            }
        },
    };
    let (names, others) = chosen(&fields, &listed);
    let field = fields.fields.iter().find(|field| field.path == TABLE);
    let most = if listed.len() as i64 >= CANDIDATES_MAX { ", the largest of them" } else { "" };
    let count = match listed.len() {
        1 => "1 table".to_owned(),
        count => format!("{count} tables"),
    };
    let page = TablePage {
        h: file.head("table", Vec::new()),
        title: format!("{count} with an integer key{most}; likely ones first"),
        tables: listed.iter().enumerate().map(|table| TableView::of(table, &names)).collect(),
        others,
        table_problems: problems.at(TABLE),
        table_help: field.map_or("", |field| field.help),
        fields: FieldsView::of(&fields, "", &problems, form).without("table"),
        checks,
    };
    html(status, &page)
}
