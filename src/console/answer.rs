//! Answers of the window, and small files it reads.

use super::lane_word::NoteSeverity;
use askama::Template;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use std::io::Read;
use std::path::Path;

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    title: &'a str,
    detail: &'a str,
    severity: &'a str,
    back: &'a str,
}

/// A page that says one thing.
pub(super) fn message(
    status: StatusCode,
    severity: NoteSeverity,
    title: &str,
    detail: &str,
) -> Response {
    let page = MessagePage { title, detail, severity: severity.class(), back: "/" };
    (status, Html(page.render().unwrap_or_default())).into_response()
}

/// A line of text, for programs and for those who are not let in.
pub(super) fn text(status: StatusCode, line: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{line}\n"))
        .into_response()
}

/// An object as JSON.
pub(super) fn json(status: StatusCode, object: &impl Serialize) -> Response {
    let Ok(text) = serde_json::to_string(object) else {
        return text(StatusCode::INTERNAL_SERVER_ERROR, "this cannot be written as JSON");
    };
    let text = crate::log::escape::escaped_json(&text).into_owned();
    (status, [(header::CONTENT_TYPE, "application/json")], text + "\n").into_response()
}

/// Sends the browser to a page of ours, after something was done.
pub(super) fn see_other(path: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let path = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, path);
    response
}

/// Where a browser may be sent back to: a path of ours and nothing else.
pub(super) fn path_of_ours(path: &str) -> &str {
    let is_ours = path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_ours { path } else { "/" }
}

/// The first line of a small file, without the space around it.
pub(super) fn first_line(path: &Path, bytes_max: u64) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(bytes_max).read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for ours in ["/", "/replications/a%20b", "/?x=1"] {
            assert_eq!(path_of_ours(ours), ours);
        }
        for theirs in [
            "",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/a b",
            "/a\r\nset-cookie: x",
        ] {
            assert_eq!(path_of_ours(theirs), "/", "{theirs:?}");
        }
    }
}
