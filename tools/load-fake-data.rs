//! The loader: writes made-up events into an event table.

use std::process::ExitCode;

fn main() -> ExitCode {
    counterfoil::cli::load_fake_data::main()
}
