//! What those who have signed in may do with a destination: pause, resume, retry now, count now.

use super::access::PageVisitor;
use super::answer::{message, see_other, text};
use super::frame::WindowFrame;
use super::lane_word::NoteSeverity;
use super::moment::ReplicationMoment;
use super::page::path_of;
use super::words::{id_or_none, shown};
use crate::error::ErrorKind;
use crate::replicate::command::{CommandReply, LaneAction};
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::Arc;

/// What is wanted.
pub(super) struct ActionRequest {
    /// Of which replication; may be missing where there is one.
    pub(super) replication: Option<String>,
    pub(super) lane: String,
    pub(super) action: String,
}

/// Does it; a browser is sent back to the page, a program told the result.
pub(super) async fn act(frame: &WindowFrame, wanted: &ActionRequest, by: &PageVisitor) -> Response {
    let action = match wanted.action.as_str() {
        "pause" => LaneAction::Pause,
        "resume" => LaneAction::Resume,
        "retry" => LaneAction::Retry,
        "verify" => LaneAction::Verify,
        _ => {
            return text(
                StatusCode::NOT_FOUND,
                "the action is one of pause, resume, retry and verify",
            );
        }
    };
    let Some(moment) = chosen(frame, wanted) else {
        return text(
            StatusCode::NOT_FOUND,
            "there is no such replication; where there are several, name one: replication=NAME",
        );
    };
    let done = moment.commander.command(&wanted.lane, action, by.in_log()).await;
    let is_browser = *by == PageVisitor::SignedIn;
    let back = if frame.moments.len() == 1 { "/".to_owned() } else { path_of(&moment.name) };
    match done {
        Ok(CommandReply::Accepted) if is_browser => see_other(&back),
        Ok(CommandReply::Accepted) => text(StatusCode::OK, "done"),
        Ok(CommandReply::Verified { through_id }) => {
            let title = format!("{}: the counts agree", shown(&wanted.lane));
            let detail = format!(
                "Both sides hold the same number of events through id {}.",
                id_or_none(through_id)
            );
            if is_browser {
                message(StatusCode::OK, NoteSeverity::Good, &title, &detail)
            } else {
                text(StatusCode::OK, &detail)
            }
        }
        Err(error) => {
            let status = match error.kind() {
                ErrorKind::Usage => StatusCode::CONFLICT,
                ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::CONFLICT,
            };
            let fix = error.remedy().map(|fix| format!(" What to do: {fix}.")).unwrap_or_default();
            let why = match error.causes() {
                [] => String::new(),
                causes => format!(" {}.", causes.join(": ")),
            };
            let detail = shown(format!("{why}{fix}").trim());
            let title = shown(error.what());
            if is_browser {
                message(status, NoteSeverity::Bad, &title, &detail)
            } else {
                text(status, format!("{title}. {detail}").trim())
            }
        }
    }
}

/// The replication that is meant: the one that is named, otherwise the only one.
fn chosen<'a>(
    frame: &'a WindowFrame,
    wanted: &ActionRequest,
) -> Option<&'a Arc<ReplicationMoment>> {
    match (&wanted.replication, frame.moments.as_slice()) {
        (Some(name), moments) => moments.iter().find(|moment| moment.name == *name),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}
