//! What is answered beneath `/edit`.

use super::super::access::PageVisitor;
use super::super::answer::{message, see_other, text};
use super::super::lane_word::NoteSeverity;
use super::super::state::{RequestState, WindowState};
use super::desk::EditDesk;
use super::forms::PostedForm;
use super::pages::{EditedFile, outdated};
use super::{destination_step, files_page, look_step, source_step, table_step};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use std::sync::Arc;

/// A form as it arrives.
type SentForm = Result<Form<Vec<(String, String)>>, FormRejection>;

/// All paths.
pub(crate) fn router() -> Router<Arc<WindowState>> {
    Router::new()
        .route("/edit", get(show_files).post(take_files))
        .route("/edit/files/{file}/download", get(download))
        .route("/edit/files/{file}/{step}", get(show_step).post(take_step))
}

/// Where configuration is changed, if it may be here.
fn desk(state: &WindowState) -> Result<&EditDesk, Box<Response>> {
    let not_here = "configuration in the browser is off: set console.edit = true";
    state.desk.as_ref().ok_or_else(|| Box::new(text(StatusCode::NOT_FOUND, not_here)))
}

/// The file of an address, with what was changed of it.
fn file<'a>(desk: &'a EditDesk, id: &str) -> Result<EditedFile<'a>, Box<Response>> {
    let path = desk.find(id).ok_or_else(|| {
        let words = "It may have been removed, or never saved.";
        let title = "There is no such file";
        Box::new(message(StatusCode::NOT_FOUND, NoteSeverity::Calm, title, words))
    })?;
    EditedFile::of(desk, &path).map_err(|error| {
        let title = "The file cannot be read";
        let words = error.to_string();
        Box::new(message(StatusCode::CONFLICT, NoteSeverity::Bad, title, &words))
    })
}

fn sent(form: SentForm) -> Result<PostedForm, Box<Response>> {
    match form {
        Ok(Form(fields)) => Ok(PostedForm::new(fields)),
        Err(_) => Err(Box::new(text(StatusCode::BAD_REQUEST, "this is no form of ours"))),
    }
}

async fn show_files(State(state): RequestState) -> Response {
    desk(&state).map_or_else(|refused| *refused, files_page::show)
}

async fn take_files(State(state): RequestState, form: SentForm) -> Response {
    match (desk(&state), sent(form)) {
        (Ok(desk), Ok(form)) => files_page::take(desk, &form).await,
        (Err(refused), _) | (_, Err(refused)) => *refused,
    }
}

async fn show_step(
    State(state): RequestState,
    Path((id, step)): Path<(String, String)>,
) -> Response {
    let file = match desk(&state).and_then(|desk| file(desk, &id)) {
        Ok(file) => file,
        Err(refused) => return *refused,
    };
    if file.draft.is_json() {
        return files_page::shown_only(&file);
    }
    match step.as_str() {
        "source" => source_step::show(&file),
        "table" => table_step::show(&file).await,
        "destinations" => destination_step::show(&file),
        "look" => look_step::show(&file),
        _ => see_other(&file.step("source")),
    }
}

async fn take_step(
    State(state): RequestState,
    Path((id, step)): Path<(String, String)>,
    Extension(visitor): Extension<PageVisitor>,
    form: SentForm,
) -> Response {
    let found = desk(&state).and_then(|desk| file(desk, &id));
    let (file, form) = match (found, sent(form)) {
        (Ok(file), Ok(form)) => (file, form),
        (Err(refused), _) | (_, Err(refused)) => return *refused,
    };
    if file.draft.is_json() {
        let words = "JSON is shown here and not changed: change it by hand, then reload";
        return text(StatusCode::CONFLICT, words);
    }
    if form.get("draft") != Some(file.draft.digest().as_str()) {
        return outdated(&file.step(&step));
    }
    let by = (&*state, visitor.in_log());
    match step.as_str() {
        "source" => source_step::take(file, &form).await,
        "table" => table_step::take(file, &form).await,
        "destinations" => destination_step::take(file, &form, by).await,
        "look" => look_step::take(file, &form, by).await,
        _ => text(StatusCode::NOT_FOUND, "this is none of source, table, destinations and look"),
    }
}

/// The file as it would be, without the secrets that stand in it.
async fn download(State(state): RequestState, Path(id): Path<String>) -> Response {
    let file = match desk(&state).and_then(|desk| file(desk, &id)) {
        Ok(file) => file,
        Err(refused) => return *refused,
    };
    let Some(shown) = file.draft.shown(&file.draft.text) else {
        return text(StatusCode::CONFLICT, "the file cannot be read, and may hold a password");
    };
    let mut answer = ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], shown).into_response();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = file.file_name().chars().map(plain).collect();
    let disposition = format!("attachment; filename=\"{name}\"");
    let disposition = HeaderValue::from_str(&disposition);
    let disposition = disposition.unwrap_or(HeaderValue::from_static("attachment"));
    answer.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    answer
}
