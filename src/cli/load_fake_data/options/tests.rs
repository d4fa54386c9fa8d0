//! What flags mean together, and that all problems are told at once.
#![allow(clippy::unwrap_used)]

use super::*;
use clap::Parser;

const URL: &str = "postgres://ann:hunter2@db1/orders";

fn wished(flags: &[&str]) -> Result<LoadJob, Problems> {
    let flags: Vec<&str> = ["load-fake-data", "--url", URL].iter().chain(flags).copied().collect();
    let arguments = LoadArguments::parse_from(flags);
    job(&arguments, DatabaseOption::Not, DatabaseOption::ByFlag, 7, &Environment::empty())
        .map(|(job, _)| job)
}

fn told(flags: &[&str]) -> String {
    let problems = wished(flags).unwrap_err();
    assert_eq!(problems.exit_code(), 2);
    problems.report()
}

#[test]
fn without_flags_it_is_what_slates_loader_made() {
    let job = wished(&[]).unwrap();
    let slates = Amount::Persons { persons: 1_000, deletes: 50, fillers: 10_000 };
    assert_eq!((job.amount, job.data_set, job.writers, job.seed), (slates, DataSet::Persons, 1, 7));
    assert_eq!((job.table.to_string().as_str(), job.method), ("public.events", None));
}

#[test]
fn amounts_have_their_defaults_and_a_duration_alone_has_no_other_end() {
    let amount = |flags: &[&str]| wished(flags).unwrap().amount;
    let of = |persons, deletes, fillers| Amount::Persons { persons, deletes, fillers };
    assert_eq!(amount(&["--persons", "7"]), of(7, 7, 10_000));
    assert_eq!(amount(&["--persons", "70", "--fillers", "0"]), of(70, 50, 0));
    assert_eq!(amount(&["--fillers", "0", "--duration", "3"]), of(1_000, 50, 0));
    assert_eq!(amount(&["--duration", "3"]), Amount::Endless);
    assert_eq!(amount(&["--world", "orders"]), Amount::Events(10_000));
    assert_eq!(amount(&["--world", "devices", "--events", "5"]), Amount::Events(5));
    assert_eq!(amount(&["--world", "devices", "--duration", "0.5"]), Amount::Endless);
}

#[test]
fn all_problems_are_told_together_and_none_shows_the_password() {
    let report = told(&[
        "--table",
        "a.b.c",
        "--world",
        "orders",
        "--persons",
        "5",
        "--deletes",
        "1",
        "--writers",
        "0",
        "--events-per-insert",
        "100001",
        "--rate",
        "0",
        "--duration",
        "NaN",
        "--rollbacks",
        "91",
    ]);
    for part in [
        "cannot read the table name \"a.b.c\"",
        "--persons applies to the world of persons only",
        "--deletes applies to the world of persons only",
        "--writers is out of range",
        "--events-per-insert is out of range",
        "--rate is out of range",
        "--duration is out of range",
        "--rollbacks is out of range",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
    assert!(!report.contains("hunter2"));
    assert_eq!(report.matches("error: ").count(), 8, "{report}");
}

#[test]
fn what_contradicts_itself_is_refused() {
    assert!(
        told(&["--persons", "3", "--deletes", "4"]).contains("4 of 3 persons cannot be deleted")
    );
    assert!(told(&["--events", "3"]).contains("does not apply to the world of persons"));
    assert!(told(&["--large-events", "1", "--duration", "1"]).contains("without an end"));
    assert!(
        told(&["--world", "orders", "--events", "3", "--large-events", "4"])
            .contains("4 of 3 events cannot be large")
    );
    assert!(told(&["--persons", "2000000000000"]).contains("--persons is out of range"));
    assert!(told(&["--rate=-1"]).contains("--rate is out of range"));
}

#[test]
fn a_flag_wins_over_a_variable_and_two_of_a_kind_are_refused() {
    let arguments =
        LoadArguments::parse_from(["load-fake-data", "--url", URL, "--config", "/nowhere/c.toml"]);
    let found = |config, url| {
        job(&arguments, config, url, 7, &Environment::empty()).map_err(|problems| problems.report())
    };
    assert!(found(DatabaseOption::ByVariable, DatabaseOption::ByFlag).is_ok());
    assert!(
        found(DatabaseOption::ByFlag, DatabaseOption::ByVariable)
            .unwrap_err()
            .contains("/nowhere/c.toml")
    );
    assert!(
        found(DatabaseOption::ByFlag, DatabaseOption::ByFlag).unwrap_err().contains("named twice")
    );
    assert!(
        found(DatabaseOption::ByVariable, DatabaseOption::ByVariable)
            .unwrap_err()
            .contains("COUNTERFOIL_CONFIG and by COUNTERFOIL_URL")
    );
}

#[test]
fn without_a_database_it_is_told_how_to_name_one() {
    let arguments = LoadArguments::parse_from(["load-fake-data"]);
    let arguments = LoadArguments { config: None, url: None, ..arguments };
    let problems =
        job(&arguments, DatabaseOption::Not, DatabaseOption::Not, 7, &Environment::empty())
            .unwrap_err();
    assert!(problems.report().contains("give --url, or --config"), "{}", problems.report());
}
