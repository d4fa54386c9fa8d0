//! Everything that parses bytes from outside, given bytes that nobody meant: it never panics, never
//! takes long, and takes no memory for what an input only says it has. Runs on stable Rust: inputs
//! are made from the seeds of a corpus by a seeded mutator.
//!
//! Part of the tests with a fixed seed and few inputs. For minutes: `COUNTERFOIL_FUZZ_SECONDS=300
//! cargo test --release --test fuzz -- --nocapture` (each parser so long, several at a time);
//! `COUNTERFOIL_FUZZ_SEED=N` for other inputs.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod memory;
mod mutate;
mod parsers;

use mutate::Mutator;
use parsers::{PARSERS, Parser};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Inputs of a parser in the ordinary tests.
const INPUTS: u64 = 1_500;
/// A parser that thinks longer about an input of a few kilobytes hangs, however busy the machine
/// is.
const INPUT_TIME_MAX: Duration = Duration::from_secs(10);
/// All parsers together, on inputs of 4 KiB at most. A length that an input only declares would
/// show, once it was believed.
const MEMORY_KIB_MAX: u64 = 512 * 1024;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs one parser over inputs made from its corpus.
fn fuzz(name: &str) {
    let parser: &Parser = PARSERS.iter().find(|parser| parser.name == name).unwrap();
    let seconds = setting("COUNTERFOIL_FUZZ_SECONDS");
    let seed = setting("COUNTERFOIL_FUZZ_SEED").unwrap_or(7);
    let mut mutator = Mutator::new(seed, parser.corpus);
    let dir = tempfile::tempdir().unwrap();
    let (begun, mut inputs) = (Instant::now(), 0);
    loop {
        let is_over = match seconds {
            Some(seconds) => begun.elapsed().as_secs() >= seconds,
            None => inputs >= INPUTS,
        };
        if is_over {
            break;
        }
        let input = mutator.next();
        let since = Instant::now();
        let parsed = catch_unwind(AssertUnwindSafe(|| (parser.parse)(&input, dir.path())));
        inputs += 1;
        let shown = || format!("{input:?} {}", String::from_utf8_lossy(&input));
        assert!(parsed.is_ok(), "{name} panicked at input {inputs} of seed {seed}: {}", shown());
        assert!(since.elapsed() < INPUT_TIME_MAX, "{name} took {:?}: {}", since.elapsed(), shown());
    }
    let peak = memory::peak_kib();
    assert!(peak < MEMORY_KIB_MAX, "{name}: {peak} KiB");
    println!(
        "{name}: {inputs} inputs in {:?}; the process has had {peak} KiB at most",
        begun.elapsed()
    );
}

macro_rules! fuzzed {
    ($($test:ident: $name:literal),* $(,)?) => {
        $(#[test]
        fn $test() {
            fuzz($name);
        })*

        #[test]
        fn every_parser_is_fuzzed() {
            let fuzzed = [$($name),*];
            let all: Vec<&str> = PARSERS.iter().map(|parser| parser.name).collect();
            assert_eq!(all, fuzzed);
        }
    };
}

fuzzed! {
    rows_of_a_binary_copy_survive_any_bytes: "binary copy",
    rows_of_a_text_copy_survive_any_bytes: "text copy",
    a_field_of_any_type_survives_any_bytes: "field",
    a_configuration_of_toml_survives_any_text: "toml",
    a_configuration_of_json_survives_any_text: "json",
    a_connection_string_survives_any_text: "connection string",
    a_service_file_survives_any_bytes: "service file",
    a_passfile_survives_any_bytes: "passfile",
    a_journal_survives_any_bytes: "journal",
    the_comparison_of_json_survives_any_text: "json comparison",
    the_name_of_a_table_survives_any_text: "table name",
    the_text_of_a_trigger_survives_any_text: "trigger",
    text_for_a_terminal_survives_any_text: "escape",
}
