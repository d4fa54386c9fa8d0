//! Streams cut anywhere, and streams that are none.

use super::*;
use proptest::prelude::*;

const BINARY: RowLayout =
    RowLayout { format: CopyFormat::Binary, fields: 3, id: 0, group: Some(1) };
const TEXT: RowLayout = RowLayout { format: CopyFormat::Text, fields: 3, id: 0, group: Some(1) };

fn binary_row(id: i64, ts: Option<i64>, event: &[u8]) -> Vec<u8> {
    let mut row = 3i16.to_be_bytes().to_vec();
    row.extend(8i32.to_be_bytes());
    row.extend(id.to_be_bytes());
    match ts {
        Some(ts) => {
            row.extend(8i32.to_be_bytes());
            row.extend(ts.to_be_bytes());
        }
        None => row.extend((-1i32).to_be_bytes()),
    }
    row.extend(i32::try_from(event.len()).expect("a short event").to_be_bytes());
    row.extend(event);
    row
}

fn read_all(rows: &mut RowFramer, messages: &[Bytes]) -> Result<Vec<FramedRow>> {
    let mut read = Vec::new();
    for message in messages {
        rows.push(message.clone());
        while let Some(row) = rows.next()? {
            read.push(row);
        }
    }
    rows.finish().map(|()| read)
}

proptest! {
    #[test]
    fn rows_are_found_however_the_stream_was_cut(
        events in proptest::collection::vec((any::<i64>(), any::<Option<i64>>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..12),
        cuts in proptest::collection::vec(1usize..60, 1..40),
    ) {
        let mut stream = HEADER.to_vec();
        let sent: Vec<Vec<u8>> = events.iter().map(|(id, ts, event)| binary_row(*id, *ts, event)).collect();
        sent.iter().for_each(|row| stream.extend(row));
        stream.extend(TRAILER);
        let mut messages = Vec::new();
        let mut rest = Bytes::from(stream);
        let mut cuts = cuts.iter().cycle();
        while !rest.is_empty() {
            let cut = (*cuts.next().expect("an endless cycle")).min(rest.len());
            messages.push(rest.split_to(cut));
        }
        let read = read_all(&mut RowFramer::new(BINARY), &messages).expect("rows are read");
        prop_assert_eq!(read.iter().map(|row| row.bytes.to_vec()).collect::<Vec<_>>(), sent);
        for (row, (id, ts, _)) in read.iter().zip(&events) {
            prop_assert_eq!(row.id, *id);
            prop_assert_eq!(row.group().map(<[u8]>::to_vec), ts.map(|ts| ts.to_be_bytes().to_vec()));
        }
    }

    #[test]
    fn no_bytes_from_outside_make_it_panic(stream in proptest::collection::vec(any::<u8>(), 0..200), has_header in any::<bool>()) {
        for layout in [BINARY, TEXT] {
            let mut rows = RowFramer::new(layout);
            if has_header {
                rows.push(Bytes::from_static(HEADER));
            }
            rows.push(Bytes::from(stream.clone()));
            while let Ok(Some(_)) = rows.next() {}
        }
    }
}

#[test]
fn a_stream_that_ends_within_a_row_or_without_its_trailer_is_an_error() {
    let whole = [HEADER.as_slice(), &binary_row(1, Some(1), b"e"), TRAILER].concat();
    for cut in 1..whole.len() {
        let message = Bytes::copy_from_slice(&whole[..cut]);
        assert!(
            read_all(&mut RowFramer::new(BINARY), &[message]).is_err(),
            "cut after {cut} bytes"
        );
    }
}

#[test]
fn an_empty_table_is_one_message_of_header_and_trailer() {
    let message = Bytes::from([HEADER.as_slice(), TRAILER].concat());
    assert_eq!(message.len(), 21);
    assert_eq!(read_all(&mut RowFramer::new(BINARY), &[message]).expect("an empty table"), vec![]);
}

#[test]
fn text_rows_are_lines_and_null_is_no_group() {
    let message = Bytes::from_static(b"-5\t2026-01-01\t{}\n7\t\\N\t{\\n}\n");
    let read = read_all(&mut RowFramer::new(TEXT), &[message]).expect("two rows");
    assert_eq!(read.iter().map(|row| row.id).collect::<Vec<_>>(), [-5, 7]);
    assert_eq!(read[0].group(), Some(b"2026-01-01".as_slice()));
    assert_eq!(read[1].group(), None);
}

#[test]
fn a_row_with_another_number_of_fields_is_refused() {
    let mut rows = RowFramer::new(RowLayout { fields: 2, ..BINARY });
    rows.push(Bytes::from([HEADER.as_slice(), &binary_row(1, Some(1), b"e")].concat()));
    assert_eq!(rows.next().expect_err("refused").kind(), ErrorKind::Bug);
}

#[test]
fn a_lane_that_begins_within_a_chunk_gets_the_rows_after_its_position() {
    let chunk = Bytes::from(
        [binary_row(1, Some(1), b"a"), binary_row(2, Some(1), b"b"), binary_row(5, Some(1), b"c")]
            .concat(),
    );
    let row = chunk.len() / 3;
    for (after, kept) in [(0, 3), (1, 2), (4, 1), (5, 0)] {
        let (bytes, rows) = rows_after(&chunk, BINARY, after).expect("whole rows");
        assert_eq!(rows, kept as u64);
        assert_eq!(bytes, chunk.slice((3 - kept) * row..));
    }
}

#[test]
fn a_chunk_that_does_not_end_on_a_row_is_refused() {
    let chunk = [binary_row(1, Some(1), b"a"), binary_row(2, Some(1), b"b")].concat();
    for end in 0..=chunk.len() {
        let rows = rows_of(&Bytes::copy_from_slice(&chunk[..end]), BINARY);
        assert_eq!(rows.is_ok(), end % (chunk.len() / 2) == 0, "{end}");
    }
    let with_trailer = Bytes::from([chunk.as_slice(), TRAILER].concat());
    assert_eq!(rows_of(&with_trailer, BINARY).expect_err("refused").kind(), ErrorKind::Bug);
}

#[test]
fn an_absurd_length_is_refused_before_anything_is_waited_for() {
    let mut row = binary_row(1, Some(1), b"e");
    row[2 + 12 + 12..2 + 12 + 12 + 4].copy_from_slice(&i32::MAX.to_be_bytes());
    let mut rows = RowFramer::new(BINARY);
    rows.push(Bytes::from([HEADER.as_slice(), &row].concat()));
    assert_eq!(rows.next().expect_err("refused").kind(), ErrorKind::Bug);
    let mut rows = RowFramer::new(BINARY);
    let mut header = HEADER.to_vec();
    header[15..].copy_from_slice(&i32::MAX.to_be_bytes());
    rows.push(Bytes::from(header));
    assert_eq!(rows.next().expect_err("refused").kind(), ErrorKind::Bug);
}
