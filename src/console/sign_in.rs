//! Signing in and out: the form, the session's cookie, and who a request comes from.

use super::access::{PageVisitor, ServedArea};
use super::answer::{first_line, path_of_ours, see_other, text};
use super::login::SignInOutcome;
use super::session::{SESSION_MAX, SessionStore, digest};
use super::state::{RequestState, WindowState};
use super::words::age;
use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use secrecy::SecretString;
use serde::Deserialize;
use slog::{info, warn};
use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;

/// No token in a file is longer, in bytes.
const TOKEN_BYTES_MAX: u64 = 4096;
/// A shorter token is none.
const TOKEN_BYTES_MIN: usize = 16;

impl WindowState {
    fn sessions(&self) -> MutexGuard<'_, SessionStore> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who asks, by what they send.
    pub(super) fn visitor(&self, headers: &HeaderMap) -> PageVisitor {
        let secret = cookie(headers, self.cookie_name());
        if secret.is_some_and(|secret| self.sessions().holds(secret, Instant::now())) {
            return PageVisitor::SignedIn;
        }
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        match sent.and_then(|sent| sent.strip_prefix("Bearer ")) {
            Some(token) if self.is_token(token.trim()) => PageVisitor::Program,
            _ => PageVisitor::Stranger,
        }
    }

    fn is_token(&self, sent: &str) -> bool {
        let Some(file) = &self.drawing.config.token_file else { return false };
        let Ok(token) = first_line(file, TOKEN_BYTES_MAX) else {
            warn!(self.log, "the token of the window cannot be read"; "file" => file.display().to_string());
            return false;
        };
        // Digests are compared: how long that takes tells nothing of the token.
        token.len() >= TOKEN_BYTES_MIN && digest(&token) == digest(sent)
    }

    fn cookie_name(&self) -> &'static str {
        // A browser takes this prefix from encrypted pages alone, and sends it to this host alone.
        if self.drawing.config.is_encrypted() { "__Host-counterfoil" } else { "counterfoil" }
    }

    /// The cookie of a session, or of its end.
    fn set_cookie(&self, value: &str, seconds: u64) -> HeaderValue {
        let secure = if self.drawing.config.is_encrypted() { "; Secure" } else { "" };
        let cookie = format!(
            "{}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}",
            self.cookie_name()
        );
        HeaderValue::from_str(&cookie).unwrap_or(HeaderValue::from_static(""))
    }
}

/// The value of a cookie.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    wrong: Option<&'a str>,
    back: &'a str,
}

fn login_page(status: StatusCode, wrong: Option<&str>, back: &str) -> Response {
    let page = LoginPage { wrong, back: path_of_ours(back) };
    (status, Html(page.render().unwrap_or_default())).into_response()
}

#[derive(Deserialize)]
pub(super) struct LoginQuery {
    #[serde(default)]
    back: String,
}

pub(super) async fn login_form(Query(query): Query<LoginQuery>) -> Response {
    login_page(StatusCode::OK, None, &query.back)
}

#[derive(Deserialize)]
pub(super) struct LoginForm {
    password: String,
    #[serde(default)]
    back: String,
}

pub(super) async fn login(
    State(state): RequestState,
    headers: HeaderMap,
    Form(form): Form<LoginForm>,
) -> Response {
    let Some(gate) = &state.gate else {
        return text(StatusCode::NOT_FOUND, ServedArea::SignIn.why_not_served());
    };
    match gate.try_password(SecretString::from(form.password)).await {
        SignInOutcome::Right => {
            info!(state.log, "the operator signed in at the window");
            let secret = {
                let mut sessions = state.sessions();
                if let Some(old) = cookie(&headers, state.cookie_name()) {
                    sessions.end(old);
                }
                sessions.begin(Instant::now())
            };
            let mut answer = see_other(path_of_ours(&form.back));
            answer
                .headers_mut()
                .insert(header::SET_COOKIE, state.set_cookie(&secret, SESSION_MAX.as_secs()));
            answer
        }
        SignInOutcome::Wrong => {
            warn!(state.log, "a wrong password was tried at the window");
            login_page(StatusCode::UNAUTHORIZED, Some("Wrong password."), &form.back)
        }
        SignInOutcome::TooEarly(wait) => {
            let seconds = wait.as_secs_f64().ceil().max(1.0);
            let words =
                format!("A wrong password was tried just now. Try again in {}.", age(seconds));
            let mut answer = login_page(StatusCode::TOO_MANY_REQUESTS, Some(&words), &form.back);
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds as u64));
            answer
        }
        SignInOutcome::Unreadable => {
            warn!(state.log, "the hash of the window's password cannot be read");
            let words = "The hash of the password cannot be read: see the log.";
            login_page(StatusCode::SERVICE_UNAVAILABLE, Some(words), &form.back)
        }
    }
}

pub(super) async fn logout(State(state): RequestState, headers: HeaderMap) -> Response {
    if let Some(secret) = cookie(&headers, state.cookie_name()) {
        state.sessions().end(secret);
    }
    let mut answer = see_other("/");
    answer.headers_mut().insert(header::SET_COOKIE, state.set_cookie("", 0));
    answer
}
