//! What went wrong: a kind for the program; what, where, fix and causes for the person.

mod warning;

pub use warning::Warning;

use crate::commands;
use crate::log::escape::{fit, fit_lines};
use crate::log::secrets::discreet;
use std::fmt;

/// Decides, in one table, whether a failure is tried again and which exit code it ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A broken invariant of Counterfoil itself, or something unforeseen.
    Bug,
    /// Wrong usage or configuration.
    Usage,
    /// A check refused: missing or unlike table, id discipline, pooler, version.
    Unsuitable,
    /// The server refused us: password, certificate, privilege. Refused at the start, retried later
    /// (they are rotated and granted again).
    Access,
    /// Source and destination disagree about what they both hold.
    Contents,
    /// Another replicator feeds this destination.
    Fed,
    /// The order of ids is broken at the source.
    Order,
    /// A destination rejected the rows themselves.
    Rejected,
    /// Time alone can heal it: a server away, a lock, a full disk, a transaction that holds the
    /// mark.
    Unavailable,
    /// The source failed a destination in the middle of a batch; the destination is not to blame.
    Upstream,
    /// The result could not be written where it was to go.
    Output,
    /// A stop was requested while this was under way; nothing is wrong.
    Stopped,
}

/// What follows from a [`ErrorKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consequence {
    /// Whether a running replicator waits and tries again.
    pub is_retried: bool,
    /// Whether it stops everything when it is met at the start, before the first write.
    pub refuses_at_start: bool,
    /// The exit code when it ends the process.
    pub exit_code: u8,
    /// Where this cause stands when several end the process: the lowest wins.
    pub rank: u8,
}

impl ErrorKind {
    /// The one table from a kind to its consequences (exit codes: README, "Exit codes").
    pub const fn consequence(self) -> Consequence {
        let (is_retried, refuses_at_start, exit_code, rank) = match self {
            ErrorKind::Contents => (false, true, 4, 1),
            ErrorKind::Order => (false, true, 6, 2),
            ErrorKind::Rejected => (false, true, 7, 3),
            ErrorKind::Usage => (false, true, 2, 4),
            ErrorKind::Unsuitable => (false, true, 3, 5),
            ErrorKind::Access => (true, true, 3, 6),
            ErrorKind::Fed => (true, false, 5, 7),
            ErrorKind::Unavailable | ErrorKind::Upstream => (true, false, 8, 8),
            ErrorKind::Bug => (false, true, 1, 0),
            ErrorKind::Output => (false, true, 1, 9),
            ErrorKind::Stopped => (false, false, 0, 10),
        };
        Consequence { is_retried, refuses_at_start, exit_code, rank }
    }
}

/// A failure as a value. `Display` is one line (what, where, causes); [`Error::report`] is the
/// block a person reads.
#[derive(Clone)]
pub struct Error(Box<ErrorParts>);

#[derive(Clone)]
struct ErrorParts {
    kind: ErrorKind,
    what: String,
    place: Option<String>,
    causes: Vec<String>,
    fix: Option<String>,
    sqlstate: Option<String>,
    subject: Option<RefusedThing>,
}

/// What the refusal of a server is about, where that decides what is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RefusedThing {
    Schema,
    Rows,
}

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Says what could not be done, in the present tense and lower case: `cannot append to
    /// destination "reporting"`.
    pub fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self(Box::new(ErrorParts {
            kind,
            what: what.into(),
            place: None,
            causes: Vec::new(),
            fix: None,
            sqlstate: None,
            subject: None,
        }))
    }

    /// Names the place: database, table, ids, or file, line and key of a setting.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.0.place = Some(place.into());
        self
    }

    /// Says what to do now, and what state things are in.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.0.fix = Some(fix.into());
        self
    }

    /// Names the configuration in the commands of its fix.
    #[must_use]
    pub(crate) fn naming(mut self, configuration: &str) -> Self {
        self.0.fix = self.0.fix.map(|fix| commands::naming(&fix, configuration));
        self
    }

    /// Adds one cause beneath those already there.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.0.causes.push(cause.into());
        self
    }

    /// Adds a standard error and its whole chain of sources as causes.
    #[must_use]
    pub fn caused_by(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            let text = cause.to_string();
            if self.0.causes.last().is_none_or(|last| !last.contains(&text)) {
                self.0.causes.push(text);
            }
            next = cause.source();
        }
        self
    }

    /// Keeps the five characters a server classed the failure with (PostgreSQL manual, appendix A).
    #[must_use]
    pub fn with_sqlstate(mut self, sqlstate: impl Into<String>) -> Self {
        self.0.sqlstate = Some(sqlstate.into());
        self
    }

    /// Says that a table or a column is not as it was: set where an engine's error is classed.
    #[must_use]
    pub fn of_schema(mut self) -> Self {
        self.0.subject = Some(RefusedThing::Schema);
        self
    }

    /// Says that the server refused one of the rows it was sent: set where an engine's error is
    /// classed.
    #[must_use]
    pub fn of_rows(mut self) -> Self {
        self.0.subject = Some(RefusedThing::Rows);
        self
    }

    /// Puts something else in the place of a secret, wherever it stands.
    #[must_use]
    pub fn without(mut self, secret: &str, shown: &str) -> Self {
        let parts = &mut *self.0;
        let texts = parts
            .causes
            .iter_mut()
            .chain([&mut parts.what])
            .chain(&mut parts.place)
            .chain(&mut parts.fix);
        texts.for_each(|text| *text = text.replace(secret, shown));
        self
    }

    /// Puts a wider `what` over this failure: the narrower one becomes the first cause; kind, fix
    /// and SQLSTATE stay.
    #[must_use]
    pub fn while_doing(mut self, what: impl Into<String>) -> Self {
        let narrow = std::mem::replace(&mut self.0.what, what.into());
        self.0.causes.insert(0, narrow);
        self
    }

    /// The same failure with another kind, where the caller knows better what follows from it.
    #[must_use]
    pub fn of_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// The kind, which decides retry and exit code.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What could not be done.
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// The place, if one was named.
    pub fn place(&self) -> Option<&str> {
        self.0.place.as_deref()
    }

    /// The remedy, if one is known.
    pub fn remedy(&self) -> Option<&str> {
        self.0.fix.as_deref()
    }

    /// The causes, outermost first.
    pub fn causes(&self) -> &[String] {
        &self.0.causes
    }

    /// The SQLSTATE a server gave, if one did.
    pub fn sqlstate(&self) -> Option<&str> {
        self.0.sqlstate.as_deref()
    }

    /// Whether a table or a column is not as it was: the checks of the next opening tell which, and
    /// what to do.
    pub fn is_of_schema(&self) -> bool {
        self.0.subject == Some(RefusedThing::Schema)
    }

    /// Whether one of the rows was refused by itself: appended with fewer others, it can be found.
    pub fn is_of_rows(&self) -> bool {
        self.0.subject == Some(RefusedThing::Rows)
    }

    /// The block a person reads: `error:`, `where:`, `cause:`, `fix:`, one line each; further lines
    /// of a fix are indented. What a server or a file named is fit, so that no name and no foreign
    /// message can look like a line of ours or write to a terminal; a password in a URL is hidden.
    pub fn report(&self) -> String {
        let mut lines = vec![format!("error: {}", told(&self.0.what))];
        lines.extend(self.0.place.iter().map(|place| format!("  where: {}", told(place))));
        lines.extend(self.0.causes.iter().map(|cause| format!("  cause: {}", told(cause))));
        let fix = self.0.fix.iter().map(|fix| fit_lines(&discreet(fix)).into_owned());
        lines.extend(fix.map(|fix| format!("    fix: {}", fix.replace('\n', "\n         "))));
        lines.join("\n")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", told(&self.0.what))?;
        if let Some(place) = &self.0.place {
            write!(out, " ({})", told(place))?;
        }
        self.0.causes.iter().try_for_each(|cause| write!(out, ": {}", told(cause)))
    }
}

/// As it may be told: without what writes to a terminal, and without a password that was quoted.
fn told(text: &str) -> String {
    fit(&discreet(text)).into_owned()
}

impl fmt::Debug for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "[{:?}] {}", self.0.kind, self.report())
    }
}

impl std::error::Error for Error {}

/// Several failures that are told together, such as all problems of a configuration or all refusals
/// of the start-up checks.
#[derive(Clone, Debug, Default)]
pub struct Problems(Vec<Error>);

impl Problems {
    /// Starts with none.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, problem: Error) {
        self.0.push(problem);
    }

    /// Adds those of another collection.
    pub fn extend(&mut self, others: Problems) {
        self.0.extend(others.0);
    }

    /// Keeps the value, or takes note of the problem.
    pub fn note<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|problem| self.push(problem)).ok()
    }

    /// Names the configuration in the commands of their fixes.
    #[must_use]
    pub(crate) fn naming(self, configuration: &str) -> Self {
        Self(self.0.into_iter().map(|problem| problem.naming(configuration)).collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts a wider place before the place of each: `destination "reporting", public.events`.
    #[must_use]
    pub fn within(mut self, place: &str) -> Self {
        for problem in &mut self.0 {
            problem.0.place = Some(match problem.0.place.take() {
                Some(narrow) => format!("{place}, {narrow}"),
                None => place.to_owned(),
            });
        }
        self
    }

    /// The value, when there are none.
    pub fn or_ok<T>(self, value: T) -> std::result::Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// All of them, in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Error> {
        self.0.iter()
    }

    /// The one whose exit code the process ends with: the first of 4, 6, 7, (2,) 3, 5, 8.
    pub fn worst(&self) -> Option<&Error> {
        self.0.iter().min_by_key(|problem| problem.kind().consequence().rank)
    }

    /// The worst of several carries the others as causes, so that none is lost on the way.
    pub fn into_worst(self) -> Error {
        let Some(worst) = self.worst().cloned() else {
            return Error::new(ErrorKind::Bug, "a refusal without a problem");
        };
        let others = self.iter().filter(|other| other.to_string() != worst.to_string());
        others.fold(worst.clone(), |error, other| error.because(format!("and: {other}")))
    }

    /// The exit code of the worst; 0 where there are none.
    pub fn exit_code(&self) -> u8 {
        self.worst().map_or(0, |worst| worst.kind().consequence().exit_code)
    }

    /// The blocks of all of them, with an empty line between.
    pub fn report(&self) -> String {
        let blocks: Vec<String> = self.0.iter().map(Error::report).collect();
        blocks.join("\n\n")
    }
}

impl From<Error> for Problems {
    fn from(problem: Error) -> Self {
        Self(vec![problem])
    }
}

impl IntoIterator for Problems {
    type Item = Error;
    type IntoIter = std::vec::IntoIter<Error>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests;
