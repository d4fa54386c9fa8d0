//! Two lists of lines as a unified diff, with the words that changed within a line highlighted.

use crate::log::escape::escaped;
use similar::udiff::UnifiedHunkHeader;
use similar::{ChangeTag, DiffOp, TextDiff};
use std::time::Duration;

/// After this long a diff is finished without looking for the shortest one; it is still right.
const DIFF_TIME_MAX: Duration = Duration::from_millis(200);
/// Equal lines around those that differ.
const CONTEXT: usize = 3;
/// Longer lines are not compared word by word.
const WORDS_BYTES_MAX: usize = 4_000;
/// Before every line of ours.
const INDENT: &str = "  ";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const HIGHLIGHT: &str = "\x1b[7m";
const HIGHLIGHT_OFF: &str = "\x1b[27m";
const RESET: &str = "\x1b[0m";

/// Which side a line is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineSign {
    /// The first one.
    Minus,
    /// The second one.
    Plus,
    /// Both.
    Both,
}

/// Some text, and whether it is highlighted.
type HighlightedText<'a> = (bool, &'a str);

/// The hunks of a unified diff; a head line `@@ -2,5 +2,5 @@` before each, unless both sides are
/// one line.
pub(super) fn hunks(first: &[&str], second: &[&str], colour: bool) -> Vec<String> {
    let diff = TextDiff::configure().timeout(DIFF_TIME_MAX).diff_slices(first, second);
    let is_one_line = first.len() == 1 && second.len() == 1;
    let mut lines = Vec::new();
    for ops in diff.grouped_ops(CONTEXT) {
        if !is_one_line {
            lines.push(format!("{INDENT}{}", UnifiedHunkHeader::new(&ops)));
        }
        for op in &ops {
            lines.extend(op_lines(op, first, second, colour));
        }
    }
    lines
}

/// One line of one side.
pub(super) fn line(sign: LineSign, text: &str, colour: bool) -> String {
    signed(sign, &[(false, text)], colour)
}

fn op_lines(op: &DiffOp, first: &[&str], second: &[&str], colour: bool) -> Vec<String> {
    let (old, new) = (&first[op.old_range()], &second[op.new_range()]);
    if matches!(op, DiffOp::Equal { .. }) {
        return old.iter().map(|text| line(LineSign::Both, text, colour)).collect();
    }
    let pairs: Vec<_> = old.iter().zip(new).map(|(old, new)| words(old, new, colour)).collect();
    let rest = |side: &[&str], sign| {
        side.iter().skip(pairs.len()).map(|text| line(sign, text, colour)).collect::<Vec<_>>()
    };
    let minus = pairs.iter().map(|(old, _)| signed(LineSign::Minus, old, colour));
    let plus = pairs.iter().map(|(_, new)| signed(LineSign::Plus, new, colour));
    minus.chain(rest(old, LineSign::Minus)).chain(plus).chain(rest(new, LineSign::Plus)).collect()
}

/// Two lines in pieces, those that differ highlighted.
fn words<'a>(
    old: &'a str,
    new: &'a str,
    colour: bool,
) -> (Vec<HighlightedText<'a>>, Vec<HighlightedText<'a>>) {
    if !colour || old.len().max(new.len()) > WORDS_BYTES_MAX {
        return (vec![(false, old)], vec![(false, new)]);
    }
    let diff = TextDiff::configure().timeout(DIFF_TIME_MAX).diff_words(old, new);
    let (mut minus, mut plus) = (Vec::new(), Vec::new());
    let (mut old, mut new) = (old, new);
    for change in diff.iter_all_changes() {
        let length = change.value().len();
        if change.tag() != ChangeTag::Insert {
            let (piece, rest) = old.split_at(length);
            minus.push((change.tag() == ChangeTag::Delete, piece));
            old = rest;
        }
        if change.tag() != ChangeTag::Delete {
            let (piece, rest) = new.split_at(length);
            plus.push((change.tag() == ChangeTag::Insert, piece));
            new = rest;
        }
    }
    (minus, plus)
}

fn signed(sign: LineSign, pieces: &[HighlightedText<'_>], colour: bool) -> String {
    let (mark, paint) = match sign {
        LineSign::Minus => ("- ", RED),
        LineSign::Plus => ("+ ", GREEN),
        LineSign::Both => ("  ", ""),
    };
    let is_painted = colour && !paint.is_empty();
    let piece = |(is_highlighted, text): &HighlightedText<'_>| {
        if *is_highlighted && is_painted {
            format!("{HIGHLIGHT}{}{HIGHLIGHT_OFF}", escaped(text))
        } else {
            escaped(text).into_owned()
        }
    };
    let text: String = pieces.iter().map(piece).collect();
    match (is_painted, text.is_empty()) {
        (true, _) => format!("{INDENT}{paint}{mark}{text}{RESET}"),
        (false, true) => format!("{INDENT}{mark}").trim_end().to_owned(),
        (false, false) => format!("{INDENT}{mark}{text}"),
    }
}
