//! Files and functions have a size a person can hold in mind; those that are longer are listed and only shrink.

use crate::File;
use crate::rust::{functions, mask};
use std::collections::BTreeMap;

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 60;
const SCRIPT_LINES_MAX: usize = 40;

/// What is too long and not listed in the ratchet, or listed and not of that size. A line of the ratchet is
/// `path lines` or `path::function lines`; `#` starts a comment.
pub fn problems(files: &[File], ratchet: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut listed = BTreeMap::new();
    for line in ratchet.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.split_once(' ').map(|(name, lines)| (name, lines.parse::<usize>())) {
            Some((name, Ok(lines))) => drop(listed.insert(name.to_owned(), lines)),
            _ => problems.push(format!(
                "tests/tidy_ratchet.txt: `{line}` is not `path lines` or `path::function lines`"
            )),
        }
    }
    for (name, (lines, max)) in too_long(files) {
        let name_is_listed = listed.remove(&name);
        problems.extend(match name_is_listed {
            None => Some(format!("{name} has {lines} lines, more than {max}: split it by purpose")),
            Some(size) if size < lines => Some(format!(
                "{name} has grown from {size} to {lines} lines, and it was too long before: split it by purpose"
            )),
            Some(size) if size > lines => Some(format!(
                "{name} has shrunk to {lines} lines: write that in tests/tidy_ratchet.txt, so that it stays"
            )),
            Some(_) => None,
        });
    }
    problems.extend(
        listed
            .keys()
            .map(|name| format!("{name} is not too long any more, or is gone: remove it from tests/tidy_ratchet.txt")),
    );
    problems
}

/// Scripts that should have become Rust.
pub fn long_scripts(files: &[File]) -> Vec<String> {
    let long = files.iter().filter(|file| file.text.lines().count() > SCRIPT_LINES_MAX);
    long.map(|file| {
        format!(
            "{} has more than {SCRIPT_LINES_MAX} lines: a script that grows past them becomes Rust",
            file.path
        )
    })
    .collect()
}

/// Names with size and limit. Of functions of one name in one file the longest counts; a file of tests may be of any length.
fn too_long(files: &[File]) -> BTreeMap<String, (usize, usize)> {
    let mut found = BTreeMap::new();
    for file in files {
        let lines = file.text.lines().count();
        if lines > FILE_LINES_MAX && !is_of_tests(&file.path) {
            found.insert(file.path.clone(), (lines, FILE_LINES_MAX));
        }
        for function in functions(&mask(&file.text))
            .into_iter()
            .filter(|function| function.lines > FUNCTION_LINES_MAX)
        {
            let entry = found
                .entry(format!("{}::{}", file.path, function.name))
                .or_insert((0, FUNCTION_LINES_MAX));
            entry.0 = entry.0.max(function.lines);
        }
    }
    found
}

fn is_of_tests(path: &str) -> bool {
    path.ends_with("tests.rs") || path.split('/').any(|part| part == "tests")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, lines: usize) -> File {
        File::new(path, &"x\n".repeat(lines))
    }

    fn function(lines: usize) -> File {
        File {
            path: "src/a.rs".to_owned(),
            text: format!("fn short() {{}}\nfn long() {{\n{}}}\n", "x;\n".repeat(lines - 2)),
        }
    }

    #[test]
    fn what_is_within_the_limits_needs_no_entry() {
        let files = [
            file("src/a.rs", 400),
            function(60),
            file("src/a_tests.rs", 900),
            file("src/a/tests.rs", 900),
            file("tests/it/a.rs", 900),
        ];
        assert_eq!(problems(&files, "# nothing\n"), [""; 0]);
    }

    #[test]
    fn a_long_file_or_function_is_told_unless_it_is_listed_with_its_size() {
        for (files, name, size) in [([file("src/a.rs", 401)], "src/a.rs", 401), ([function(61)], "src/a.rs::long", 61)] {
            assert!(problems(&files, "")[0].contains("split it"));
            assert_eq!(problems(&files, &format!("{name} {size}\n")), [""; 0]);
            assert!(problems(&files, &format!("{name} {}\n", size - 1))[0].contains("has grown"));
            assert!(problems(&files, &format!("{name} {}\n", size + 1))[0].contains("has shrunk"));
        }
    }

    #[test]
    fn an_entry_that_is_no_longer_needed_must_go() {
        assert!(problems(&[file("src/a.rs", 400)], "src/a.rs 401")[0].contains("remove it"));
        assert!(problems(&[], "src/gone.rs::f 80")[0].contains("remove it"));
        assert!(problems(&[], "src/a.rs, 80 lines")[0].contains("is not `path lines`"));
    }

    #[test]
    fn a_script_of_41_lines_is_told() {
        assert_eq!(long_scripts(&[file("tools/a", 40)]), [""; 0]);
        assert_eq!(long_scripts(&[file("tools/a", 41)]).len(), 1);
    }
}
