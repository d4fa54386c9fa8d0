//! docs/faults.md: every row of the catalogue is there once, names tests that exist or why there is
//! none, and quotes words of the program.

use crate::File;
use crate::rust::mask;

/// The catalogue has so many rows.
const ROWS: usize = 188;
/// Cells of a row.
const CELLS: usize = 6;
const NOT_TESTED: &str = "not tested: ";

/// What is wrong with the table, given every file of source and tests.
pub fn problems(table: &str, files: &[File]) -> Vec<String> {
    let rows: Vec<Vec<&str>> = table.lines().filter_map(row).collect();
    let numbers: Vec<usize> = rows.iter().filter_map(|cells| cells[0].parse().ok()).collect();
    let mut problems = Vec::new();
    if numbers != (1..=ROWS).collect::<Vec<_>>() {
        problems
            .push(format!("docs/faults.md: its rows are not 1 to {ROWS} in order: {numbers:?}"));
    }
    for cells in &rows {
        let at = |what: String| format!("docs/faults.md, row {}: {what}", cells[0]);
        if cells.len() != CELLS {
            problems.push(at(format!("it has {} cells, not {CELLS}", cells.len())));
            continue;
        }
        for words in quoted(cells[3]).filter(|words| !is_said(words, files)) {
            problems.push(at(format!("the program does not say `{words}`")));
        }
        let tests: Vec<&str> = quoted(cells[5]).collect();
        let has_reason = cells[5].strip_prefix(NOT_TESTED).is_some_and(|reason| reason.len() > 20);
        if tests.is_empty() && !has_reason {
            problems.push(at(format!("name a test, or say \"{NOT_TESTED}…\" with the reason")));
        }
        for test in tests.iter().filter(|test| !is_there(test, files)) {
            problems.push(at(format!("there is no test `{test}`")));
        }
    }
    problems
}

/// The cells of a line of a table whose first is a number.
fn row(line: &str) -> Option<Vec<&str>> {
    let cells = line.strip_prefix("| ")?.strip_suffix('|')?;
    let cells: Vec<&str> = cells.split('|').map(str::trim).collect();
    cells[0].parse::<usize>().is_ok().then_some(cells)
}

/// What stands between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Whether these words stand in the program; where `{…}` is in them a value is filled in.
fn is_said(words: &str, files: &[File]) -> bool {
    let parts = || words.split('{').map(|part| part.rsplit('}').next().unwrap_or(part));
    let says = |file: &&File| {
        let text = unbroken(&file.text);
        parts().all(|part| text.contains(part))
    };
    let is_source = |file: &&File| file.path.starts_with("src/") && !file.path.contains("tests");
    files.iter().filter(is_source).any(|file| says(&file))
}

/// A source whose strings are not broken over lines.
fn unbroken(text: &str) -> String {
    let mut lines = text.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| text + line.trim_start())
}

/// Whether a test of this path exists, in tests/it/, in src/ or at the top of the tests; or a point
/// of the work at which chaos may kill us.
fn is_there(path: &str, files: &[File]) -> bool {
    if path.contains('.') {
        let point = |file: &File| {
            ["point", "midway"]
                .iter()
                .any(|of| file.text.contains(&format!("fail::{of}!(\"{path}\"")))
        };
        return files.iter().any(|file| file.path.starts_with("src/") && point(file));
    }
    let (modules, name) = path.rsplit_once("::").unwrap_or(("", path));
    let module = modules.replace("::", "/");
    let inner = module.strip_suffix("/tests").unwrap_or(&module).to_owned();
    let heads = |top: &str| {
        [&module, &inner]
            .map(|module| [".rs", "/mod.rs", "_tests.rs"].map(|end| format!("{top}{module}{end}")))
    };
    let mut places: Vec<String> =
        ["tests/it/", "src/"].iter().flat_map(|top| heads(top).into_iter().flatten()).collect();
    if modules.is_empty() {
        places = vec!["tests/tidy.rs".to_owned(), "tests/docs.rs".to_owned()];
    }
    let is_test = |file: &File| {
        let code = mask(&file.text);
        let declared = code.find(&format!("fn {name}("));
        declared.is_some_and(|at| code[..at].trim_end_matches("async ").trim_end().ends_with(']'))
    };
    files.iter().any(|file| places.contains(&file.path) && is_test(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_without_a_test_with_a_wrong_one_or_with_words_nobody_says_is_told() {
        let files = [
            File::new(
                "tests/it/some/place.rs",
                "#[tokio::test]\nasync fn it_is_so() {}\nfn helper() {}",
            ),
            File::new(
                "src/a/b.rs",
                "fail::point!(\"b.c\"); \"the {what} was lost\"\n#[cfg(test)] mod tests { \
                 #[test]\n fn pure() {} }",
            ),
        ];
        let rest = |last: usize| {
            (last..=ROWS).map(|n| format!("| {n} | f | d | | | `some::place::it_is_so` |\n"))
        };
        let table = |rows: &str, last| rows.to_owned() + &rest(last).collect::<String>();
        let good = "| 1 | f | d | `the {} was lost` | 4 | `some::place::it_is_so`, \
                    `a::b::tests::pure`; `b.c` |\n";
        assert_eq!(problems(&table(good, 2), &files), Vec::<String>::new());
        for (bad, words) in [
            ("| 1 | f | d | | | |\n", "name a test"),
            ("| 1 | f | d | | | not tested: |\n", "name a test"),
            ("| 1 | f | d | | | `some::place::helper` |\n", "there is no test"),
            ("| 1 | f | d | | | `some::it_is_so` |\n", "there is no test"),
            ("| 1 | f | d | | | `b.d` |\n", "there is no test"),
            ("| 1 | f | d | `was found` | | `some::place::it_is_so` |\n", "does not say"),
            ("| 1 | f | d | | `some::place::it_is_so` |\n", "cells"),
            ("", "not 1 to"),
        ] {
            let found = problems(&table(bad, 2), &files);
            assert!(found.len() == 1 && found[0].contains(words), "{bad}: {found:?}");
        }
    }
}
