//! What is answered at which path.

use super::access::{AccessDecision, PageVisitor, ServedArea, admission};
use super::actions::{ActionRequest, act};
use super::answer::{json, message, see_other, text};
use super::frame::{PageKey, WindowFrame};
use super::guard::{refuse_foreign_host, refuse_foreign_origin, with_headers};
use super::lane_word::NoteSeverity;
use super::live::{LivePage, STREAMS_MAX};
use super::metrics::exposition;
use super::metrics::format::MetricsFormat;
use super::probes::{aliveness, readiness};
use super::sign_in::{login, login_form, logout};
use super::state::{RequestState, WindowState};
use super::status::ProcessStatus;
use super::words::encoded;
use crate::supervise::Roster;
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, Form, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// No body of a request is longer, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// A request with a body is here after this time, or is refused.
const REQUEST_MAX: Duration = Duration::from_secs(10);

const SHEET: &str = include_str!("assets/console.css");
const SCRIPT: &str = include_str!("assets/console.js");
const ICON: &str = include_str!("assets/favicon.svg");

/// All paths.
pub(super) fn router(state: Arc<WindowState>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/replications/{*name}", get(replication))
        .route("/live", get(live))
        .route("/status.json", get(status))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/login", get(login_form).post(login))
        .route("/logout", post(logout))
        .route("/lanes/{lane}/{action}", post(lane_action))
        .merge(super::edit::routes::router())
        .route("/assets/console.css", get(|| asset("text/css; charset=utf-8", SHEET)))
        .route("/assets/console.js", get(|| asset("text/javascript; charset=utf-8", SCRIPT)))
        .route("/favicon.svg", get(|| asset("image/svg+xml", ICON)))
        .route("/favicon.ico", get(|| asset("image/svg+xml", ICON)))
        .fallback(async || {
            message(
                StatusCode::NOT_FOUND,
                NoteSeverity::Calm,
                "There is nothing here",
                "The address may be mistyped.",
            )
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(Arc::clone(&state), guarded))
        .with_state(state)
}

/// What holds for every request and every answer.
async fn guarded(State(state): RequestState, mut request: Request, next: Next) -> Response {
    let config = &state.drawing.config;
    let area = area_of(request.uri().path());
    let headers = request.headers();
    // Probes come from machines that name us as they like.
    let foreign_host =
        if area == Some(ServedArea::Probes) { None } else { refuse_foreign_host(headers, config) };
    let refused = foreign_host.or_else(|| refuse_foreign_origin(request.method(), headers, config));
    if let Some(refusal) = refused {
        return with_headers(refusal);
    }
    let visitor = state.visitor(headers);
    let is_page = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    let answer = match area.map_or(AccessDecision::Served, |area| admission(area, &visitor, config))
    {
        AccessDecision::Served => {
            request.extensions_mut().insert(visitor);
            let is_read = request.method() == Method::GET || request.method() == Method::HEAD;
            if is_read { next.run(request).await } else { received(request, next).await }
        }
        AccessDecision::NeedsLogin if is_page && config.password_hash.is_some() => {
            let path = request.uri().path();
            if path == "/" {
                see_other("/login")
            } else {
                see_other(&format!("/login?back={}", encoded(path)))
            }
        }
        AccessDecision::NeedsLogin => {
            let mut answer = text(
                StatusCode::UNAUTHORIZED,
                "sign in, or send the token: Authorization: Bearer …",
            );
            answer
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            answer
        }
        AccessDecision::NotServed => {
            let why = area.map_or("this is not served here", ServedArea::why_not_served);
            text(StatusCode::NOT_FOUND, why)
        }
    };
    with_headers(answer)
}

/// Waits until a request is here whole, as long as that is allowed.
async fn received(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let whole = tokio::time::timeout(REQUEST_MAX, axum::body::to_bytes(body, BODY_BYTES_MAX)).await;
    match whole {
        Ok(Ok(bytes)) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Ok(Err(_)) => {
            text(StatusCode::PAYLOAD_TOO_LARGE, "the request is longer than 64 kB, or ended early")
        }
        Err(_) => text(StatusCode::REQUEST_TIMEOUT, "the request took longer than 10 s to arrive"),
    }
}

/// What a path belongs to; `None`: everyone may have it.
fn area_of(path: &str) -> Option<ServedArea> {
    match path {
        "/healthz" | "/readyz" => Some(ServedArea::Probes),
        "/metrics" => Some(ServedArea::Metrics),
        "/login" => Some(ServedArea::SignIn),
        "/logout" => Some(ServedArea::Actions),
        _ if path.starts_with("/lanes/") || path.starts_with("/edit") => Some(ServedArea::Actions),
        _ if path.starts_with("/assets/") || path.starts_with("/favicon") => None,
        _ => Some(ServedArea::Page),
    }
}

async fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=300")], text).into_response()
}

async fn home(State(state): RequestState, visitor: axum::Extension<PageVisitor>) -> Response {
    let frame = state.frame();
    let page = frame.home();
    drawn(&state, &frame, &page, &visitor)
}

async fn replication(
    State(state): RequestState,
    Path(name): Path<String>,
    visitor: axum::Extension<PageVisitor>,
) -> Response {
    let frame = state.frame();
    drawn(&state, &frame, &PageKey::Replication(name), &visitor)
}

fn drawn(
    state: &WindowState,
    frame: &WindowFrame,
    page: &PageKey,
    visitor: &PageVisitor,
) -> Response {
    match frame.page(page, &state.drawing, visitor) {
        Some(html) => Html(html).into_response(),
        None => message(
            StatusCode::NOT_FOUND,
            NoteSeverity::Calm,
            "There is no such replication",
            "It may have been renamed, or removed from the configuration.",
        ),
    }
}

#[derive(Deserialize)]
struct LiveQuery {
    #[serde(default)]
    page: String,
}

async fn live(
    State(state): RequestState,
    Query(query): Query<LiveQuery>,
    headers: HeaderMap,
) -> Response {
    let Ok(permit) = Arc::clone(&state.streams).try_acquire_owned() else {
        let line = format!("{STREAMS_MAX} pages are live already: close one");
        return text(StatusCode::SERVICE_UNAVAILABLE, &line);
    };
    let page = match query.page.as_str() {
        "" => state.frame().home(),
        "*" => PageKey::Overview,
        name => PageKey::Replication(name.to_owned()),
    };
    let (frames, drawing) = (state.frames.clone(), Arc::clone(&state.drawing));
    LivePage::new(frames, drawing, page, move || state.visitor(&headers), permit).response()
}

async fn status(State(state): RequestState) -> Response {
    json(StatusCode::OK, &ProcessStatus::of(&state.frame(), &state.drawing.facts.version))
}

async fn metrics(State(state): RequestState, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let format = MetricsFormat::accepted(accept);
    let roster = Roster::clone(&state.roster.borrow());
    let text = exposition(&roster, &state.scrape, format);
    ([(header::CONTENT_TYPE, format.content_type())], text).into_response()
}

async fn healthz(State(state): RequestState) -> Response {
    let alive = aliveness(&state.frame().moments);
    let status = if alive.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &alive)
}

async fn readyz(State(state): RequestState) -> Response {
    let ready = readiness(&state.frame().moments, &state.drawing.config);
    let status = if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &ready)
}

#[derive(Deserialize)]
struct LaneForm {
    replication: Option<String>,
}

async fn lane_action(
    State(state): RequestState,
    Path((lane, action)): Path<(String, String)>,
    visitor: axum::Extension<PageVisitor>,
    form: Result<Form<LaneForm>, FormRejection>,
) -> Response {
    let replication = form.ok().and_then(|Form(form)| form.replication);
    act(&state.frame(), &ActionRequest { replication, lane, action }, &visitor).await
}
