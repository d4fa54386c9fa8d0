//! Which of our three programs this process is: a package holds one file, under three names.

use super::{counterfoil, events_diff, load_fake_data};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

/// Runs the program whose name the process is called by, through a link or a copy: `events-diff`,
/// `load-fake-data`, under any other name `counterfoil`. Gives its exit code.
pub fn main() -> ExitCode {
    match called_by(std::env::args_os().next()).as_deref() {
        Some("events-diff") => events_diff::main(),
        Some("load-fake-data") => load_fake_data::main(),
        _ => counterfoil(),
    }
}

/// The name in the first argument, without its directory.
fn called_by(first: Option<OsString>) -> Option<String> {
    Some(Path::new(&first?).file_name()?.to_str()?.to_owned())
}
