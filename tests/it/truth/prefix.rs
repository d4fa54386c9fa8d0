//! The checker: what a destination held at every moment it was looked at must be a prefix of what
//! the source holds in the end.

use super::running::until_answer;
use crate::harness::Database;
use bytes::BytesMut;
use futures::TryStreamExt;

/// All ids in their order, with commas between.
const IDS: &str = "select coalesce(string_agg(id::text, ',' order by id), '') from events";
/// All rows as text, in the order of their ids.
const ROWS: &str = "select e::text from events e order by id";

/// What one destination held, look by look.
pub struct Checker<'a> {
    destination: &'a Database,
    seen: Vec<(String, Vec<String>)>,
}

impl<'a> Checker<'a> {
    /// Nothing was seen yet.
    pub fn new(destination: &'a Database) -> Self {
        Self { destination, seen: Vec::new() }
    }

    /// Looks, and remembers what it saw; gives the ids.
    pub async fn look(&mut self, when: &str) -> String {
        self.seen.push((when.to_owned(), self.destination.query(ROWS).await));
        self.destination.query(IDS).await.remove(0)
    }

    /// Waits until the destination holds exactly these ids.
    pub async fn arrive(&mut self, ids: &str) {
        until_answer(self.destination, IDS, &[ids]).await;
        self.look(ids).await;
    }

    /// The verdict, once the source does not change any more and everything was copied: every look
    /// saw a prefix, the last one all.
    pub async fn judge(mut self, source: &Database) {
        self.look("the end").await;
        let rows = source.query(ROWS).await;
        for (when, seen) in &self.seen {
            assert!(
                rows.starts_with(seen),
                "at {when} the destination held {seen:?}, no prefix of {rows:?}"
            );
        }
        assert_eq!(self.seen.last().unwrap().1, rows);
    }
}

/// Everything a statement of COPY gives.
pub async fn copied(database: &Database, copy: &str) -> BytesMut {
    let client = database.client().await;
    let stream = client.copy_out(copy).await.unwrap_or_else(|error| panic!("{error:?} in {copy}"));
    let append = |mut all: BytesMut, bytes: bytes::Bytes| async move {
        all.extend_from_slice(&bytes);
        Ok(all)
    };
    stream.try_fold(BytesMut::new(), append).await.unwrap()
}

/// Compares two tables whole, byte by byte, in the form given (`text`, or `binary` where no oid of
/// a user's type is in it).
pub async fn assert_same_bytes(
    source: &Database,
    destination: &Database,
    select: &str,
    format: &str,
) {
    let copy = format!("copy ({select}) to stdout (format {format})");
    let (ours, theirs) = (copied(source, &copy).await, copied(destination, &copy).await);
    assert!(!ours.is_empty());
    if ours != theirs {
        let (ours, theirs) = (String::from_utf8_lossy(&ours), String::from_utf8_lossy(&theirs));
        let differs = ours.lines().zip(theirs.lines()).find(|(ours, theirs)| ours != theirs);
        panic!(
            "{} and {} bytes of {select}, the first line that differs: {differs:?}",
            ours.len(),
            theirs.len()
        );
    }
}
