//! What a session is for, and whether it may change settings.

use crate::postgres::session::error::ErrorSide;

/// What a session is for.
#[derive(Clone, Copy, Debug)]
pub struct SessionPurpose {
    /// `mark`, `read`, `listen`, `append`, `check`, …: becomes `application_name =
    /// counterfoil/<what>`.
    pub what: &'static str,
    /// Which side it is on: decides the pinned settings and how errors are classed.
    pub side: ErrorSide,
}

impl SessionPurpose {
    /// How its session calls itself.
    pub(super) fn application_name(self) -> String {
        format!("counterfoil/{}", self.what)
    }
}

/// Whether a new session may change settings of the server process that serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SettingsPermission {
    /// Pins all settings.
    Pin,
    /// Reads only: the process may belong to a pooler.
    Nothing,
}
