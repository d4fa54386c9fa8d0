//! Events that are named one by one: what each side has of them, by digest and never by content, and
//! what becomes of them.

use crate::event::merge::RowMismatch;
use crate::event::store::TableDigest;

/// Ids that one run takes: each is told by itself, and all are one transaction.
pub const NAMED_IDS_MAX: usize = 1000;

/// An event that was named, as it was when both sides were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedEvent {
    /// Its id.
    pub id: i64,
    /// The source's row; `None`: it has none.
    pub source: Option<TableDigest>,
    /// The destination's row; `None`: it has none.
    pub destination: Option<TableDigest>,
}

/// What becomes of it at the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NamedFate {
    /// Both have it, unlike: the source's row takes its place.
    Replaced,
    /// The source has none any more: it is removed.
    Removed,
    /// Both have the same.
    Equal,
    /// Neither has it.
    Absent,
    /// Only the source has it: it is missing, and nothing is there to replace.
    Missing,
}

impl NamedEvent {
    /// One that neither side has.
    pub(super) fn absent(id: i64) -> Self {
        Self { id, source: None, destination: None }
    }

    /// One that both have alike.
    pub(super) fn equal(id: i64, digest: TableDigest) -> Self {
        Self { id, source: Some(digest.clone()), destination: Some(digest) }
    }

    /// One that both do not have alike.
    pub(super) fn unlike(unlike: &RowMismatch) -> Self {
        let (id, source, destination) = match unlike {
            RowMismatch::Missing(row) => (row.id, Some(row), None),
            RowMismatch::Extra(row) => (row.id, None, Some(row)),
            RowMismatch::Changed(ours, theirs) => (ours.id, Some(ours), Some(theirs)),
        };
        Self {
            id,
            source: source.map(TableDigest::of),
            destination: destination.map(TableDigest::of),
        }
    }

    /// What becomes of it.
    pub(super) fn fate(&self) -> NamedFate {
        match (&self.source, &self.destination) {
            (Some(source), Some(destination)) if source == destination => NamedFate::Equal,
            (Some(_), Some(_)) => NamedFate::Replaced,
            (None, Some(_)) => NamedFate::Removed,
            (Some(_), None) => NamedFate::Missing,
            (None, None) => NamedFate::Absent,
        }
    }

    /// Whether the source's row is put in.
    pub(super) fn is_put_in(&self) -> bool {
        self.fate() == NamedFate::Replaced
    }

    /// Whether a side has it.
    pub(super) fn is_anywhere(&self) -> bool {
        self.fate() != NamedFate::Absent
    }

    /// Whether anything is written for it.
    pub(super) fn is_written(&self) -> bool {
        matches!(self.fate(), NamedFate::Replaced | NamedFate::Removed)
    }

    /// What will become of it, in words.
    pub(super) fn planned(&self) -> String {
        let what = match self.fate() {
            NamedFate::Replaced => "will be replaced by the source's row",
            NamedFate::Removed => {
                "will be removed: the source does not have it, so this may be its only copy"
            }
            NamedFate::Equal => "is already equal on both sides",
            NamedFate::Absent => "is on neither side",
            NamedFate::Missing => "is missing at the destination",
        };
        format!("id {} {what}", self.id)
    }

    /// What became of it, in words, with both digests.
    pub(super) fn done(&self) -> String {
        let what = match self.fate() {
            NamedFate::Replaced => "was replaced",
            NamedFate::Removed => "was removed",
            NamedFate::Equal => "was already equal",
            NamedFate::Absent => "is on neither side",
            NamedFate::Missing => "is missing at the destination",
        };
        let (before, after) = (sha256(&self.destination), sha256(&self.source));
        format!("id {} {what}: sha256 {before} before, {after} after", self.id)
    }
}

/// A digest as a line has it.
pub(super) fn sha256(digest: &Option<TableDigest>) -> String {
    digest.as_ref().map_or_else(|| "none".to_owned(), TableDigest::sha256_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_of_an_event_follows_from_what_each_side_has_of_it() {
        let digest = |byte| Some(TableDigest { events: 1, last_id: Some(7), sha256: [byte; 32] });
        for (source, destination, fate, is_written) in [
            (digest(1), digest(2), NamedFate::Replaced, true),
            (None, digest(2), NamedFate::Removed, true),
            (digest(1), digest(1), NamedFate::Equal, false),
            (digest(1), None, NamedFate::Missing, false),
            (None, None, NamedFate::Absent, false),
        ] {
            let event = NamedEvent { id: 7, source, destination };
            assert_eq!((event.fate(), event.is_written()), (fate, is_written));
        }
    }

    #[test]
    fn what_became_of_an_event_is_told_with_both_digests() {
        let digest = |byte| Some(TableDigest { events: 1, last_id: Some(7), sha256: [byte; 32] });
        let event = NamedEvent { id: 7, source: None, destination: digest(0xab) };
        let before = "ab".repeat(32);
        let told = format!("id 7 was removed: sha256 {before} before, none after");
        assert_eq!(event.done(), told);
    }
}
