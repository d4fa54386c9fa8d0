//! The house rules, read from the files themselves. Each rule is a pure function that shows on bad examples that it can fail.
#![allow(clippy::unwrap_used)]

#[path = "tidy/faults.rs"]
mod faults;
#[path = "tidy/habits.rs"]
mod habits;
#[path = "tidy/keys.rs"]
mod keys;
#[path = "tidy/rust.rs"]
mod rust;
#[path = "tidy/size.rs"]
mod size;
#[path = "tidy/sql.rs"]
mod sql;
#[path = "tidy/stairway.rs"]
mod stairway;

use std::path::Path;

/// A file of the package: its path from the top, with `/`, and its text.
#[derive(Clone, Debug)]
struct File {
    path: String,
    text: String,
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }
}

#[test]
fn every_use_points_down_the_stairs() {
    none_of(stairway::problems(&all(&["src"], "rs")));
}

#[test]
fn files_and_functions_are_short_and_the_long_ones_only_shrink() {
    let ratchet = read("tests/tidy_ratchet.txt");
    none_of(size::problems(&all(&["src", "tests", "tools", "benches"], "rs"), &ratchet));
}

#[test]
fn every_sql_file_is_used_and_says_what_it_is_for() {
    none_of(sql::problems(
        &all(&["sql"], "sql"),
        &all(&["src", "tests", "tools", "benches"], "rs"),
    ));
}

#[test]
fn the_example_configuration_shows_every_key_and_no_other() {
    none_of(keys::problems(&read("src/config/keys.rs"), &read("config/example.toml")));
}

#[test]
fn files_say_what_they_are_for_and_rules_are_not_switched_off() {
    none_of(habits::problems(&all(&["src", "tests", "tools", "benches"], "rs")));
}

#[test]
fn every_fault_of_the_catalogue_has_its_test() {
    none_of(faults::problems(&read("docs/faults.md"), &all(&["src", "tests"], "rs")));
}

#[test]
fn no_decision_uses_a_clock_of_day() {
    none_of(habits::clocks(&all(&["src"], "rs")));
}

#[test]
fn scripts_are_short() {
    let scripts = all(&["tools", ".ci"], "").into_iter().filter(|file| file.text.starts_with("#!"));
    none_of(size::long_scripts(&scripts.collect::<Vec<_>>()));
}

#[test]
fn the_texts_that_people_look_for_are_there() {
    for path in [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "Cargo.lock",
    ] {
        assert!(!read(path).is_empty(), "{path} is empty");
    }
}

/// Fails with all problems, one a line.
fn none_of(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

/// All files below these directories (those that exist) whose name ends in `.extension`, or without one for "".
fn all(dirs: &[&str], extension: &str) -> Vec<File> {
    let mut files = Vec::new();
    let mut todo: Vec<_> = dirs.iter().map(|dir| top().join(dir)).filter(|dir| dir.exists()).collect();
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().unwrap_or_default() == extension {
                let name = path.strip_prefix(top()).unwrap().to_str().unwrap().to_owned();
                files.push(File::new(&name, &read(&name)));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!files.is_empty(), "no *.{extension} below {dirs:?}: this test sees nothing");
    files
}
