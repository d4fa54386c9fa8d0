//! What is too much and listed with its size of today: a size only goes down, and the entry goes
//! with it.

use std::collections::BTreeMap;

/// Where the entries stand, from the top.
pub const LIST: &str = "tests/tidy_ratchet.txt";

/// Something that is too much.
#[derive(Debug)]
pub struct Excess {
    /// The name of its entry, without blanks.
    pub name: String,
    pub size: usize,
    /// What it is, to be read before the cure.
    pub what: String,
    pub cure: &'static str,
}

/// What is too much and not listed, or listed and not of that size. A line of the list is a name, a
/// blank and a size; `#` starts a comment.
pub fn problems(all: &[Excess], ratchet: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut listed = BTreeMap::new();
    for line in ratchet.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.split_once(' ').map(|(name, size)| (name, size.parse::<usize>())) {
            Some((name, Ok(size))) => drop(listed.insert(name, size)),
            _ => problems.push(format!("{LIST}: `{line}` is not a name and a size")),
        }
    }
    for excess in all {
        let Excess { name, size, what, cure } = excess;
        problems.extend(match listed.remove(name.as_str()) {
            None => Some(format!("{what}: {cure}")),
            Some(before) if before < *size => {
                Some(format!("{what}, {before} before, and that was too much already: {cure}"))
            }
            Some(before) if before > *size => Some(format!(
                "{what}, no longer {before}: write `{name} {size}` in {LIST}, so that it stays"
            )),
            Some(_) => None,
        });
    }
    let gone = listed
        .keys()
        .map(|name| format!("{name} is not too much any more, or is gone: remove it from {LIST}"));
    problems.extend(gone);
    problems
}

/// The list with the entries whose names begin so, such as `pub::`, as low as they may be now. None
/// is raised, and none added.
pub fn lowered(ratchet: &str, starts: &[&str], all: &[Excess]) -> String {
    let mut text = String::new();
    for line in ratchet.lines() {
        let entry = line
            .split_once(' ')
            .filter(|(name, _)| starts.iter().any(|start| name.starts_with(start)));
        let Some((name, before)) = entry else {
            text += &format!("{line}\n");
            continue;
        };
        let size = all.iter().find(|excess| excess.name == name).map_or(0, |excess| excess.size);
        let before = before.parse().unwrap_or(size);
        if size > 0 {
            text += &format!("{name} {}\n", size.min(before));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excess(name: &str, size: usize) -> Excess {
        Excess {
            name: name.to_owned(),
            size,
            what: format!("{name} has {size} lines"),
            cure: "split it",
        }
    }

    fn told(list: &str) -> Vec<String> {
        problems(&[excess("src/a.rs", 401)], list)
    }

    #[test]
    fn an_excess_is_told_unless_it_is_listed_with_its_size() {
        assert_eq!(told("# long\nsrc/a.rs 401\n"), [""; 0]);
        assert_eq!(told(""), ["src/a.rs has 401 lines: split it"]);
        assert_eq!(
            told("src/a.rs 400"),
            ["src/a.rs has 401 lines, 400 before, and that was too much already: split it"]
        );
        assert!(told("src/a.rs 402")[0].contains("write `src/a.rs 401`"));
    }

    #[test]
    fn an_entry_that_is_no_longer_needed_must_go() {
        assert!(problems(&[], "src/gone.rs::f 80")[0].contains("remove it"));
        assert!(problems(&[], "src/a.rs, 80 lines")[0].contains("is not a name and a size"));
    }

    #[test]
    fn entries_are_lowered_and_never_raised() {
        let list = "# a\ncircle::a 3\ncircle::b 2\ncircle::c 2\npub::a 9\n";
        let all = [excess("circle::a", 2), excess("circle::c", 4), excess("circle::d", 2)];
        assert_eq!(lowered(list, &["circle::"], &all), "# a\ncircle::a 2\ncircle::c 2\npub::a 9\n");
    }
}
