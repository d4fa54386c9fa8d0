//! Reads an event table from the catalog.

use crate::error::Result;
use crate::event::compatible::{binary_edition, is_binary_stable, text_edition};
use crate::event::table::{Column, Origin, Table, TableName};
use crate::event::trigger::{self, InsertTrigger};
use crate::postgres::connect::Session;
use crate::sql;
use tokio_postgres::Row;

/// Describes a table as it is now; `None` when there is no table, view or foreign table of this name.
///
/// The catalog is readable by every role, so this works before any privilege is granted. Three short statements; a change of the table
/// between them gives a mixed picture, which the next look corrects.
///
/// # Errors
/// What the connection or the server says.
pub async fn table(session: &Session, name: &TableName, id_column: &str) -> Result<Option<Table>> {
    let what = || format!("cannot read the description of {name}");
    let asked = async {
        let fingerprint = [("fingerprint", sql::sql(sql::fingerprint_of("c.oid")))];
        let ask = sql::fill(include_str!("../../sql/catalog/table.sql"), &fingerprint);
        let found = session.query_opt(&ask, &[&name.schema, &name.name, &id_column]).await?;
        let Some(row) = found else { return Ok(None) };
        let oid: u32 = row.try_get("oid")?;
        let (columns, triggers) = futures::future::try_join(
            session.query(include_str!("../../sql/catalog/columns.sql"), &[&oid]),
            session.query(include_str!("../../sql/catalog/insert_triggers.sql"), &[&oid]),
        )
        .await?;
        let version_num = session.server().version_num;
        let columns = columns.iter().map(|row| column(row, version_num)).collect::<Result<_, _>>()?;
        described(name, id_column, &row, columns, &triggers).map(Some)
    };
    asked.await.map_err(|e: tokio_postgres::Error| session.error(&e, what()))
}

fn described(name: &TableName, id_column: &str, row: &Row, columns: Vec<Column>, triggers: &[Row]) -> Result<Table, tokio_postgres::Error> {
    let kind: String = row.try_get("kind")?;
    Ok(Table {
        name: name.clone(),
        oid: row.try_get("oid")?,
        fingerprint: row.try_get("fingerprint")?,
        kind: kind.chars().next().unwrap_or('?'),
        columns,
        has_id_key: row.try_get("has_id_key")?,
        insert_triggers: triggers
            .iter()
            .map(|row| insert_trigger(row, id_column))
            .collect::<Result<_, _>>()?,
        has_foreign_keys: row.try_get("has_foreign_keys")?,
        has_row_security: row.try_get("has_row_security")?,
        rows_estimated: row.try_get("rows_estimated")?,
        may_use_schema: row.try_get("may_use_schema")?,
        is_subscribed: row.try_get("is_subscribed")?,
        has_heirs: row.try_get("has_heirs")?,
        is_guarded: row.try_get("is_guarded")?,
    })
}

fn column(row: &Row, version_num: u32) -> Result<Column, tokio_postgres::Error> {
    let type_oid = row.try_get("type_oid")?;
    let origin = match (row.try_get("is_generated")?, row.try_get("is_identity")?) {
        (true, _) => Origin::Generated,
        (false, true) => Origin::Identity,
        (false, false) => Origin::Plain,
    };
    Ok(Column {
        name: row.try_get("name")?,
        type_name: row.try_get("type_name")?,
        type_oid,
        is_binary_stable: is_binary_stable(type_oid),
        binary_edition: binary_edition(type_oid, version_num),
        text_edition: text_edition(type_oid, version_num),
        is_not_null: row.try_get("is_not_null")?,
        has_default: row.try_get("has_default")?,
        origin,
        may_select: row.try_get("may_select")?,
        may_insert: row.try_get("may_insert")?,
    })
}

fn insert_trigger(row: &Row, id_column: &str) -> Result<InsertTrigger, tokio_postgres::Error> {
    let function: String = row.try_get("function")?;
    Ok(InsertTrigger {
        name: row.try_get("name")?,
        is_enabled: row.try_get("is_enabled")?,
        is_before: row.try_get("is_before")?,
        draws_from_sequence: trigger::draws_from_sequence(&function),
        notifies: trigger::notifies(&function, id_column),
    })
}
