//! Events that can be read and compared, wherever they are stored: the rows of a range in id order, and their digest.

use super::frame::Row;
use super::range::{IdRange, shown};
use crate::error::Result;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{BoxStream, TryStreamExt};
use sha2::{Digest, Sha256};
use std::fmt;

/// The rows of a range in id order, each as the bytes it travels in.
pub type RowStream<'a> = BoxStream<'a, Result<Row>>;

/// One side of a comparison. Two sides can be compared when they give the same columns in the same form: the same wire.
pub trait Readable: Send + Sync {
    /// The rows of a range in id order, in constant memory. Ends with the first error.
    fn rows(&self, range: IdRange) -> RowStream<'_>;

    /// What a range holds, in constant memory: equal on both sides exactly if the rows are.
    ///
    /// Every row is read, wherever it is stored; a side that can answer the same from where the rows are may do that instead.
    fn digest(&self, range: IdRange) -> BoxFuture<'_, Result<Proof>> {
        let empty = (Proof::of_nothing(), Sha256::new());
        let added = self.rows(range).try_fold(empty, |(mut proof, mut hash), row| async move {
            hash.update(&row.bytes);
            proof.events += 1;
            proof.last_id = Some(row.id);
            Ok((proof, hash))
        });
        added
            .map(|end| {
                end.map(|(proof, hash)| Proof {
                    sha256: hash.finalize().into(),
                    ..proof
                })
            })
            .boxed()
    }
}

/// How many rows there are, the id of the last one, and a SHA-256 over all of them in id order.
///
/// A row goes in as COPY writes it, without the header and the trailer of the stream: in binary form a count of fields (two bytes), then
/// for each field its length (four bytes, -1 for NULL) and its bytes, all big-endian; in text form a line. Both forms say where a row
/// ends, so that different rows never give the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Rows.
    pub events: u64,
    /// The highest id; `None` while there is no row.
    pub last_id: Option<i64>,
    /// The digest.
    pub sha256: [u8; 32],
}

impl Proof {
    fn of_nothing() -> Self {
        Self {
            events: 0,
            last_id: None,
            sha256: Sha256::digest([]).into(),
        }
    }

    /// The digest in lower-case hexadecimal digits.
    pub fn sha256_hex(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} events, last id {}, sha256 {}",
            self.events,
            shown(self.last_id),
            self.sha256_hex()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Kind};
    use crate::event::frame::{Format, HEADER, Layout, Rows};
    use bytes::Bytes;
    use futures::StreamExt;

    /// Rows of one int8 field, and an error after them if the first id is negative.
    struct Ids(Vec<i64>);

    impl Readable for Ids {
        fn rows(&self, range: IdRange) -> RowStream<'_> {
            let layout = Layout {
                format: Format::Binary,
                fields: 1,
                id: 0,
                group: None,
            };
            let mut rows = Rows::new(layout);
            rows.push(Bytes::from_static(HEADER));
            for id in self.0.iter().filter(|id| range.contains(**id)) {
                rows.push(Bytes::from([&[0, 1, 0, 0, 0, 8], id.to_be_bytes().as_slice()].concat()));
            }
            let is_broken = self.0.first().is_some_and(|id| *id < 0);
            let broken = is_broken.then(|| Err(Error::new(Kind::Unavailable, "lost")));
            let whole = std::iter::from_fn(move || rows.next().transpose());
            futures::stream::iter(whole.chain(broken)).boxed()
        }
    }

    const ALL: IdRange = IdRange {
        after: None,
        through: i64::MAX,
    };

    fn digest(ids: &[i64], range: IdRange) -> Result<Proof> {
        Ids(ids.to_vec()).digest(range).now_or_never().expect("nothing to wait for")
    }

    #[test]
    fn a_digest_is_the_sha256_of_the_rows_one_after_the_other() {
        let mut bytes = Vec::new();
        for id in [3i64, 9] {
            bytes.extend([0, 1, 0, 0, 0, 8]);
            bytes.extend(id.to_be_bytes());
        }
        let range = IdRange {
            after: Some(1),
            through: 9,
        };
        let proof = digest(&[1, 3, 9, 10], range).expect("a digest");
        assert_eq!((proof.events, proof.last_id), (2, Some(9)));
        assert_eq!(proof.sha256, <[u8; 32]>::from(Sha256::digest(bytes)));
    }

    #[test]
    fn nothing_has_the_digest_of_no_bytes() {
        let proof = digest(&[], ALL).expect("a digest");
        let sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(proof.to_string(), format!("0 events, last id none, sha256 {sha256}"));
    }

    #[test]
    fn a_read_that_fails_gives_no_digest() {
        assert_eq!(digest(&[-1, 2], ALL).expect_err("an error").kind(), Kind::Unavailable);
    }
}
