//! Texts by their lines: what has changed, and what keeps its bytes.

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// A line of a text that is shown beside an older one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LineChange {
    Same(String),
    Added(String),
    Removed(String),
}

/// The lines of a text without their ends.
pub(super) fn lines_of(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').map(without_end).collect()
}

fn without_end(line: &str) -> &str {
    line.trim_end_matches(['\n', '\r'])
}

/// The steps from one list of lines to another.
pub(super) fn steps(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    capture_diff_slices(Algorithm::Myers, old, new)
}

/// What makes the new text of the old one, line by line.
pub(crate) fn changes(old: &str, new: &str) -> Vec<LineChange> {
    let (old, new) = (lines_of(old), lines_of(new));
    let mut changes = Vec::new();
    for step in steps(&old, &new) {
        let (_, from, to) = step.as_tag_tuple();
        if let DiffOp::Equal { .. } = step {
            changes.extend(old[from].iter().map(|line| LineChange::Same((*line).to_owned())));
        } else {
            changes.extend(old[from].iter().map(|line| LineChange::Removed((*line).to_owned())));
            changes.extend(new[to].iter().map(|line| LineChange::Added((*line).to_owned())));
        }
    }
    changes
}

/// The new text, in which each line that is in the old one has the very bytes that it has there;
/// new lines end as those of the old text do.
pub(super) fn with_lines_of(old: &str, new: &str) -> String {
    let whole: Vec<&str> = old.split_inclusive('\n').collect();
    let windows = whole.iter().filter(|line| line.ends_with("\r\n")).count();
    let end = if windows * 2 > whole.len() { "\r\n" } else { "\n" };
    let (old, new) = (lines_of(old), lines_of(new));
    let mut text = String::new();
    let mut push = |line: &str, is_ended: bool| {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push_str(end);
        }
        text.push_str(line);
        if !is_ended {
            text.push_str(end);
        }
    };
    for step in steps(&old, &new) {
        let (_, from, to) = step.as_tag_tuple();
        if let DiffOp::Equal { .. } = step {
            whole[from].iter().for_each(|line| push(line, true));
        } else {
            new[to].iter().for_each(|line| push(line, false));
        }
    }
    text
}
