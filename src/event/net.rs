//! What a set of whole transactions did to the rows of one table, in no order.
//!
//! For each key the images after its changes are counted, less the images before them. A row that
//! was there and is there again cancels out, in whichever order its changes are counted: ids within
//! a transaction need not be in the order of its changes, since a trigger that fires within a
//! statement draws its ids first. What is left is the row that is there now (once after) and the
//! row that was there (once before).
//!
//! **What does not join.** If changes are missing from the log (the trigger was disabled), or it
//! holds one that never was, more can be left: two different rows before, or two after. Such a row
//! is *torn*, and said to be. Of it the last image left is believed, by id: the changes that the
//! log does not have lie before it. Its row before is the last one left, too, and not the first:
//! the first is what a destination holds that missed the same changes, and comparing the two would
//! hide what happened.
//!
//! Changes that lead back to where they began leave nothing, so they do not tell either whether
//! they join the others: drift before them is found when the row is next left changed.

mod key;

pub(crate) use key::RowKey;

use super::change::{ChangeKind, LoggedChange, RowImage};
use crate::error::{Error, ErrorKind, Result};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// What whole transactions did to the rows of one source. Keys on which they had no effect are not
/// named; what is gone must be deleted before anything is written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct NetChanges {
    /// Everything that the source gave before is gone; what follows is on top of that.
    pub(crate) emptied: Option<EmptiedBy>,
    /// Rows that are there no longer, by key.
    pub(crate) gone: Vec<GoneRow>,
    /// Rows that are there and were not, or not so, by key.
    pub(crate) changed: Vec<ChangedRow>,
}

/// The last TRUNCATE among the changes.
///
/// Where a range was loaded in a snapshot that saw its transaction, nothing is to be deleted. The
/// others need not be looked at: the lock of a TRUNCATE keeps every other transaction of the table
/// before it or after it, so that a snapshot that saw the last saw them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EmptiedBy {
    /// Its id.
    pub(crate) id: i64,
    /// Its transaction.
    pub(crate) xact: i64,
}

/// A row that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GoneRow {
    /// The key it had.
    pub(crate) key: RowKey,
    /// What it was.
    pub(crate) before: RowImage,
    /// Id of the first of the changes that were counted for the key.
    pub(crate) first_id: i64,
    /// Id of the last of them.
    pub(crate) last_id: i64,
    /// Whether the changes do not join: the log lacks some of this key. Then the row is a guess.
    pub(crate) is_torn: bool,
}

/// A row that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChangedRow {
    /// The key it has.
    pub(crate) key: RowKey,
    /// What had the key before; `None`: no row had.
    pub(crate) before: Option<RowImage>,
    /// What it is.
    pub(crate) after: RowImage,
    /// Id of the first of the changes that were counted for the key.
    pub(crate) first_id: i64,
    /// Id of the last of them.
    pub(crate) last_id: i64,
    /// Whether the changes do not join: the log lacks some of this key. Then the row is a guess.
    pub(crate) is_torn: bool,
}

/// Counts the changes of one source, which are all those of some whole transactions, in ascending
/// order of ids.
///
/// `is_seen` tells of a key and a transaction whether the row that was loaded for the key has the
/// effects of the transaction in it. Such an image is left out; each is judged by its own key, also
/// where an update has two.
///
/// # Errors
/// `Unsuitable` when a column of the key is not in an image, or NULL.
pub(crate) fn net<'a>(
    changes: impl IntoIterator<Item = &'a LoggedChange>,
    key_columns: &[String],
    is_seen: &dyn Fn(&RowKey, i64) -> bool,
) -> Result<NetChanges> {
    let mut net = NetChanges::default();
    let mut tallies: HashMap<RowKey, KeyTally<'a>> = HashMap::new();
    for change in changes {
        if change.kind == ChangeKind::Truncate {
            tallies.clear();
            net.emptied = Some(EmptiedBy { id: change.id, xact: change.xact });
        }
        for (image, side) in
            [(&change.before, ImageSide::Before), (&change.after, ImageSide::After)]
        {
            let Some(image) = image else { continue };
            let key = RowKey::of(image, key_columns)?;
            if !is_seen(&key, change.xact) {
                let tally = match tallies.entry(key) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => new.insert(KeyTally::new(change.id)),
                };
                tally.count(image, side, change.id);
            }
        }
    }
    tallies.into_iter().for_each(|(key, tally)| tally.conclude(key, &mut net));
    net.gone.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    net.changed.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    Ok(net)
}

/// The rows of these keys as they were before some changes, which are all changes of them since, in
/// ascending order of ids; `present` are those of them that are there.
///
/// # Errors
/// `Contents` where the changes do not join; those of [`net`].
pub(crate) fn rewound(
    present: &[RowImage],
    changes: &[LoggedChange],
    key_columns: &[String],
) -> Result<Vec<RowImage>> {
    let there = present.iter().map(|row| undone(&ChangeKind::Insert, None, Some(row)));
    let back = changes
        .iter()
        .map(|change| undone(&ChangeKind::Update, change.after.as_ref(), change.before.as_ref()));
    let all: Vec<LoggedChange> = there.chain(back).collect();
    let NetChanges { gone, changed, .. } = net(&all, key_columns, &|_, _| false)?;
    let is_joined =
        gone.is_empty() && changed.iter().all(|row| row.before.is_none() && !row.is_torn);
    if !is_joined {
        return Err(Error::new(ErrorKind::Contents, "changes of a captured table do not join")
            .because("its rows are not what the changes in the log made of them")
            .fix("find out what changes rows without an event: a disabled trigger, another log"));
    }
    Ok(changed.into_iter().map(|row| row.after).collect())
}

fn undone(kind: &ChangeKind, before: Option<&RowImage>, after: Option<&RowImage>) -> LoggedChange {
    let (before, after) = (before.cloned(), after.cloned());
    LoggedChange { id: 0, xact: 0, source: Arc::from(""), kind: *kind, before, after }
}

/// On which side of its change an image is; of one change, after is later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ImageSide {
    Before,
    After,
}

/// The count of one key: images that cancelled out are not in it any more.
struct KeyTally<'a> {
    images: Vec<ImageCount<'a>>,
    first_id: i64,
    last_id: i64,
}

struct ImageCount<'a> {
    image: &'a RowImage,
    /// How many times more often it was after a change than before one; never 0.
    count: i64,
    /// Where it was last on the side that is left.
    last: (i64, ImageSide),
}

impl<'a> KeyTally<'a> {
    fn new(first_id: i64) -> Self {
        Self { images: Vec::new(), first_id, last_id: first_id }
    }

    fn count(&mut self, image: &'a RowImage, side: ImageSide, id: i64) {
        self.last_id = id;
        let one = match side {
            ImageSide::Before => -1,
            ImageSide::After => 1,
        };
        let Some(at) = self.images.iter().position(|known| known.image == image) else {
            self.images.push(ImageCount { image, count: one, last: (id, side) });
            return;
        };
        let known = &mut self.images[at];
        known.count += one;
        if known.count == 0 {
            self.images.swap_remove(at);
        } else if known.count.signum() == one {
            known.last = (id, side);
        }
    }

    fn conclude(self, key: RowKey, net: &mut NetChanges) {
        let Self { images, first_id, last_id } = self;
        let left = |side: ImageSide| {
            let of_side = images.iter().filter(move |image| image.last.1 == side);
            let copies: u64 = of_side.clone().map(|image| image.count.unsigned_abs()).sum();
            (copies, of_side.max_by_key(|image| image.last))
        };
        let ((befores, before), (afters, after)) =
            (left(ImageSide::Before), left(ImageSide::After));
        let is_torn = befores > 1 || afters > 1;
        let is_older = |image: &&ImageCount| before.is_some_and(|before| image.last < before.last);
        match (before, after.filter(|after| !(is_torn && is_older(after)))) {
            (None, None) => {}
            (Some(before), None) => {
                let before = before.image.clone();
                net.gone.push(GoneRow { key, before, first_id, last_id, is_torn });
            }
            (before, Some(after)) => {
                let before = before.map(|before| before.image.clone());
                let after = after.image.clone();
                net.changed.push(ChangedRow { key, before, after, first_id, last_id, is_torn });
            }
        }
    }
}

#[cfg(test)]
mod tests;
