//! `counterfoil completions`: what a shell needs to complete the flags of our programs.

use super::args::{Arguments, CompletedProgram, CompletionsOptions};
use super::events_diff::args::CompareArguments;
use super::load_fake_data::args::LoadArguments;
use super::output::put;
use crate::error::{Error, ErrorKind, Result};
use clap::CommandFactory;
use clap_complete::generate;

/// Prints them.
///
/// # Errors
/// Those of the output.
pub(super) fn completions(wanted: &CompletionsOptions) -> Result<()> {
    let (mut command, name) = match wanted.program {
        CompletedProgram::Counterfoil => (Arguments::command(), "counterfoil"),
        CompletedProgram::EventsDiff => (CompareArguments::command(), "events-diff"),
        CompletedProgram::LoadFakeData => (LoadArguments::command(), "load-fake-data"),
    };
    let mut script = Vec::new();
    generate(wanted.shell, &mut command, name, &mut script);
    let script = String::from_utf8(script).map_err(|error| {
        Error::new(ErrorKind::Bug, "cannot write the completions").caused_by(&error)
    })?;
    put(&script)
}
