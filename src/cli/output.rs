//! The one writer of all three programs for standard output. A reader that has left ends nothing
//! and is not complained of; a disk that is full is an error; neither is a panic.

use crate::error::{Error, ErrorKind, Problems, Result};
use std::io::{self, Write};

const UNREAD: &str = "no program reads the result";

/// Whether what was written can still be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputReader {
    /// As far as is known.
    Present,
    /// The pipe is closed: what is written from now on is lost.
    Gone,
}

/// Writes a line to standard output, at once.
///
/// # Errors
/// `Output`, as of all here, when its disk is full.
pub(crate) fn line(text: &str) -> Result<()> {
    line_to_reader(text).map(drop)
}

/// As [`line`], without an end of the line.
pub(crate) fn put(text: &str) -> Result<()> {
    put_to_reader(text).map(drop)
}

/// As [`line`], for a caller that has nothing to do without a reader.
pub(crate) fn line_to_reader(text: &str) -> Result<OutputReader> {
    put_to_reader(&format!("{text}\n"))
}

/// As [`put`], for a caller that has nothing to do without a reader.
pub(crate) fn put_to_reader(text: &str) -> Result<OutputReader> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(OutputReader::Present),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(OutputReader::Gone),
        Err(error) => Err(unwritten(&error)),
    }
}

/// Ends work whose result is read by nobody; it is not to be told.
pub(crate) fn unread() -> Error {
    Error::new(ErrorKind::Output, UNREAD)
}

/// Whether it is [`unread`].
pub(crate) fn is_unread(error: &Error) -> bool {
    error.what() == UNREAD
}

fn unwritten(error: &io::Error) -> Error {
    Error::new(ErrorKind::Output, "cannot write the result")
        .at("standard output")
        .caused_by(error)
        .fix("write it to a disk with space, then start again: what was done stays")
}

/// Tells problems on standard error; gives the exit code of the worst.
pub(crate) fn told(problems: &Problems) -> u8 {
    aside(&problems.report());
    problems.exit_code().max(1)
}

/// Writes a line to standard error; where even that cannot be written it is lost.
pub(crate) fn aside(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
