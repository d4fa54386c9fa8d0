//! What an error of SQLite means: one table from its codes to our kinds.

use crate::error::{Error, ErrorKind};
use rusqlite::ErrorCode;

/// The kind of failure behind a code (sqlite.org, "Result and Error Codes").
pub(crate) fn kind_of(code: Option<ErrorCode>) -> ErrorKind {
    match code {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OperationInterrupted
            | ErrorCode::OperationAborted
            | ErrorCode::SchemaChanged,
        ) => ErrorKind::Unavailable,
        Some(
            ErrorCode::PermissionDenied
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::AuthorizationForStatementDenied,
        ) => ErrorKind::Access,
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig) => {
            ErrorKind::Rejected
        }
        // Its pages do not say what they should: nothing that is read of it can be believed.
        Some(ErrorCode::DatabaseCorrupt) => ErrorKind::Contents,
        Some(ErrorCode::NotADatabase) => ErrorKind::Unsuitable,
        // A statement of ours that cannot be prepared: its table is not as it was.
        Some(ErrorCode::Unknown) => ErrorKind::Unavailable,
        _ => ErrorKind::Bug,
    }
}

/// What to do about it.
fn fix_of(code: Option<ErrorCode>) -> Option<&'static str> {
    Some(match code? {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            "another connection writes to the file: it is tried again; if that lasts, end the \
             transaction that the other program left open"
        }
        ErrorCode::DiskFull => "make room on the disk of the file; it is tried again",
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => {
            "let the user of this process write the file and its folder, in which SQLite keeps its \
             journal"
        }
        ErrorCode::DatabaseCorrupt => {
            "look at the file with PRAGMA integrity_check; then take a backup of it, or remove it \
             and let counterfoil init destination make a new one; nothing more is written"
        }
        ErrorCode::NotADatabase => "name a file of SQLite, or one that is not there yet",
        _ => return None,
    })
}

/// Makes our error of SQLite's. Its messages name tables and columns, and hold no values.
pub(crate) fn of_sqlite(error: &rusqlite::Error, what: impl Into<String>) -> Error {
    let code = error.sqlite_error_code();
    let cause = match error {
        rusqlite::Error::SqliteFailure(failure, message) => {
            let told = message.clone().unwrap_or_else(|| failure.to_string());
            format!("{told} (SQLite code {})", failure.extended_code)
        }
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    let ours = Error::new(kind_of(code), what).because(cause);
    let ours = match fix_of(code) {
        Some(fix) => ours.fix(fix),
        None => ours,
    };
    match (code, ours.kind()) {
        (_, ErrorKind::Rejected) => ours.of_rows(),
        (Some(ErrorCode::Unknown | ErrorCode::SchemaChanged), _) => ours.of_schema(),
        _ => ours,
    }
}

/// Whether somebody else holds a lock, so that it may work a moment later.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: i32) -> Error {
        let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        of_sqlite(&error, "cannot append")
    }

    #[test]
    fn what_time_can_heal_is_tried_again_and_what_it_cannot_is_not() {
        // busy, busy snapshot, full, I/O error of a write, no memory
        for code in [5, 517, 13, 778, 7] {
            assert!(failure(code).kind().consequence().is_retried, "{code}");
        }
        // corrupt, not a database, constraint, too big
        for (code, exit_code) in [(11, 4), (26, 3), (19, 7), (18, 7)] {
            let consequence = failure(code).kind().consequence();
            assert_eq!(
                (consequence.is_retried, consequence.exit_code),
                (false, exit_code),
                "{code}"
            );
        }
        // read-only, cannot open
        for code in [8, 14] {
            let consequence = failure(code).kind().consequence();
            assert!(consequence.refuses_at_start && consequence.exit_code == 3, "{code}");
        }
    }

    #[test]
    fn every_refusal_that_a_person_must_mend_says_how() {
        for code in [5, 8, 11, 13, 14, 26] {
            assert!(failure(code).remedy().is_some(), "{code}");
        }
    }
}
