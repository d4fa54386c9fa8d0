//! Three texts side by side: what both began from, yours, and theirs.

use super::lines::{lines_of, steps};
use similar::DiffOp;

/// Lines that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MergeBlock {
    /// All three have them, or both sides wrote the same.
    Same(Vec<String>),
    /// They differ somewhere.
    Different { common: Vec<String>, yours: Vec<String>, theirs: Vec<String> },
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ThreeWayMerge {
    pub(crate) blocks: Vec<MergeBlock>,
}

impl ThreeWayMerge {
    /// Compares both with what they began from.
    pub(crate) fn of(common: &str, yours: &str, theirs: &str) -> Self {
        let (common, yours, theirs) = (lines_of(common), lines_of(yours), lines_of(theirs));
        let in_yours = kept(&common, &yours);
        let in_theirs = kept(&common, &theirs);
        let (mut c, mut y, mut t) = (0, 0, 0);
        let mut blocks: Vec<MergeBlock> = Vec::new();
        while c < common.len() || y < yours.len() || t < theirs.len() {
            let next = (c..common.len()).find_map(|at| Some((at, in_yours[at]?, in_theirs[at]?)));
            let (to_c, to_y, to_t) = next.unwrap_or((common.len(), yours.len(), theirs.len()));
            if (c, y, t) == (to_c, to_y, to_t) {
                push_same(&mut blocks, &common[c..=c]);
                (c, y, t) = (c + 1, y + 1, t + 1);
                continue;
            }
            let (of_both, mine, other) = (&common[c..to_c], &yours[y..to_y], &theirs[t..to_t]);
            if mine == other {
                push_same(&mut blocks, mine);
            } else {
                blocks.push(MergeBlock::Different {
                    common: owned(of_both),
                    yours: owned(mine),
                    theirs: owned(other),
                });
            }
            (c, y, t) = (to_c, to_y, to_t);
        }
        Self { blocks }
    }

    /// Both changes in one text; `None` where both changed the same lines.
    pub(crate) fn merged(&self) -> Option<String> {
        let mut lines: Vec<&str> = Vec::new();
        for block in &self.blocks {
            let chosen = match block {
                MergeBlock::Same(lines) => lines,
                MergeBlock::Different { common, yours, theirs } if common == yours => theirs,
                MergeBlock::Different { common, yours, theirs } if common == theirs => yours,
                MergeBlock::Different { .. } => return None,
            };
            lines.extend(chosen.iter().map(String::as_str));
        }
        let mut text = lines.join("\n");
        if !text.is_empty() {
            text.push('\n');
        }
        Some(text)
    }
}

fn push_same(blocks: &mut Vec<MergeBlock>, lines: &[&str]) {
    match blocks.last_mut() {
        Some(MergeBlock::Same(known)) => known.extend(owned(lines)),
        _ => blocks.push(MergeBlock::Same(owned(lines))),
    }
}

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// Where each line of a text is in another; `None` where it is not.
fn kept(of: &[&str], other: &[&str]) -> Vec<Option<usize>> {
    let mut kept = vec![None; of.len()];
    for step in steps(of, other) {
        if let DiffOp::Equal { old_index, new_index, len } = step {
            for offset in 0..len {
                kept[old_index + offset] = Some(new_index + offset);
            }
        }
    }
    kept
}
