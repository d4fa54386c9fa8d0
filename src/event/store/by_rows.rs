//! What follows from the rows of a store alone, in constant memory: digests, counts, boundaries.

use super::answers::{ChunkDigest, EventDigest, Hashing, RowStream, TableDigest};
use crate::error::Result;
use crate::event::fields::unescaped;
use crate::event::frame::Format;
use futures::stream::TryStreamExt;
use sha2::{Digest, Sha256};

/// Longer texts of single columns are left out.
const TEXT_BYTES_MAX: usize = 1 << 20;

pub(super) async fn table_digest(mut rows: RowStream<'_>) -> Result<TableDigest> {
    let (mut events, mut last_id, mut hash) = (0, None, Sha256::new());
    while let Some(row) = rows.try_next().await? {
        hash.update(&row.bytes);
        events += 1;
        last_id = Some(row.id);
    }
    Ok(TableDigest {
        events,
        last_id,
        sha256: hash.finalize().into(),
    })
}

pub(super) async fn chunk_digest(mut rows: RowStream<'_>, hashing: Hashing) -> Result<ChunkDigest> {
    let (mut count, mut hash) = (0, Sha256::new());
    while let Some(row) = rows.try_next().await? {
        match hashing {
            Hashing::Rows => hash.update(&row.bytes),
            Hashing::RowDigests => hash.update(Sha256::digest(&row.bytes)),
        }
        count += 1;
    }
    Ok(ChunkDigest {
        rows: count,
        sha256: (count > 0).then(|| hex(&hash.finalize())),
    })
}

pub(super) async fn boundaries(mut rows: RowStream<'_>, chunk_rows: u64, chunks: usize) -> Result<Vec<i64>> {
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

pub(super) async fn event_digest(mut rows: RowStream<'_>, format: Format) -> Result<Option<EventDigest>> {
    let Some(row) = rows.try_next().await? else { return Ok(None) };
    let fields = row.fields(format);
    Ok(Some(
        fields.iter().map(|field| field.map(|bytes| hex(&Sha256::digest(bytes)))).collect(),
    ))
}

pub(super) async fn event_text(mut rows: RowStream<'_>, format: Format) -> Result<Option<Vec<Option<String>>>> {
    let Some(row) = rows.try_next().await? else { return Ok(None) };
    let text = |field: &Option<&[u8]>| {
        let bytes = field.filter(|bytes| format == Format::Text && bytes.len() <= TEXT_BYTES_MAX)?;
        unescaped(bytes).map(std::borrow::Cow::into_owned)
    };
    Ok(Some(row.fields(format).iter().map(text).collect()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
