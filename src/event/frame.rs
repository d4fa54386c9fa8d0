//! COPY framing: finds where rows begin and end, their id and their group, without decoding
//! anything else.
//!
//! Binary form (PostgreSQL manual, COPY, "Binary Format"): a header of 11 + 4 + 4 bytes and its
//! extension, then for each row a count of fields and for each field a length and so many bytes
//! (-1: NULL), then `ff ff`. Text form: a line a row, fields separated by tabs; a line feed within
//! a value is always escaped. A row of either form can be passed on as it came.

use crate::error::{Error, ErrorKind, Result};
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
/// PostgreSQL's own limit of a row in a COPY, 1 GiB: what says that it is longer is no row, and
/// nothing of it is waited for.
const ROW_BYTES_MAX: usize = 1 << 30;
/// No extension of the header is known.
const EXTENSION_BYTES_MAX: usize = 64 * 1024;

/// The two forms of COPY data that are passed through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CopyFormat {
    /// Where every column has a built-in type whose binary form is stable and equal on both sides.
    Binary,
    /// Under pinned settings, otherwise.
    Text,
}

/// Which fields matter, counted from 0 in the order of the COPY's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowLayout {
    /// Form of the data.
    pub format: CopyFormat,
    /// Fields of every row.
    pub fields: usize,
    /// The integer key.
    pub id: usize,
    /// The column whose equal neighbours travel together.
    pub group: Option<usize>,
}

/// One row: its bytes as they came, its id, and where its group is within the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FramedRow {
    /// The whole row, framing included, ready to be sent on.
    pub bytes: Bytes,
    /// The id.
    pub id: i64,
    group: Option<Range<usize>>,
}

impl FramedRow {
    /// The bytes of the group's column; `None` without grouping and for NULL, which equals nothing.
    pub fn group(&self) -> Option<&[u8]> {
        self.group.clone().map(|range| &self.bytes[range])
    }
}

/// Cuts a stream of COPY data into rows, however it was cut into messages on its way.
#[derive(Debug)]
pub struct RowFramer {
    layout: RowLayout,
    has_header: bool,
    has_ended: bool,
    buffered: Bytes,
}

/// Where a row ends and what was found in it.
struct RowBounds {
    end: usize,
    id: i64,
    group: Option<Range<usize>>,
}

impl RowFramer {
    /// Starts before the first message of a COPY.
    pub fn new(layout: RowLayout) -> Self {
        Self {
            layout,
            has_header: layout.format == CopyFormat::Text,
            has_ended: false,
            buffered: Bytes::new(),
        }
    }

    /// Takes the next message. Whole messages are not copied unless a row was cut by the end of the
    /// one before.
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
    pub fn next(&mut self) -> Result<Option<FramedRow>> {
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
            CopyFormat::Binary if self.buffered.starts_with(TRAILER) => {
                self.buffered.advance(TRAILER.len());
                self.has_ended = true;
                return self.next();
            }
            CopyFormat::Binary => find_binary(&self.buffered, self.layout)?,
            CopyFormat::Text => find_text(&self.buffered, self.layout)?,
        };
        Ok(found.map(|found| FramedRow {
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
        let is_whole =
            self.buffered.is_empty() && (self.has_ended || self.layout.format == CopyFormat::Text);
        if is_whole {
            Ok(())
        } else {
            Err(Error::new(
                ErrorKind::Unavailable,
                "the copy of the source ended in the middle of a row",
            ))
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
        let Some(extension) = extension.filter(|extension| *extension <= EXTENSION_BYTES_MAX)
        else {
            return Err(garbled("a header extension of negative or absurd length"));
        };
        let header = HEADER_LEN + extension;
        if self.buffered.len() < header {
            return Ok(false);
        }
        self.buffered.advance(header);
        self.has_header = true;
        Ok(true)
    }
}

fn garbled(why: &str) -> Error {
    Error::new(ErrorKind::Bug, "cannot read the copy of the source").because(why)
}

pub(super) fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    field.try_into().ok().map(i32::from_be_bytes)
}

fn find_binary(bytes: &[u8], layout: RowLayout) -> Result<Option<RowBounds>> {
    let Some(count) =
        bytes.get(..2).and_then(|count| count.try_into().ok()).map(i16::from_be_bytes)
    else {
        return Ok(None);
    };
    if !(0..=FIELDS_MAX).contains(&count) || usize::try_from(count) != Ok(layout.fields) {
        return Err(garbled(&format!(
            "a row of {count} fields where {} were asked for",
            layout.fields
        )));
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
        if end > ROW_BYTES_MAX {
            return Err(garbled("a row longer than PostgreSQL can send"));
        }
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
    Ok(Some(RowBounds { end, id, group }))
}

fn integer(field: &[u8]) -> Option<i64> {
    match field.len() {
        8 => field.try_into().ok().map(i64::from_be_bytes),
        4 => field.try_into().ok().map(i32::from_be_bytes).map(i64::from),
        2 => field.try_into().ok().map(i16::from_be_bytes).map(i64::from),
        _ => None,
    }
}

fn find_text(bytes: &[u8], layout: RowLayout) -> Result<Option<RowBounds>> {
    let Some(line_end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return if bytes.len() > ROW_BYTES_MAX {
            Err(garbled("a row longer than PostgreSQL can send"))
        } else {
            Ok(None)
        };
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
        return Err(garbled(&format!(
            "a row of {fields} fields where {} were asked for",
            layout.fields
        )));
    }
    let id = id.ok_or_else(|| garbled("an id that is no integer"))?;
    Ok(Some(RowBounds { end: line_end + 1, id, group }))
}

/// The rows of a chunk, which has neither header nor trailer.
///
/// # Errors
/// `Bug` when the chunk does not consist of whole rows.
pub fn rows_of(chunk: &Bytes, layout: RowLayout) -> Result<Vec<FramedRow>> {
    let mut rows =
        RowFramer { layout, has_header: true, has_ended: false, buffered: chunk.clone() };
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        at += row.bytes.len();
        all.push(row);
    }
    if at == chunk.len() { Ok(all) } else { Err(garbled("a chunk that does not end on a row")) }
}

/// The rows of a chunk that come after an id: what a lane has not yet, when it begins in the middle
/// of a chunk.
pub fn rows_after(chunk: &Bytes, layout: RowLayout, after: i64) -> Result<(Bytes, u64)> {
    let rows = rows_of(chunk, layout)?;
    let (skipped, kept) = rows.split_at(rows.partition_point(|row| row.id <= after));
    let skipped: usize = skipped.iter().map(|row| row.bytes.len()).sum();
    Ok((chunk.slice(skipped..), kept.len() as u64))
}

#[cfg(test)]
mod tests;
