//! Rows of a batch as binary COPY takes them (PostgreSQL manual, COPY, "Binary Format").

use crate::event::frame::{HEADER, TRAILER};
use bytes::{BufMut, Bytes, BytesMut};

/// Rows are handed over in pieces of about this size.
const PIECE_BYTES: usize = 64 * 1024;
/// The version of jsonb's binary form.
const JSONB_VERSION: u8 = 1;

/// What stands before the event in every row of a batch.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RowPrefix {
    /// The id of the first row, where ids are ours to give; the next rows have the next ones.
    pub(super) first_id: Option<i64>,
    /// Microseconds since 2000, where the table has a ts.
    pub(super) ts: Option<i64>,
}

/// The whole stream, piece by piece, made while it is sent.
pub(super) fn pieces(events: &[String], before: RowPrefix) -> impl Iterator<Item = Bytes> {
    let mut rows = (0..).zip(events);
    let mut stage = RowStage::Header;
    std::iter::from_fn(move || {
        let mut piece = BytesMut::with_capacity(PIECE_BYTES + 8 * 1024);
        if stage == RowStage::Header {
            piece.put_slice(HEADER);
            stage = RowStage::Rows;
        }
        while stage == RowStage::Rows && piece.len() < PIECE_BYTES {
            match rows.next() {
                Some((place, event)) => put_row(&mut piece, place, event, before),
                None => {
                    piece.put_slice(TRAILER);
                    stage = RowStage::Over;
                }
            }
        }
        (!piece.is_empty()).then(|| piece.freeze())
    })
}

#[derive(PartialEq, Eq)]
enum RowStage {
    Header,
    Rows,
    Over,
}

fn put_row(piece: &mut BytesMut, place: i64, event: &str, before: RowPrefix) {
    let integers = [before.first_id.map(|first| first + place), before.ts];
    let columns = 1 + integers.iter().flatten().count();
    piece.put_i16(i16::try_from(columns).expect("three columns at most"));
    for integer in integers.into_iter().flatten() {
        piece.put_i32(8);
        piece.put_i64(integer);
    }
    piece.put_i32(i32::try_from(event.len() + 1).expect("an event has some megabytes at most"));
    piece.put_u8(JSONB_VERSION);
    piece.put_slice(event.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_their_ids_and_stand_between_header_and_trailer() {
        let events = ["{}".to_owned(), "[1]".to_owned()];
        let before = RowPrefix { first_id: Some(7), ts: Some(-2) };
        let all: Vec<u8> = pieces(&events, before).flatten().collect();
        let mut expected = HEADER.to_vec();
        for (id, event) in [(7_i64, "{}"), (8, "[1]")] {
            expected.extend([0, 3, 0, 0, 0, 8]);
            expected.extend(id.to_be_bytes());
            expected.extend([0, 0, 0, 8]);
            expected.extend((-2_i64).to_be_bytes());
            expected.extend([0, 0, 0, u8::try_from(event.len() + 1).expect("short"), 1]);
            expected.extend(event.as_bytes());
        }
        expected.extend(TRAILER);
        assert_eq!(all, expected);
    }

    #[test]
    fn many_rows_make_pieces_of_about_64_kib_and_the_same_stream() {
        let events: Vec<String> = (0..5_000).map(|n| format!("\"{n:0>100}\"")).collect();
        let pieces: Vec<Bytes> = pieces(&events, RowPrefix::default()).collect();
        assert!(pieces.len() > 5 && pieces.iter().all(|piece| piece.len() < PIECE_BYTES + 200));
        assert_eq!(pieces.concat().len(), HEADER.len() + TRAILER.len() + 5_000 * (2 + 4 + 1 + 102));
    }
}
