//! Small habits: a first line that says the purpose, no test that is switched off, no lint that is.

use crate::File;
use crate::house::ratchet::Excess;
use crate::rust::mask;

/// What the attributes of a file may not do, with the cure.
pub fn problems(files: &[File]) -> Vec<String> {
    files
        .iter()
        .flat_map(|file| problems_of(file).into_iter().map(|what| format!("{}: {what}", file.path)))
        .collect()
}

/// Where a clock of day is asked that is neither the log's nor that of made-up events: it may jump,
/// and differ from another machine's.
pub fn clocks(files: &[File]) -> Vec<String> {
    let is_free = |file: &&File| {
        !(file.path == "src/log/clock.rs"
            || file.path.starts_with("src/fake/")
            || file.path.ends_with("tests.rs"))
    };
    let clocks = ["SystemTime", "UtcDateTime", "OffsetDateTime", "UNIX_EPOCH"];
    let asks = |file: &&File| clocks.iter().any(|clock| mask(&file.text).contains(clock));
    let told = |file: &File| {
        format!("{}: it asks a clock of day: measure with Instant, or ask the server", file.path)
    };
    files.iter().filter(is_free).filter(asks).map(told).collect()
}

/// Files of the library that name the place of another one.
pub fn placed_by_hand(files: &[File]) -> Vec<Excess> {
    let is_one =
        |file: &&File| file.path.starts_with("src/") && mask(&file.text).contains("#[path = ");
    let excess = |file: &File| Excess {
        name: format!("path::{}", file.path),
        size: 1,
        what: format!("{} says with #[path] where a module of it is", file.path),
        cure: "tests of x.rs are in x/tests.rs, and so are other modules: move it there",
    };
    files.iter().filter(is_one).map(excess).collect()
}

fn problems_of(file: &File) -> Vec<&'static str> {
    let code = mask(&file.text);
    let is_source = file.path.starts_with("src/");
    let is_roof = file.path == "src/main.rs" || file.path.starts_with("src/cli/");
    let is_of_tests = file.path.ends_with("tests.rs") || file.path.contains("/tests/");
    let tests_start = if is_of_tests { 0 } else { code.find("#[cfg(test)]").unwrap_or(code.len()) };
    let allows = |lint: &str| {
        code.match_indices(lint)
            .map(|(at, _)| at)
            .filter(|at| is_allowance(&code, *at))
            .collect::<Vec<_>>()
    };
    let rules = [
        (
            !file.text.starts_with("//! "),
            "its first line says its one purpose: start it with `//! `",
        ),
        (
            code.contains("#[ignore"),
            "a test that is ignored proves nothing: make it run, or remove it",
        ),
        (!allows("unsafe_code").is_empty(), "no unsafe code: there is another way"),
        (
            is_source && allows("unwrap_used").iter().any(|at| *at < tests_start),
            "no unwrap outside tests: return the error, or state the invariant with expect",
        ),
        (
            is_source
                && !is_roof
                && !(allows("print_stdout").is_empty() && allows("print_stderr").is_empty()),
            "only the roof prints: log it, or return it",
        ),
        (
            is_source && (file.text.contains("TODO") || file.text.contains("FIXME")),
            "do it now, or open an issue for it",
        ),
    ];
    rules.into_iter().filter(|(is_broken, _)| *is_broken).map(|(_, cure)| cure).collect()
}

/// Whether a lint is named inside `allow(…)` or `expect(…)` here.
fn is_allowance(code: &str, at: usize) -> bool {
    let attribute = code[..at].rsplit("#[").next().unwrap_or_default();
    let attribute = attribute.rsplit("#![").next().unwrap_or_default();
    ["allow(", "expect("].iter().any(|word| attribute.contains(word)) && !attribute.contains(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, text: &str) -> Vec<String> {
        problems(&[File { path: path.to_owned(), text: text.to_owned() }])
    }

    #[test]
    fn good_habits_are_left_alone() {
        for (path, text) in [
            (
                "src/a.rs",
                "//! A. `#[ignore]`\n#[cfg(test)]\n#[allow(clippy::unwrap_used)]\nmod tests {}",
            ),
            ("src/a/tests.rs", "//! A.\n#![allow(clippy::unwrap_used)]"),
            ("src/cli/a.rs", "//! A.\n#![allow(clippy::print_stdout)]"),
            (
                "src/a.rs",
                "//! A.\n#![deny(unsafe_code)]\n#[allow(dead_code)] fn f() { unsafe_code() }",
            ),
            ("tests/a.rs", "//! A.\n#![allow(clippy::unwrap_used)]"),
        ] {
            assert_eq!(told(path, text), [""; 0], "{path} {text}");
        }
    }

    #[test]
    fn bad_habits_are_told_with_their_cure() {
        for (path, text, cure) in [
            ("src/a.rs", "// A.\n", "first line"),
            ("tests/a.rs", "//! A.\n#[test]\n#[ignore = \"slow\"]", "ignored"),
            ("tests/a.rs", "//! A.\n#![allow(unsafe_code)]", "unsafe"),
            (
                "src/a.rs",
                "//! A.\n#[allow(clippy::unwrap_used)]\nfn f() {}\n#[cfg(test)]\nmod tests {}",
                "unwrap",
            ),
            ("src/a.rs", "//! A.\n#![expect(clippy::unwrap_used)]\n", "unwrap"),
            (
                "src/a.rs",
                "//! A.\n#[allow(\n    dead_code,\n    clippy::print_stderr\n)]",
                "roof prints",
            ),
            ("src/a.rs", "//! A.\n// TODO later", "open an issue"),
        ] {
            let found = told(path, text);
            assert!(found.len() == 1 && found[0].contains(cure), "{text}: {found:?}");
        }
    }

    #[test]
    fn a_module_whose_place_is_named_is_told() {
        let files = [
            File::new("src/a.rs", "#[cfg(test)]\n#[path = \"a_tests.rs\"]\nmod tests;"),
            File::new("src/b.rs", "#[cfg(test)]\nmod tests; // #[path = \"b_tests.rs\"]"),
            File::new("tests/c.rs", "#[path = \"c/d.rs\"]\nmod d;"),
        ];
        let found = placed_by_hand(&files);
        assert!(found.len() == 1 && found[0].name == "path::src/a.rs", "{found:?}");
    }

    #[test]
    fn a_clock_of_day_is_told_and_a_monotonic_one_is_not() {
        let files = [
            File::new("src/a.rs", "let now = SystemTime::now();"),
            File::new("src/b.rs", "let now = Instant::now(); // no SystemTime"),
            File::new("src/log/clock.rs", "SystemTime::now()"),
        ];
        let told = clocks(&files);
        assert!(told.len() == 1 && told[0].starts_with("src/a.rs"), "{told:?}");
    }
}
