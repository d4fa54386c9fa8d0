//! The paths at which two JSON texts differ: `data.amount`, `items[2].price`, `data["a key"]`.

use super::tree::{JsonNode, by_key};
use crate::event::representation::number::is_same_value;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Paths that are told one by one; more are counted.
pub(crate) const PATHS_MAX: usize = 20;

/// How a value at a path differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PathChange {
    /// Another value.
    Changed,
    /// Another spelling of a number.
    Representation,
    /// Only the first side has it.
    Missing,
    /// Only the second side has it.
    Added,
}

impl PathChange {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Representation => "representation",
            Self::Missing => "missing",
            Self::Added => "added",
        }
    }
}

/// Where two texts differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DifferingPaths {
    /// The first `PATHS_MAX` paths, each with how the value there differs; the whole value has the
    /// path "".
    pub first: Vec<(String, PathChange)>,
    /// How many more there are.
    pub more: usize,
}

/// Finds the paths at which two texts differ; none where only white space, the order of keys or the
/// spelling of strings does. `None` where a text is no JSON (cut off, for one), too deep, or has a
/// key twice: then only the texts can be compared.
pub(crate) fn paths(first: &str, second: &str) -> Option<DifferingPaths> {
    let (first, second) = (JsonNode::parse(first)?, JsonNode::parse(second)?);
    let mut paths = DifferingPaths::default();
    compare(&mut String::new(), &first, &second, &mut paths)?;
    Some(paths)
}

impl DifferingPaths {
    fn push(&mut self, path: &str, kind: PathChange) {
        if self.first.len() < PATHS_MAX {
            self.first.push((path.to_owned(), kind));
        } else {
            self.more += 1;
        }
    }
}

fn compare(
    path: &mut String,
    first: &JsonNode<'_>,
    second: &JsonNode<'_>,
    found: &mut DifferingPaths,
) -> Option<()> {
    match (first, second) {
        (JsonNode::Object(a), JsonNode::Object(b)) => compare_objects(path, a, b, found)?,
        (JsonNode::Array(a), JsonNode::Array(b)) => {
            for at in 0..a.len().max(b.len()) {
                within(path, &format!("[{at}]"), a.get(at), b.get(at), found)?;
            }
        }
        (a, b) if a == b => {}
        (JsonNode::Atom(a), JsonNode::Atom(b)) if is_same_value(a.as_bytes(), b.as_bytes()) => {
            found.push(path, PathChange::Representation)
        }
        _ => found.push(path, PathChange::Changed),
    }
    Some(())
}

type ObjectMember<'a> = (Cow<'a, str>, JsonNode<'a>);

fn compare_objects(
    path: &mut String,
    first: &[ObjectMember<'_>],
    second: &[ObjectMember<'_>],
    found: &mut DifferingPaths,
) -> Option<()> {
    let (ours, theirs) = (by_key(first)?, by_key(second)?);
    let keys: BTreeSet<&str> = ours.keys().chain(theirs.keys()).copied().collect();
    for key in keys {
        let step = step(path, key);
        within(path, &step, ours.get(key).copied(), theirs.get(key).copied(), found)?;
    }
    Some(())
}

fn within(
    path: &mut String,
    step: &str,
    first: Option<&JsonNode<'_>>,
    second: Option<&JsonNode<'_>>,
    found: &mut DifferingPaths,
) -> Option<()> {
    let length = path.len();
    path.push_str(step);
    match (first, second) {
        (Some(first), Some(second)) => compare(path, first, second, found)?,
        (Some(_), None) => found.push(path, PathChange::Missing),
        _ => found.push(path, PathChange::Added),
    }
    path.truncate(length);
    Some(())
}

/// From a value to its member: plain keys with a point, others quoted.
fn step(path: &str, key: &str) -> String {
    let is_plain = key.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    match (is_plain, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!(".{key}"),
        (false, _) => format!("[{}]", serde_json::Value::from(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(first: &str, second: &str) -> Vec<String> {
        let paths = paths(first, second).expect("JSON");
        assert_eq!(paths.more, 0);
        paths.first.iter().map(|(path, kind)| format!("{path} {}", kind.word())).collect()
    }

    #[test]
    fn every_kind_of_difference_is_told_by_its_path() {
        let first = r#"{"data": {"amount": 1.10, "a key": 1, "old": 1}, "items": [{"price": 1}, 2, {"price": 3}], "same": "x"}"#;
        let second = r#"{"same":"\u0078","items": [{"price": 1}, 2, {"price": 4}, 5], "data": {"amount": 1.1, "a key": 2, "new": 1}}"#;
        let expected = [
            "data[\"a key\"] changed",
            "data.amount representation",
            "data.new added",
            "data.old missing",
            "items[2].price changed",
            "items[3] added",
        ];
        assert_eq!(told(first, second), expected);
    }

    #[test]
    fn where_brackets_stand_is_told() {
        assert_eq!(told("[[1], 2]", "[[1, 2]]"), ["[0][1] added", "[1] missing"]);
        assert_eq!(told("1", "2"), [" changed"]);
        assert_eq!(told("{}", "[]"), [" changed"]);
        assert_eq!(told("{\"a\": \"1\"}", "{\"a\": 1}"), ["a changed"]);
    }

    #[test]
    fn white_space_and_the_order_of_keys_have_no_path() {
        assert_eq!(told("{\"a\":1,\"b\":[ ]}", "{\"b\":[],\"a\":1}"), [""; 0]);
    }

    #[test]
    fn keys_that_occur_twice_and_texts_that_are_cut_off_have_no_paths() {
        assert_eq!(paths("{\"a\":1,\"a\":2}", "{\"a\":1}"), None);
        assert_eq!(paths("{\"a\":", "{\"a\":1}"), None);
    }

    #[test]
    fn many_paths_are_counted() {
        let list = |value: &str| format!("[{}]", vec![value; PATHS_MAX + 5].join(","));
        let paths = paths(&list("1"), &list("2")).expect("JSON");
        assert_eq!((paths.first.len(), paths.more), (PATHS_MAX, 5));
    }
}
