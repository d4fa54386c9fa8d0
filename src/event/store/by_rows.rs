//! What follows from the rows of a store alone, in constant memory: digests, counts, boundaries.

use super::answers::{ChunkDigest, DigestInput, EventDigest, RowStream, TableDigest};
use crate::error::Result;
use crate::event::frame::{CopyFormat, FramedRow};
use crate::event::value::FieldDecoder;
use crate::event::wire::{ReadAs, Wire, WireColumn};
use futures::stream::TryStreamExt;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// Longer texts of single columns are left out.
const TEXT_BYTES_MAX: usize = 1 << 20;

pub(super) async fn table_digest(mut rows: RowStream<'_>) -> Result<TableDigest> {
    let (mut events, mut last_id, mut hash) = (0, None, Sha256::new());
    while let Some(row) = rows.try_next().await? {
        hash.update(&row.bytes);
        events += 1;
        last_id = Some(row.id);
    }
    Ok(TableDigest { events, last_id, sha256: hash.finalize().into() })
}

pub(super) async fn chunk_digest(
    mut rows: RowStream<'_>,
    hashing: DigestInput,
) -> Result<ChunkDigest> {
    let (mut count, mut hash) = (0, Sha256::new());
    while let Some(row) = rows.try_next().await? {
        match hashing {
            DigestInput::Rows => hash.update(&row.bytes),
            DigestInput::RowDigests => hash.update(Sha256::digest(&row.bytes)),
        }
        count += 1;
    }
    Ok(ChunkDigest { rows: count, sha256: (count > 0).then(|| hex(&hash.finalize())) })
}

pub(super) async fn boundaries(
    mut rows: RowStream<'_>,
    chunk_rows: u64,
    chunks: usize,
) -> Result<Vec<i64>> {
    let (mut ends, mut count) = (Vec::new(), 0);
    while ends.len() < chunks
        && let Some(row) = rows.try_next().await?
    {
        count += 1;
        if count == chunk_rows {
            ends.push(row.id);
            count = 0;
        }
    }
    Ok(ends)
}

/// The digests of the texts of an event's columns, whatever the form of its rows; of the bytes
/// themselves where a column holds bytes.
pub(super) async fn event_digest(
    mut rows: RowStream<'_>,
    wire: &Wire,
) -> Result<Option<EventDigest>> {
    rows.try_next().await?.map(|row| digest_of_row(&row, wire)).transpose()
}

/// The same of a row that is at hand.
pub(crate) fn digest_of_row(row: &FramedRow, wire: &Wire) -> Result<EventDigest> {
    let mut digests = Vec::with_capacity(wire.columns.len());
    for (column, field) in wire.columns.iter().zip(row.fields(wire.format)) {
        digests.push(field.map(|field| digest_of(column, wire.format, field)).transpose()?);
    }
    Ok(digests)
}

fn digest_of(column: &WireColumn, format: CopyFormat, field: &[u8]) -> Result<String> {
    if column.read_as == ReadAs::Bytes && format == CopyFormat::Binary {
        return Ok(written(&Sha256::digest(field)));
    }
    let decoder = FieldDecoder::new(column, format)?;
    let text = decoder.text(field)?;
    Ok(match text.strip_prefix("\\x").filter(|_| column.read_as == ReadAs::Bytes) {
        Some(digits) => written(&Sha256::digest(bytes_of(digits))),
        None => written(&Sha256::digest(text.as_bytes())),
    })
}

/// Bytes as PostgreSQL writes them.
fn written(bytes: &[u8]) -> String {
    format!("\\x{}", hex(bytes))
}

/// The bytes that hexadecimal digits stand for.
fn bytes_of(written: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
    written.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// The texts of an event's columns, whatever the form of its rows.
pub(super) async fn event_text(
    mut rows: RowStream<'_>,
    wire: &Wire,
) -> Result<Option<Vec<Option<String>>>> {
    let Some(row) = rows.try_next().await? else { return Ok(None) };
    let mut texts = Vec::with_capacity(wire.columns.len());
    for (column, field) in wire.columns.iter().zip(row.fields(wire.format)) {
        let decoder = FieldDecoder::new(column, wire.format)?;
        let text = field.map(|field| decoder.text(field)).transpose()?;
        texts.push(text.filter(|text| text.len() <= TEXT_BYTES_MAX).map(Cow::into_owned));
    }
    Ok(Some(texts))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
