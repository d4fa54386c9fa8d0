//! How the arguments of a program are read: help goes through the writer of results, what is wrong
//! to standard error.

use super::output::{put, told};
use clap::{ArgMatches, Error, Parser};
use std::io::IsTerminal;
use std::process::ExitCode;

/// The exit code of wrong usage.
const WRONG_USAGE: u8 = 2;

/// The process's arguments as a program has them.
///
/// # Errors
/// The exit code, where there is nothing more to do: help was asked for, or they are wrong; both
/// are told.
pub(crate) fn parsed<T: Parser>() -> Result<T, ExitCode> {
    parsed_with_origins().map(|(_, arguments)| arguments)
}

/// As [`parsed`], with what knows whether a value comes from a flag or from a variable.
pub(crate) fn parsed_with_origins<T: Parser>() -> Result<(ArgMatches, T), ExitCode> {
    let matches = T::command().try_get_matches().map_err(|error| ended(&error))?;
    let arguments = T::from_arg_matches(&matches).map_err(|error| ended(&error))?;
    Ok((matches, arguments))
}

/// Tells what was asked for, or what is wrong; gives the exit code.
fn ended(error: &Error) -> ExitCode {
    if error.use_stderr() {
        // Where even that cannot be written it is lost.
        let _ = error.print();
        return ExitCode::from(WRONG_USAGE);
    }
    let text = error.render();
    let text = if has_colour() { text.ansi().to_string() } else { text.to_string() };
    ExitCode::from(put(&text).map_or_else(|error| told(&error.into()), |()| 0))
}

/// Whether help may have colours: a person looks at it and did not ask for none.
fn has_colour() -> bool {
    let is_set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let is_dumb = is_set("TERM").is_none_or(|term| term == "dumb");
    std::io::stdout().is_terminal() && is_set("NO_COLOR").is_none() && !is_dumb
}
