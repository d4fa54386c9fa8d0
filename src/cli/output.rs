//! The one place where results are printed: what cannot be written is an error, never a panic.

use crate::error::{Error, ErrorKind, Result};
use std::io::Write;

const CANNOT_WRITE: &str = "cannot write the result";

/// Writes a line to standard output, at once.
///
/// # Errors
/// `Unavailable`, as of all here, when its reader has closed it or its disk is full.
pub(crate) fn line(text: &str) -> Result<()> {
    put(&format!("{text}\n"))
}

/// As [`line`], without an end of the line.
pub(crate) fn put(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| {
        Error::new(ErrorKind::Unavailable, CANNOT_WRITE)
            .at("standard output")
            .caused_by(&error)
            .fix(
                "let a program read it, or write it to a disk with space; then start again: what \
                 was done stays",
            )
    })
}

/// Writes a line to standard error; where even that cannot be written it is lost.
pub(crate) fn aside(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Whether it is about the output: then nothing more can be told there.
pub(crate) fn is_of_output(error: &Error) -> bool {
    error.what() == CANNOT_WRITE
}
