//! COPY framing: finds where rows begin and end, their id and their group, without decoding anything else.
//!
//! Binary form (PostgreSQL manual, COPY, "Binary Format"): a header of 11 + 4 + 4 bytes and its extension, then for each row a
//! count of fields and for each field a length and so many bytes (-1: NULL), then `ff ff`. Text form: a line a row, fields
//! separated by tabs; a line feed within a value is always escaped. A row of either form can be passed on as it came.

use crate::error::{Error, Kind, Result};
use bytes::{Buf, Bytes, BytesMut};
use std::ops::Range;

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// Signature, flags and length of the extension.
const HEADER_LEN: usize = 19;
/// The header we send: no flags, no extension.
pub const HEADER: &[u8; HEADER_LEN] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Ends binary data.
pub const TRAILER: &[u8; 2] = b"\xff\xff";
/// PostgreSQL's own limit of columns, with room to spare.
const FIELDS_MAX: i16 = 1700;

/// The two forms of COPY data that are passed through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Where every column has a built-in type whose binary form is stable and equal on both sides.
    Binary,
    /// Under pinned settings, otherwise.
    Text,
}

/// Which fields matter, counted from 0 in the order of the COPY's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Form of the data.
    pub format: Format,
    /// Fields of every row.
    pub fields: usize,
    /// The integer key.
    pub id: usize,
    /// The column whose equal neighbours travel together.
    pub group: Option<usize>,
}

/// One row: its bytes as they came, its id, and where its group is within the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The whole row, framing included, ready to be sent on.
    pub bytes: Bytes,
    /// The id.
    pub id: i64,
    group: Option<Range<usize>>,
}

impl Row {
    /// The bytes of the group's column; `None` without grouping and for NULL, which equals nothing.
    pub fn group(&self) -> Option<&[u8]> {
        self.group.clone().map(|range| &self.bytes[range])
    }
}

/// Cuts a stream of COPY data into rows, however it was cut into messages on its way.
#[derive(Debug)]
pub struct Rows {
    layout: Layout,
    has_header: bool,
    has_ended: bool,
    buffered: Bytes,
}

/// Where a row ends and what was found in it.
struct Found {
    end: usize,
    id: i64,
    group: Option<Range<usize>>,
}

impl Rows {
    /// Starts before the first message of a COPY.
    pub fn new(layout: Layout) -> Self {
        Self {
            layout,
            has_header: layout.format == Format::Text,
            has_ended: false,
            buffered: Bytes::new(),
        }
    }

    /// Takes the next message. Whole messages are not copied unless a row was cut by the end of the one before.
    pub fn push(&mut self, message: Bytes) {
        if self.buffered.is_empty() {
            self.buffered = message;
        } else {
            let mut joined = BytesMut::with_capacity(self.buffered.len() + message.len());
            joined.extend_from_slice(&self.buffered);
            joined.extend_from_slice(&message);
            self.buffered = joined.freeze();
        }
    }

    /// The next whole row, or `None` until more is pushed.
    ///
    /// # Errors
    /// `Bug` when the data is not what PostgreSQL sends: then nothing of it may be passed on.
    #[allow(clippy::should_implement_trait, reason = "it is no iterator: None means push more")]
    pub fn next(&mut self) -> Result<Option<Row>> {
        if !self.has_header && !self.take_header()? {
            return Ok(None);
        }
        if self.has_ended || self.buffered.is_empty() {
            return if self.buffered.is_empty() {
                Ok(None)
            } else {
                Err(garbled("data after the end"))
            };
        }
        let found = match self.layout.format {
            Format::Binary if self.buffered.starts_with(TRAILER) => {
                self.buffered.advance(TRAILER.len());
                self.has_ended = true;
                return self.next();
            }
            Format::Binary => find_binary(&self.buffered, self.layout)?,
            Format::Text => find_text(&self.buffered, self.layout)?,
        };
        Ok(found.map(|found| Row {
            bytes: self.buffered.split_to(found.end),
            id: found.id,
            group: found.group,
        }))
    }

    /// Confirms that the stream ended where it may: after the trailer, or after a whole line.
    ///
    /// # Errors
    /// `Unavailable` when it was cut short.
    pub fn finish(&self) -> Result<()> {
        let is_whole = self.buffered.is_empty() && (self.has_ended || self.layout.format == Format::Text);
        if is_whole {
            Ok(())
        } else {
            Err(Error::new(Kind::Unavailable, "the copy of the source ended in the middle of a row"))
        }
    }

    fn take_header(&mut self) -> Result<bool> {
        if self.buffered.len() < HEADER_LEN {
            return Ok(false);
        }
        if &self.buffered[..SIGNATURE.len()] != SIGNATURE {
            return Err(garbled("no binary COPY signature"));
        }
        let extension = i32_at(&self.buffered, 15).and_then(|len| usize::try_from(len).ok());
        let Some(extension) = extension else {
            return Err(garbled("a header extension of negative length"));
        };
        let header = HEADER_LEN.saturating_add(extension);
        if self.buffered.len() < header {
            return Ok(false);
        }
        self.buffered.advance(header);
        self.has_header = true;
        Ok(true)
    }
}

fn garbled(why: &str) -> Error {
    Error::new(Kind::Bug, "cannot read the copy of the source").because(why)
}

pub(super) fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    field.try_into().ok().map(i32::from_be_bytes)
}

fn find_binary(bytes: &[u8], layout: Layout) -> Result<Option<Found>> {
    let Some(count) = bytes.get(..2).and_then(|count| count.try_into().ok()).map(i16::from_be_bytes) else {
        return Ok(None);
    };
    if !(0..=FIELDS_MAX).contains(&count) || usize::try_from(count) != Ok(layout.fields) {
        return Err(garbled(&format!("a row of {count} fields where {} were asked for", layout.fields)));
    }
    let (mut end, mut id, mut group) = (2, None, None);
    for field in 0..layout.fields {
        let Some(len) = i32_at(bytes, end) else { return Ok(None) };
        let start = end + 4;
        let range = match usize::try_from(len) {
            Ok(len) => start..start + len,
            Err(_) if len == -1 => start..start,
            Err(_) => return Err(garbled("a field of negative length")),
        };
        end = range.end;
        if end > bytes.len() {
            return Ok(None);
        }
        if field == layout.id {
            id = integer(&bytes[range.clone()]);
        }
        if Some(field) == layout.group && len >= 0 {
            group = Some(range);
        }
    }
    let id = id.ok_or_else(|| garbled("an id that is no integer"))?;
    Ok(Some(Found { end, id, group }))
}

fn integer(field: &[u8]) -> Option<i64> {
    match field.len() {
        8 => field.try_into().ok().map(i64::from_be_bytes),
        4 => field.try_into().ok().map(i32::from_be_bytes).map(i64::from),
        2 => field.try_into().ok().map(i16::from_be_bytes).map(i64::from),
        _ => None,
    }
}

fn find_text(bytes: &[u8], layout: Layout) -> Result<Option<Found>> {
    let Some(line_end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return Ok(None);
    };
    let (mut id, mut group, mut start, mut fields) = (None, None, 0, 0);
    for value in bytes[..line_end].split(|byte| *byte == b'\t') {
        let range = start..start + value.len();
        if fields == layout.id {
            id = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        }
        if Some(fields) == layout.group && value != b"\\N" {
            group = Some(range.clone());
        }
        start = range.end + 1;
        fields += 1;
    }
    if fields != layout.fields {
        return Err(garbled(&format!("a row of {fields} fields where {} were asked for", layout.fields)));
    }
    let id = id.ok_or_else(|| garbled("an id that is no integer"))?;
    Ok(Some(Found {
        end: line_end + 1,
        id,
        group,
    }))
}

/// The rows of a chunk that come after an id: what a lane has not yet, when it begins in the middle of a chunk.
///
/// # Errors
/// `Bug` when the chunk does not consist of whole rows.
pub fn rows_after(chunk: &Bytes, layout: Layout, after: i64) -> Result<(Bytes, u64)> {
    let mut rows = Rows {
        layout,
        has_header: true,
        has_ended: false,
        buffered: chunk.clone(),
    };
    let (mut kept_from, mut kept) = (chunk.len(), 0);
    let mut at = 0;
    while let Some(row) = rows.next()? {
        if row.id > after {
            kept_from = kept_from.min(at);
            kept += 1;
        }
        at += row.bytes.len();
    }
    if at == chunk.len() {
        Ok((chunk.slice(kept_from..), kept))
    } else {
        Err(garbled("a chunk that does not end on a row"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BINARY: Layout = Layout {
        format: Format::Binary,
        fields: 3,
        id: 0,
        group: Some(1),
    };
    const TEXT: Layout = Layout {
        format: Format::Text,
        fields: 3,
        id: 0,
        group: Some(1),
    };

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

    fn read_all(rows: &mut Rows, messages: &[Bytes]) -> Result<Vec<Row>> {
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
            let read = read_all(&mut Rows::new(BINARY), &messages).expect("rows are read");
            prop_assert_eq!(read.iter().map(|row| row.bytes.to_vec()).collect::<Vec<_>>(), sent);
            for (row, (id, ts, _)) in read.iter().zip(&events) {
                prop_assert_eq!(row.id, *id);
                prop_assert_eq!(row.group().map(<[u8]>::to_vec), ts.map(|ts| ts.to_be_bytes().to_vec()));
            }
        }

        #[test]
        fn no_bytes_from_outside_make_it_panic(stream in proptest::collection::vec(any::<u8>(), 0..200), has_header in any::<bool>()) {
            for layout in [BINARY, TEXT] {
                let mut rows = Rows::new(layout);
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
            assert!(read_all(&mut Rows::new(BINARY), &[message]).is_err(), "cut after {cut} bytes");
        }
    }

    #[test]
    fn an_empty_table_is_one_message_of_header_and_trailer() {
        let message = Bytes::from([HEADER.as_slice(), TRAILER].concat());
        assert_eq!(message.len(), 21);
        assert_eq!(read_all(&mut Rows::new(BINARY), &[message]).expect("an empty table"), vec![]);
    }

    #[test]
    fn text_rows_are_lines_and_null_is_no_group() {
        let message = Bytes::from_static(b"-5\t2026-01-01\t{}\n7\t\\N\t{\\n}\n");
        let read = read_all(&mut Rows::new(TEXT), &[message]).expect("two rows");
        assert_eq!(read.iter().map(|row| row.id).collect::<Vec<_>>(), [-5, 7]);
        assert_eq!(read[0].group(), Some(b"2026-01-01".as_slice()));
        assert_eq!(read[1].group(), None);
    }

    #[test]
    fn a_row_with_another_number_of_fields_is_refused() {
        let mut rows = Rows::new(Layout { fields: 2, ..BINARY });
        rows.push(Bytes::from([HEADER.as_slice(), &binary_row(1, Some(1), b"e")].concat()));
        assert_eq!(rows.next().expect_err("refused").kind(), Kind::Bug);
    }

    #[test]
    fn a_lane_that_begins_within_a_chunk_gets_the_rows_after_its_position() {
        let chunk = Bytes::from(
            [
                binary_row(1, Some(1), b"a"),
                binary_row(2, Some(1), b"b"),
                binary_row(5, Some(1), b"c"),
            ]
            .concat(),
        );
        for (after, kept) in [(0, 3), (1, 2), (4, 1), (5, 0)] {
            let (bytes, rows) = rows_after(&chunk, BINARY, after).expect("whole rows");
            assert_eq!(rows, kept);
            assert_eq!(bytes.is_empty(), kept == 0);
        }
    }
}
