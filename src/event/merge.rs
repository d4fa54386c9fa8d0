//! Merges two sides by id and gives the rows that are not the same on both.
//!
//! Why nothing is overlooked: each side gives its rows in ascending order of ids, which is
//! confirmed row by row; of two heads the lower id cannot come on the other side any more. An error
//! of either side is an error of the merge, never an end.

use crate::error::{Error, ErrorKind, Result};
use crate::event::frame::FramedRow;
use crate::event::range::IdRange;
use crate::event::store::{EventStore, RowStream};
use futures::StreamExt;

/// A row that is not the same on both sides, with what each has of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowMismatch {
    /// Only the first side has it.
    Missing(FramedRow),
    /// Only the second side has it.
    Extra(FramedRow),
    /// Both have it, not with the same bytes.
    Changed(FramedRow, FramedRow),
}

impl RowMismatch {
    /// Its id.
    pub fn id(&self) -> i64 {
        match self {
            Self::Missing(row) | Self::Extra(row) | Self::Changed(row, _) => row.id,
        }
    }
}

/// A merge on its way.
pub struct RowMerge<'a> {
    first: MergeSide<'a>,
    second: MergeSide<'a>,
}

struct MergeSide<'a> {
    rows: RowStream<'a>,
    head: Option<FramedRow>,
    is_at_end: bool,
    last_id: Option<i64>,
    taken: u64,
}

impl<'a> RowMerge<'a> {
    /// Of the rows of one range of two sides that give the same columns in the same form.
    pub fn of(first: &'a dyn EventStore, second: &'a dyn EventStore, range: IdRange) -> Self {
        Self::new(first.rows(range), second.rows(range))
    }

    fn new(first: RowStream<'a>, second: RowStream<'a>) -> Self {
        Self { first: MergeSide::new(first), second: MergeSide::new(second) }
    }

    /// The next row that differs, by id; `None` when both sides have ended.
    ///
    /// # Errors
    /// That of a side; `Contents` when a side gives an id twice or out of order: then its index is
    /// damaged.
    pub async fn next(&mut self) -> Result<Option<RowMismatch>> {
        loop {
            futures::future::try_join(self.first.fill(), self.second.fill()).await?;
            let order = match (&self.first.head, &self.second.head) {
                (None, None) => return Ok(None),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(first), Some(second)) => first.id.cmp(&second.id),
            };
            let unlike = match order {
                std::cmp::Ordering::Less => self.first.take().map(RowMismatch::Missing),
                std::cmp::Ordering::Greater => self.second.take().map(RowMismatch::Extra),
                std::cmp::Ordering::Equal => match (self.first.take(), self.second.take()) {
                    (Some(first), Some(second)) if first.bytes != second.bytes => {
                        Some(RowMismatch::Changed(first, second))
                    }
                    _ => None,
                },
            };
            if unlike.is_some() {
                return Ok(unlike);
            }
        }
    }

    /// Rows taken from the first and from the second side so far.
    pub fn rows(&self) -> (u64, u64) {
        (self.first.taken, self.second.taken)
    }
}

impl<'a> MergeSide<'a> {
    fn new(rows: RowStream<'a>) -> Self {
        Self { rows, head: None, is_at_end: false, last_id: None, taken: 0 }
    }

    async fn fill(&mut self) -> Result<()> {
        if self.head.is_some() || self.is_at_end {
            return Ok(());
        }
        let Some(row) = self.rows.next().await.transpose()? else {
            self.is_at_end = true;
            return Ok(());
        };
        if self.last_id.is_some_and(|last| row.id <= last) {
            return Err(Error::new(
                ErrorKind::Contents,
                format!("id {} was read twice or out of order", row.id),
            )
            .fix("rebuild the index of the id: REINDEX TABLE"));
        }
        self.last_id = Some(row.id);
        self.head = Some(row);
        Ok(())
    }

    fn take(&mut self) -> Option<FramedRow> {
        self.taken += u64::from(self.head.is_some());
        self.head.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::frame::{CopyFormat, HEADER, RowFramer, RowLayout};
    use bytes::Bytes;
    use futures::FutureExt;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Rows of an id and one more number, as COPY would give them.
    fn rows(of: &[(i64, i64)]) -> Vec<Result<FramedRow>> {
        let mut rows =
            RowFramer::new(RowLayout { format: CopyFormat::Binary, fields: 2, id: 0, group: None });
        rows.push(Bytes::from_static(HEADER));
        for (id, value) in of {
            let (id, value) = (id.to_be_bytes(), value.to_be_bytes());
            rows.push(Bytes::from([&[0, 2, 0, 0, 0, 8][..], &id, &[0, 0, 0, 8], &value].concat()));
        }
        std::iter::from_fn(|| rows.next().transpose()).collect()
    }

    fn merged(
        first: Vec<Result<FramedRow>>,
        second: Vec<Result<FramedRow>>,
    ) -> Result<Vec<(char, i64)>> {
        let mut merge = RowMerge::new(
            futures::stream::iter(first).boxed(),
            futures::stream::iter(second).boxed(),
        );
        let mut all = Vec::new();
        while let Some(unlike) = merge.next().now_or_never().expect("nothing to wait for")? {
            all.push(match unlike {
                RowMismatch::Missing(row) => ('-', row.id),
                RowMismatch::Extra(row) => ('+', row.id),
                RowMismatch::Changed(row, _) => ('~', row.id),
            });
        }
        Ok(all)
    }

    proptest! {
        #[test]
        fn a_merge_finds_what_two_maps_tell(
            first in proptest::collection::btree_map(-9i64..30, 0i64..3, 0..25),
            second in proptest::collection::btree_map(-9i64..30, 0i64..3, 0..25),
        ) {
            let side = |map: &BTreeMap<i64, i64>| rows(&map.iter().map(|(id, value)| (*id, *value)).collect::<Vec<_>>());
            let mut expected: Vec<(char, i64)> = first
                .iter()
                .filter_map(|(id, value)| match second.get(id) {
                    None => Some(('-', *id)),
                    Some(other) => (other != value).then_some(('~', *id)),
                })
                .chain(second.keys().filter(|id| !first.contains_key(id)).map(|id| ('+', *id)))
                .collect();
            expected.sort_by_key(|(_, id)| *id);
            prop_assert_eq!(merged(side(&first), side(&second)).expect("a merge"), expected);
        }
    }

    #[test]
    fn a_side_that_fails_is_never_taken_for_an_end() {
        let mut broken = rows(&[(1, 1)]);
        broken.push(Err(Error::new(ErrorKind::Unavailable, "lost")));
        let error = merged(rows(&[(1, 1), (2, 2)]), broken).expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }

    #[test]
    fn an_id_read_twice_is_told() {
        let error = merged(rows(&[(1, 1), (1, 1)]), rows(&[(1, 1)])).expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::Contents);
    }
}
