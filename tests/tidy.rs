//! The house rules, read from the files themselves. Each rule is a pure function that shows on bad
//! examples that it can fail.
#![allow(clippy::unwrap_used)]

#[path = "tidy/faults.rs"]
mod faults;
#[path = "tidy/habits.rs"]
mod habits;
#[path = "tidy/house/mod.rs"]
mod house;
#[path = "tidy/rust.rs"]
mod rust;
#[path = "tidy/size.rs"]
mod size;
#[path = "tidy/sql.rs"]
mod sql;
#[path = "tidy/stairway.rs"]
mod stairway;

use house::figures::Figures;
use house::graph::Graph;
use house::source::{Source, files, place_by_declaration};
use house::{picture, ratchet, shape};
use std::path::Path;
use std::sync::LazyLock;

/// A file of the package: its path from the top, with `/`, and its text.
#[derive(Clone, Debug)]
struct File {
    path: String,
    text: String,
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }
}

/// What the paths and items of all files say; read once.
struct House {
    up_the_stairs: Vec<String>,
    picture: String,
    figures: Figures,
}

static HOUSE: LazyLock<House> = LazyLock::new(|| {
    let files = all(&["src", "tests", "tools", "benches"], "rs");
    let sources = files.iter().map(|file| Source::new(&file.path, &file.text).unwrap());
    let mut sources: Vec<Source> = sources.collect();
    place_by_declaration(&mut sources);
    let graph = Graph::new(&sources);
    House {
        up_the_stairs: stairway::problems(&graph),
        picture: picture::draw(&graph),
        figures: Figures::of(&graph),
    }
});

#[test]
fn every_use_points_down_the_stairs() {
    none_of(HOUSE.up_the_stairs.clone());
}

#[test]
fn the_picture_of_the_house_is_what_the_paths_draw() {
    let text = read("ARCHITECTURE.md");
    let renewed = picture::renewed(&text, &HOUSE.picture)
        .expect("ARCHITECTURE.md has the marks around its picture");
    let cure = "ARCHITECTURE.md does not show the house as it is: run `tools/house --write`, look \
                at what changed, and commit it";
    assert!(text == renewed, "{cure}; now it is\n{}", HOUSE.picture);
}

#[test]
fn what_is_too_long_circular_of_one_word_or_public_for_nobody_only_shrinks() {
    let files = all(&["src", "tests", "tools", "benches"], "rs");
    let mut all_excesses = size::excesses(&files);
    all_excesses.extend(habits::placed_by_hand(&files));
    all_excesses.extend(shape::excesses(&HOUSE.figures));
    none_of(ratchet::problems(&all_excesses, &read("tests/tidy_ratchet.txt")));
}

#[test]
fn every_name_of_a_type_is_defined_once() {
    none_of(shape::doubled(&HOUSE.figures));
}

#[test]
fn every_sql_file_is_used_and_says_what_it_is_for() {
    none_of(sql::problems(
        &all(&["sql"], "sql"),
        &all(&["src", "tests", "tools", "benches"], "rs"),
    ));
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
    std::fs::read_to_string(top().join(path))
        .unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

/// All files below these directories (those that exist) whose name ends in `.extension`, or without
/// one for "".
fn all(dirs: &[&str], extension: &str) -> Vec<File> {
    let found = files(top(), dirs, extension).unwrap();
    let files: Vec<File> = found.iter().map(|(path, text)| File::new(path, text)).collect();
    assert!(!files.is_empty(), "no *.{extension} below {dirs:?}: this test sees nothing");
    files
}
