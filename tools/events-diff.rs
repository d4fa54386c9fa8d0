//! The comparison of two event tables: flags, wiring, verdict, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    counterfoil::cli::events_diff::main()
}
