//! Files and functions have a size a person can hold in mind; those that are longer are listed and
//! only shrink.

use crate::File;
use crate::house::ratchet::Excess;
use crate::rust::{functions, mask};
use std::collections::BTreeMap;

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 60;
const SCRIPT_LINES_MAX: usize = 40;

/// What is longer than it may be.
pub fn excesses(files: &[File]) -> Vec<Excess> {
    let excess = |(name, (lines, max)): (String, (usize, usize))| Excess {
        what: format!("{name} has {lines} lines, more than {max}"),
        name,
        size: lines,
        cure: "split it by purpose",
    };
    too_long(files).into_iter().map(excess).collect()
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

/// Names with size and limit. Of functions of one name in one file the longest counts; a file of
/// tests may be of any length.
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
    fn what_is_within_the_limits_is_no_excess() {
        let files = [
            file("src/a.rs", 400),
            function(60),
            file("src/a_tests.rs", 900),
            file("src/a/tests.rs", 900),
            file("tests/it/a.rs", 900),
        ];
        assert_eq!(excesses(&files).len(), 0);
    }

    #[test]
    fn a_long_file_or_function_is_told() {
        for (files, name, size) in
            [([file("src/a.rs", 401)], "src/a.rs", 401), ([function(61)], "src/a.rs::long", 61)]
        {
            let found = excesses(&files);
            assert_eq!((found[0].name.as_str(), found[0].size, found.len()), (name, size, 1));
        }
    }

    #[test]
    fn a_script_of_41_lines_is_told() {
        assert_eq!(long_scripts(&[file("tools/a", 40)]), [""; 0]);
        assert_eq!(long_scripts(&[file("tools/a", 41)]).len(), 1);
    }
}
