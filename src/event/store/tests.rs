//! What follows from the rows of a store that can do no more than give them.

use super::*;
use crate::error::{Error, ErrorKind};
use crate::event::frame::{CopyFormat, HEADER, RowFramer, RowLayout};
use crate::event::wire::{ReadAs, WireColumn};
use bytes::Bytes;
use futures::StreamExt;
use sha2::{Digest, Sha256};

/// Rows of one int8 field, and an error after them if the first id is negative.
struct Ids(Vec<i64>, Wire);

fn ids(ids: &[i64]) -> Ids {
    let id = WireColumn { name: "id".to_owned(), read_as: ReadAs::Plain, type_oid: Some(20) };
    let wire = Wire { columns: vec![id], format: CopyFormat::Binary, rows: None };
    Ids(ids.to_vec(), wire)
}

impl EventStore for Ids {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn wire(&self) -> &Wire {
        &self.1
    }

    fn ends(&self) -> BoxFuture<'_, Result<IdEnds>> {
        let ends = IdEnds { lowest: self.0.first().copied(), highest: self.0.last().copied() };
        std::future::ready(Ok(ends)).boxed()
    }

    fn rows(&self, range: IdRange) -> RowStream<'_> {
        let layout = RowLayout { format: CopyFormat::Binary, fields: 1, id: 0, group: None };
        let mut rows = RowFramer::new(layout);
        rows.push(Bytes::from_static(HEADER));
        for id in self.0.iter().filter(|id| range.contains(**id)) {
            rows.push(Bytes::from([&[0, 1, 0, 0, 0, 8], id.to_be_bytes().as_slice()].concat()));
        }
        let is_broken = self.0.first().is_some_and(|id| *id < 0);
        let broken = is_broken.then(|| Err(Error::new(ErrorKind::Unavailable, "lost")));
        let whole = std::iter::from_fn(move || rows.next().transpose());
        futures::stream::iter(whole.chain(broken)).boxed()
    }
}

fn digest(of: &[i64], range: IdRange) -> Result<TableDigest> {
    ids(of).table_digest(range).now_or_never().expect("nothing to wait for")
}

#[test]
fn a_digest_is_the_sha256_of_the_rows_one_after_the_other() {
    let mut bytes = Vec::new();
    for id in [3i64, 9] {
        bytes.extend([0, 1, 0, 0, 0, 8]);
        bytes.extend(id.to_be_bytes());
    }
    let range = IdRange { after: Some(1), through: 9 };
    let digest = digest(&[1, 3, 9, 10], range).expect("a digest");
    assert_eq!((digest.events, digest.last_id), (2, Some(9)));
    assert_eq!(digest.sha256, <[u8; 32]>::from(Sha256::digest(bytes)));
}

#[test]
fn nothing_has_the_digest_of_no_bytes() {
    let digest = digest(&[], IdRange::ALL).expect("a digest");
    let sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(digest.to_string(), format!("0 events, last id none, sha256 {sha256}"));
}

#[test]
fn a_read_that_fails_gives_no_digest() {
    assert_eq!(
        digest(&[-1, 2], IdRange::ALL).expect_err("an error").kind(),
        ErrorKind::Unavailable
    );
}

const DIGEST: TableDigest = TableDigest { events: 7, last_id: Some(9), sha256: [1; 32] };

#[test]
fn what_differs_first_is_said() {
    let told = |destination: TableDigest| DIGEST.difference(&destination);
    assert_eq!(told(DIGEST), None);
    assert_eq!(
        told(TableDigest { events: 6, ..DIGEST }).as_deref(),
        Some("6 events where the source has 7")
    );
    let other_last = TableDigest { last_id: Some(8), ..DIGEST };
    assert_eq!(
        told(other_last).as_deref(),
        Some("as many events, the last id is 8 where the source has 9")
    );
    let other_bytes = TableDigest { sha256: [2; 32], ..DIGEST };
    assert_eq!(
        told(other_bytes).as_deref(),
        Some("as many events and the same last id, but not the same bytes")
    );
}

fn asked<T>(answer: BoxFuture<'_, Result<T>>) -> T {
    answer.now_or_never().expect("nothing to wait for").expect("an answer")
}

#[test]
fn everything_follows_from_the_rows() {
    let store = ids(&[2, 4, 6, 8, 10]);
    let between = IdRange { after: Some(2), through: 8 };
    assert_eq!(asked(store.count(between)), 3);
    assert_eq!(asked(store.count_all(7)), 3);
    assert_eq!(asked(store.highest_through(9)), Some(8));
    assert_eq!(asked(store.highest_through(1)), None);
    assert_eq!(asked(store.boundaries(IdRange::ALL, 2, 9)), [4, 8]);
    assert_eq!(asked(store.boundaries(IdRange::ALL, 2, 1)), [4]);
    assert_eq!(asked(store.event_digest(3)), None);
    let digest: [u8; 32] = Sha256::digest("4").into();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(asked(store.event_digest(4)), Some(vec![Some(format!("\\x{hex}"))]));
    assert!(!asked(store.index_counts(between)).is_damaged());
    let counts = asked(store.heap_counts(Some(between), None));
    assert_eq!((counts.within, counts.beyond), (3, (0, 0)));
}

#[test]
fn chunks_have_equal_digests_exactly_if_their_rows_are_equal() {
    let chunks = [IdRange::up_to(4), IdRange::above(Some(4))];
    for hashing in [DigestInput::Rows, DigestInput::RowDigests] {
        let digests = |of: &[i64]| asked(ids(of).chunk_digests(&chunks, hashing));
        let (ours, theirs) = (digests(&[2, 4, 6]), digests(&[2, 4, 7]));
        assert_eq!((ours[0].rows, ours[1].rows), (2, 1));
        assert_eq!(ours[0], theirs[0]);
        assert_ne!(ours[1].sha256, theirs[1].sha256);
        assert_eq!(digests(&[2, 4])[1].sha256, None);
    }
    let whole = |of: &[i64]| asked(ids(of).range_digest(IdRange::ALL, 1));
    assert_eq!(whole(&[1, 2]), whole(&[1, 2]));
    assert_ne!(whole(&[1, 2]), whole(&[1, 3]));
}
