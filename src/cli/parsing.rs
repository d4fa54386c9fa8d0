//! How the arguments of a program are read: help goes through the writer of results, what is wrong
//! to standard error, without a password and with what to do.

use super::output::{put, told};
use crate::config::libpq::is_connection;
use crate::log::secrets::discreet_argument;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Command, Error, Parser};
use std::borrow::Cow;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::Path;
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
    let given: Vec<OsString> = std::env::args_os().collect();
    let matches = T::command()
        .try_get_matches_from(&given)
        .map_err(|error| ended(&helpful(&T::command(), &given, error)))?;
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

/// The same error without a password, and with what to do where a thing was given that belongs
/// elsewhere.
fn helpful(program: &Command, given: &[OsString], error: Error) -> Error {
    if !error.use_stderr() {
        return error;
    }
    let mut error = without_passwords(program, given, error);
    let wrong =
        [ContextKind::InvalidArg, ContextKind::InvalidValue, ContextKind::InvalidSubcommand]
            .iter()
            .filter_map(|kind| match error.get(*kind) {
                Some(ContextValue::String(text)) => Some(text.clone()),
                _ => None,
            });
    let tip = wrong.filter_map(|text| tip(command_of(program, given), error.kind(), &text)).next();
    if let Some(tip) = tip {
        let tips = vec![StyledStr::from(tip)];
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

/// Reads arguments again that hold no password: the error of those names none.
fn without_passwords(program: &Command, given: &[OsString], error: Error) -> Error {
    let mut is_discreet = true;
    let mut discreet = vec![given.first().cloned().unwrap_or_default()];
    for argument in given.iter().skip(1) {
        let text = argument.to_string_lossy();
        discreet.push(match discreet_argument(&text) {
            Cow::Borrowed(_) => argument.clone(),
            Cow::Owned(told) => {
                is_discreet = false;
                told.into()
            }
        });
    }
    if is_discreet {
        return error;
    }
    let again = program.clone().try_get_matches_from(discreet);
    again.err().unwrap_or_else(|| {
        let told = "an argument cannot be read; it may hold a password and is not shown";
        program.clone().error(ErrorKind::ValueValidation, told)
    })
}

/// The command that these arguments name, as far as they do.
fn command_of<'a>(program: &'a Command, given: &[OsString]) -> &'a Command {
    let named = given.iter().skip(1);
    named.fold(program, |command, name| command.find_subcommand(name).unwrap_or(command))
}

/// What to do with an argument that belongs elsewhere.
fn tip(command: &Command, kind: ErrorKind, argument: &str) -> Option<String> {
    let has = |name: &str| command.get_arguments().any(|known| known.get_id() == name);
    let is_stray = matches!(
        kind,
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand | ErrorKind::TooManyValues
    );
    if !is_stray || argument.starts_with('-') {
        return None;
    }
    let is_file = Path::new(argument).extension().is_some_and(|end| end == "toml" || end == "json")
        || Path::new(argument).is_file();
    let tip = match is_connection(argument) {
        true if has("urls") => "two URLs are compared, the reference first, and no more",
        true if has("url") => "name the database with --url URL",
        true if has("config") => {
            "write the connection into a configuration file, as url beneath [source] or \
             [[destinations]], and name the file with --config FILE"
        }
        true if command.get_name() == "init" => {
            "name the side, and the database with --url URL: `counterfoil init source` or \
             `counterfoil init destination`"
        }
        true => {
            "begin with a command: `init` takes --url URL; `run`, `status`, `repair` and `restore` \
             take connections from a configuration file, --config FILE"
        }
        false if has("config") && is_file => {
            return Some(format!("name the configuration with --config {argument}"));
        }
        false => return None,
    };
    Some(tip.to_owned())
}
