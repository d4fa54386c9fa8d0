//! Changes of transactions that go on beyond the position: kept in a table of the destination until
//! the batch that holds their last.

use super::plan::{PARTS_MAX, part_of};
use super::state::PendingTransaction;
use super::tables::ReflectedTable;
use crate::error::Result;
use crate::event::change::{LoggedChange, RowImage};
use crate::event::net::RowKey;
use crate::postgres::session::Session;
use std::collections::BTreeMap;

/// Rows that are held in memory at a time: of more, the keys are cut into parts.
pub(super) const KEPT_ROWS_MAX: u64 = 20_000;

/// In how many parts the keys of so many kept rows are looked at, one after the other.
pub(super) fn parts(rows: u64) -> usize {
    let parts = (rows / KEPT_ROWS_MAX + 1).min(u64::from(PARTS_MAX));
    usize::try_from(parts).unwrap_or(1)
}

/// The changes of these transactions whose keys fall into a part, in the order of ids; a change of
/// a key falls into two.
///
/// # Errors
/// Those of the session.
pub(super) async fn read(
    session: &Session,
    name: &str,
    transactions: &[i64],
    (part, parts): (usize, usize),
) -> Result<Vec<LoggedChange>> {
    let sql = "select id, xact, source, op::pg_catalog.text as op, before, after from counterfoil.pending \
               where name operator(pg_catalog.=) $1 and xact operator(pg_catalog.=) any ($2) \
               and (op operator(pg_catalog.=) 'T' or before_part operator(pg_catalog.%) $4 operator(pg_catalog.=) $3 \
                    or after_part operator(pg_catalog.%) $4 operator(pg_catalog.=) $3) \
               order by id";
    let number = |of: usize| i32::try_from(of).unwrap_or(i32::MAX);
    let rows = session.query(sql, &[&name, &transactions, &number(part), &number(parts)]).await;
    let rows = rows.map_err(|error| session.error(&error, "cannot read changes that were kept"))?;
    rows.iter().map(change).collect()
}

fn change(row: &tokio_postgres::Row) -> Result<LoggedChange> {
    let images = (row.get("before"), row.get("after"));
    LoggedChange::of_texts(
        (row.get("id"), row.get("xact"), row.get("source")),
        row.get("op"),
        images,
    )
}

/// Keeps changes.
///
/// # Errors
/// Those of the session.
pub(super) async fn keep(
    session: &Session,
    name: &str,
    (tables, changes): (&[ReflectedTable], &[LoggedChange]),
    pending: &mut BTreeMap<i64, PendingTransaction>,
) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let all = || changes.iter();
    let ids: Vec<i64> = all().map(|change| change.id).collect();
    let xacts: Vec<i64> = all().map(|change| change.xact).collect();
    let sources: Vec<&str> = all().map(|change| &*change.source).collect();
    let kinds: Vec<String> =
        all().map(|change| char::from(change.kind.letter()).to_string()).collect();
    let befores: Vec<Option<&str>> =
        all().map(|change| change.before.as_ref().map(RowImage::text)).collect();
    let afters: Vec<Option<&str>> =
        all().map(|change| change.after.as_ref().map(RowImage::text)).collect();
    let before_parts =
        all().map(|change| part(tables, change, &change.before)).collect::<Result<Vec<_>>>()?;
    let after_parts =
        all().map(|change| part(tables, change, &change.after)).collect::<Result<Vec<_>>>()?;
    let sql = "insert into counterfoil.pending (name, id, xact, source, op, before, after, before_part, after_part) \
               select $1, id, xact, source, op::pg_catalog.\"char\", before, after, before_part, after_part \
               from rows from (pg_catalog.unnest($2::pg_catalog.int8[]), pg_catalog.unnest($3::pg_catalog.int8[]), \
                    pg_catalog.unnest($4::pg_catalog.text[]), pg_catalog.unnest($5::pg_catalog.text[]), \
                    pg_catalog.unnest($6::pg_catalog.text[]), pg_catalog.unnest($7::pg_catalog.text[]), \
                    pg_catalog.unnest($8::pg_catalog.int4[]), pg_catalog.unnest($9::pg_catalog.int4[])) \
               as c (id, xact, source, op, before, after, before_part, after_part)";
    let kept = session
        .execute(
            sql,
            &[
                &name,
                &ids,
                &xacts,
                &sources,
                &kinds,
                &befores,
                &afters,
                &before_parts,
                &after_parts,
            ],
        )
        .await;
    kept.map_err(|error| session.error(&error, "cannot keep changes of open transactions"))?;
    for change in changes {
        let of = pending
            .entry(change.xact)
            .or_insert(PendingTransaction { rows: 0, first_id: change.id });
        of.rows += 1;
        of.first_id = of.first_id.min(change.id);
    }
    Ok(())
}

/// The part that the key of an image falls into.
fn part(
    tables: &[ReflectedTable],
    change: &LoggedChange,
    image: &Option<RowImage>,
) -> Result<Option<i32>> {
    let table = tables.iter().find(|of| of.mapping.source.source == *change.source);
    let (Some(image), Some(table)) = (image, table) else { return Ok(None) };
    let part = part_of(&RowKey::of(image, table.mapping.source_key())?);
    Ok(Some(i32::try_from(part).unwrap_or(0)))
}

/// Takes away the changes of transactions that were applied.
///
/// # Errors
/// Those of the session.
pub(super) async fn give_up(
    session: &Session,
    name: &str,
    transactions: &[i64],
    pending: &mut BTreeMap<i64, PendingTransaction>,
) -> Result<()> {
    if transactions.is_empty() {
        return Ok(());
    }
    let sql = "delete from counterfoil.pending where name operator(pg_catalog.=) $1 and xact operator(pg_catalog.=) any ($2)";
    let given_up = session.execute(sql, &[&name, &transactions]).await;
    given_up.map_err(|error| session.error(&error, "cannot take away changes that were kept"))?;
    pending.retain(|xact, _| !transactions.contains(xact));
    Ok(())
}
