//! Every file of `sql/` is included somewhere and starts by saying what it is for.

use crate::File;
use std::collections::BTreeSet;

/// Files of SQL that nobody includes or that have no header, and includes that name no file.
pub fn problems(sql: &[File], rust: &[File]) -> Vec<String> {
    let used: BTreeSet<String> = rust.iter().flat_map(included).collect();
    let mut problems = Vec::new();
    for file in sql {
        if !used.contains(&file.path) {
            problems.push(format!("{} is used by no include_str!: use it or remove it", file.path));
        }
        let header: String = file.text.lines().take_while(|line| line.starts_with("--")).collect();
        if header.trim_matches(['-', ' ']).is_empty() {
            problems.push(format!(
                "{} has no header: start it with a comment on purpose and parameters",
                file.path
            ));
        }
        if file.text.lines().all(|line| line.trim().is_empty() || line.starts_with("--")) {
            problems.push(format!("{} has no statement", file.path));
        }
    }
    problems
}

/// The paths, from the top, that a file of Rust includes.
fn included(file: &File) -> Vec<String> {
    let dir: Vec<&str> = file.path.split('/').collect();
    let includes =
        file.text.split("include_str!").skip(1).filter_map(|after| after.split('"').nth(1));
    includes
        .map(|path| {
            let mut place = dir[..dir.len() - 1].to_vec();
            for part in path.split('/') {
                match part {
                    ".." => place.truncate(place.len().saturating_sub(1)),
                    name => place.push(name),
                }
            }
            place.join("/")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_included_from_its_place_and_has_a_header_is_fine() {
        let rust = File::new(
            "src/source/mark/facts.rs",
            "const A: &str = include_str!(\n    \"../../../sql/source/a.sql\"\n);",
        );
        assert_eq!(
            problems(&[File::new("sql/source/a.sql", "-- Asks. $1: pid.\nselect 1")], &[rust]),
            [""; 0]
        );
    }

    #[test]
    fn a_file_without_use_header_or_statement_is_told() {
        let rust = File::new("src/source/mark.rs", "include_str!(\"../../sql/source/a.sql\")");
        assert!(
            problems(
                &[File::new("sql/destination/a.sql", "-- Asks.\nselect 1")],
                std::slice::from_ref(&rust)
            )[0]
            .contains("no include_str!")
        );
        for headless in ["select 1 -- what", "--\nselect 1"] {
            assert!(
                problems(&[File::new("sql/source/a.sql", headless)], std::slice::from_ref(&rust))
                    [0]
                .contains("no header")
            );
        }
        assert!(
            problems(&[File::new("sql/source/a.sql", "-- Asks.\n\n")], &[rust])[0]
                .contains("no statement")
        );
    }
}
