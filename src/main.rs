//! The replicator, and its two companions where a link calls it by their name.

use std::process::ExitCode;

fn main() -> ExitCode {
    counterfoil::cli::program::main()
}
