//! What a server's or a connection's error means: one table from SQLSTATE to kind, and a text
//! without event contents.

use crate::error::{Error, ErrorKind};
use crate::sql;
use std::error::Error as _;
use std::time::Duration;
use tokio_postgres::error::{DbError, Severity};

/// Which side an error came from: a bad row is a destination's word, a bug of ours at the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorSide {
    /// Reading the events.
    Source,
    /// Appending the events.
    Destination,
}

/// The kind of failure behind a SQLSTATE (PostgreSQL manual, appendix A).
pub(crate) fn kind_of_sqlstate(sqlstate: &str, side: ErrorSide) -> ErrorKind {
    match (sqlstate, sqlstate.get(..2).unwrap_or_default()) {
        // invalid password, unknown role, no such database, refused by pg_hba
        (_, "28") | ("3D000" | "42501", _) => ErrorKind::Access,
        ("42P01" | "42703" | "42883" | "42704" | "42804" | "42809" | "3F000" | "0A000", _) => {
            ErrorKind::Unsuitable
        }
        // Encoding or value problems, constraint violations, values too large for an index, a
        // trigger that raises: the rows themselves
        (_, "22" | "23" | "44") | ("P0001" | "54000", _) if side == ErrorSide::Destination => {
            ErrorKind::Rejected
        }
        ("XX000" | "XX001" | "XX002" | "42601", _) => ErrorKind::Bug,
        _ => ErrorKind::Unavailable,
    }
}

/// Makes our error of the driver's: causes in full, without `DETAIL` and `CONTEXT`, which can quote
/// an event.
pub(crate) fn of_driver(
    error: &tokio_postgres::Error,
    side: ErrorSide,
    what: impl Into<String>,
) -> Error {
    if let Some(server) = error.as_db_error() {
        let sqlstate = server.code().code();
        let ours = Error::new(kind_of_sqlstate(sqlstate, side), what)
            .because(format!(
                "{} (SQLSTATE {sqlstate})",
                without_contents(server.message(), sqlstate)
            ))
            .with_sqlstate(sqlstate);
        let mut ours = about(ours, sqlstate);
        if let Some(hint) = server.hint() {
            ours = ours.because(format!("hint of the server: {hint}"));
        }
        return ours;
    }
    let ours = Error::new(ErrorKind::Unavailable, what).because(error.to_string());
    match error.source() {
        Some(source) => ours.caused_by(source),
        None => ours,
    }
}

/// Says that what was asked was not answered in time.
pub(crate) fn no_answer(limit: Duration, what: impl Into<String>) -> Error {
    let limit = match limit.subsec_millis() {
        0 => format!("{} s", limit.as_secs()),
        _ => format!("{} ms", limit.as_millis()),
    };
    Error::new(ErrorKind::Unavailable, what).because(format!("no answer for {limit}"))
}

/// A few short questions, for which twice the time to connect is enough; `what` cannot be done
/// without their answers.
pub(crate) async fn answered<T>(
    connect_timeout: Duration,
    what: &str,
    asking: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let limit = connect_timeout * 2;
    let asked = tokio::time::timeout(limit, asking).await;
    asked.unwrap_or_else(|_| Err(no_answer(limit, what)))
}

/// Notes what a refusal is about: a table that is not as it was, or the rows themselves.
fn about(error: Error, sqlstate: &str) -> Error {
    match (sqlstate, error.kind()) {
        ("42P01" | "42703" | "42804" | "3F000", _) => error.of_schema(),
        (_, ErrorKind::Rejected) => error.of_rows(),
        _ => error,
    }
}

/// What lets a role do what it may not, as far as the message tells; its language is the
/// server's.
pub(super) fn grant(message: &str, role: &str) -> String {
    let schema = message.strip_prefix("permission denied for schema ");
    let usage = schema.map_or_else(String::new, |schema| {
        format!("GRANT USAGE ON SCHEMA {} TO {}; ", sql::ident(schema), sql::ident(role))
    });
    format!("{usage}docs/security.md has the least privileges of each command as SQL")
}

/// Whether an error of a commit leaves open if it was committed: only an error of the statement
/// itself says that it was not.
pub fn is_outcome_unknown(error: &tokio_postgres::Error) -> bool {
    let is_of_statement = |error: &DbError| error.parsed_severity() == Some(Severity::Error);
    !error.as_db_error().is_some_and(is_of_statement)
}

/// A class 22 message can quote the value after a colon or in quotes; only what stands before it is
/// shown.
fn without_contents<'a>(message: &'a str, sqlstate: &str) -> &'a str {
    match message.find(": \"") {
        Some(quote) if sqlstate.starts_with("22") => &message[..quote],
        _ => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constraint_violation_is_a_rejection_only_at_a_destination() {
        assert_eq!(kind_of_sqlstate("23514", ErrorSide::Destination), ErrorKind::Rejected);
        assert_eq!(kind_of_sqlstate("22003", ErrorSide::Source), ErrorKind::Unavailable);
    }

    #[test]
    fn a_refusal_is_about_the_tables_the_rows_or_neither() {
        let classed = |sqlstate: &str, side| {
            let error = about(Error::new(kind_of_sqlstate(sqlstate, side), "refused"), sqlstate);
            (error.is_of_schema(), error.is_of_rows())
        };
        for side in [ErrorSide::Source, ErrorSide::Destination] {
            assert_eq!(classed("42P01", side), (true, false));
            assert_eq!(classed("42883", side), (false, false), "a function is no table");
            assert_eq!(classed("57P01", side), (false, false));
        }
        assert_eq!(classed("23514", ErrorSide::Destination), (false, true));
        assert_eq!(classed("22003", ErrorSide::Source), (false, false));
    }

    #[test]
    fn what_time_can_heal_is_retried() {
        for sqlstate in
            ["57P01", "57P03", "53300", "53100", "40P01", "55P03", "57014", "08006", "25006"]
        {
            assert!(
                kind_of_sqlstate(sqlstate, ErrorSide::Destination).consequence().is_retried,
                "{sqlstate}"
            );
        }
    }

    #[test]
    fn a_message_that_quotes_a_value_is_cut_before_it() {
        assert_eq!(
            without_contents("invalid input syntax for type json: \"secret\"", "22P02"),
            "invalid input syntax for type json"
        );
    }
}
