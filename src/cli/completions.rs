//! `counterfoil completions`: what a shell needs to complete the flags of our programs.

use super::args::{Arguments, CompletedProgram, CompletionsOptions};
use super::events_diff::args::CompareArguments;
use super::load_fake_data::args::LoadArguments;
use super::output::put;
use crate::error::{Error, ErrorKind, Result};
use clap::{Command, CommandFactory};
use clap_complete::generate;

/// Our programs with their flags and all of their help, for completions and man pages.
pub fn programs() -> [Command; 3] {
    [Arguments::command(), CompareArguments::command(), LoadArguments::command()]
}

/// Prints them.
///
/// # Errors
/// Those of the output.
pub(super) fn completions(wanted: &CompletionsOptions) -> Result<()> {
    let [counterfoil, events_diff, load_fake_data] = programs();
    let mut command = match wanted.program {
        CompletedProgram::Counterfoil => counterfoil,
        CompletedProgram::EventsDiff => events_diff,
        CompletedProgram::LoadFakeData => load_fake_data,
    };
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    generate(wanted.shell, &mut command, name, &mut script);
    let script = String::from_utf8(script).map_err(|error| {
        Error::new(ErrorKind::Bug, "cannot write the completions").caused_by(&error)
    })?;
    put(&script)
}
