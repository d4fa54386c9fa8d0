//! Counterfoil beside the raw pipe, PostgreSQL's logical replication and batched INSERT, in turn,
//! on the same private servers.
//!
//! `tools/bench [PART …]`; docs/performance.md says how it is measured, benches/results.md what was
//! found. A figure counts only if source and destination are equal after its run; otherwise the
//! program ends with 1. No test depends on it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a person")]

mod arguments;
mod contestants;
mod figures;
mod loader;
mod parts;
mod picture;
mod psql;
mod report;
mod session;
mod settings;
mod stage;

use arguments::Wanted;
use clap::Parser;
use parts::Part;
use std::process::ExitCode;

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> ExitCode {
    match race(&Wanted::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn race(wanted: &Wanted) -> Result<()> {
    let parts: &[Part] = if wanted.parts.is_empty() { &Part::ALL } else { &wanted.parts };
    for part in parts {
        let section = part.measure(wanted)?;
        section.print();
        if wanted.is_whole(*part) && !wanted.no_results {
            section.keep()?;
        }
    }
    Ok(())
}
